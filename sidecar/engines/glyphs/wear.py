"""What age, damage and light do to a drawing; each takes and gives a picture as `painter` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

from sidecar.engines.glyphs import shading
from sidecar.engines.glyphs.shading import WORK, Field

Picture = npt.NDArray[Any]
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def _noise(picture: Picture, bumps: int, random: np.random.Generator) -> Field:
    side = picture.shape[0]
    return shading.sized(shading.noise(min(side, WORK), bumps, bumps, random), side)


def _blend(picture: Picture, colour: npt.ArrayLike, share: Field) -> None:
    picture[..., :3] += (np.asarray(colour, np.float32) - picture[..., :3]) * share[..., None]


def _lightness(picture: Picture) -> Field:
    return (picture[..., :3] @ _GREY / 255)[..., None]


def _lines(side: int, paths: list[npt.NDArray[np.float64]], width: float, fill: bool = False) -> Field:
    """Lines (points in units of the side), or the areas within them, as coverage of 0 to 1."""
    drawn = "".join(
        f'<path d="M{" L".join(f"{x:.4f} {y:.4f}" for x, y in path)}{" Z" if fill else ""}"/>'
        for path in paths
    )
    style = (
        'fill="#fff"' if fill else f'fill="none" stroke="#fff" stroke-width="{width}" stroke-linejoin="round"'
    )
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="{side}" height="{side}"><g {style}>{drawn}</g></svg>'
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    pixels: npt.NDArray[np.uint8] = pyvips.Image.svgload_buffer(text.encode()).numpy()
    return pixels[..., 3].astype(np.float32) / 255


def _crack(random: np.random.Generator, points: int = 9) -> npt.NDArray[np.float64]:
    """A jagged line across the picture through about its middle."""
    angle = random.uniform(0, np.pi)
    along = np.linspace(-0.66, 0.66, points)
    aside = random.normal(0, 0.045, points) + random.uniform(-0.1, 0.1)
    x = 0.5 + along * np.cos(angle) - aside * np.sin(angle)
    y = 0.5 + along * np.sin(angle) + aside * np.cos(angle)
    return np.stack([x, y], axis=1)


def rusty(picture: Picture, random: np.random.Generator) -> Picture:
    fine = _noise(picture, 60, random)
    spots = _noise(picture, 13, random) + 0.45 * fine
    share = np.clip((spots - random.uniform(0.52, 0.64)) / 0.12, 0, 1) * 0.88
    tone = np.array([150, 70, 26], np.float32) * (0.45 + 0.9 * _lightness(picture))
    _blend(picture, tone + np.array([40, 22, 4], np.float32) * (fine[..., None] - 0.4), share)
    return picture


def broken(picture: Picture, random: np.random.Generator) -> Picture:
    """In two along a jagged line, the pieces moved apart."""
    side = picture.shape[0]
    line = _crack(random)
    along = line[-1] - line[0]
    normal = np.array([-along[1], along[0]]) / max(1e-6, float(np.linalg.norm(along)))
    half = _lines(side, [np.concatenate([line, line[[-1, 0]] + 2 * normal])], 0, fill=True)
    weighted = picture.copy()
    weighted[..., :3] *= weighted[..., 3:]
    made = np.zeros_like(picture)
    for piece, sign in ((half, 1.0), (1 - half, -1.0)):
        cut = shading.image_of(weighted * piece[..., None])
        angle = np.deg2rad(random.normal(0, 4))
        scale = 0.93
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        shift = sign * normal * side * random.uniform(0.022, 0.04)
        middle = (side - 1) / 2
        moved = cut.affine(
            [cos, -sin, sin, cos],
            interpolate=pyvips.Interpolate.new("bilinear"),
            odx=float(middle - cos * middle + sin * middle + shift[0]),
            ody=float(middle - sin * middle - cos * middle + shift[1]),
            oarea=[0, 0, side, side],
            extend="background",
            background=[0, 0, 0, 0],
        )
        front = shading.field_of(moved)
        made = front + made * (1 - front[..., 3:])
    made[..., :3] /= np.maximum(made[..., 3:], 1e-3)
    return made.clip(0, 255)


def cracked(picture: Picture, random: np.random.Generator) -> Picture:
    side = picture.shape[0]
    dark = _lines(side, [_crack(random) for _ in range(int(random.integers(1, 4)))], 0.011)
    _blend(picture, picture[..., :3] * 0.15, dark)
    return picture


def old(picture: Picture, random: np.random.Generator) -> Picture:
    """Faded, stained and scratched."""
    grey = (picture[..., :3] @ _GREY)[..., None]
    picture[..., :3] = picture[..., :3] * 0.5 + grey * np.array([0.42, 0.4, 0.35], np.float32)
    _blend(picture, (70, 58, 40), np.clip(_noise(picture, 13, random) - 0.45, 0, 1) * 0.9)
    scratches = []
    for _ in range(6):
        start = random.uniform(0.15, 0.85, 2)
        scratches.append(np.stack([start, start + random.uniform(-0.14, 0.14, 2)]))
    _blend(picture, (45, 38, 30), _lines(picture.shape[0], scratches, 0.008) * 0.6)
    return picture


def glowing(picture: Picture, random: np.random.Generator) -> Picture:
    solid = picture[..., 3] > 0.8
    mean = picture[solid][:, :3].mean(axis=0) if solid.any() else np.full(3, 200.0)
    pure = mean - mean.min() * 0.8
    pure = pure * (255 / max(1.0, float(pure.max())))
    if np.ptp(mean) < 30:
        pure = np.array([(255, 240, 150), (140, 220, 255), (170, 255, 170)][random.integers(3)], np.float64)
    colour = (pure * 0.85 + 38).astype(np.float32)
    picture[..., :3] = np.clip(picture[..., :3] * 1.15 + colour * 0.12, 0, 255)
    side = picture.shape[0]
    small = min(side, WORK)
    glow = shading.blurred(shading.sized(np.ascontiguousarray(picture[..., 3]), small), small * 0.06)
    return _behind(picture, colour, np.clip(shading.sized(glow, side) * 1.15, 0, 0.92) * _border(side, 0.08))


def burning(picture: Picture, random: np.random.Generator) -> Picture:
    """Flames that rise from the drawing."""
    side = picture.shape[0]
    small = min(side, WORK)
    alpha = shading.sized(np.ascontiguousarray(picture[..., 3]), small)
    flames = np.zeros_like(alpha)
    for rise in range(0, 26, 3):
        moved = np.zeros_like(alpha)
        shift = round(rise * small / 128)
        moved[: small - shift] = alpha[shift:]
        flames = np.maximum(flames, moved * (1 - rise / 30) * shading.noise(small, 5, 40, random) * 1.5)
    flames = shading.sized(np.clip(shading.blurred(flames, small * 0.012) * 1.3, 0, 1), side)
    flames = np.clip(flames, 0, 1) * _border(side, 0.06)
    hot = np.array([255, 226, 90], np.float32) * flames[..., None]
    hot = hot + np.array([235, 70, 10], np.float32) * (1 - flames[..., None])
    _blend(picture, hot, np.clip(flames - 0.25, 0, 1) * 0.75)
    return _behind(picture, hot, flames)


def _border(side: int, width: float) -> Field:
    """1 inside, 0 at the border of the picture."""
    near = np.minimum(np.arange(side), np.arange(side)[::-1]).astype(np.float32) / (side * width)
    made: Field = np.clip(np.minimum(near[:, None], near[None, :]), 0, 1)
    return made


def _behind(picture: Picture, colour: npt.ArrayLike, share: Field) -> Picture:
    """Light of a colour behind the drawing."""
    more = share * (1 - picture[..., 3])
    alpha = picture[..., 3] + more
    mixed = picture[..., :3] * picture[..., 3:] + np.asarray(colour, np.float32) * more[..., None]
    return np.concatenate([mixed / np.maximum(alpha, 1e-3)[..., None], alpha[..., None]], axis=2).astype(
        np.float32
    )


def _stained(colour: tuple[int, int, int]) -> Callable[[Picture, np.random.Generator], Picture]:
    def stain(picture: Picture, random: np.random.Generator) -> Picture:
        spots = _noise(picture, 13, random) + 0.25 * _noise(picture, 60, random)
        share = np.clip((spots - random.uniform(0.58, 0.7)) / 0.06, 0, 1) * 0.92
        _blend(picture, np.array(colour, np.float32) * (0.6 + 0.55 * _lightness(picture)), share)
        return picture

    return stain


def shiny(picture: Picture, random: np.random.Generator) -> Picture:
    """Brighter, with white sparks."""
    picture[..., :3] = np.clip((picture[..., :3] - 90) * 1.25 + 112, 0, 255)
    side = picture.shape[0]
    edge = side // 12
    solid = np.argwhere(picture[edge:-edge, edge:-edge, 3] > 0.9) + edge
    y, x = np.mgrid[:side, :side].astype(np.float32) * np.float32(128 / side)
    for _ in range(int(random.integers(1, 4)) if len(solid) else 0):
        row, column = solid[random.integers(len(solid))] * (128 / side)
        arms = 26 / (np.abs(x - column) * np.abs(y - row) * 1.5 + 6) - 1.2 * np.hypot(x - column, y - row) / 7
        spark = np.clip(arms, 0, 1)
        _blend(picture, (255, 255, 255), spark)
        picture[..., 3] = np.maximum(picture[..., 3], spark)
    return picture


STATES: Mapping[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "rusty": rusty, "broken": broken, "cracked": cracked, "old": old, "glowing": glowing, "burning": burning,
    "bloody": _stained((176, 8, 14)), "dirty": _stained((98, 68, 38)), "mossy": _stained((84, 120, 42)), "shiny": shiny,
}  # fmt: skip

"""Colours a drawing: a glyph in a material with light and an outline, or a colour icon; worn, styled, several of it.

Inside, pictures are side x side x 4 floats: red, green and blue 0 to 255, not multiplied by alpha, and alpha 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

from sidecar.engines.glyphs import shading, wear
from sidecar.engines.glyphs.materials import Palette
from sidecar.engines.glyphs.shading import WORK, Field

Picture = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

MARGIN = 1 / 16
"""Part of the side that stays free around a drawing, for its outline and its glow."""
RIM = 0.026
"""Width of the outline, as a part of the side."""
INK = (38.0, 38.0, 44.0)
PIXELS = 32
"""Large pixels a side in the style of pixel art."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Look:
    """How a drawing is to look. `palette` None: a colour icon keeps its colours."""

    palette: Palette | None = None
    style: str = "3d"
    states: tuple[str, ...] = ()
    count: int = 1
    scale: float = 1.0
    mirrored: bool = False


def paint(body: str, units: int, is_glyph: bool, look: Look, side: int, seed: int) -> Bytes:
    """A picture, side x side x 4 bytes; `body` is SVG in a box of `units`."""
    random = np.random.default_rng(seed)
    if look.count > 1:
        return finished(_several(body, units, is_glyph, look, side, random))
    picture = _one(body, units, is_glyph, look, side, random)
    return finished(picture)


def finished(picture: Picture) -> Bytes:
    """Bytes; clear pixels are white."""
    alpha = np.clip(picture[..., 3:], 0, 1)
    colours = np.where(alpha < 1 / 255, 255, np.clip(picture[..., :3], 0, 255))
    return np.concatenate([colours, alpha * 255], axis=2).round().astype(np.uint8)


def rendered(body: str, units: int, side: int) -> Bytes:
    """SVG as side x side x 4 bytes, with the margin around it."""
    inner = round(side * (1 - 2 * MARGIN))
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {units} {units}" width="{inner}" height="{inner}">'
        f"{body.replace('currentColor', '#fff')}</svg>"
    )
    # This process reads no pictures but those that come with the package.
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    pixels = pyvips.Image.svgload_buffer(text.encode()).numpy()
    before = (side - inner) // 2
    return np.pad(pixels, ((before, side - inner - before), (before, side - inner - before), (0, 0)))


def _one(
    body: str, units: int, is_glyph: bool, look: Look, side: int, random: np.random.Generator
) -> Picture:
    own = max(16, round(side * look.scale))
    pixels = rendered(body, units, own)
    if look.mirrored:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    picture = _glyph(pixels, look, random) if is_glyph else _icon(pixels, look, random)
    if own != side:
        picture = _placed(picture, side)
    for state in look.states:
        picture = wear.STATES[state](picture, random)
    return _as_pixels(picture) if look.style == "pixel art" else picture


def _glyph(pixels: Bytes, look: Look, random: np.random.Generator) -> Picture:
    """A silhouette as a thing: its body dark, what is drawn on it bright, light from the upper left, a dark outline."""
    side = pixels.shape[0]
    palette = look.palette or Palette((60, 60, 68), (200, 200, 210))
    dark, bright = (np.array(each, np.float32) for each in (palette.dark, palette.bright))
    glyph = pixels[..., 3].astype(np.float32) / 255
    picture = np.empty((side, side, 4), np.float32)
    if look.style == "game icon":
        picture[..., :3] = INK if look.palette is None else 0.35 * dark + 0.65 * bright
        picture[..., 3] = glyph
        return picture
    work = min(side, WORK)
    small = shading.sized(glyph, work)
    unit = work / 256
    covered = (small > 0.5).astype(np.float32)
    closed = shading.shrunk(shading.grown(covered, 2.5 * unit), 2.5 * unit)
    body = shading.filled(np.maximum(closed, covered))
    outline = _crisp(shading.grown(body, RIM * work), side)
    inside = np.maximum(_crisp(body, side), glyph)
    outline = np.maximum(outline, inside)
    picture[..., 3] = outline
    on_glyph, on_body = glyph[..., None], inside[..., None]
    if look.style == "line drawing":
        lines = np.clip(1 - np.abs(glyph - 0.5) * 2, 0, 1) + (outline - inside) + 0.75 * (inside - glyph)
        lines = np.clip(lines, 0, 1)[..., None]
        picture[..., :3] = 252 * (1 - lines) + np.array(INK, np.float32) * lines
        return picture
    if look.style == "flat":
        high = np.broadcast_to(0.15 * dark + 0.85 * bright, (side, side, 3))
        low = np.broadcast_to(dark * 0.55 + (bright - dark) * 0.2, (side, side, 3))
        rim = dark * 0.5
    else:
        light = shading.light_from(random)
        edge = shading.lit(shading.pillow(covered, 14 * unit, 1.2 * unit), light)
        pillow = shading.lit(shading.pillow(body, 40 * unit, 2.4 * unit), light)
        surface = shading.pattern(palette.pattern, work, random)
        fall = np.linspace(1.08, 0.84, work, dtype=np.float32)[:, None]
        shade = shading.sized((0.3 + 0.55 * edge + 0.28 * (pillow - 0.5) + surface) * fall, side)
        gloss = shading.sized(palette.shine * np.clip((edge - 0.86) / 0.14, 0, 1) ** 2, side)
        high = dark + (bright - dark) * shade[..., None]
        high = high + (255 - high) * (0.75 * np.clip(gloss, 0, 1))[..., None]
        round_ = shading.sized(0.62 + 0.5 * pillow, side)
        low = (dark * 0.9 + (bright - dark) * 0.25) * round_[..., None]
        rim = dark * 0.33
    colour = low * (1 - on_glyph) + high * on_glyph
    picture[..., :3] = np.clip(rim * (1 - on_body) + colour * on_body, 0, 255)
    return picture


def _crisp(mask: Field, side: int) -> Field:
    """A mask at the picture's size, with an edge that is a pixel wide however large that is."""
    work = mask.shape[0]
    soft = shading.sized(shading.blurred(mask, 1.1 * work / 256 + 0.4), side)
    steep = max(1.0, side / work) * 1.1
    made: Field = np.clip((soft - 0.5) * steep * 1.6 + 0.5, 0, 1)
    return made


def _icon(pixels: Bytes, look: Look, random: np.random.Generator) -> Picture:
    """A colour icon, as it is or as if made of something else."""
    picture: Picture = pixels.astype(np.float32)
    alpha = picture[..., 3:] / 255
    picture[..., 3:] = alpha
    if look.palette is None:
        return picture
    dark, bright = (np.array(each, np.float32) for each in (look.palette.dark, look.palette.bright))
    solid = picture[..., 3] > 0.5
    light = picture[..., :3] @ _GREY / 255
    if solid.any():
        low, high = np.percentile(light[solid], (3, 97))
        light = np.clip((light - low) / max(float(high - low), 0.15), 0, 1)
    side = picture.shape[0]
    work = min(side, WORK)
    surface = shading.pattern(look.palette.pattern, work, random)
    shade = 0.12 + 0.85 * light + shading.sized(surface, side)
    gloss = look.palette.shine * np.clip((light - 0.85) / 0.15, 0, 1) ** 2 * 0.5
    colour = dark + (bright - dark) * shade[..., None]
    picture[..., :3] = np.clip(colour + (255 - colour) * gloss[..., None], 0, 255)
    return picture


def _as_pixels(picture: Picture) -> Picture:
    """Large pixels of few colours, each whole or clear."""
    side = picture.shape[0]
    weighted = picture.copy()
    weighted[..., :3] *= weighted[..., 3:]
    small = np.dstack([shading.sized(weighted[..., band], PIXELS) for band in range(4)])
    colours = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    colours = np.clip(np.round(np.clip((colours - 110) * 1.15 + 110, 0, 255) / 42.5) * 42.5, 0, 255)
    made = np.concatenate([colours, (small[..., 3:] > 0.42)], axis=2).astype(np.float32)
    places = np.minimum(np.arange(side) * PIXELS // side, PIXELS - 1)
    return np.ascontiguousarray(made[places][:, places])


def _placed(picture: Picture, side: int, x: float = 0.5, y: float = 0.5) -> Picture:
    """A smaller or larger picture in one of `side` pixels, its middle at parts x and y of it; what hangs over is cut off."""
    own = picture.shape[0]
    made = np.zeros((side, side, 4), np.float32)
    left, top = round(x * side - own / 2), round(y * side - own / 2)
    right, bottom = min(side, left + own), min(side, top + own)
    first, above = max(0, left), max(0, top)
    made[above:bottom, first:right] = picture[above - top : bottom - top, first - left : right - left]
    return made


_PLACES = {
    2: (0.62, ((0.3, 0.42), (0.7, 0.59))),
    3: (0.53, ((0.5, 0.28), (0.27, 0.69), (0.73, 0.69))),
    4: (0.48, ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))),
}
"""How large each of several is, and where its middle is."""


def _several(
    body: str, units: int, is_glyph: bool, look: Look, side: int, random: np.random.Generator
) -> Picture:
    scale, places = _PLACES[min(4, look.count)]
    one = _one(body, units, is_glyph, look, max(16, round(side * scale)), random)
    made = np.zeros((side, side, 4), np.float32)
    for x, y in places:
        made = over(_placed(one, side, x, y), made)
    return made


def over(front: Picture, back: Picture) -> Picture:
    """One picture in front of another."""
    alpha = front[..., 3:] + back[..., 3:] * (1 - front[..., 3:])
    mixed = front[..., :3] * front[..., 3:] + back[..., :3] * back[..., 3:] * (1 - front[..., 3:])
    return np.concatenate([mixed / np.maximum(alpha, 1e-3), alpha], axis=2).astype(np.float32)

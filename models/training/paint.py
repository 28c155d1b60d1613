"""Draws icons of 128 px with exact alpha: reliefs in a material and light, emoji recoloured, both aged, lit and turned.

Pictures inside this module are float32, 128 x 128 x 4, red, green, blue 0..255 and alpha 0..1, colours not multiplied by
alpha. `finish` gives bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.training import relief
from models.training.relief import SIZE
from sidecar.engines.glyphs.materials import Palette

Picture = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
STYLES = ("3d", "flat", "game icon", "pixel art", "line drawing")
PIXEL_ART_SIDE = 32
INK = np.array([38, 38, 44], np.float32)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_Y, _X = np.mgrid[:SIZE, :SIZE].astype(np.float32)
_FALL = np.linspace(1.08, 0.84, SIZE, dtype=np.float32)[:, None]


def _noise_bank() -> dict[str, Picture]:
    """Fields of noise 0..1: smooth `spots`, fine `speckle`, streaked `grain`, several of each."""
    random = np.random.default_rng(7)

    def fields(rows: int, columns: int) -> Picture:
        made = []
        for _ in range(16):
            field = random.random((rows, columns), np.float32)
            field = cv2.resize(field, (SIZE + 64, SIZE + 64), interpolation=cv2.INTER_CUBIC)
            made.append((field - field.min()) / (field.max() - field.min()))
        return np.stack(made).astype(np.float32)

    return {
        "spots": fields(14, 14),
        "speckle": fields(70, 70),
        "grain": fields(48, 5),
        "weave": fields(40, 40),
    }


_NOISE = _noise_bank()


def noise(kind: str, random: np.random.Generator) -> Picture:
    field = _NOISE[kind][random.integers(16)]
    top, left = random.integers(64, size=2)
    return field[top : top + SIZE, left : left + SIZE]


@dataclass(frozen=True)
class Light:
    """Where the light comes from (unit vector: right, down, towards the eye)."""

    x: float
    y: float
    z: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Light:
        angle = np.deg2rad(232 + random.normal(0, 18))
        height = random.uniform(0.5, 0.75)
        flat = (1 - height**2) ** 0.5
        return cls(float(np.cos(angle) * flat), float(np.sin(angle) * flat), float(height))


def jitter(palette: Palette, random: np.random.Generator) -> tuple[Picture, Picture]:
    """Dark and bright colour of a palette, moved a little: brightness, contrast and tint differ between drawings."""
    gain = np.float32(np.exp(random.normal(0, 0.07)))
    tint = np.exp(random.normal(0, 0.03, 3)).astype(np.float32)
    dark = np.array(palette.dark, np.float32) * np.float32(np.exp(random.normal(0, 0.15))) * tint
    bright = np.array(palette.bright, np.float32) * gain * tint
    return np.clip(dark, 0, 255), np.clip(bright, 0, 255)


def pattern(name: str, random: np.random.Generator) -> Picture | float:
    """What a palette's pattern adds to the shade, about -0.2..0.2."""
    match name:
        case "grain":
            field = noise("grain", random)
            return (0.3 * (np.modf(field * 4)[0] - 0.5)).astype(np.float32)
        case "speckle":
            return 0.45 * (noise("speckle", random) - 0.5)
        case "mottle":
            return 0.35 * (noise("spots", random) - 0.5)
        case "weave":
            return (0.06 * (np.sin(_X * 1.6) + np.sin(_Y * 1.6))).astype(np.float32)
        case "facet":
            field = noise("spots", random)
            return 0.45 * (np.floor(field * 6) / 6 - 0.42).astype(np.float32)
        case "metal":
            return (0.1 * np.sin((_X + _Y) / 19 + random.uniform(0, 6))).astype(np.float32)
    return 0.0


def _lit(planes: Bytes, first: int, light: Light) -> Picture:
    """Light on a pillow, 0..1."""
    across = (planes[first].astype(np.float32) - 127.5) / 127
    down = (planes[first + 1].astype(np.float32) - 127.5) / 127
    length = np.sqrt(across**2 + down**2 + 1)
    return np.clip((-across * light.x - down * light.y + light.z) / length, 0, 1).astype(np.float32)


def from_relief(
    planes: Bytes, palette: Palette, style: str, random: np.random.Generator, ground: Palette | None = None
) -> Picture:
    """A glyph in a palette; `ground`, where given, is the palette of what lies between the glyph's parts."""
    glyph = planes[relief.GLYPH].astype(np.float32) / 255
    inside = planes[relief.SILHOUETTE].astype(np.float32) / 255
    outline = planes[relief.OUTLINE].astype(np.float32) / 255
    dark, bright = jitter(palette, random)
    low_dark, low_bright = (dark, bright) if ground is None else jitter(ground, random)
    picture = np.empty((SIZE, SIZE, 4), np.float32)
    if style == "line drawing":
        width = 0.8
        lines = np.clip(outline - inside, 0, 1) + width * np.clip(1 - np.abs(glyph - 0.5) * 2, 0, 1)
        lines = np.maximum(lines, 0.75 * (inside - glyph) * (inside > 0.5))[..., None].clip(0, 1)
        picture[..., :3] = 252 * (1 - lines) + (INK if random.random() < 0.8 else dark * 0.6) * lines
        picture[..., 3] = outline
        return picture
    if style == "game icon":
        picture[..., :3] = INK if palette.bright == palette.dark else 0.35 * dark + 0.65 * bright
        picture[..., 3] = glyph
        return picture
    on_glyph, on_body = glyph[..., None], inside[..., None]
    if style == "flat":
        high = np.broadcast_to(0.15 * dark + 0.85 * bright, (SIZE, SIZE, 3))
        low = np.broadcast_to(low_dark * 0.55 + (low_bright - low_dark) * 0.2, (SIZE, SIZE, 3))
        if ground is not None:
            low = np.broadcast_to(0.3 * low_dark + 0.7 * low_bright, (SIZE, SIZE, 3))
        rim = dark * 0.5
    else:
        light = Light.draw(random)
        surface = pattern(palette.pattern, random)
        edge = _lit(planes, relief.EDGE_X, light)
        body = _lit(planes, relief.BODY_X, light)
        shade = 0.3 + 0.55 * edge + 0.28 * (body - 0.5) + surface
        high = dark + (bright - dark) * (shade * _FALL)[..., None]
        gloss = palette.shine * np.clip((edge - 0.86) / 0.14, 0, 1) ** 2
        high = high + (255 - high) * (0.75 * gloss)[..., None]
        share = 0.25 if ground is None else 0.62
        low = (low_dark * 0.9 + (low_bright - low_dark) * share) * (0.62 + 0.5 * body)[..., None]
        rim = dark * 0.33
    colour = low * (1 - on_glyph) + high * on_glyph
    picture[..., :3] = np.clip(rim * (1 - on_body) + colour * on_body, 0, 255)
    picture[..., 3] = outline
    return picture


def from_emoji(pixels: Bytes) -> Picture:
    """Red, green, blue and alpha bytes of an emoji as a picture."""
    picture = pixels.astype(np.float32)
    picture[..., 3] /= 255
    return picture


def in_material(picture: Picture, palette: Palette, random: np.random.Generator) -> Picture:
    """The drawing as if made of something else: its lightness picks from the palette's dark to its bright."""
    dark, bright = jitter(palette, random)
    solid = picture[..., 3] > 0.5
    light = picture[..., :3] @ _GREY / 255
    if solid.any():
        low, high = np.percentile(light[solid], (3, 97))
        light = np.clip((light - low) / max(high - low, 0.15), 0, 1)
    shade = 0.12 + 0.85 * light + pattern(palette.pattern, random)
    gloss = palette.shine * np.clip((light - 0.85) / 0.15, 0, 1) ** 2 * 0.5
    colour = dark + (bright - dark) * shade[..., None]
    made = picture.copy()
    made[..., :3] = np.clip(colour + (255 - colour) * gloss[..., None], 0, 255)
    return made


def as_lines(picture: Picture) -> Picture:
    """An emoji as a line drawing: its outline and where its lightness jumps, on white."""
    light = (picture[..., :3] @ _GREY) * picture[..., 3] + 255 * (1 - picture[..., 3])
    light = cv2.bilateralFilter(light.astype(np.float32), 7, 40, 5)
    edges = np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1))
    lines = np.clip((edges - 55) / 70, 0, 1)
    inner = cv2.erode(picture[..., 3], np.ones((5, 5), np.uint8))
    lines = np.maximum(lines, (picture[..., 3] - inner).clip(0, 1))[..., None]
    made = picture.copy()
    made[..., :3] = 252 * (1 - lines) + INK * lines
    return made


def as_pixels(picture: Picture, random: np.random.Generator) -> Picture:
    """Large pixels of few colours, each whole or clear."""
    step = SIZE // PIXEL_ART_SIDE
    weighted = picture.copy()
    weighted[..., :3] *= weighted[..., 3:]
    small = weighted.reshape(PIXEL_ART_SIDE, step, PIXEL_ART_SIDE, step, 4).mean(axis=(1, 3))
    colour = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    contrast = random.uniform(1.05, 1.25)
    colour = np.clip((colour - 110) * contrast + 110, 0, 255)
    levels = 42.5
    small[..., :3] = np.clip(np.round(colour / levels) * levels, 0, 255)
    small[..., 3] = small[..., 3] > 0.42
    return np.repeat(np.repeat(small, step, axis=0), step, axis=1).astype(np.float32)


def _blend(picture: Picture, colour: npt.ArrayLike, share: Picture) -> None:
    picture[..., :3] += (np.asarray(colour, np.float32) - picture[..., :3]) * share[..., None]


def _crack(random: np.random.Generator, points: int = 9) -> npt.NDArray[np.int32]:
    """A jagged line across the picture through about its middle, as x and y."""
    angle = random.uniform(0, np.pi)
    along = np.linspace(-80, 80, points)
    aside = random.normal(0, 6, points) + random.uniform(-14, 14)
    x = 64 + along * np.cos(angle) - aside * np.sin(angle)
    y = 64 + along * np.sin(angle) + aside * np.cos(angle)
    return np.stack([x, y], axis=1).round().astype(np.int32)


def rusty(picture: Picture, random: np.random.Generator) -> Picture:
    spots = noise("spots", random) + 0.45 * noise("speckle", random)
    share = np.clip((spots - random.uniform(0.5, 0.66)) / 0.12, 0, 1) * 0.88
    light = (picture[..., :3] @ _GREY / 255)[..., None]
    tone = np.array([150, 70, 26], np.float32) * (0.45 + 0.9 * light)
    tone = tone + np.array([40, 22, 4], np.float32) * (noise("speckle", random)[..., None] - 0.4)
    _blend(picture, tone, share)
    return picture


def broken(picture: Picture, random: np.random.Generator) -> Picture:
    """In two along a jagged line, the pieces moved apart."""
    line = _crack(random)
    side = np.zeros((SIZE, SIZE), np.uint8)
    normal = np.array([-(line[-1] - line[0])[1], (line[-1] - line[0])[0]])
    normal = normal / max(1.0, float(np.linalg.norm(normal)))
    far = (line[[-1, 0]] + 200 * normal).round().astype(np.int32)
    cv2.fillPoly(side, [np.concatenate([line, far])], 1)
    weighted = picture.copy()
    weighted[..., :3] *= weighted[..., 3:]
    halves = []
    for piece, sign in ((side, 1.0), (1 - side, -1.0)):
        turn = cv2.getRotationMatrix2D((64, 64), float(random.normal(0, 5)), 0.93)
        turn[:, 2] += sign * normal * random.uniform(2.5, 5)
        cut = weighted * piece[..., None]
        halves.append(cv2.warpAffine(cut, turn, (SIZE, SIZE), flags=cv2.INTER_LINEAR))
    both = halves[0] + halves[1] * (1 - halves[0][..., 3:])
    both[..., :3] /= np.maximum(both[..., 3:], 1e-3)
    return both.clip(0, 255)


def cracked(picture: Picture, random: np.random.Generator) -> Picture:
    lines = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(int(random.integers(1, 4))):
        cv2.polylines(lines, [_crack(random)], False, 255, 1, cv2.LINE_AA)
    dark = cv2.GaussianBlur(lines.astype(np.float32) / 255, (0, 0), 0.7)
    _blend(picture, picture[..., :3] * 0.15, np.clip(dark * 1.4, 0, 1))
    return picture


def old(picture: Picture, random: np.random.Generator) -> Picture:
    """Faded, stained and scratched."""
    grey = (picture[..., :3] @ _GREY)[..., None]
    picture[..., :3] = picture[..., :3] * 0.5 + (grey * np.array([0.42, 0.4, 0.35], np.float32))
    _blend(picture, (70, 58, 40), np.clip(noise("spots", random) - 0.45, 0, 1) * 0.9)
    lines = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(5):
        x, y = (int(v) for v in random.integers(16, 112, size=2))
        dx, dy = (int(v) for v in random.integers(-18, 19, size=2))
        cv2.line(lines, (x, y), (x + dx, y + dy), 255, 1, cv2.LINE_AA)
    _blend(picture, (45, 38, 30), lines.astype(np.float32) / 255 * 0.6)
    return picture


def _halo(picture: Picture, colour: Picture, width: float, strength: float) -> Picture:
    """Light of a colour around the drawing, clear at the border of the picture."""
    glow = cv2.GaussianBlur(picture[..., 3], (0, 0), width)
    border = np.minimum.reduce([_X, _Y, SIZE - 1 - _X, SIZE - 1 - _Y])
    glow = np.clip(glow * strength, 0, 0.92) * np.clip(border / 10, 0, 1)
    alpha = picture[..., 3] + glow * (1 - picture[..., 3])
    mixed = picture[..., :3] * picture[..., 3:] + colour * (glow * (1 - picture[..., 3]))[..., None]
    made = np.empty_like(picture)
    made[..., :3] = mixed / np.maximum(alpha, 1e-3)[..., None]
    made[..., 3] = alpha
    return made


def glowing(picture: Picture, random: np.random.Generator) -> Picture:
    solid = picture[..., 3] > 0.8
    mean = picture[solid][:, :3].mean(axis=0) if solid.any() else np.full(3, 200.0)
    pure = mean - mean.min() * 0.8
    pure = pure * (255 / max(1.0, float(pure.max())))
    if np.ptp(mean) < 30:
        pure = np.array([(255, 240, 150), (140, 220, 255), (170, 255, 170)][random.integers(3)], np.float64)
    colour = (pure * 0.85 + 38).astype(np.float32)
    picture[..., :3] = np.clip(picture[..., :3] * 1.15 + colour * 0.12, 0, 255)
    return _halo(picture, colour, float(random.uniform(6, 9)), float(random.uniform(1.0, 1.3)))


def burning(picture: Picture, random: np.random.Generator) -> Picture:
    """Flames that rise from the drawing."""
    flames = np.zeros((SIZE, SIZE), np.float32)
    for rise in range(0, 26, 3):
        moved = np.zeros((SIZE, SIZE), np.float32)
        moved[: SIZE - rise] = picture[rise:, :, 3]
        flames = np.maximum(flames, moved * (1 - rise / 30) * (noise("grain", random).T * 1.5))
    flames = cv2.GaussianBlur(flames, (0, 0), 1.6)
    flames = np.clip(flames * 1.3, 0, 1) * np.clip(_Y / 8, 0, 1)
    hot = np.array([255, 226, 90], np.float32) * flames[..., None]
    hot = hot + np.array([235, 70, 10], np.float32) * (1 - flames[..., None])
    warm = np.clip(flames - 0.25, 0, 1) * 0.75
    _blend(picture, hot, warm)
    alpha = picture[..., 3] + flames * (1 - picture[..., 3])
    mixed = picture[..., :3] * picture[..., 3:] + hot * (flames * (1 - picture[..., 3]))[..., None]
    picture[..., :3] = mixed / np.maximum(alpha, 1e-3)[..., None]
    picture[..., 3] = alpha
    return picture


def _stained(picture: Picture, random: np.random.Generator, colour: tuple[int, int, int]) -> Picture:
    spots = noise("spots", random) + 0.25 * noise("speckle", random)
    share = np.clip((spots - random.uniform(0.58, 0.72)) / 0.06, 0, 1) * 0.92
    light = (picture[..., :3] @ _GREY / 255)[..., None]
    _blend(picture, np.array(colour, np.float32) * (0.6 + 0.55 * light), share)
    return picture


def bloody(picture: Picture, random: np.random.Generator) -> Picture:
    return _stained(picture, random, (176, 8, 14))


def dirty(picture: Picture, random: np.random.Generator) -> Picture:
    return _stained(picture, random, (98, 68, 38))


def mossy(picture: Picture, random: np.random.Generator) -> Picture:
    return _stained(picture, random, (84, 120, 42))


def shiny(picture: Picture, random: np.random.Generator) -> Picture:
    """Brighter, with white sparks."""
    picture[..., :3] = np.clip((picture[..., :3] - 90) * 1.25 + 112, 0, 255)
    solid = np.argwhere(picture[8:-8, 8:-8, 3] > 0.9) + 8
    if len(solid):
        for _ in range(int(random.integers(1, 4))):
            y, x = solid[random.integers(len(solid))]
            arms = 26 / (np.abs(_X - x) * np.abs(_Y - y) * 1.5 + 6) - 1.2 * np.hypot(_X - x, _Y - y) / 7
            spark = np.clip(arms, 0, 1)
            _blend(picture, (255, 255, 255), spark)
            picture[..., 3] = np.maximum(picture[..., 3], spark)
    return picture


STATE_PAINTERS = {
    "rusty": rusty,
    "broken": broken,
    "cracked": cracked,
    "old": old,
    "glowing": glowing,
    "burning": burning,
    "bloody": bloody,
    "dirty": dirty,
    "mossy": mossy,
    "shiny": shiny,
}


@dataclass(frozen=True)
class Pose:
    """Where a drawing stands: size (1 fills the picture), turn (degrees), shift (pixels), whether mirrored."""

    scale: float = 1.0
    turn: float = 0.0
    x: float = 0.0
    y: float = 0.0
    mirrored: bool = False


def posed(picture: Picture, pose: Pose) -> Picture:
    weighted = picture.copy()
    weighted[..., :3] *= weighted[..., 3:]
    if pose.mirrored:
        weighted = weighted[:, ::-1]
    centre = (SIZE - 1) / 2
    move = cv2.getRotationMatrix2D((centre, centre), pose.turn, pose.scale)
    move[:, 2] += pose.x, pose.y
    area = cv2.INTER_LINEAR
    if pose.scale < 0.7:
        weighted = cv2.GaussianBlur(weighted, (0, 0), 0.35 / pose.scale)
    made = cv2.warpAffine(np.ascontiguousarray(weighted), move, (SIZE, SIZE), flags=area)
    made[..., :3] /= np.maximum(made[..., 3:], 1e-3)
    return made


def over(front: Picture, back: Picture) -> Picture:
    """One drawing in front of another."""
    alpha = front[..., 3:] + back[..., 3:] * (1 - front[..., 3:])
    mixed = front[..., :3] * front[..., 3:] + back[..., :3] * back[..., 3:] * (1 - front[..., 3:])
    return np.concatenate([mixed / np.maximum(alpha, 1e-3), alpha], axis=2).astype(np.float32)


def several(picture: Picture, count: int, random: np.random.Generator) -> Picture:
    """Two to four of the same thing beside and over each other."""
    places = {
        2: ((-26, -10), (26, 12)),
        3: ((0, -28), (-29, 24), (29, 24)),
        4: ((-29, -29), (29, -29), (-29, 29), (29, 29)),
    }[count]
    scale = {2: 0.62, 3: 0.52, 4: 0.46}[count]
    made = np.zeros_like(picture)
    for x, y in places:
        pose = Pose(
            scale,
            float(random.normal(0, 6)),
            x + float(random.normal(0, 1.5)),
            y + float(random.normal(0, 1.5)),
        )
        made = over(posed(picture, pose), made)
    return made


def finish(picture: Picture) -> Bytes:
    """Bytes; what is clear is white."""
    alpha = np.clip(picture[..., 3:], 0, 1)
    colour = np.where(alpha < 1 / 255, 255, np.clip(picture[..., :3], 0, 255))
    return np.concatenate([colour, alpha * 255], axis=2).round().astype(np.uint8)

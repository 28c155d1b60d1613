"""Draws every emoji with its alpha at the model's size and keeps the pixels in one file; turns drawings to other hues."""

from __future__ import annotations

import colorsys

import numpy as np
import numpy.typing as npt
import pyvips

from models.training.sources import STYLES, Icon, read_icons
from models.training.workspace import open_workspace, stage_parser

SIZE = 128
# The icon's share of the edge; the judge of near copies compares with a smaller one too.
PLAIN_SHARE = 0.94
JITTERED_SHARE = 0.84

# How a colour word changes a drawing: hue (degrees, none: no colour), the least saturation, saturation's and
# brightness' factors.
COLOURS: dict[str, tuple[float | None, float, float, float]] = {
    "red": (358, 0.75, 1.0, 0.92),
    "orange": (26, 0.8, 1.0, 1.0),
    "yellow": (50, 0.75, 1.0, 1.0),
    "green": (125, 0.6, 1.0, 0.85),
    "blue": (214, 0.7, 1.0, 0.95),
    "purple": (276, 0.6, 1.0, 0.85),
    "pink": (330, 0.45, 0.6, 1.0),
    "golden": (42, 0.7, 0.85, 1.0),
    "silver": (None, 0.0, 0.08, 0.92),
    "black": (None, 0.0, 0.15, 0.3),
    "white": (None, 0.0, 0.1, 1.25),
    "brown": (24, 0.55, 0.7, 0.6),
}
# A red angry face or a green red heart would teach the wrong thing.
COLOURLESS_SUBGROUPS = ("face-", "heart", "cat-face", "monkey-face", "geometric", "person", "family", "sky")

Pixels = npt.NDArray[np.uint8]


def draw(image: pyvips.Image, share: float, shift_x: int = 0, shift_y: int = 0) -> Pixels:
    """Red, green, blue and alpha of the image scaled to `share` of the edge, centred, then shifted by whole pixels."""
    edge = round(SIZE * share)
    image = image.colourspace("srgb")
    if not image.hasalpha():
        image = image.addalpha()
    image = image.thumbnail_image(edge, height=edge, size="both")
    left = (SIZE - image.width) // 2 + shift_x
    top = (SIZE - image.height) // 2 + shift_y
    image = image.embed(left, top, SIZE, SIZE, extend="background", background=[255, 255, 255, 0])
    pixels: Pixels = image.cast("uchar").numpy()
    return pixels


def on_white(pixels: Pixels) -> Pixels:
    alpha = pixels[..., 3:].astype(np.float32) / 255
    flat: Pixels = (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return flat


def recolour(pixels: Pixels, colour: str) -> Pixels:
    """The drawing with every colour turned to the named one; its light and shade stay."""
    hue, least, saturation_factor, value_factor = COLOURS[colour]
    value = pixels[..., :3].max(axis=-1) / 255.0
    chroma = value - pixels[..., :3].min(axis=-1) / 255.0
    saturation = chroma / np.maximum(value, 1e-6)
    # Near white (eyes, shine) and near black (outlines) keep their looks.
    keeps = np.clip((0.18 - saturation) / 0.1, 0, 1) * np.clip((value - 0.9) / 0.08, 0, 1)
    wanted = np.maximum(saturation * saturation_factor, least)
    wanted = np.where(hue is None, saturation * saturation_factor, wanted) * (1 - keeps)
    value = np.clip(value * value_factor, 0, 1) * (1 - keeps) + value * keeps
    pure = np.array(colorsys.hsv_to_rgb((hue or 0) / 360, 1, 1))
    made = value[..., None] * (1 - wanted[..., None] * (1 - pure))
    return np.dstack([(made * 255).round().astype(np.uint8), pixels[..., 3]])


def takes_colours(icon: Icon) -> bool:
    return not icon.subgroup.startswith(COLOURLESS_SUBGROUPS)


def render(icons: list[Icon]) -> dict[str, npt.NDArray[np.generic]]:
    """Red, green, blue and alpha of every emoji drawing, and for each its concept and style."""
    pixels, keys = [], []
    for index, icon in enumerate(icons):
        for style, drawing in icon.drawings.items():
            if style != "game icon":
                pixels.append(draw(drawing.load(), PLAIN_SHARE))
                keys.append((index, STYLES.index(style)))
    return {"pixels": np.stack(pixels), "keys": np.array(keys)}


def main() -> None:
    workspace = open_workspace(stage_parser(__doc__).parse_args())
    rendered = render(read_icons(workspace.packages))
    np.savez(workspace.emoji, **rendered)  # type: ignore[arg-type]
    print(f"{len(rendered['pixels'])} drawings of {SIZE} px in {workspace.emoji}")


if __name__ == "__main__":
    main()

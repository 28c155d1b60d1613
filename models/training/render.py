"""Draws every icon on white at the model's size and keeps the pixels in one file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyvips

from models.training.sources import Icon, read_icons
from models.training.workspace import open_workspace, stage_parser

SIZE = 64
# The icon's share of the edge; the first entry is the plain drawing, the second a smaller, shifted copy so
# that the model does not tie a shape to exact pixels.
PLAIN_SHARE = 0.94
JITTERED_SHARE = 0.84
SHIFT = 2

Pixels = npt.NDArray[np.uint8]


def load(icon: Icon, style: str) -> pyvips.Image:
    if style == "3d":
        return pyvips.Image.new_from_file(str(icon.file_3d))
    assert icon.svg_flat is not None
    return pyvips.Image.svgload_buffer(icon.svg_flat.encode(), scale=4.0)


def draw(image: pyvips.Image, share: float, shift_x: int = 0, shift_y: int = 0) -> Pixels:
    """The image scaled to `share` of the edge, centred on white, then shifted by whole pixels."""
    edge = round(SIZE * share)
    image = image.colourspace("srgb")
    if not image.hasalpha():
        image = image.addalpha()
    image = image.thumbnail_image(edge, height=edge, size="both")
    left = (SIZE - image.width) // 2 + shift_x
    top = (SIZE - image.height) // 2 + shift_y
    image = image.embed(left, top, SIZE, SIZE, extend="background", background=[255, 255, 255, 0])
    pixels: Pixels = image.flatten(background=[255, 255, 255]).cast("uchar").numpy()
    return pixels[:, :, :3]


def render(icons: list[Icon]) -> dict[str, npt.NDArray[np.generic]]:
    """Pixels of every drawing, with the icon it shows, whether it is flat, and whether it is the jittered copy."""
    random = np.random.default_rng(0)
    pixels, concept, is_flat, is_jittered = [], [], [], []
    for index, icon in enumerate(icons):
        for style, exists in (("3d", icon.file_3d is not None), ("flat", icon.svg_flat is not None)):
            if not exists:
                continue
            image = load(icon, style)
            shift_x, shift_y = (int(value) for value in random.integers(-SHIFT, SHIFT + 1, size=2))
            for jittered, drawing in enumerate(
                (draw(image, PLAIN_SHARE), draw(image, JITTERED_SHARE, shift_x, shift_y))
            ):
                pixels.append(drawing)
                concept.append(index)
                is_flat.append(style == "flat")
                is_jittered.append(bool(jittered))
    return {
        "pixels": np.stack(pixels),
        "concept": np.array(concept),
        "is_flat": np.array(is_flat),
        "is_jittered": np.array(is_jittered),
    }


def main() -> None:
    workspace = open_workspace(stage_parser(__doc__).parse_args())
    rendered = render(read_icons(workspace.packages))
    np.savez(workspace.images, **rendered)
    print(f"{len(rendered['pixels'])} drawings of {SIZE} px in {workspace.images}")


if __name__ == "__main__":
    main()

"""The child process that draws glyphs. It opens no picture but those that come with the package, so SVG is allowed here."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping

import numpy as np

from capabilities import imaging
from capabilities.methods.text_to_image import TextToImage
from sidecar.engines import worker_process
from sidecar.engines.encoding import encode_picture
from sidecar.engines.events import Done, EncodedImage
from sidecar.engines.glyphs.choice import Chooser
from sidecar.engines.glyphs.drawings import GLYPH_UNITS, ICON_UNITS, Drawings
from sidecar.engines.glyphs.messages import FRAMING, Draw
from sidecar.engines.glyphs.painter import Look, paint

GLYPHS_BY = "Lorc, Delapouite and contributors, https://game-icons.net, CC BY 3.0"
ICONS_BY = "Microsoft, Fluent Emoji, https://github.com/microsoft/fluentui-emoji, MIT"


@functools.cache
def _chooser() -> tuple[Drawings, Chooser]:
    drawings = Drawings()
    return drawings, Chooser(drawings)


def draw(request: Draw) -> Done:
    """All pictures of a task, and which of its words have no effect."""
    started = time.perf_counter()
    task = request.task
    wanted = _chooser()[1].understood(task.prompt)
    images = tuple(_picture(task, seed, request.metadata, request.thumbnail_side) for seed in task.seeds)
    return Done(images, time.perf_counter() - started, wanted.warnings)


def _picture(
    task: TextToImage, seed: int, metadata: Mapping[str, object], thumbnail_side: int
) -> EncodedImage:
    drawings, chooser = _chooser()
    wanted = chooser.understood(task.prompt)
    drawing = chooser.drawing(wanted, seed)
    body = drawings.glyph(drawing.name) if drawing.is_glyph else drawings.icon(drawing.name)
    units = GLYPH_UNITS if drawing.is_glyph else ICON_UNITS
    look = Look(drawing.palette, wanted.style, wanted.states, wanted.count, wanted.scale)
    side = min(task.width, task.height)
    pixels = paint(body, units, drawing.is_glyph, look, side, seed)
    picture = imaging.from_pixels(
        _centred(pixels, task.width, task.height).tobytes(), task.width, task.height, 4
    )
    if task.background != "transparent":
        picture = picture.flatten(background=255)
    told = {
        **task.facts(seed),
        **metadata,
        "drawing": f"{'game' if drawing.is_glyph else 'emoji'}/{drawing.name}",
        "attribution": GLYPHS_BY if drawing.is_glyph else ICONS_BY,
    }
    return encode_picture(task, picture, seed, told, thumbnail_side)


def _centred(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], width: int, height: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    side = pixels.shape[0]
    if (side, side) == (height, width):
        return pixels
    made = np.full((height, width, 4), (255, 255, 255, 0), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    made[top : top + side, left : left + side] = pixels
    return made


if __name__ == "__main__":
    worker_process.run(functools.partial(worker_process.serve, framing=FRAMING, do=draw))

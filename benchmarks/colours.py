"""Whether a thing that is asked for in a colour has it: eleven basic colour terms as regions of CIELAB."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.icons import read_asked
from sidecar.engines.glyphs.engine import MODEL as GLYPHS
from sidecar.pb.viwo.imagegen.v1 import common_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.process import MODEL, Served, served
from sidecar.testing.requests import text_to_image

Array = npt.NDArray[Any]

SOLID = 200
"""Alpha from which a pixel belongs to the subject."""
DARK, PALE, GREY = 28.0, 82.0, 14.0
"""Lightness below which a pixel is black and above which a grey one is white, and chroma below which it is grey; of CIELAB."""
HUES = (
    ("red", 10, 45), ("orange", 45, 75), ("yellow", 75, 108), ("green", 108, 195), ("blue", 195, 292), ("purple", 292, 338),
    ("pink", 338, 370),
)  # fmt: skip
"""From and to which angle, in degrees, a hue goes by each name."""
BROWN_LIGHTNESS, PINK_LIGHTNESS = 58.0, 66.0
"""Below which an orange is brown, and above which a red is pink."""


def terms(picture: Array) -> dict[str, int]:
    """How many pixels of the subject (h x w x 4 bytes) each colour term has."""
    subject = picture[picture[..., 3] >= SOLID][:, :3]
    lab = cv2.cvtColor((subject[None] / 255).astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    angle = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    angle = np.where(angle < 10, angle + 360, angle)
    counts: dict[str, int] = {}
    is_black, is_grey = light < DARK, chroma < GREY
    counts["black"] = int((is_black & (chroma < 40)).sum())
    counts["white"] = int((is_grey & (light > PALE)).sum())
    counts["gray"] = int((is_grey & ~is_black & (light <= PALE)).sum())
    coloured = ~is_grey & ~(is_black & (chroma < 40))
    for name, low, high in HUES:
        counts[name] = int((coloured & (angle >= low) & (angle < high)).sum())
    orange = coloured & (angle >= 35) & (angle < 85)
    counts["brown"] = int((orange & (light < BROWN_LIGHTNESS)).sum())
    counts["orange"] = int((coloured & (angle >= 45) & (angle < 75) & (light >= BROWN_LIGHTNESS)).sum())
    pale_red = coloured & ((angle >= 338) | (angle < 30)) & (light > PINK_LIGHTNESS)
    counts["pink"] += int((pale_red & (angle < 338)).sum())
    return counts


async def _share(sidecar: Served, model: str, asked: list[tuple[str, str]]) -> tuple[float, list[str]]:
    context, right, missed = await sidecar.context(), [], []
    for place, (prompt, colour) in enumerate(asked):
        request = text_to_image(
            context, prompt, model_id=model, width=128, height=128, background="transparent", seed=place
        )
        request.options.ClearField("steps")
        request.output.format = common_pb2.IMAGE_FORMAT_PNG
        found = terms(pixels((await sidecar.images.TextToImage(request)).images[0].data))
        # An outline and a shadow are black in drawings of any colour.
        counted = {name: count for name, count in found.items() if name != "black" or colour == "black"}
        right.append(max(counted, key=lambda name: counted[name]) == colour)
        if not right[-1]:
            missed.append(prompt)
    return statistics.fmean(right), missed


async def icons_attributes() -> dict[str, Any]:
    """The share of 100 prompts "a <colour> <thing>" whose subject has that colour over most of it."""
    asked = [(each.prompt, each.answers[0]) for each in await asyncio.to_thread(read_asked, "attributes.txt")]
    async with served() as sidecar:
        await sidecar.wait_ready()
        model, missed = await _share(sidecar, MODEL, asked)
        glyphs, glyphs_missed = await _share(sidecar, GLYPHS, asked)
    return {
        "value": round(model, 3),
        "unit": f"share of {len(asked)} prompts whose subject has the named colour, by the embedded model",
        "n": len(asked),
        "better": "higher",
        "baseline": None,
        "glyphs": round(glyphs, 3),
        "missed": missed,
        "glyphs_missed": glyphs_missed,
    }

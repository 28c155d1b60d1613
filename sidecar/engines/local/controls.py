"""Generation that follows control pictures, and the making of those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from capabilities.imaging.edges import canny
from capabilities.methods.apply import Apply, ControlInput
from capabilities.methods.preprocess import Preprocess
from sidecar.engines.events import RawImage
from sidecar.engines.local import annotators
from sidecar.engines.local.annotators import Annotator
from sidecar.engines.local.cancellation import CancellationToken, Emit
from sidecar.engines.local.diffusion import Loaded, run
from sidecar.engines.local.pixels import Pixels, as_array, as_raw, on_white, resized

Region = tuple[int, int, int, int]
"""Top, left, bottom and right of a part of a picture, in pixels."""


@dataclass(frozen=True)
class Controls:
    """What steers a generation: a network and a picture for each of the task's controls, in their order."""

    inputs: tuple[ControlInput, ...]
    networks: list[Any]
    pictures: list[Pixels]

    def options(
        self, shape: tuple[int, int], region: Region, size: tuple[int, int], *names: str
    ) -> dict[str, Any]:
        """Arguments for a pipeline that draws a region of a picture of `shape` (height, width) at `size` (width, height).

        `names`: further ones that the control pictures go by.
        """
        top, left, bottom, right = region
        images = []
        for picture in self.pictures:
            whole = resized(on_white(picture), shape[1], shape[0])
            images.append(Image.fromarray(resized(whole[top:bottom, left:right], *size)))
        several = len(images) > 1

        def one_or_all(values: list[Any]) -> Any:
            return values if several else values[0]

        return dict.fromkeys(("control_image", *names), one_or_all(images)) | {
            "controlnet_conditioning_scale": one_or_all([item.strength for item in self.inputs]),
            "control_guidance_start": one_or_all([item.start for item in self.inputs]),
            "control_guidance_end": one_or_all([item.end for item in self.inputs]),
        }


def apply(
    task: Apply, index: int, loaded: Loaded, controls: Controls, emit: Emit, token: CancellationToken
) -> RawImage:
    """One picture from noise."""
    step = loaded.granularity
    width, height = -(-task.width // step) * step, -(-task.height // step) * step
    # Families differ in what they call the control picture; each pipeline takes the name it knows.
    special = controls.options((height, width), (0, 0, height, width), (width, height), "image")
    special |= {"width": width, "height": height}
    pixels = run(
        task, index, loaded, loaded.controlled("Text2Image", controls.networks), special, emit, token
    )
    return as_raw(resized(pixels, task.width, task.height), task.seed + index)


def control_pictures(
    task: Apply, inputs: Mapping[str, RawImage], annotate: Mapping[str, Annotator]
) -> list[Pixels]:
    """The task's control pictures, made from ordinary ones where it says so."""
    pictures = []
    for place, control in enumerate(task.controls):
        picture = on_white(as_array(inputs[f"control_{place}"]))
        if control.preprocess:
            found = annotate.get(control.preprocessor)
            picture = made(control.type, picture, found, low=100, high=200, side=512)
        pictures.append(picture)
    return pictures


def preprocess(task: Preprocess, image: RawImage, annotate: Annotator) -> RawImage:
    picture = on_white(as_array(image))
    return as_raw(made(task.type, picture, annotate, task.low, task.high, task.resolution), 0)


def made(kind: str, picture: Pixels, annotate: Annotator | None, low: int, high: int, side: int) -> Pixels:
    """A control picture of a type."""
    if annotate is None:
        return canny(picture, low, high) if kind == "canny" else picture
    edges = annotate(picture, side)
    return annotators.scribbled(edges) if kind == "scribble" else np.ascontiguousarray(edges)

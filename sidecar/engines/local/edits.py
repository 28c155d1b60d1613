"""Edits one of which takes a model: a subject cut out by a network, between operations that take none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from capabilities import imaging
from capabilities.methods.edit import Edit
from capabilities.operations import NO_MODEL, RemoveBackground
from sidecar.engines.events import RawImage
from sidecar.engines.local.matting import Matting


def edit(task: Edit, inputs: Mapping[str, RawImage], matting: Callable[[str], Matting]) -> RawImage:
    """The result of all operations, in order; `matting` gives the network of a model id. Raises InvalidArgument."""
    roles = {ref: role for role, ref in task.inputs.items()}

    def read(ref: str) -> imaging.Image:
        given = inputs[roles[ref]]
        return imaging.from_pixels(given.pixels, given.width, given.height, given.bands)

    image = read(task.image)
    for operation in task.operations:
        if isinstance(operation, RemoveBackground) and operation.model not in ("", NO_MODEL):
            made = matting(operation.model).cut_out(_colours(image))
            image = imaging.from_pixels(made.tobytes(), made.shape[1], made.shape[0], made.shape[2])
        else:
            image = operation.apply(image, read)
    pixels = _colours(image)
    return RawImage(pixels.tobytes(), image.width, image.height, pixels.shape[2], 0)


def _colours(image: imaging.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Three bands, and a fourth for what is not opaque everywhere."""
    if image.bands < 3:
        image = image.colourspace("srgb")
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = image.numpy()
    return pixels

"""Work that needs no model: done in the server itself, so that an edit never waits behind a long diffusion run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from capabilities import imaging
from capabilities.operations import perform
from capabilities.tasks import Edit, Preprocess, Task, UpscaleTraditional
from sidecar.engines.events import Done, RawImage
from sidecar.engines.plain_edges import canny


def work(task: Task, inputs: Mapping[str, RawImage]) -> Done:
    """The result of an edit. Raises InvalidArgument where an operation cannot be done on this picture."""
    started = time.perf_counter()
    pictures = {
        task.inputs[role]: imaging.from_pixels(image.pixels, image.width, image.height, image.bands)
        for role, image in inputs.items()
    }
    match task:
        case Edit() | UpscaleTraditional():
            made = perform(tuple(task.operations), pictures[task.image], pictures.__getitem__)
        case Preprocess():
            made = _preprocessed(task, pictures[task.image])
        case _:
            raise TypeError(f"not a task without a model: {task.kind}")
    result = RawImage(imaging.to_pixels(made), made.width, made.height, made.bands, 0)
    return Done((result,), time.perf_counter() - started)


def _preprocessed(task: Preprocess, image: imaging.Image) -> imaging.Image:
    """The control pictures that need no model: canny edges, and tile (the picture without its fine detail)."""
    flat = image.flatten(background=255) if image.hasalpha() else image
    if task.type == "canny":
        edges = canny(flat.numpy(), task.low, task.high)
        return imaging.from_pixels(edges.tobytes(), flat.width, flat.height, 3)
    small = imaging.resize(flat, max(1, flat.width // task.blur), max(1, flat.height // task.blur))
    return imaging.resize(small, flat.width, flat.height, "cubic")

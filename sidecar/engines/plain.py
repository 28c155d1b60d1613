"""Work that needs no model: done in the server itself, so that an edit never waits behind a long diffusion run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from capabilities import imaging
from capabilities.operations import perform
from capabilities.tasks import Edit, Task, UpscaleTraditional
from sidecar.engines.events import Done, RawImage


def work(task: Task, inputs: Mapping[str, RawImage]) -> Done:
    """The result of an edit. Raises InvalidArgument where an operation cannot be done on this picture."""
    if not isinstance(task, Edit | UpscaleTraditional):
        raise TypeError(f"not a task without a model: {task.kind}")
    started = time.perf_counter()
    pictures = {
        task.inputs[role]: imaging.from_pixels(image.pixels, image.width, image.height, image.bands)
        for role, image in inputs.items()
    }
    made = perform(tuple(task.operations), pictures[task.image], pictures.__getitem__)
    result = RawImage(imaging.to_pixels(made), made.width, made.height, made.bands, 0)
    return Done((result,), time.perf_counter() - started)

"""Pictures from words: one pass, or a small one that is enlarged and refined."""

from __future__ import annotations

from PIL import Image

from capabilities.methods.generation import Generation
from capabilities.methods.text_to_image import Refinement, TextToImage
from sidecar.engines.events import RawImage
from sidecar.engines.local.cancellation import CancellationToken, Emit
from sidecar.engines.local.diffusion import Loaded, Part, fitted, run
from sidecar.engines.local.pixels import Pixels, as_raw
from sidecar.engines.local.upscalers import Upscaler, enlarged


def draw(
    task: Generation,
    index: int,
    loaded: Loaded,
    enlarger: list[Upscaler] | None,
    emit: Emit,
    token: CancellationToken,
) -> RawImage:
    """One picture of the batch, made by itself, so that it equals the single picture with its seed."""
    if isinstance(task, TextToImage) and task.refine is not None:
        pixels = _twice(task, task.refine, index, loaded, enlarger, emit, token)
        return as_raw(pixels, task.seed + index)
    width, height = loaded.size or (task.width, task.height)
    pipeline = loaded.pipeline("Text2Image")
    pixels = run(task, index, loaded, pipeline, {"width": width, "height": height}, emit, token)
    if loaded.size:
        pixels = fitted(pixels, task.width, task.height, enlarger)
    return as_raw(pixels, task.seed + index)


def _twice(
    task: TextToImage,
    refine: Refinement,
    index: int,
    loaded: Loaded,
    enlarger: list[Upscaler] | None,
    emit: Emit,
    token: CancellationToken,
) -> Pixels:
    """Composed at the size that the model knows, then enlarged and its detail regenerated."""
    first, second = Part(0, 0, task.steps), Part(1, task.steps, task.steps_refining)
    small = {"width": refine.width, "height": refine.height}
    picture = run(task, index, loaded, loaded.pipeline("Text2Image"), small, emit, token, first)
    picture = enlarged(picture, task.width, task.height, refine.method, enlarger)
    if not second.steps:
        return picture
    special = {
        "image": Image.fromarray(picture),
        "strength": refine.strength,
        "width": task.width,
        "height": task.height,
    }
    return run(task, index, loaded, loaded.pipeline("Image2Image"), special, emit, token, second)

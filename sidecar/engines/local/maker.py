"""Makes pictures with diffusers: tasks in, events out. Knows nothing of pipes, processes or databases."""

from __future__ import annotations

import inspect
import io
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from capabilities.errors import PermissionDenied, ResourceExhausted
from capabilities.tasks import Task, TextToImage
from sidecar.engines.events import Done, Event, Loading, Preview, RawImage, Step
from sidecar.engines.local import pipelines
from sidecar.engines.local.watch import Watch
from sidecar.engines.local.wire import ModelSource

Emit = Callable[[Event], None]
PREVIEW_SIDE = 256
STEP_SECONDS = 0.2
"""A job that nobody watches tells its steps this far apart: each one costs the server's time, and so the work's."""


class Maker:
    """Pipelines in memory, and the work done with them."""

    def __init__(self, device: str = "auto", *, threads: int = 0, max_loaded: int = 2) -> None:
        pipelines.quiet_libraries()
        if threads:
            torch.set_num_threads(threads)
        self.device = pipelines.pick_device(device)
        self._max_loaded = max_loaded
        self._pipelines: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    @property
    def loaded(self) -> list[str]:
        return list(self._pipelines)

    def load(self, source: ModelSource, emit: Emit, watch: Watch) -> Any:
        """The model's pipeline, brought into memory if need be; the one used longest ago makes room."""
        if source.id in self._pipelines:
            self._pipelines.move_to_end(source.id)
            return self._pipelines[source.id][0]
        emit(Loading(source.id))
        while len(self._pipelines) >= self._max_loaded:
            self.unload(next(iter(self._pipelines)))
        pipeline = pipelines.load(source, self.device)
        self._pipelines[source.id] = (pipeline, pipeline.scheduler)
        watch.check()
        return pipeline

    def unload(self, model_id: str) -> None:
        self._pipelines.pop(model_id, None)
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def make(self, task: Task, source: ModelSource, emit: Emit, watch: Watch) -> Done:
        """All pictures of a task. Raises Canceled, ResourceExhausted when memory runs out, and the loader's refusals."""
        pipeline = self.load(source, emit, watch)
        shipped = self._pipelines[source.id][1]
        started = time.perf_counter()
        try:
            with torch.inference_mode():
                images = tuple(
                    self._text_to_image(task, index, pipeline, shipped, emit, watch)
                    for index in range(task.count)
                )
        except (torch.OutOfMemoryError, MemoryError):
            if self.device == "cuda":
                torch.cuda.empty_cache()
            raise ResourceExhausted(
                f"{task.width} x {task.height} px does not fit in the memory of this {self.device}; make it smaller",
                reason="OUT_OF_MEMORY",
                field="width",
                asked=f"{task.width} x {task.height}",
            ) from None
        return Done(images, time.perf_counter() - started)

    def _text_to_image(
        self, task: TextToImage, index: int, pipeline: Any, shipped: Any, emit: Emit, watch: Watch
    ) -> RawImage:
        """One picture. Each of a batch is made by itself, so that it equals the single picture with its seed."""
        watch.check()
        seed = task.seed + index
        pipeline.scheduler = pipelines.scheduler_for(pipeline, shipped, task.scheduler)

        told = time.monotonic()

        def after_step(pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            nonlocal told
            watch.check()
            # Second-order schedulers call back more often than once a step asked for.
            done = min(task.steps, (step + 1) * task.steps // max(1, pipe.num_timesteps))
            now = time.monotonic()
            if watch.attended or done == task.steps or now - told >= STEP_SECONDS:
                told = now
                emit(Step(index * task.steps + done, task.total_steps, index))
            if watch.preview_every and done % watch.preview_every == 0 and done < task.steps:
                picture = preview(pipe, values.get("latents"))
                if picture is not None:
                    emit(Preview(*picture, index))
            return values

        accepted = inspect.signature(pipeline.__call__).parameters
        arguments: dict[str, Any] = {
            "prompt": task.prompt,
            "negative_prompt": task.negative_prompt or None,
            "width": task.width,
            "height": task.height,
            "num_inference_steps": task.steps,
            "guidance_scale": task.guidance_scale,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "callback_on_step_end": after_step,
            "callback_on_step_end_tensor_inputs": ["latents"],
            "output_type": "np",
        }
        checker = getattr(pipeline, "safety_checker", None)
        if task.allow_unsafe and checker is not None:
            pipeline.safety_checker = None
        try:
            result = pipeline(**{name: value for name, value in arguments.items() if name in accepted})
        finally:
            if checker is not None:
                pipeline.safety_checker = checker
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise PermissionDenied(
                "the model's safety checker flagged this picture, and the capability does not allow unsafe pictures; "
                "change the prompt or the seed",
                reason="UNSAFE_PICTURE",
                field="allow_unsafe",
                limit="false",
                asked=f"seed {seed}",
            )
        pixels = to_bytes(result.images[0])
        return RawImage(pixels.tobytes(), pixels.shape[1], pixels.shape[0], pixels.shape[2], seed)


def to_bytes(image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height x width x bands bytes from floats in 0 to 1; what is not a number becomes black."""
    scaled: np.ndarray[Any, np.dtype[Any]] = np.nan_to_num(np.clip(image, 0, 1)) * 255
    return scaled.round().astype(np.uint8)


def preview(pipeline: Any, latents: Any) -> tuple[bytes, int, int] | None:
    """A small JPEG of unfinished latents, where the model's autoencoder is cheap enough to run between steps."""
    if latents is None or type(pipeline.vae).__name__ != "AutoencoderTiny":
        return None
    decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor, return_dict=False)[0]
    array = to_bytes((decoded[0].float() / 2 + 0.5).permute(1, 2, 0).cpu().numpy())
    image = Image.fromarray(array)
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue(), image.width, image.height

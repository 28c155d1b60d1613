"""Several jobs in one run of a pipeline, where that is faster on this device and comes out the same."""

from __future__ import annotations

import contextlib
import inspect
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from capabilities.errors import Canceled
from capabilities.methods.generation import Generation
from capabilities.methods.text_to_image import TextToImage
from sidecar.engines.events import CANCELED, Done, EncodedImage, Failed, RawImage
from sidecar.engines.local import diffusion, memory, pipelines, prompts
from sidecar.engines.local.cancellation import BatchItem
from sidecar.engines.local.diffusion import Loaded, Steps
from sidecar.engines.local.pixels import Pixels, as_raw, to_bytes
from sidecar.engines.local.upscalers import Upscaler

log = logging.getLogger("viwo_imagegen.engine")

TOLERANCE = 2
"""Levels of 255 by which a picture drawn with others may differ from the same drawn alone: adding up the same numbers in
another order rounds them differently. More than that switches it off for the model."""

GAIN = 1.05
"""How much faster for each picture it must be."""

Key = tuple[str, int, int, str]


class Batching:
    """Runs tasks with equal batch keys as one batch, and remembers for which models that is no good."""

    def __init__(self) -> None:
        self._worth: dict[Key, bool] = {}

    def draw(
        self,
        parts: Sequence[BatchItem],
        loaded: Loaded,
        enlarger: list[Upscaler] | None,
        alone: Callable[[BatchItem], Done],
    ) -> list[Done | Failed | None]:
        """An outcome for each job; None for one that has to be done by itself.

        The first time for a model, the first job is done by itself as well, and the two are compared.
        """
        tasks = [part.task for part in parts if isinstance(part.task, TextToImage)]
        key = (tasks[0].model_id, tasks[0].width, tasks[0].height, tasks[0].scheduler)
        if len(tasks) != len(parts) or not self._worth.get(key, True):
            return [None] * len(parts)
        arguments = _arguments(tasks, loaded)
        if arguments is None:
            return [None] * len(parts)
        first = None
        if key not in self._worth:
            parts[0].token.begin()
            first = alone(parts[0])
        for part in parts:
            # Those that have been canceled meanwhile are left out at the first step.
            with contextlib.suppress(Canceled):
                part.token.begin()
        started = time.perf_counter()
        made = _run(parts, tasks, loaded, enlarger, arguments)
        seconds = (time.perf_counter() - started) / len(parts)
        if first is not None and not self._is_worth(key, first, made[0], seconds):
            return [first, *([None] * (len(parts) - 1))]
        return [
            Done((image,), seconds, shared=len(parts)) if isinstance(image, RawImage) else image
            for image in made
        ]

    def _is_worth(self, key: Key, alone: Done, with_others: RawImage | Failed | None, seconds: float) -> bool:
        if not isinstance(with_others, RawImage):
            # Canceled meanwhile, or no picture: nothing can be compared, so nothing is known.
            return False
        apart = _difference(alone.images[0], with_others)
        gain = alone.seconds / max(seconds, 1e-9)
        worth = apart <= TOLERANCE and gain >= GAIN
        log.info(
            "a batch with %s at %d x %d, %s: %.2f times as fast, %d levels apart: %s",
            *key, gain, apart, "used" if worth else "not used",
        )  # fmt: skip
        self._worth[key] = worth
        return worth


def _difference(left: RawImage | EncodedImage, right: RawImage) -> int:
    """Largest difference of any value, in levels of 255."""
    assert isinstance(left, RawImage)
    if (left.width, left.height, left.bands) != (right.width, right.height, right.bands):
        return 255
    values = [np.frombuffer(image.pixels, np.uint8).astype(np.int16) for image in (left, right)]
    return int(np.abs(values[0] - values[1]).max())


def _arguments(tasks: Sequence[TextToImage], loaded: Loaded) -> dict[str, Any] | None:
    """The prompts for one run; None where they cannot be given as plain text, all in the same way."""
    pipeline = loaded.pipeline("Text2Image")
    texts = []
    for task in tasks:
        prompt = task.prompt if task.prompt.strip() else loaded.empty_prompt
        given = {"prompt": prompt, "negative_prompt": task.negative_prompt or None}
        texts.append(prompts.conditioning(pipeline, given, 0))
    if any("prompt" not in text for text in texts):
        return None
    negatives = [text["negative_prompt"] for text in texts]
    if any(negatives) and not all(negatives):
        return None
    return {
        "prompt": [text["prompt"] for text in texts],
        "negative_prompt": negatives if any(negatives) else None,
        "generator": [torch.Generator("cpu").manual_seed(task.seed) for task in tasks],
    }


def _run(
    parts: Sequence[BatchItem],
    tasks: Sequence[Generation],
    loaded: Loaded,
    enlarger: list[Upscaler] | None,
    arguments: dict[str, Any],
) -> list[RawImage | Failed | None]:
    """As `Batching.draw` answers, with pixels."""
    pipeline, task = loaded.pipeline("Text2Image"), tasks[0]
    width, height = loaded.size or (task.width, task.height)
    pipeline.scheduler = pipelines.scheduler_for(
        loaded.shipped_scheduler, task.scheduler, has_lora=bool(task.loras)
    )
    memory.tile_if_short(pipeline, width, height * len(parts), pipeline.device.type)
    steps = _Steps(parts, tasks, (width, height))
    call = {
        **arguments,
        "width": width,
        "height": height,
        "num_inference_steps": task.steps,
        "guidance_scale": task.guidance_scale,
        "callback_on_step_end": steps,
        "callback_on_step_end_tensor_inputs": ["latents"],
        "output_type": "np",
    }
    accepted = inspect.signature(pipeline.__call__).parameters
    with diffusion.unchecked(pipeline, task.allow_unsafe):
        result = pipeline(**{name: value for name, value in call.items() if name in accepted})
    flagged = getattr(result, "nsfw_content_detected", None) or [False] * len(parts)
    outcomes: list[RawImage | Failed | None] = []
    for place, one in enumerate(tasks):
        if place in steps.canceled:
            outcomes.append(CANCELED)
        elif flagged[place]:
            outcomes.append(Failed.of(diffusion.unsafe(one.seed)))
        else:
            if not np.isfinite(result.images[place]).all():
                # By itself it is decoded once more in float32, which may be all that it takes.
                outcomes.append(None)
                continue
            pixels: Pixels = to_bytes(result.images[place])
            if loaded.size:
                pixels = diffusion.fitted(pixels, one.width, one.height, enlarger)
            outcomes.append(as_raw(pixels, one.seed))
    return outcomes


class _Steps:
    """What the pipeline calls after each step, for all the jobs at once."""

    def __init__(
        self, parts: Sequence[BatchItem], tasks: Sequence[Generation], size: tuple[int, int]
    ) -> None:
        self._parts = parts
        self._each = [
            Steps(task, 0, diffusion.Part(0, 0, task.steps), size, part.emit, part.token)
            for part, task in zip(parts, tasks, strict=True)
        ]
        self.canceled: set[int] = set()

    def __call__(self, pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        latents = values["latents"]
        for place, tell in enumerate(self._each):
            if place in self.canceled:
                continue
            try:
                tell(pipe, step, timestep, {"latents": latents[place : place + 1]})
            except Canceled:
                # Told at once; the others go on.
                self.canceled.add(place)
                self._parts[place].emit(CANCELED)
        if len(self.canceled) == len(self._parts):
            raise Canceled("every job was canceled", reason="CANCELED")
        return values

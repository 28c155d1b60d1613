"""Runs diffusers pipelines for tasks."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from capabilities.errors import FailedPrecondition, PermissionDenied
from capabilities.methods.generation import Generation
from sidecar.engines.events import Preview, Step
from sidecar.engines.local import inversions, memory, model_faults, pipelines, prompts, upscalers
from sidecar.engines.local.cancellation import CancellationToken, Emit
from sidecar.engines.local.lycoris_weights import Merged
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.pixels import Pixels, centred, resized, to_bytes
from sidecar.engines.local.previews import preview
from sidecar.engines.local.upscalers import Upscaler

log = logging.getLogger("viwo_imagegen.engine")

STEP_SECONDS = 0.2
"""A job that nobody watches tells its steps this far apart: each one costs the server's time, and so the work's."""


class Part(NamedTuple):
    """A run of a pipeline among those that one picture takes."""

    number: int
    before: int
    """Steps of the runs before it."""
    steps: int


class Loaded:
    """A model in memory: one copy of its weights, and the pipelines that use them."""

    def __init__(self, pipeline: Any, source: ModelSource) -> None:
        self.shipped_scheduler = pipeline.scheduler
        self.size = source.size
        self.granularity = source.granularity
        self.side = source.side
        self._source = source
        self.empty_prompt = source.empty_prompt
        self._first = pipeline
        self._variants: dict[str, Any] = {}

    @property
    def modules(self) -> list[Any]:
        """The networks that it is made of."""
        return list(self._first.components.values())

    def pipeline(self, kind: str) -> Any:
        """The pipeline for "Text2Image", "Image2Image" or "Inpainting". Raises FailedPrecondition where there is none."""
        if kind not in self._variants:
            self._variants[kind] = pipelines.variant(self._first, kind, self._source.id)
        return self._variants[kind]

    def controlled(self, kind: str, controlnets: list[Any]) -> Any:
        """As `pipeline`, steered by these ControlNets."""
        parts = controlnets if len(controlnets) > 1 else controlnets[0]
        return pipelines.variant(self._first, kind, self._source.id, controlnet=parts)

    @contextmanager
    def adjusted(
        self,
        loras: list[tuple[ModelSource, float]],
        embeddings: list[ModelSource],
        vae: Any | None,
        tiling: bool,
    ) -> Iterator[list[str]]:
        """LoRAs and textual inversions in, another autoencoder, seamless edges; afterwards everything is as it was.

        Yields what of them has no effect, in words.

        Raises FailedPrecondition where the model's family takes none of these.
        """
        own_vae = getattr(self._first, "vae", None)
        merged = Merged(self._first)
        try:
            warnings = pipelines.load_loras(self._first, loras, self._source.id, merged) if loras else []
            if embeddings:
                inversions.load(self._first, embeddings, self._source.id)
            if vae is not None:
                self._set_vae(vae)
            if tiling:
                self._set_padding("circular")
            yield warnings
        finally:
            if tiling:
                self._set_padding("zeros")
            if vae is not None:
                self._set_vae(own_vae)
            if embeddings:
                inversions.unload(self._first)
            if loras and hasattr(self._first, "unload_lora_weights"):
                self._first.unload_lora_weights()
            merged.undo()

    def _set_vae(self, vae: Any) -> None:
        for pipeline in (self._first, *self._variants.values()):
            pipeline.register_modules(vae=vae)

    def _set_padding(self, mode: Literal["zeros", "circular"]) -> None:
        """How convolutions see what is beyond the edge: nothing, or the other side."""
        for part in (getattr(self._first, name, None) for name in ("unet", "transformer", "vae")):
            for module in part.modules() if part is not None else ():
                if isinstance(module, torch.nn.Conv2d):
                    module.padding_mode = mode


def run(
    task: Generation,
    index: int,
    loaded: Loaded,
    pipeline: Any,
    special: Mapping[str, Any],
    emit: Emit,
    token: CancellationToken,
    part: Part | None = None,
) -> Pixels:
    """One run of a pipeline with a task's settings; `special` are the arguments of its kind.

    `part` is which of the picture's runs it is; left out: the only one.

    Raises Canceled, and PermissionDenied for a picture that the model's safety checker flagged.
    """
    token.check()
    part = part or Part(0, 0, task.total_steps // task.count)
    # Tiles begin with noise of their own: the same in each would show as a pattern.
    seed = task.seed + index + part.number * 1_000_003
    with model_faults.drawing(task.model_id):
        pipeline.scheduler = pipelines.scheduler_for(
            loaded.shipped_scheduler, task.scheduler, has_lora=bool(task.loras)
        )
        accepted = inspect.signature(pipeline.__call__).parameters
        steps = Steps(task, index, part, (special["width"], special["height"]), emit, token)

        def worded(text: str) -> str:
            return inversions.in_words(text, task.embeddings)

        arguments: dict[str, Any] = {
            "prompt": worded(task.prompt) if task.prompt.strip() else loaded.empty_prompt,
            "negative_prompt": worded(task.negative_prompt) or None,
            "num_inference_steps": task.steps,
            "guidance_scale": task.guidance_scale,
            "generator": torch.Generator("cpu").manual_seed(seed),
            "callback_on_step_end": steps,
            "callback_on_step_end_tensor_inputs": ["latents"],
            "output_type": "np",
            **special,
        }
        special_prompts = {
            "prompt_2": worded(task.prompt_2),
            "negative_prompt_2": worded(task.negative_prompt_2),
        }
        for name, value in {**special_prompts, "clip_skip": task.clip_skip}.items():
            if value and name not in accepted:
                raise FailedPrecondition(
                    f"the model '{task.model_id}' ({type(pipeline).__name__}) takes no {name}; leave it out",
                    reason="MODEL_CANNOT",
                    field=name,
                    asked=str(value)[:60],
                )
            if value:
                arguments[name] = value
        _check_clip_skip(pipeline, task)
        memory.tile_if_short(pipeline, special["width"], special["height"], pipeline.device.type)
        arguments = prompts.conditioning(pipeline, arguments, task.clip_skip)
        with _old_clip(pipeline) if task.clip_skip else nullcontext(), unchecked(pipeline, task.allow_unsafe):
            result = pipeline(**{name: value for name, value in arguments.items() if name in accepted})
        image = result.images[0]
        if not np.isfinite(image).all():
            image = decoded_whole(pipeline, steps.latents, image)
    if any(getattr(result, "nsfw_content_detected", None) or ()):
        raise unsafe(task.seed + index)
    return to_bytes(image)


def _check_clip_skip(pipeline: Any, task: Generation) -> None:
    """Raises FailedPrecondition where the text encoders have not as many layers as are to be left out."""
    encoders = [getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
    layers = [getattr(getattr(each, "config", None), "num_hidden_layers", None) for each in encoders]
    there = [count for count in layers if isinstance(count, int)]
    if not there:
        return
    # With two encoders the last layer is left out anyway.
    most = min(there) - (1 if len(there) > 1 else 0)
    if task.clip_skip > most:
        raise FailedPrecondition(
            f"the model '{task.model_id}' can go without {most} layers of its text encoder; clip_skip is {task.clip_skip}",
            reason="MODEL_CANNOT",
            field="clip_skip",
            limit=f"at most {most}",
            asked=str(task.clip_skip),
        )


def decoded_whole(pipeline: Any, latents: Any, image: Any) -> Any:
    """Latents decoded once more in float32, where it is half precision that the autoencoder cannot do with.

    `image` is what came of it before, and is answered where decoding is not to blame.
    """
    vae: Any = getattr(pipeline, "vae", None)
    if latents is None or latents.ndim != 4 or getattr(vae, "dtype", torch.float32) == torch.float32:
        return image
    if not bool(torch.isfinite(latents).all()):
        return image
    config, before = vae.config, vae.dtype
    try:
        vae.to(torch.float32)
        whole = latents.float() / config.scaling_factor + (getattr(config, "shift_factor", None) or 0)
        made = vae.decode(whole, return_dict=False)[0]
        log.warning("the autoencoder of a model came to no numbers in %s; it was decoded in float32", before)
        return pipeline.image_processor.postprocess(made, output_type="np")[0]
    finally:
        vae.to(before)


@contextmanager
def unchecked(pipeline: Any, allow_unsafe: bool) -> Iterator[None]:
    """Without the pipeline's safety checker, where that is allowed."""
    checker = getattr(pipeline, "safety_checker", None)
    if not allow_unsafe or checker is None:
        yield
        return
    pipeline.safety_checker = None
    try:
        yield
    finally:
        pipeline.safety_checker = checker


def unsafe(seed: int) -> PermissionDenied:
    return PermissionDenied(
        "the model's safety checker flagged this picture, and the capability does not allow unsafe pictures; "
        "change the prompt or the seed",
        reason="UNSAFE_PICTURE",
        field="allow_unsafe",
        limit="false",
        asked=f"seed {seed}",
    )


@contextmanager
def _old_clip(pipeline: Any) -> Iterator[None]:
    """The attribute `text_model` that diffusers' clip skip looks for, and that CLIP of transformers 5 no longer has.

    Not for longer than that: its being there tells diffusers' LoRA loader that it has the old CLIP before it.
    """
    encoder = pipeline.text_encoder
    if hasattr(encoder, "text_model"):
        yield
        return
    # Past torch's own bookkeeping: a module that holds itself would never end.
    object.__setattr__(encoder, "text_model", encoder)
    try:
        yield
    finally:
        object.__delattr__(encoder, "text_model")


def fitted(pixels: Pixels, width: int, height: int, enlarger: list[Upscaler] | None) -> Pixels:
    """A picture of another size made from one that a model draws at its only size: enlarged, scaled, centred."""
    side = min(width, height)
    while enlarger is not None and pixels.shape[0] < side:
        factor = 4 if pixels.shape[0] * 2 < side else 2
        pixels = upscalers.upscale(enlarger, pixels, factor, lambda done, of: None)
    if max(pixels.shape[:2]) > side:
        pixels = resized(pixels, side, side)
    return centred(pixels, width, height)


class Steps:
    """What a pipeline calls after each step: tells it, shows it, and stops the work when the job is canceled."""

    def __init__(
        self,
        task: Generation,
        index: int,
        part: Part,
        size: tuple[int, int],
        emit: Emit,
        token: CancellationToken,
    ) -> None:
        self._size = size
        self._index = index
        self._total = task.total_steps
        self._steps = part.steps
        self._before = index * (task.total_steps // task.count) + part.before
        self._emit = emit
        self._token = token
        self._told = time.monotonic()
        self.latents: Any = None
        """As the last step left them."""

    def __call__(self, pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        self._token.check()
        steps = self._steps
        # Second-order schedulers call back more often than once a step asked for.
        done = min(steps, (step + 1) * steps // max(1, pipe.num_timesteps))
        if step + 1 >= pipe.num_timesteps:
            self.latents = values.get("latents")
        now = time.monotonic()
        if self._token.observed or done == steps or now - self._told >= STEP_SECONDS:
            self._told = now
            self._emit(Step(self._before + done, self._total, self._index))
        every = self._token.preview_every
        if every and done % every == 0 and done < steps:
            picture = preview(pipe, values.get("latents"), self._size)
            if picture is not None:
                self._emit(Preview(*picture, self._index))
        return values

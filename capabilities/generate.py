"""`diffusers.generate`: pictures from words."""

from __future__ import annotations

import re
import secrets
from typing import Any

from capabilities import enlargers
from capabilities.arguments import GenerationArguments, TextToImageArguments
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.models import Means, ModelFacts
from capabilities.tasks import MAX_SEED, Background, LoraUse, Refinement, TextToImage

TYPE = "diffusers.generate"
EMBEDDING = re.compile(r"\bembedding:([\w/.-]*\w)")
"""How a prompt names a textual inversion."""


def text_to_image(arguments: TextToImageArguments, means: Means) -> TextToImage:
    """The complete task: every default filled in from the model, the seed drawn."""
    model = means.model(arguments.model_id)
    model.require("textToImage")
    width, height = size(arguments, model)
    settings = generation(arguments, model, means)
    if arguments.hires_fix is None:
        return TextToImage(**settings, prompt=arguments.prompt, width=width, height=height)
    model.require("imageToImage")
    if model.fixed_size:
        raise FailedPrecondition(
            f"the model '{model.id}' draws at {model.width} x {model.height} only, so a second pass adds nothing; "
            "use upscale",
            reason="MODEL_CANNOT",
            field="hiresFix",
            asked=f"{arguments.hires_fix.scale:g}",
        )
    return TextToImage(
        **settings,
        prompt=arguments.prompt,
        width=_scaled(width, arguments.hires_fix.scale, model),
        height=_scaled(height, arguments.hires_fix.scale, model),
        refine=Refinement(
            width=width,
            height=height,
            strength=arguments.hires_fix.strength,
            method=enlargers.filter_or_upscaler(arguments.hires_fix.upscaler, means),
        ),
    )


def generation(arguments: GenerationArguments, model: ModelFacts, means: Means) -> dict[str, Any]:
    """The settings that every diffusion run has, each default filled in from the model."""
    count = arguments.count or 1
    for lora in arguments.loras:
        means.model(lora.id).require("lora")
    if arguments.vae is not None:
        means.model(arguments.vae).require("vae")
    return {
        "model_id": model.id,
        "prompt_2": arguments.prompt_2,
        "negative_prompt_2": arguments.negative_prompt_2,
        "loras": tuple(LoraUse(id=lora.id, weight=lora.weight) for lora in arguments.loras),
        "embeddings": embeddings(arguments, means),
        "clip_skip": arguments.clip_skip or 0,
        "vae": arguments.vae or "",
        "tiling": arguments.tiling,
        "negative_prompt": arguments.negative_prompt,
        "steps": arguments.steps or model.steps,
        "guidance_scale": model.guidance_scale
        if arguments.guidance_scale is None
        else arguments.guidance_scale,
        "scheduler": arguments.canonical_scheduler,
        "seed": draw_seed(arguments.seed, count),
        "count": count,
        "background": background(arguments, model),
        "output": arguments.output,
    }


def embeddings(arguments: GenerationArguments, means: Means) -> tuple[str, ...]:
    """The textual inversions that the prompts name as `embedding:ID`, each once.

    Raises NotFound, PermissionDenied and FailedPrecondition as for any model.
    """
    prompt = getattr(arguments, "prompt", "")
    texts = (prompt, arguments.negative_prompt, arguments.prompt_2, arguments.negative_prompt_2)
    named = dict.fromkeys(name for text in texts for name in EMBEDDING.findall(text))
    for name in named:
        means.model(name).require("embedding")
    return tuple(named)


def size(arguments: GenerationArguments, model: ModelFacts) -> tuple[int, int]:
    """Width and height in pixels. Raises InvalidArgument where one does not divide by the model's granularity."""
    width, height = arguments.width or model.width, arguments.height or model.height
    for name, pixels in (("width", width), ("height", height)):
        if pixels % model.granularity:
            below = max(model.granularity, pixels // model.granularity * model.granularity)
            raise InvalidArgument(
                f"'{name}' must divide by {model.granularity} for the model '{model.id}'; got {pixels}, "
                f"try {below} or {below + model.granularity}",
                reason="BAD_SIZE",
                field=name,
                limit=f"a multiple of {model.granularity}",
                asked=str(pixels),
            )
    return width, height


def _scaled(pixels: int, scale: float, model: ModelFacts) -> int:
    """The nearest size that the model's granularity divides."""
    return max(1, round(pixels * scale / model.granularity)) * model.granularity


def background(arguments: GenerationArguments, model: ModelFacts) -> Background:
    """Raises FailedPrecondition or InvalidArgument where a clear background cannot be had."""
    if arguments.background != "transparent":
        return "opaque"
    if not model.plain_ground:
        raise FailedPrecondition(
            f"the model '{model.id}' does not draw on a plain ground, so its background cannot be made transparent",
            reason="NO_PLAIN_GROUND",
            field="background",
            limit="opaque",
            asked="transparent",
        )
    if arguments.format == "jpeg":
        raise InvalidArgument(
            "'format' jpeg has no transparency; use png or webp, or an opaque background",
            reason="BAD_ARGUMENT",
            field="format",
            limit="png, webp",
            asked="jpeg",
        )
    return "transparent"


def draw_seed(asked: int | None, count: int) -> int:
    """The seed of the first picture, leaving room for the seeds of the others."""
    if asked is None:
        return secrets.randbelow(2**31)
    if asked + count - 1 > MAX_SEED:
        raise InvalidArgument(
            f"'seed' plus 'count' must stay at or below {MAX_SEED}; got {asked} and {count}",
            reason="BAD_ARGUMENT",
            field="seed",
            limit=f"at most {MAX_SEED - count + 1}",
            asked=str(asked),
        )
    return asked

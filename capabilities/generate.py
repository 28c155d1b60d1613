"""`diffusers.generate`: pictures from words."""

from __future__ import annotations

import secrets
from typing import Any

from capabilities.arguments import GenerationArguments, TextToImageArguments
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.models import Means, ModelFacts
from capabilities.tasks import MAX_SEED, Background, LoraUse, TextToImage

TYPE = "diffusers.generate"


def text_to_image(arguments: TextToImageArguments, means: Means) -> TextToImage:
    """The complete task: every default filled in from the model, the seed drawn."""
    model = means.model(arguments.model_id)
    require_method(model, "textToImage")
    width, height = size(arguments, model)
    return TextToImage(
        **generation(arguments, model, means), prompt=arguments.prompt, width=width, height=height
    )


def generation(arguments: GenerationArguments, model: ModelFacts, means: Means) -> dict[str, Any]:
    """The settings that every diffusion run has, each default filled in from the model."""
    count = arguments.count or 1
    for lora in arguments.loras:
        require_method(means.model(lora.id), "lora")
    if arguments.vae is not None:
        require_method(means.model(arguments.vae), "vae")
    return {
        "model_id": model.id,
        "prompt_2": arguments.prompt_2,
        "negative_prompt_2": arguments.negative_prompt_2,
        "loras": tuple(LoraUse(id=lora.id, weight=lora.weight) for lora in arguments.loras),
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


def require_method(model: ModelFacts, method: str) -> None:
    """Raises FailedPrecondition where the model cannot do the method."""
    if method not in model.methods:
        raise FailedPrecondition(
            f"the model '{model.id}' cannot do {method}; it can do {', '.join(sorted(model.methods)) or 'nothing here'}",
            reason="MODEL_CANNOT",
            field="modelId",
            limit=", ".join(sorted(model.methods)),
            asked=method,
        )

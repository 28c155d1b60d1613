"""`diffusers.generate`: pictures from words."""

from __future__ import annotations

import secrets

from capabilities.arguments import GenerationArguments, TextToImageArguments
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.models import ModelFacts
from capabilities.tasks import MAX_SEED, Output, TextToImage

TYPE = "diffusers.generate"


def text_to_image(arguments: TextToImageArguments, model: ModelFacts) -> TextToImage:
    """The complete task: every default filled in from the model, the seed drawn."""
    require_method(model, "textToImage")
    count = arguments.count or 1
    width, height = size(arguments, model)
    return TextToImage(
        model_id=model.id,
        prompt=arguments.prompt,
        negative_prompt=arguments.negative_prompt,
        width=width,
        height=height,
        steps=arguments.steps or model.steps,
        guidance_scale=model.guidance_scale if arguments.guidance_scale is None else arguments.guidance_scale,
        scheduler=arguments.canonical_scheduler,
        seed=draw_seed(arguments.seed, count),
        count=count,
        output=Output(format=arguments.format or "png", quality=arguments.quality or 90),
    )


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

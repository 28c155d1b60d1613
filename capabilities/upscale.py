"""`diffusers.upscale`: larger pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import ModelId, PictureArguments, spelled
from capabilities.errors import InvalidArgument
from capabilities.generate import require_method
from capabilities.models import Means
from capabilities.operations import Resample
from capabilities.tasks import Upscale, UpscaleTraditional

TYPE = "diffusers.upscale"
DEFAULT_UPSCALER = "realesrgan-x4plus"
ALIASES = {
    "esrgan": "realesrgan-x4plus",
    "realesrgan": "realesrgan-x4plus",
    "realesrgan-anime": "realesrgan-x4plus-anime",
    "anime": "realesrgan-x4plus-anime",
    "fast": "realesr-animevideov3",
}
"""Short names of the upscalers that come along."""


class UpscaleTraditionalArguments(PictureArguments):
    method: Annotated[
        Resample | None,
        Field(description="Resampling filter; left out: lanczos.", validation_alias=spelled("method")),
    ] = None
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


class UpscaleArguments(PictureArguments):
    model_id: Annotated[
        ModelId | None,
        Field(description="Upscaler: realesrgan, realesrgan-anime, fast, or a model id.",
              validation_alias=spelled("model_id", "model", "upscaler")),
    ] = None  # fmt: skip
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


def upscale(arguments: UpscaleArguments, means: Means) -> Upscale:
    """The complete task. Raises InvalidArgument for a factor that is neither 2 nor 4."""
    name = arguments.model_id or DEFAULT_UPSCALER
    model = means.model(ALIASES.get(name.lower(), name))
    require_method(model, "upscale")
    factor = _factor(arguments.factor, 4 if model.factor >= 4 else 2, f"for '{model.id}'")
    picture = means.pictures["image"]
    return Upscale(
        model_id=model.id,
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        output=arguments.output,
    )


def upscale_traditional(arguments: UpscaleTraditionalArguments, means: Means) -> UpscaleTraditional:
    """The complete task: interpolation, which needs no model."""
    factor = _factor(arguments.factor, 4, "")
    picture = means.pictures["image"]
    return UpscaleTraditional(
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        method=arguments.method or "lanczos",
        output=arguments.output,
    )


def _factor(asked: int | None, largest: Literal[2, 4], why: str) -> Literal[2, 4]:
    """The factor, 4 (or the largest) where none is asked for. Raises InvalidArgument for another than 2 or 4."""
    if asked is None:
        return largest
    if asked == 2 or (asked == 4 and largest == 4):
        return 2 if asked == 2 else 4
    allowed = "2 or 4" if largest == 4 else "2"
    raise InvalidArgument(
        f"'factor' must be {allowed}{' ' if why else ''}{why}; got {asked}",
        reason="BAD_ARGUMENT",
        field="factor",
        limit=allowed,
        asked=str(asked),
    )

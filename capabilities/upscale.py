"""`diffusers.upscale`: larger pictures."""

from __future__ import annotations

from capabilities.arguments import UpscaleArguments
from capabilities.errors import InvalidArgument
from capabilities.generate import require_method
from capabilities.models import Means
from capabilities.tasks import Upscale

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


def upscale(arguments: UpscaleArguments, means: Means) -> Upscale:
    """The complete task. Raises InvalidArgument for a factor that is neither 2 nor 4."""
    name = arguments.model_id or DEFAULT_UPSCALER
    model = means.model(ALIASES.get(name.lower(), name))
    require_method(model, "upscale")
    factor = 4 if arguments.factor is None else arguments.factor
    if factor not in (2, 4) or factor > model.factor:
        raise InvalidArgument(
            f"'factor' must be {'2 or 4' if model.factor >= 4 else '2'} for '{model.id}'; got {factor}",
            reason="BAD_ARGUMENT",
            field="factor",
            limit="2 or 4" if model.factor >= 4 else "2",
            asked=str(factor),
        )
    picture = means.pictures["image"]
    return Upscale(
        model_id=model.id,
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        output=arguments.output,
    )

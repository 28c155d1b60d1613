"""What enlarges a picture: the short names of upscalers, and resampling filters."""

from __future__ import annotations

from capabilities.models import Means, ModelFacts
from capabilities.operations import RESAMPLES

DEFAULT_UPSCALER = "realesrgan-x4plus"
DEFAULT_FILTER = "lanczos"
_ALIASES = {
    "esrgan": "realesrgan-x4plus",
    "realesrgan": "realesrgan-x4plus",
    "realesrgan-anime": "realesrgan-x4plus-anime",
    "anime": "realesrgan-x4plus-anime",
    "fast": "realesr-animevideov3",
}


def upscaler(asked: str | None, means: Means) -> ModelFacts:
    """The upscaler of that id or short name, or the default one. Raises NotFound, PermissionDenied, FailedPrecondition."""
    name = asked or DEFAULT_UPSCALER
    model = means.model(_ALIASES.get(name.lower(), name))
    model.require("upscale")
    return model


def filter_or_upscaler(asked: str | None, means: Means) -> str:
    """A resampling filter as it is, or the id of an upscaler; lanczos where nothing is asked for."""
    name = asked or DEFAULT_FILTER
    return name if name in RESAMPLES else upscaler(name, means).id

"""What enlarges a picture: short names of upscalers, resampling filters, and factors."""

from __future__ import annotations

import re
from typing import Literal

from capabilities.errors import InvalidArgument
from capabilities.models import Means, ModelFacts, usable_model
from capabilities.operations import RESAMPLES
from capabilities.tasks import PictureTask, Size

DEFAULT_UPSCALER = "realesrgan-x4plus"
DEFAULT_FILTER = "lanczos"
_ALIASES = {
    "esrgan": "realesrgan-x4plus",
    "realesrgan": "realesrgan-x4plus",
    "realesrgan-anime": "realesrgan-x4plus-anime",
    "anime": "realesrgan-x4plus-anime",
    "fast": "realesr-animevideov3",
}


def upscaler(asked: str | None, means: Means, field: str) -> ModelFacts:
    """The upscaler of that id or short name, or the default one. Raises NotFound, PermissionDenied, FailedPrecondition."""
    name = asked or DEFAULT_UPSCALER
    return usable_model(means, _ALIASES.get(name.lower(), name), "upscale", field=field)


def filter_or_upscaler(asked: str | None, means: Means, field: str) -> str:
    """A resampling filter as it is, or the id of an upscaler; lanczos where nothing is asked for."""
    name = asked or DEFAULT_FILTER
    return name if name in RESAMPLES else upscaler(name, means, field).id


class EnlargedTask(PictureTask):
    """A picture made larger by a whole number."""

    factor: Literal[2, 4]

    def sized(self, width: int, height: int) -> Size:
        return width * self.factor, height * self.factor


def allowed_factor(asked: int | None, largest: Literal[2, 4], why: str) -> Literal[2, 4]:
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


def native_factor(name: str) -> int:
    """How much an upscaler's network enlarges, as far as its name tells; 4 where it does not."""
    found = re.search(r"(?<![a-z0-9])x([1248])(?![0-9])|(?<![0-9])([1248])x(?![a-z])", name, re.IGNORECASE)
    return int(found.group(1) or found.group(2)) if found else 4

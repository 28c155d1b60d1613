"""Diffusion runs that keep a part of their picture: what `inpaint` and `outpaint` have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.generation import GenerationArguments
from capabilities.methods.initial_image import InitialImage, InitialImageArguments

MAX_FEATHER = 256
"""Widest soft edge, in pixels."""


class MaskedArguments(InitialImageArguments):
    """A diffusion run that keeps a part of its picture."""

    feather: Annotated[
        int | None,
        Field(ge=0, le=MAX_FEATHER, description="Soft edge around the new part, in pixels.",
              validation_alias=spelled("feather", "mask_blur")),
    ] = None  # fmt: skip


class Masked(InitialImage):
    """A part of a picture regenerated; the rest stays bit for bit."""

    feather: Annotated[int, Field(ge=0, le=MAX_FEATHER)]
    """Pixels outside the regenerated part over which new and old are blended."""


def refuse_size(arguments: GenerationArguments, why: str) -> None:
    """Raises InvalidArgument where a size was asked for that another thing decides."""
    for name in ("width", "height"):
        if getattr(arguments, name) is not None:
            raise InvalidArgument(f"'{name}' cannot be set: {why}", reason="BAD_ARGUMENT", field=name)

"""Diffusion runs that keep a part of their picture: what `inpaint`, `outpaint` and `apply` have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from capabilities.arguments import Arguments, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.generation import GenerationArguments
from capabilities.models import ModelFacts, Picture
from capabilities.tasks import Side

MAX_FEATHER = 256
"""Widest soft edge, in pixels."""
FEATHER = 4
"""Width of the soft edge where nothing is asked for, in pixels."""
MASK_THRESHOLD = 16
"""Above what a lossy file leaves where black was meant; a soft mask begins just above it."""

Feather = Annotated[int, Field(ge=0, le=MAX_FEATHER)]
"""Pixels outside the regenerated part over which new and old are blended."""
CropPadding = Annotated[int | None, Field(ge=0)]
"""Work on the masked region only, enlarged to the model's own size, with this many pixels around it."""
MaskThreshold = Annotated[int, Field(ge=0, le=255)]
"""What the mask has up to this, of 255, is noise and is kept; 0 in tasks of earlier releases."""


class FeatherArgument(Arguments):
    feather: Annotated[
        int | None,
        Field(ge=0, le=MAX_FEATHER, description="Soft edge around the new part, in pixels.",
              validation_alias=spelled("feather", "mask_blur")),
    ] = None  # fmt: skip


class MaskArguments(FeatherArgument):
    """How a mask is read, and what it leads to."""

    crop_padding: Annotated[
        int | None,
        Field(ge=0, le=4096, description="Work on the masked region only, enlarged, with this many pixels around it.",
              validation_alias=spelled("crop_padding", "padding", "only_masked_padding")),
    ] = None  # fmt: skip
    mask_threshold: Annotated[
        int | None,
        Field(ge=0, le=255, description="Parts of the mask that are no brighter than this, of 255, are kept; left out: 16.",
              validation_alias=spelled("mask_threshold")),
    ] = None  # fmt: skip
    mask_fit: Annotated[
        Literal["refuse", "scale"] | None,
        Field(description="What to do with a mask of another size than the picture.",
              validation_alias=spelled("mask_fit")),
    ] = None  # fmt: skip


def mask_settings(
    arguments: MaskArguments, mask: Picture, picture: Picture, model: ModelFacts
) -> dict[str, Any]:
    """A task's fields for the mask, the defaults filled in.

    Raises InvalidArgument for a mask of another size than the picture, unless it may be scaled.
    """
    if (mask.width, mask.height) != (picture.width, picture.height) and arguments.mask_fit != "scale":
        raise InvalidArgument(
            f"'mask' is {mask.width} x {mask.height} pixels, the picture {picture.width} x {picture.height}; "
            "give a mask of that size, or mask_fit: 'scale'",
            reason="MASK_SIZE",
            field="mask",
            limit=f"{picture.width} x {picture.height}",
            asked=f"{mask.width} x {mask.height}",
        )
    return {
        "mask": mask.ref,
        "width": picture.width,
        "height": picture.height,
        "feather": FEATHER if arguments.feather is None else arguments.feather,
        "crop_padding": arguments.crop_padding,
        "mask_threshold": MASK_THRESHOLD if arguments.mask_threshold is None else arguments.mask_threshold,
        "crop_side": None if arguments.crop_padding is None else model.side,
    }


def cropped_compute(width: int, height: int, crop_side: Side | None, steps: int) -> float:
    """Megapixel-steps, where a masked region may be enlarged to a side of `crop_side` pixels."""
    side = crop_side or 0
    return max(width * height, side * side) * steps / 1_000_000


def refuse_size(arguments: GenerationArguments, why: str) -> None:
    """Raises InvalidArgument where a size was asked for that another thing decides."""
    for name in ("width", "height"):
        if getattr(arguments, name) is not None:
            raise InvalidArgument(f"'{name}' cannot be set: {why}", reason="BAD_ARGUMENT", field=name)

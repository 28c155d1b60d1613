"""`inpaint`: the white part of a mask regenerated, the rest kept bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import PictureSource, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.methods.initial_image import image_generation
from capabilities.methods.masked import Masked, MaskedArguments, refuse_size
from capabilities.models import Means, usable_model
from capabilities.tasks import Extent, Side, Size

STRENGTH = 1.0
"""How far to go from what is there where nothing is asked for: all the way."""
FEATHER = 4
"""Width of the soft edge where nothing is asked for, in pixels."""

MASK_THRESHOLD = 16
"""Above what a lossy file leaves where black was meant; a soft mask begins just above it."""


class InpaintArguments(MaskedArguments):
    mask: Annotated[
        PictureSource,
        Field(
            description="White is regenerated, black is kept.", validation_alias=spelled("mask", "mask_image")
        ),
    ]
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

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image, "mask": self.mask}


class Inpaint(Masked):
    """The picture with the white parts of a mask regenerated."""

    kind: Literal["inpaint"] = "inpaint"
    mask: str
    crop_padding: Annotated[int | None, Field(ge=0)] = None
    """Work on the masked region only, enlarged to the model's own size, with this many pixels around it."""
    mask_threshold: Annotated[int, Field(ge=0, le=255)] = 0
    """What the mask has up to this, of 255, is noise and is kept; 0 in tasks of earlier releases."""
    crop_side: Side | None = None
    """Longer side at which a smaller region is generated, in pixels; None in tasks of earlier releases: the model's."""

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image, "mask": self.mask}

    @property
    def on_the_way(self) -> Sequence[Extent]:
        side = self.crop_side or 0
        return (Extent("crop", side, side),) if side > max(self.width, self.height) else ()

    @property
    def compute(self) -> float:
        side = self.crop_side or 0
        return max(self.width * self.height, side * side) * self.total_steps / 1_000_000

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return sizes["image"] == (self.width, self.height)


def inpaint(arguments: InpaintArguments, means: Means) -> Inpaint:
    """The complete task. Raises InvalidArgument for a mask of another size, unless it may be fitted."""
    model = usable_model(means, arguments.model_id, "inpaint")
    picture, mask = means.pictures["image"], means.pictures["mask"]
    refuse_size(arguments, "inpaint keeps the size of the picture")
    if (mask.width, mask.height) != (picture.width, picture.height) and arguments.mask_fit != "scale":
        raise InvalidArgument(
            f"'mask' is {mask.width} x {mask.height} pixels, the picture {picture.width} x {picture.height}; "
            "give a mask of that size, or mask_fit: 'scale'",
            reason="MASK_SIZE",
            field="mask",
            limit=f"{picture.width} x {picture.height}",
            asked=f"{mask.width} x {mask.height}",
        )
    return Inpaint(
        **image_generation(arguments, model, means, STRENGTH),
        image=picture.ref,
        mask=mask.ref,
        width=picture.width,
        height=picture.height,
        feather=FEATHER if arguments.feather is None else arguments.feather,
        crop_padding=arguments.crop_padding,
        mask_threshold=MASK_THRESHOLD if arguments.mask_threshold is None else arguments.mask_threshold,
        crop_side=None if arguments.crop_padding is None else model.side,
    )


METHOD = Method(
    capability_type="diffusers.inpaint",
    name="inpaint",
    label="Inpaint",
    description="Regenerates the white part of a mask and keeps the rest.",
    rpc="Inpaint",
    positional=("image", "mask", "prompt"),
    arguments=InpaintArguments,
    task=Inpaint,
    build=inpaint,
)

"""`inpaint`: the white part of a mask regenerated, the rest kept bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import PictureSource, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.initial_image import InitialImage, InitialImageArguments, image_generation
from capabilities.methods.masked import (
    CropPadding,
    Feather,
    MaskArguments,
    MaskThreshold,
    cropped_compute,
    mask_settings,
    refuse_size,
)
from capabilities.models import Means, usable_model
from capabilities.tasks import Extent, Side, Size

STRENGTH = 1.0
"""How far to go from what is there where nothing is asked for: all the way."""


class InpaintArguments(MaskArguments, InitialImageArguments):
    mask: Annotated[
        PictureSource,
        Field(
            description="White is regenerated, black is kept.", validation_alias=spelled("mask", "mask_image")
        ),
    ]

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image, "mask": self.mask}


class Inpaint(InitialImage):
    """The picture with the white parts of a mask regenerated; the rest stays bit for bit."""

    kind: Literal["inpaint"] = "inpaint"
    mask: str
    feather: Feather
    crop_padding: CropPadding = None
    mask_threshold: MaskThreshold = 0
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
    def compute_of_steps(self) -> float:
        return cropped_compute(self.width, self.height, self.crop_side, self.total_steps)

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return sizes["image"] == (self.width, self.height)


def inpaint(arguments: InpaintArguments, means: Means) -> Inpaint:
    """The complete task. Raises InvalidArgument for a mask of another size, unless it may be fitted."""
    model = usable_model(means, arguments.model_id, "inpaint")
    picture = means.pictures["image"]
    refuse_size(arguments, "inpaint keeps the size of the picture")
    return Inpaint(
        **image_generation(arguments, model, means, STRENGTH)
        | mask_settings(arguments, means.pictures["mask"], picture, model),
        image=picture.ref,
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

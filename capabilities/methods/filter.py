"""`filter`: a picture blurred, sharpened or turned grey."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import PictureArguments, spelled
from capabilities.imaging import BLUR_SIGMA
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Filter


class FilterArguments(PictureArguments):
    filter: Annotated[
        Literal["blur", "sharpen", "grayscale"],
        Field(description="Which filter.", validation_alias=spelled("filter", "kind", "name")),
    ]
    sigma: Annotated[
        float,
        Field(gt=0, le=250, description="Radius of the blur, in pixels.", validation_alias=spelled("sigma", "radius")),
    ] = BLUR_SIGMA  # fmt: skip


def filter_image(arguments: FilterArguments, means: Means) -> Edit:
    return edited(arguments, means, Filter(name=arguments.filter, sigma=arguments.sigma))


METHOD = Method(
    capability_type="image.edit",
    name="filter",
    label="Filter",
    description="Blurs, sharpens or turns grey.",
    rpc="Edit",
    positional=("image", "filter"),
    arguments=FilterArguments,
    task=Edit,
    build=filter_image,
)

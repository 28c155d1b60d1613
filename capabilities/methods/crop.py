"""`crop`: a part cut out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import PictureArguments, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Crop


class CropArguments(PictureArguments):
    x: Annotated[int, Field(ge=0, description="Left edge, in pixels.", validation_alias=spelled("x"))]
    y: Annotated[int, Field(ge=0, description="Top edge, in pixels.", validation_alias=spelled("y"))]
    width: Annotated[int, Field(ge=1, description="Pixels.", validation_alias=spelled("width"))]
    height: Annotated[int, Field(ge=1, description="Pixels.", validation_alias=spelled("height"))]


def crop(arguments: CropArguments, means: Means) -> Edit:
    part = Crop(x=arguments.x, y=arguments.y, width=arguments.width, height=arguments.height)
    return edited(arguments, means, part)


METHOD = Method(
    capability_type="image.edit",
    name="crop",
    label="Crop",
    description="Cuts out a part.",
    rpc="Edit",
    positional=("image", "x", "y", "width", "height"),
    arguments=CropArguments,
    task=Edit,
    build=crop,
)

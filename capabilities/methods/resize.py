"""`resize`: a picture brought to another size."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import LONGEST_SIDE, PictureArguments, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Resample, Resize


class ResizeArguments(PictureArguments):
    width: Annotated[
        int,
        Field(
            ge=0, le=LONGEST_SIDE, description="Pixels; 0: in proportion.", validation_alias=spelled("width")
        ),
    ] = 0
    height: Annotated[
        int,
        Field(
            ge=0, le=LONGEST_SIDE, description="Pixels; 0: in proportion.", validation_alias=spelled("height")
        ),
    ] = 0
    method: Annotated[
        Resample, Field(description="Resampling filter.", validation_alias=spelled("method"))
    ] = "lanczos"


def resize(arguments: ResizeArguments, means: Means) -> Edit:
    size = Resize(width=arguments.width, height=arguments.height, method=arguments.method)
    return edited(arguments, means, size)


METHOD = Method(
    capability_type="image.edit",
    name="resize",
    label="Resize",
    description="Brings a picture to another size.",
    rpc="Edit",
    positional=("image", "width", "height"),
    arguments=ResizeArguments,
    task=Edit,
    build=resize,
)

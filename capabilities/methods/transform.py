"""`transform`: a picture rotated, then scaled."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import PictureArguments, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Transform


class TransformArguments(PictureArguments):
    rotation: Annotated[
        float,
        Field(
            allow_inf_nan=False,
            description="Degrees, clockwise.",
            validation_alias=spelled("rotation", "angle"),
        ),
    ] = 0.0
    scale: Annotated[
        float,
        Field(gt=-1e6, lt=1e6, description="Factor, after the rotation.", validation_alias=spelled("scale")),
    ] = 1.0


def transform(arguments: TransformArguments, means: Means) -> Edit:
    return edited(arguments, means, Transform(rotation=arguments.rotation, scale=arguments.scale))


METHOD = Method(
    capability_type="image.edit",
    name="transform",
    label="Transform",
    description="Rotates a picture clockwise, then scales it.",
    rpc="Edit",
    positional=("image", "rotation", "scale"),
    arguments=TransformArguments,
    task=Edit,
    build=transform,
)

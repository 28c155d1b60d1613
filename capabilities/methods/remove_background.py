"""`removeBackground`: the ground around a subject made transparent."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import ModelId, PictureArguments, spelled
from capabilities.errors import InvalidArgument
from capabilities.imaging import TOLERANCE
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited, with_model
from capabilities.models import Means
from capabilities.operations import RemoveBackground


class RemoveBackgroundArguments(PictureArguments):
    tolerance: Annotated[
        int,
        Field(ge=0, le=255, description="Distance to the ground's colour that still counts as ground.",
              validation_alias=spelled("tolerance")),
    ] = TOLERANCE  # fmt: skip
    model_id: Annotated[
        ModelId | None,
        Field(description="Matting model, or 'none' to go by the border's colour; left out: a matting model where there is one.",
              validation_alias=spelled("model_id", "model")),
    ] = None  # fmt: skip


def remove_background(arguments: RemoveBackgroundArguments, means: Means) -> Edit:
    if arguments.format == "jpeg":
        raise InvalidArgument(
            "'format' jpeg has no transparency; use png or webp",
            reason="BAD_ARGUMENT",
            field="format",
            limit="png, webp",
            asked="jpeg",
        )
    operation = RemoveBackground(tolerance=arguments.tolerance, model=arguments.model_id or "")
    return edited(arguments, means, with_model(operation, means, "model_id"))


METHOD = Method(
    capability_type="image.edit",
    name="removeBackground",
    label="Remove background",
    description="Makes the ground around a subject transparent.",
    rpc="Edit",
    positional=("image",),
    arguments=RemoveBackgroundArguments,
    task=Edit,
    build=remove_background,
)

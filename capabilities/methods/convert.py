"""`convert`: a picture in another format."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import PictureArguments, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Transform


class ConvertArguments(PictureArguments):
    preserve_metadata: Annotated[
        bool,
        Field(
            description="Keep the prompt, the seed and what else the file says of the picture.",
            validation_alias=spelled("preserve_metadata"),
        ),
    ] = True


def convert(arguments: ConvertArguments, means: Means) -> Edit:
    """Another encoding of the same pixels: an edit that changes nothing but the file."""
    if arguments.format is None:
        raise InvalidArgument("'format' is required", reason="MISSING_ARGUMENT", field="format")
    task = edited(arguments, means, Transform())
    return task.model_copy(update={"keeps_metadata": arguments.preserve_metadata})


METHOD = Method(
    capability_type="image.edit",
    name="convert",
    label="Convert",
    description="Encodes a picture in another format.",
    rpc="Convert",
    positional=("image", "format"),
    arguments=ConvertArguments,
    task=Edit,
    build=convert,
)

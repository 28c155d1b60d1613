"""`convert`: a picture in another format."""

from __future__ import annotations

from capabilities.arguments import PictureArguments
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Transform


class ConvertArguments(PictureArguments):
    pass


def convert(arguments: ConvertArguments, means: Means) -> Edit:
    """Another encoding of the same pixels: an edit that changes nothing but the file."""
    if arguments.format is None:
        raise InvalidArgument("'format' is required", reason="MISSING_ARGUMENT", field="format")
    return edited(arguments, means, Transform())


METHOD = Method(
    capability_type="image.edit",
    name="convert",
    label="Convert",
    description="Encodes a picture in another format.",
    rpc="Edit",
    positional=("image", "format"),
    arguments=ConvertArguments,
    task=Edit,
    build=convert,
)

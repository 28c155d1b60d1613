"""`composite`: a picture laid on top of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from capabilities.arguments import PictureArguments, PictureSource, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.edit import Edit, edited
from capabilities.models import Means
from capabilities.operations import Blend, Composite


class CompositeArguments(PictureArguments):
    overlay: Annotated[
        PictureSource, Field(description="The picture laid on top.", validation_alias=spelled("overlay"))
    ]
    x: Annotated[int, Field(description="Left edge of it, in pixels.", validation_alias=spelled("x"))] = 0
    y: Annotated[int, Field(description="Top edge of it, in pixels.", validation_alias=spelled("y"))] = 0
    blend: Annotated[
        Blend,
        Field(description="How the colours are combined.", validation_alias=spelled("blend", "blend_mode")),
    ] = "normal"

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image, "overlay": self.overlay}


def composite(arguments: CompositeArguments, means: Means) -> Edit:
    overlay = means.pictures["overlay"].ref
    operation = Composite(overlay=overlay, x=arguments.x, y=arguments.y, blend=arguments.blend)
    return edited(arguments, means, operation)


METHOD = Method(
    capability_type="image.edit",
    name="composite",
    label="Composite",
    description="Lays a picture on top of another.",
    rpc="Edit",
    positional=("image", "overlay", "x", "y"),
    arguments=CompositeArguments,
    task=Edit,
    build=composite,
)

"""`preprocess`: the control picture of an ordinary one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from capabilities.arguments import PictureArguments, spelled
from capabilities.methods.control_types import CONTROL_TYPES, control_type
from capabilities.methods.declaration import Method
from capabilities.models import Means, usable_model
from capabilities.tasks import PictureTask, Side


class PreprocessArguments(PictureArguments):
    type: Annotated[
        str,
        Field(max_length=64, description="Control type, such as 'canny'.", validation_alias=spelled("type")),
    ]
    low: Annotated[
        int,
        Field(ge=0, le=255, description="canny: weaker edges than this are dropped.",
              validation_alias=spelled("low", "low_threshold")),
    ] = 100  # fmt: skip
    high: Annotated[
        int,
        Field(ge=0, le=255, description="canny: stronger edges than this are kept.",
              validation_alias=spelled("high", "high_threshold")),
    ] = 200  # fmt: skip
    resolution: Annotated[
        int,
        Field(ge=64, le=4096, description="Side at which a model looks at the picture, in pixels.",
              validation_alias=spelled("resolution", "detect_resolution")),
    ] = 512  # fmt: skip
    blur: Annotated[
        int, Field(ge=1, le=64, description="tile: how many times smaller the detail is that goes.",
                   validation_alias=spelled("blur", "down_sampling_rate"))
    ] = 4  # fmt: skip


class Preprocess(PictureTask):
    """A control picture made from an ordinary one."""

    kind: Literal["preprocess"] = "preprocess"
    type: str
    low: Annotated[int, Field(ge=0, le=255)]
    high: Annotated[int, Field(ge=0, le=255)]
    resolution: Side
    blur: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _has_its_model(self) -> Self:
        known = CONTROL_TYPES.get(self.type)
        if not self.model_id and (known is None or known.preprocessor):
            raise ValueError(f"control pictures of type '{self.type}' are made by a model")
        return self

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "preprocess"),) if self.model_id else ()

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"control_type": self.type}


def preprocess(arguments: PreprocessArguments, means: Means) -> Preprocess:
    """The complete task. Raises InvalidArgument for an unknown type."""
    kind = control_type(arguments.type, "type")
    picture = means.pictures["image"]
    model_id = ""
    if kind.preprocessor:
        model_id = usable_model(means, kind.preprocessor, "preprocess", field="type").id
    return Preprocess(
        model_id=model_id,
        image=picture.ref,
        type=kind.name,
        width=picture.width,
        height=picture.height,
        low=min(arguments.low, arguments.high),
        high=arguments.high,
        resolution=arguments.resolution,
        blur=arguments.blur,
        output=arguments.output,
    )


METHOD = Method(
    capability_type="controlnet.generate",
    name="preprocess",
    label="Preprocess",
    description="Makes a control picture from an ordinary one.",
    rpc="Preprocess",
    positional=("image", "type"),
    arguments=PreprocessArguments,
    task=Preprocess,
    build=preprocess,
)

"""`upscaleTraditional`: a larger picture by interpolation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import PictureArguments, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.upscalers import DEFAULT_FILTER, EnlargedTask, allowed_factor
from capabilities.models import Means
from capabilities.operations import Operation, Resample, Resize


class UpscaleTraditionalArguments(PictureArguments):
    method: Annotated[
        Resample | None,
        Field(description="Resampling filter; left out: lanczos.", validation_alias=spelled("method")),
    ] = None
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


class UpscaleTraditional(EnlargedTask):
    """A larger picture by interpolation."""

    kind: Literal["upscale_traditional"] = "upscale_traditional"
    method: Resample

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (Resize(width=self.width, height=self.height, method=self.method),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor, "resampling": self.method}


def upscale_traditional(arguments: UpscaleTraditionalArguments, means: Means) -> UpscaleTraditional:
    """The complete task: interpolation, which needs no model."""
    factor = allowed_factor(arguments.factor, 4, "")
    picture = means.pictures["image"]
    return UpscaleTraditional(
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        method=arguments.method or DEFAULT_FILTER,
        output=arguments.output,
    )


METHOD = Method(
    capability_type="diffusers.upscale",
    name="upscaleTraditional",
    label="Upscale (interpolation)",
    description="Enlarges a picture by interpolation, with no model.",
    rpc="UpscaleTraditional",
    positional=("image", "method", "factor"),
    arguments=UpscaleTraditionalArguments,
    task=UpscaleTraditional,
    build=upscale_traditional,
)

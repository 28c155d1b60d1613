"""`upscale`: a larger picture from a trained upscaler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import ModelId, PictureArguments, spelled
from capabilities.methods.declaration import Method
from capabilities.methods.upscalers import EnlargedTask, allowed_factor, upscaler
from capabilities.models import Means


class UpscaleArguments(PictureArguments):
    model_id: Annotated[
        ModelId | None,
        Field(description="Upscaler: realesrgan, realesrgan-anime, fast, or a model id.",
              validation_alias=spelled("model_id", "model", "upscaler")),
    ] = None  # fmt: skip
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


class Upscale(EnlargedTask):
    """A larger picture from a trained upscaler."""

    kind: Literal["upscale"] = "upscale"
    model_id: Annotated[str, Field(min_length=1)]

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "upscale"),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor}


def upscale(arguments: UpscaleArguments, means: Means) -> Upscale:
    """The complete task. Raises InvalidArgument for a factor that is neither 2 nor 4."""
    model = upscaler(arguments.model_id, means, "model_id")
    factor = allowed_factor(arguments.factor, 4 if model.factor >= 4 else 2, f"for '{model.id}'")
    picture = means.pictures["image"]
    return Upscale(
        model_id=model.id,
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        output=arguments.output,
    )


METHOD = Method(
    capability_type="diffusers.upscale",
    name="upscale",
    label="Upscale",
    description="Enlarges a picture with a trained upscaler.",
    rpc="Upscale",
    positional=("image", "model_id", "factor"),
    arguments=UpscaleArguments,
    task=Upscale,
    build=upscale,
)

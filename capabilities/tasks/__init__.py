"""One model for each kind of work: complete, validated, and enough to repeat the work exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from capabilities.tasks.base import MAX_SEED, Extent, Format, Output, Size, Task, Text, Unreadable, encodable
from capabilities.tasks.diffusion import (
    MAX_FEATHER,
    Apply,
    Background,
    ControlInput,
    Generation,
    ImageToImage,
    Inpaint,
    LoraUse,
    Masked,
    Outpaint,
    Refinement,
    Repainting,
    TextToImage,
    UpscaleImg2Img,
    starts,
)
from capabilities.tasks.direct import Edit, FaceRestore, Preprocess, Upscale, UpscaleTraditional

__all__ = [
    "MAX_FEATHER",
    "MAX_SEED",
    "Apply",
    "Background",
    "ControlInput",
    "Edit",
    "Extent",
    "FaceRestore",
    "Format",
    "Generation",
    "ImageToImage",
    "Inpaint",
    "LoraUse",
    "Masked",
    "Outpaint",
    "Output",
    "Preprocess",
    "Refinement",
    "Repainting",
    "Size",
    "Task",
    "Text",
    "TextToImage",
    "Unreadable",
    "Upscale",
    "UpscaleImg2Img",
    "UpscaleTraditional",
    "encodable",
    "read_task",
    "starts",
]

_TASKS: TypeAdapter[Task] = TypeAdapter(
    Annotated[
        TextToImage
        | Apply
        | Preprocess
        | ImageToImage
        | Inpaint
        | Outpaint
        | Upscale
        | UpscaleImg2Img
        | UpscaleTraditional
        | FaceRestore
        | Edit,
        Field(discriminator="kind"),
    ]
)


def read_task(values: Mapping[str, Any]) -> Task:
    """The task that `model_dump` wrote. Raises pydantic's ValidationError."""
    return _TASKS.validate_python(dict(values))

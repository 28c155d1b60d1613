"""`image.edit`: changes to a picture that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from capabilities.arguments import PictureArguments, PictureSource, spelled
from capabilities.errors import InvalidArgument
from capabilities.imaging import BLUR_SIGMA, TOLERANCE
from capabilities.models import Means
from capabilities.operations import (
    AnyOperation,
    Blend,
    Composite,
    Crop,
    Filter,
    RemoveBackground,
    Resample,
    Resize,
    Transform,
)
from capabilities.tasks import Edit

TYPE = "image.edit"
MAX_OPERATIONS = 32
_OPERATIONS: TypeAdapter[tuple[AnyOperation, ...]] = TypeAdapter(tuple[AnyOperation, ...])


class TransformArguments(PictureArguments):
    rotation: Annotated[
        float, Field(description="Degrees, clockwise.", validation_alias=spelled("rotation", "angle"))
    ] = 0.0
    scale: Annotated[
        float, Field(description="Factor, after the rotation.", validation_alias=spelled("scale"))
    ] = 1.0


class FilterArguments(PictureArguments):
    name: Annotated[
        Literal["blur", "sharpen", "grayscale"],
        Field(description="Which filter.", validation_alias=spelled("filter", "kind", "name")),
    ]
    sigma: Annotated[
        float,
        Field(gt=0, le=250, description="Radius of the blur, in pixels.", validation_alias=spelled("sigma", "radius")),
    ] = BLUR_SIGMA  # fmt: skip


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


class CropArguments(PictureArguments):
    x: Annotated[int, Field(ge=0, description="Left edge, in pixels.", validation_alias=spelled("x"))]
    y: Annotated[int, Field(ge=0, description="Top edge, in pixels.", validation_alias=spelled("y"))]
    width: Annotated[int, Field(ge=1, description="Pixels.", validation_alias=spelled("width"))]
    height: Annotated[int, Field(ge=1, description="Pixels.", validation_alias=spelled("height"))]


class ResizeArguments(PictureArguments):
    width: Annotated[
        int,
        Field(ge=0, le=16_384, description="Pixels; 0: in proportion.", validation_alias=spelled("width")),
    ] = 0
    height: Annotated[
        int,
        Field(ge=0, le=16_384, description="Pixels; 0: in proportion.", validation_alias=spelled("height")),
    ] = 0
    method: Annotated[
        Resample, Field(description="Resampling filter.", validation_alias=spelled("method"))
    ] = "lanczos"


class ConvertArguments(PictureArguments):
    pass


class RemoveBackgroundArguments(PictureArguments):
    tolerance: Annotated[
        int,
        Field(ge=0, le=255, description="Distance to the ground's colour that still counts as ground.",
              validation_alias=spelled("tolerance")),
    ] = TOLERANCE  # fmt: skip


class EditArguments(PictureArguments):
    """Several operations at once; `overlays` are the pictures of its composites, in their order."""

    operations: tuple[dict[str, Any], ...]
    overlays: tuple[bytes | str | int, ...] = ()

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image} | {f"overlay_{place}": item for place, item in enumerate(self.overlays)}


def transform(arguments: TransformArguments, means: Means) -> Edit:
    return _edit(arguments, means, Transform(rotation=arguments.rotation, scale=arguments.scale))


def filter_image(arguments: FilterArguments, means: Means) -> Edit:
    return _edit(arguments, means, Filter(name=arguments.name, sigma=arguments.sigma))


def composite(arguments: CompositeArguments, means: Means) -> Edit:
    overlay = means.pictures["overlay"].ref
    operation = Composite(overlay=overlay, x=arguments.x, y=arguments.y, blend=arguments.blend)
    return _edit(arguments, means, operation)


def crop(arguments: CropArguments, means: Means) -> Edit:
    part = Crop(x=arguments.x, y=arguments.y, width=arguments.width, height=arguments.height)
    return _edit(arguments, means, part)


def resize(arguments: ResizeArguments, means: Means) -> Edit:
    size = Resize(width=arguments.width, height=arguments.height, method=arguments.method)
    return _edit(arguments, means, size)


def convert(arguments: ConvertArguments, means: Means) -> Edit:
    """Another encoding of the same pixels: an edit that changes nothing but the file."""
    if arguments.format is None:
        raise InvalidArgument("'format' is required", reason="MISSING_ARGUMENT", field="format")
    return _edit(arguments, means, Transform())


def remove_background(arguments: RemoveBackgroundArguments, means: Means) -> Edit:
    if arguments.format == "jpeg":
        raise InvalidArgument(
            "'format' jpeg has no transparency; use png or webp",
            reason="BAD_ARGUMENT",
            field="format",
            limit="png, webp",
            asked="jpeg",
        )
    return _edit(arguments, means, RemoveBackground(tolerance=arguments.tolerance))


def edit(arguments: EditArguments, means: Means) -> Edit:
    """Several operations. Raises InvalidArgument that names the operation at fault."""
    if not 0 < len(arguments.operations) <= MAX_OPERATIONS:
        raise InvalidArgument(
            f"'operations' must hold 1 to {MAX_OPERATIONS} operations; got {len(arguments.operations)}",
            reason="BAD_ARGUMENT",
            field="operations",
            limit=f"1 to {MAX_OPERATIONS}",
            asked=str(len(arguments.operations)),
        )
    overlays = iter(means.pictures[f"overlay_{place}"].ref for place in range(len(arguments.overlays)))
    values = [
        item | {"overlay": next(overlays)} if item.get("kind") == "composite" else item
        for item in arguments.operations
    ]
    try:
        operations = _OPERATIONS.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidArgument(
            f"'operations.{where}' is not allowed: {first['msg']}",
            reason="BAD_ARGUMENT",
            field=f"operations.{where}",
        ) from None
    return _edit(arguments, means, *operations)


def _edit(arguments: PictureArguments, means: Means, *operations: AnyOperation) -> Edit:
    picture = means.pictures["image"]
    width, height = picture.width, picture.height
    for operation in operations:
        width, height = operation.size(width, height)
    return Edit(image=picture.ref, operations=operations, width=width, height=height, output=arguments.output)

"""`diffusers.upscale`: larger pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from capabilities import enlargers
from capabilities.arguments import ModelId, PictureArguments, spelled
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.models import Means
from capabilities.operations import Resample
from capabilities.repaint import RepaintingArguments, common
from capabilities.tasks import FaceRestore, Upscale, UpscaleImg2Img, UpscaleTraditional

TYPE = "diffusers.upscale"
DETAIL_STRENGTH = 0.3
FACE_STRENGTH = 0.8
RESTORERS = ("gfpgan", "restoreformer", "codeformer")


class UpscaleTraditionalArguments(PictureArguments):
    method: Annotated[
        Resample | None,
        Field(description="Resampling filter; left out: lanczos.", validation_alias=spelled("method")),
    ] = None
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


class UpscaleArguments(PictureArguments):
    model_id: Annotated[
        ModelId | None,
        Field(description="Upscaler: realesrgan, realesrgan-anime, fast, or a model id.",
              validation_alias=spelled("model_id", "model", "upscaler")),
    ] = None  # fmt: skip
    factor: Annotated[
        int | None, Field(description="2 or 4.", validation_alias=spelled("factor", "scale"))
    ] = None


class UpscaleImg2ImgArguments(RepaintingArguments):
    factor: Annotated[
        float | None,
        Field(ge=1, le=4, description="1 to 4.", validation_alias=spelled("factor", "scale")),
    ] = None
    method: Annotated[
        str | None,
        Field(max_length=512, description="What enlarges first: a resampling filter or an upscaler.",
              validation_alias=spelled("upscale_method", "method")),
    ] = None  # fmt: skip
    tile_size: Annotated[
        int | None,
        Field(ge=64, le=4096, description="Side of a tile, in pixels.", validation_alias=spelled("tile_size", "tile")),
    ] = None  # fmt: skip
    tile_overlap: Annotated[
        int | None,
        Field(ge=0, le=2048, description="Pixels that tiles share.", validation_alias=spelled("tile_overlap")),
    ] = None  # fmt: skip


class FaceRestoreArguments(PictureArguments):
    strength: Annotated[
        float | None,
        Field(ge=0, le=1, description="0: unchanged, 1: fully restored.", validation_alias=spelled("strength", "fidelity")),
    ] = None  # fmt: skip
    model_id: Annotated[
        ModelId | None,
        Field(description="Restorer: gfpgan, restoreformer, codeformer, or a model id.",
              validation_alias=spelled("model_id", "model", "restorer")),
    ] = None  # fmt: skip


def face_restore(arguments: FaceRestoreArguments, means: Means) -> FaceRestore:
    """The complete task. Raises FailedPrecondition where no restorer is here, or none of the kind that was asked for."""
    asked = arguments.model_id
    there = means.able("faceRestore")
    if asked is None or asked.lower() in RESTORERS:
        fitting = [model for model in there if asked is None or model.variety == asked.lower()]
        if not fitting:
            raise FailedPrecondition(
                f"no face restorer{f' of the kind {asked}' if asked else ''} is here; put the weights of GFPGAN, RestoreFormer "
                "or CodeFormer as .safetensors into model_dirs ('viwo-imagegen models import' turns a .pth into one)",
                reason="NO_RESTORER",
                field="model",
                limit=", ".join(model.id for model in there),
                asked=asked or "",
            )
        model = means.model(fitting[0].id)
    else:
        model = means.model(asked)
        model.require("faceRestore")
    picture = means.pictures["image"]
    return FaceRestore(
        model_id=model.id,
        image=picture.ref,
        width=picture.width,
        height=picture.height,
        strength=FACE_STRENGTH if arguments.strength is None else arguments.strength,
        output=arguments.output,
    )


def upscale(arguments: UpscaleArguments, means: Means) -> Upscale:
    """The complete task. Raises InvalidArgument for a factor that is neither 2 nor 4."""
    model = enlargers.upscaler(arguments.model_id, means)
    factor = _factor(arguments.factor, 4 if model.factor >= 4 else 2, f"for '{model.id}'")
    picture = means.pictures["image"]
    return Upscale(
        model_id=model.id,
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        output=arguments.output,
    )


def upscale_traditional(arguments: UpscaleTraditionalArguments, means: Means) -> UpscaleTraditional:
    """The complete task: interpolation, which needs no model."""
    factor = _factor(arguments.factor, 4, "")
    picture = means.pictures["image"]
    return UpscaleTraditional(
        image=picture.ref,
        width=picture.width * factor,
        height=picture.height * factor,
        factor=factor,
        method=arguments.method or enlargers.DEFAULT_FILTER,
        output=arguments.output,
    )


def upscale_img2img(arguments: UpscaleImg2ImgArguments, means: Means) -> UpscaleImg2Img:
    """The complete task. Raises InvalidArgument where tiles would not fit their overlap."""
    model = means.model(arguments.model_id)
    model.require("upscaleImg2Img")
    method = enlargers.filter_or_upscaler(arguments.method, means)
    picture = means.pictures["image"]
    factor = 2.0 if arguments.factor is None else arguments.factor
    width, height = round(picture.width * factor), round(picture.height * factor)
    # A model that draws at one size only knows whole pictures: in each tile it would draw another one.
    tile = max(width, height) if model.fixed_size else arguments.tile_size or model.side
    tile = max(model.granularity, tile // model.granularity * model.granularity)
    overlap = tile // 8 if arguments.tile_overlap is None else arguments.tile_overlap
    if overlap > tile // 2:
        raise InvalidArgument(
            f"'tileOverlap' must be at most half of a tile ({tile // 2} px); got {overlap}",
            reason="BAD_ARGUMENT",
            field="tileOverlap",
            limit=f"at most {tile // 2}",
            asked=str(overlap),
        )
    return UpscaleImg2Img(
        **common(arguments, model, means, DETAIL_STRENGTH),
        image=picture.ref,
        width=width,
        height=height,
        method=method,
        tile=tile,
        overlap=overlap,
    )


def _factor(asked: int | None, largest: Literal[2, 4], why: str) -> Literal[2, 4]:
    """The factor, 4 (or the largest) where none is asked for. Raises InvalidArgument for another than 2 or 4."""
    if asked is None:
        return largest
    if asked == 2 or (asked == 4 and largest == 4):
        return 2 if asked == 2 else 4
    allowed = "2 or 4" if largest == 4 else "2"
    raise InvalidArgument(
        f"'factor' must be {allowed}{' ' if why else ''}{why}; got {asked}",
        reason="BAD_ARGUMENT",
        field="factor",
        limit=allowed,
        asked=str(asked),
    )

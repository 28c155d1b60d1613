"""Pictures that begin with a picture: `imageToImage`, `inpaint` and `outpaint`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from capabilities.arguments import GenerationArguments, PictureSource, spelled
from capabilities.errors import InvalidArgument
from capabilities.generate import generation
from capabilities.models import Means, ModelFacts
from capabilities.tasks import MAX_FEATHER, ImageToImage, Inpaint, Outpaint, Text

TYPE = "diffusers.inpaint"
IMAGE_STRENGTH = 0.75
INPAINT_STRENGTH = 1.0
OUTPAINT_STRENGTH = 0.9
"""Below 1, so that the new area grows out of the extended edge and not out of plain noise."""
FEATHER = 4
OUTPAINT_FEATHER = 16

_SIDES = {
    "left": ("left",), "right": ("right",), "top": ("top",), "up": ("top",), "bottom": ("bottom",), "down": ("bottom",),
    "horizontal": ("left", "right"), "vertical": ("top", "bottom"), "all": ("left", "right", "top", "bottom"),
}  # fmt: skip


class RepaintingArguments(GenerationArguments):
    """A diffusion run that begins with a picture."""

    image: Annotated[
        PictureSource, Field(description="The picture.", validation_alias=spelled("image", "init_image"))
    ]
    prompt: Annotated[Text, Field(description="What the picture shows.", validation_alias=spelled("prompt"))]
    strength: Annotated[
        float | None,
        Field(ge=0, le=1, description="How far to go from what is there: 0 not at all, 1 ignore it.",
              validation_alias=spelled("strength", "denoising_strength", "denoise_strength")),
    ] = None  # fmt: skip

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image}


class ImageToImageArguments(RepaintingArguments):
    pass


class MaskedArguments(RepaintingArguments):
    """A diffusion run that keeps a part of its picture."""

    feather: Annotated[
        int | None,
        Field(ge=0, le=MAX_FEATHER, description="Soft edge around the new part, in pixels.",
              validation_alias=spelled("feather", "mask_blur")),
    ] = None  # fmt: skip


class InpaintArguments(MaskedArguments):
    mask: Annotated[
        PictureSource,
        Field(
            description="White is repainted, black is kept.", validation_alias=spelled("mask", "mask_image")
        ),
    ]
    crop_padding: Annotated[
        int | None,
        Field(ge=0, le=4096, description="Work on the masked region only, enlarged, with this many pixels around it.",
              validation_alias=spelled("crop_padding", "padding", "only_masked_padding")),
    ] = None  # fmt: skip
    mask_fit: Annotated[
        Literal["refuse", "scale"] | None,
        Field(description="What to do with a mask of another size than the picture.",
              validation_alias=spelled("mask_fit")),
    ] = None  # fmt: skip

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image, "mask": self.mask}


class Sides(BaseModel):
    """Pixels to add on each side."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    left: Annotated[int, Field(ge=0, le=16_384)] = 0
    right: Annotated[int, Field(ge=0, le=16_384)] = 0
    top: Annotated[int, Field(ge=0, le=16_384)] = 0
    bottom: Annotated[int, Field(ge=0, le=16_384)] = 0


class OutpaintArguments(MaskedArguments):
    direction: Annotated[
        Literal["left", "right", "top", "bottom", "up", "down", "horizontal", "vertical", "all"] | Sides,
        Field(description="A side to extend (with 'pixels'), or {left, right, top, bottom} in pixels.",
              validation_alias=spelled("direction", "sides")),
    ]  # fmt: skip
    pixels: Annotated[
        int | None,
        Field(ge=1, le=16_384, description="How far to extend, where 'direction' names a side.",
              validation_alias=spelled("pixels")),
    ] = None  # fmt: skip


def image_to_image(arguments: ImageToImageArguments, means: Means) -> ImageToImage:
    """The complete task; the picture's size is kept unless another is asked for."""
    model = means.model(arguments.model_id)
    model.require("imageToImage")
    picture = means.pictures["image"]
    width, height = arguments.width or picture.width, arguments.height or picture.height
    return ImageToImage(
        **common(arguments, model, means, IMAGE_STRENGTH), image=picture.ref, width=width, height=height
    )


def inpaint(arguments: InpaintArguments, means: Means) -> Inpaint:
    """The complete task. Raises InvalidArgument for a mask of another size, unless it may be fitted."""
    model = means.model(arguments.model_id)
    model.require("inpaint")
    picture, mask = means.pictures["image"], means.pictures["mask"]
    _refuse_size(arguments, "inpaint keeps the size of the picture")
    if (mask.width, mask.height) != (picture.width, picture.height) and arguments.mask_fit != "scale":
        raise InvalidArgument(
            f"'mask' is {mask.width} x {mask.height} pixels, the picture {picture.width} x {picture.height}; "
            "give a mask of that size, or maskFit: 'scale'",
            reason="MASK_SIZE",
            field="mask",
            limit=f"{picture.width} x {picture.height}",
            asked=f"{mask.width} x {mask.height}",
        )
    return Inpaint(
        **common(arguments, model, means, INPAINT_STRENGTH),
        image=picture.ref,
        mask=mask.ref,
        width=picture.width,
        height=picture.height,
        feather=FEATHER if arguments.feather is None else arguments.feather,
        crop_padding=arguments.crop_padding,
        crop_side=None if arguments.crop_padding is None else model.side,
    )


def outpaint(arguments: OutpaintArguments, means: Means) -> Outpaint:
    """The complete task. Raises InvalidArgument where nothing is to be added."""
    model = means.model(arguments.model_id)
    model.require("outpaint")
    picture = means.pictures["image"]
    _refuse_size(arguments, "outpaint's size is the picture's and what is added")
    sides = _sides(arguments)
    return Outpaint(
        **common(arguments, model, means, OUTPAINT_STRENGTH),
        **sides.model_dump(),
        image=picture.ref,
        width=picture.width + sides.left + sides.right,
        height=picture.height + sides.top + sides.bottom,
        feather=OUTPAINT_FEATHER if arguments.feather is None else arguments.feather,
    )


def common(
    arguments: RepaintingArguments, model: ModelFacts, means: Means, strength: float
) -> dict[str, Any]:
    """The settings that every run has that begins with a picture."""
    asked = strength if arguments.strength is None else arguments.strength
    return generation(arguments, model, means) | {"prompt": arguments.prompt, "strength": asked}


def _refuse_size(arguments: GenerationArguments, why: str) -> None:
    for name in ("width", "height"):
        if getattr(arguments, name) is not None:
            raise InvalidArgument(f"'{name}' cannot be set: {why}", reason="BAD_ARGUMENT", field=name)


def _sides(arguments: OutpaintArguments) -> Sides:
    direction = arguments.direction
    if isinstance(direction, Sides):
        sides = direction
    elif arguments.pixels is None:
        raise InvalidArgument(
            "'pixels' is required where 'direction' names a side", reason="MISSING_ARGUMENT", field="pixels"
        )
    else:
        sides = Sides(**dict.fromkeys(_SIDES[direction], arguments.pixels))
    if not any(sides.model_dump().values()):
        raise InvalidArgument(
            "'direction' adds nothing; give pixels for at least one side",
            reason="BAD_ARGUMENT",
            field="direction",
        )
    return sides

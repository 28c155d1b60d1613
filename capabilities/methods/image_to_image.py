"""`imageToImage`: a picture from a picture and words."""

from __future__ import annotations

from typing import Literal

from capabilities.methods.declaration import Method
from capabilities.methods.initial_image import InitialImage, InitialImageArguments, image_generation
from capabilities.models import Means, usable_model

STRENGTH = 0.75
"""How far to go from the picture where nothing is asked for."""


class ImageToImageArguments(InitialImageArguments):
    pass


class ImageToImage(InitialImage):
    """A picture regenerated from words."""

    kind: Literal["image_to_image"] = "image_to_image"


def image_to_image(arguments: ImageToImageArguments, means: Means) -> ImageToImage:
    """The complete task; the picture's size is kept unless another is asked for."""
    model = usable_model(means, arguments.model_id, "imageToImage")
    picture = means.pictures["image"]
    width, height = arguments.width or picture.width, arguments.height or picture.height
    return ImageToImage(
        **image_generation(arguments, model, means, STRENGTH), image=picture.ref, width=width, height=height
    )


METHOD = Method(
    capability_type="diffusers.generate",
    name="imageToImage",
    label="Image to image",
    description="Regenerates a picture from words.",
    rpc="ImageToImage",
    positional=("image", "prompt", "strength"),
    arguments=ImageToImageArguments,
    task=ImageToImage,
    build=image_to_image,
)

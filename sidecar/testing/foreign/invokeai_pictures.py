"""The fake InvokeAI's invocations that change pictures, and those that hold plain values."""

from __future__ import annotations

import random

import numpy as np

from sidecar.testing.foreign.drawing import resized
from sidecar.testing.foreign.invokeai_nodes import saved
from sidecar.testing.foreign.invokeai_values import Field, Picture, Running, Value, invocation

_Given = tuple[Value, ...]
_IMAGE = Field("image")
_ZERO = Field("int", 0)
_MODE = Field("str", "bicubic")


@invocation("image", "image_output", image=_IMAGE)
@invocation("save_image", "image_output", image=_IMAGE)
def image(run: Running, image: Picture) -> _Given:
    return image, image.width, image.height


@invocation(
    "blank_image", "image_output", width=Field("int", 512), height=Field("int", 512), mode=Field("str", "RGB")
)
def blank(run: Running, width: int, height: int, mode: str) -> _Given:
    return saved(run, np.zeros((height, width, 3), np.uint8))


@invocation(
    "img_resize",
    "image_output",
    image=_IMAGE,
    width=Field("int", 512),
    height=Field("int", 512),
    resample_mode=_MODE,
)
def resize(run: Running, image: Picture, width: int, height: int, resample_mode: str) -> _Given:
    return saved(run, resized(run.picture(image), width, height))


@invocation("img_scale", "image_output", image=_IMAGE, scale_factor=Field("float", 2.0), resample_mode=_MODE)
def scale(run: Running, image: Picture, scale_factor: float, resample_mode: str) -> _Given:
    size = (round(image.width * scale_factor), round(image.height * scale_factor))
    return saved(run, resized(run.picture(image), *size))


_UPSCALE = {"image": _IMAGE, "image_to_image_model": Field("model"), "tile_size": Field("int", 512)}


@invocation("spandrel_image_to_image", "image_output", **_UPSCALE)
@invocation(
    "spandrel_image_to_image_autoscale", "image_output", scale=Field("float", 4.0),
    fit_to_multiple_of_8=Field("bool", False), **_UPSCALE,
)  # fmt: skip
def upscale(
    run: Running, image: Picture, image_to_image_model: dict[str, object], tile_size: int, scale: float = 0.0,
    fit_to_multiple_of_8: bool = False,
) -> _Given:  # fmt: skip
    factor = scale or int(run.model(image_to_image_model).partition("-x")[2])
    width, height = round(image.width * factor), round(image.height * factor)
    if fit_to_multiple_of_8:
        width, height = width // 8 * 8, height // 8 * 8
    return saved(run, resized(run.picture(image), width, height))


_ESRGAN_MODELS = ("RealESRGAN_x4plus.pth", "RealESRGAN_x2plus.pth")


@invocation(
    "esrgan", "image_output", image=_IMAGE, model_name=Field("str", _ESRGAN_MODELS[0], _ESRGAN_MODELS),
    tile_size=Field("int", 400),
)  # fmt: skip
def enlarge(run: Running, image: Picture, model_name: str, tile_size: int) -> _Given:
    factor = int(model_name.partition("_x")[2][0])
    return saved(run, resized(run.picture(image), image.width * factor, image.height * factor))


@invocation(
    "img_paste", "image_output", base_image=_IMAGE, image=_IMAGE, mask=Field("image", None), x=_ZERO, y=_ZERO,
    crop=Field("bool", False),
)  # fmt: skip
def paste(
    run: Running, base_image: Picture, image: Picture, mask: Picture | None, x: int, y: int, crop: bool
) -> _Given:
    """Where the mask is black."""
    result = run.picture(base_image).copy()
    above = run.picture(image)[: result.shape[0] - y, : result.shape[1] - x]
    share = np.ones(above.shape[:2])
    if mask is not None:
        share = (255 - run.picture(mask)[: above.shape[0], : above.shape[1], 0]) / 255
    area = (slice(y, y + above.shape[0]), slice(x, x + above.shape[1]))
    mixed = above * share[..., None] + result[area] * (1 - share[..., None])
    result[area] = np.rint(mixed).astype(np.uint8)
    return saved(run, result)


@invocation("img_pad_crop", "image_output", image=_IMAGE, left=_ZERO, right=_ZERO, top=_ZERO, bottom=_ZERO)
def pad(run: Running, image: Picture, left: int, right: int, top: int, bottom: int) -> _Given:
    """Negative numbers crop."""
    pixels = run.picture(image)
    pixels = pixels[
        max(0, -top) : image.height - max(0, -bottom), max(0, -left) : image.width - max(0, -right)
    ]
    border = ((max(0, top), max(0, bottom)), (max(0, left), max(0, right)), (0, 0))
    return saved(run, np.pad(pixels, border))


@invocation("tomask", "image_output", image=_IMAGE, invert=Field("bool", False))
def to_mask(run: Running, image: Picture, invert: bool) -> _Given:
    alpha = run.alpha(image)
    return saved(run, np.repeat((255 - alpha if invert else alpha)[..., None], 3, axis=2))


@invocation("img_lerp", "image_output", image=_IMAGE, min=_ZERO, max=Field("int", 255))
def lerp(run: Running, image: Picture, min: int, max: int) -> _Given:
    """With 255 and 0 it inverts."""
    return saved(run, np.rint(run.picture(image) / 255 * (max - min) + min).astype(np.uint8))


@invocation("infill_rgba", "image_output", image=_IMAGE, color=Field("any", None))
@invocation("infill_tile", "image_output", image=_IMAGE, tile_size=Field("int", 32), seed=_ZERO)
@invocation("infill_cv2", "image_output", image=_IMAGE)
@invocation("infill_lama", "image_output", image=_IMAGE)
def infill(run: Running, image: Picture, **how: object) -> _Given:
    """What is transparent becomes grey."""
    pixels = run.picture(image)
    return saved(run, np.where(run.alpha(image)[..., None] < 128, np.uint8(127), pixels))


@invocation("integer", "integer_output", value=_ZERO)
@invocation("string", "string_output", value=Field("str", ""))
def plain(run: Running, value: int | str) -> _Given:
    return (value,)


@invocation("rand_int", "integer_output", low=_ZERO, high=Field("int", 2147483647))
def random_integer(run: Running, low: int, high: int) -> _Given:
    return (random.randrange(low, high),)

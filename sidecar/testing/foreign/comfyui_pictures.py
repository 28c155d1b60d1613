"""The fake ComfyUI's nodes that load, change and save pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sidecar.testing.foreign.comfyui_nodes import Images, grown
from sidecar.testing.foreign.comfyui_values import (
    Latent,
    Running,
    boolean,
    choice,
    integer,
    link,
    node,
    number,
    optional,
    text,
)
from sidecar.testing.foreign.drawing import Pixels, edges, opened, resized

_METHODS = choice(["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
_CROP = choice(["disabled", "center"])
_IMAGE = link("IMAGE")
_MASK = link("MASK")
_LENGTH = integer(512, 0, 16384)
_OFFSET = integer(0, 0, 16384)
_CHANNELS = choice(["alpha", "red", "green", "blue"])


@node("LoadImage", {"image": text()}, "IMAGE MASK")
def load_image(run: Running, image: str) -> tuple[object, ...]:
    """Its mask is white where the picture is transparent; without transparency it is 64 x 64 and black."""
    file = opened(run.load(image))
    shown = (np.asarray(file.convert("RGB")),)
    if "A" not in file.getbands():
        return shown, np.zeros((64, 64), np.uint8)
    return shown, 255 - np.asarray(file.getchannel("A"))


@node("LoadImageMask", {"image": text(), "channel": _CHANNELS}, "MASK")
def load_mask(run: Running, image: str, channel: str) -> tuple[object, ...]:
    file = opened(run.load(image))
    if channel == "alpha":
        alpha = "A" in file.getbands()
        return (255 - np.asarray(file.getchannel("A")) if alpha else np.zeros((64, 64), np.uint8),)
    return (np.asarray(file.convert("RGB").getchannel(channel[0].upper())),)


@node("SaveImage", {"images": _IMAGE, "filename_prefix": text("ComfyUI")}, is_output=True)
def save(run: Running, images: Images, filename_prefix: str) -> tuple[object, ...]:
    return ({"images": [run.save(image, filename_prefix, "output") for image in images]},)


@node("PreviewImage", {"images": _IMAGE}, is_output=True)
def preview(run: Running, images: Images) -> tuple[object, ...]:
    return ({"images": [run.save(image, "ComfyUI_temp_fake", "temp") for image in images]},)


@node(
    "ImageScale",
    {"image": _IMAGE, "upscale_method": _METHODS, "width": _LENGTH, "height": _LENGTH, "crop": _CROP},
    "IMAGE",
)
def scale(
    run: Running, image: Images, upscale_method: str, width: int, height: int, crop: str
) -> tuple[object, ...]:
    return (tuple(_fitted(one, width, height, crop) for one in image),)


@node(
    "ImageScaleBy", {"image": _IMAGE, "upscale_method": _METHODS, "scale_by": number(1.0, 0.01, 8.0)}, "IMAGE"
)
def scale_by(run: Running, image: Images, upscale_method: str, scale_by: float) -> tuple[object, ...]:
    return (tuple(_enlarged(one, scale_by) for one in image),)


@node("ImageUpscaleWithModel", {"upscale_model": link("UPSCALE_MODEL"), "image": _IMAGE}, "IMAGE", newer=True)
def upscale(run: Running, upscale_model: str, image: Images) -> tuple[object, ...]:
    factor = int(upscale_model.partition("-x")[2][0])
    return (tuple(_enlarged(one, factor) for one in image),)


@node(
    "LatentUpscale",
    {
        "samples": link("LATENT"),
        "upscale_method": _METHODS,
        "width": _LENGTH,
        "height": _LENGTH,
        "crop": _CROP,
    },
    "LATENT",
)
def upscale_latent(
    run: Running, samples: Latent, upscale_method: str, width: int, height: int, crop: str
) -> tuple[object, ...]:
    return (Latent.of(tuple(_fitted(one, width, height, crop) for one in samples.pixels or ())),)


@node(
    "LatentUpscaleBy",
    {"samples": link("LATENT"), "upscale_method": _METHODS, "scale_by": number(1.5, 0.01, 8.0)},
    "LATENT",
)
def upscale_latent_by(
    run: Running, samples: Latent, upscale_method: str, scale_by: float
) -> tuple[object, ...]:
    return (Latent.of(tuple(_enlarged(one, scale_by) for one in samples.pixels or ())),)


@node(
    "ImagePadForOutpaint",
    {
        "image": _IMAGE, "left": _OFFSET, "top": _OFFSET, "right": _OFFSET, "bottom": _OFFSET,
        "feathering": integer(40, 0, 16384),
    },
    "IMAGE MASK",
)  # fmt: skip
def pad(
    run: Running, image: Images, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[object, ...]:
    """Feathering, which would make the mask soft inwards, is not minded."""
    border = ((top, bottom), (left, right))
    wider = tuple(np.pad(one, (*border, (0, 0)), constant_values=127) for one in image)
    mask = np.pad(np.zeros(image[0].shape[:2], np.uint8), border, constant_values=255)
    return wider, mask


@node(
    "ImageCompositeMasked",
    {
        "destination": _IMAGE, "source": _IMAGE, "x": _OFFSET, "y": _OFFSET,
        "resize_source": boolean(), "mask": optional(_MASK),
    },
    "IMAGE",
)  # fmt: skip
def composite(
    run: Running, destination: Images, source: Images, x: int, y: int, resize_source: object,
    mask: Pixels | None = None,
) -> tuple[object, ...]:  # fmt: skip
    made = []
    for below, above in zip(destination, source, strict=False):
        height, width = below.shape[:2]
        if resize_source in (True, "true"):
            above = resized(above, width, height)
        above = above[: height - y, : width - x]
        shape = above.shape[:2]
        covers = np.full(shape, 255, np.uint8) if mask is None else resized(mask, shape[1], shape[0])
        share = covers[..., None] / 255
        area = (slice(y, y + shape[0]), slice(x, x + shape[1]))
        result = below.copy()
        result[area] = np.rint(above * share + below[area] * (1 - share)).astype(np.uint8)
        made.append(result)
    return (tuple(made),)


@node("ImageInvert", {"image": _IMAGE}, "IMAGE")
def invert(run: Running, image: Images) -> tuple[object, ...]:
    return (tuple(255 - one for one in image),)


@node("InvertMask", {"mask": _MASK}, "MASK")
def invert_mask(run: Running, mask: Pixels) -> tuple[object, ...]:
    return (255 - mask,)


@node("GrowMask", {"mask": _MASK, "expand": integer(0, -16384, 16384), "tapered_corners": boolean()}, "MASK")
def grow_mask(run: Running, mask: Pixels, expand: int, tapered_corners: object) -> tuple[object, ...]:
    return (grown(mask, expand) if expand >= 0 else 255 - grown(255 - mask, -expand),)


@node("ImageToMask", {"image": _IMAGE, "channel": choice(["red", "green", "blue", "alpha"])}, "MASK")
def image_to_mask(run: Running, image: Images, channel: str) -> tuple[object, ...]:
    return (image[0][..., ["red", "green", "blue"].index(channel)],)


@node("MaskToImage", {"mask": _MASK}, "IMAGE")
def mask_to_image(run: Running, mask: Pixels) -> tuple[object, ...]:
    return ((np.repeat(mask[..., None], 3, axis=2),),)


@node(
    "Canny",
    {"image": _IMAGE, "low_threshold": number(0.4, 0.01, 0.99), "high_threshold": number(0.8, 0.01, 0.99)},
    "IMAGE",
    newer=True,
)
def canny(run: Running, image: Images, low_threshold: float, high_threshold: float) -> tuple[object, ...]:
    return (tuple(edges(one, round(low_threshold * 255), round(high_threshold * 255)) for one in image),)


@node("ImageFromBatch", {"image": _IMAGE, "batch_index": _OFFSET, "length": integer(1, 1, 4096)}, "IMAGE")
def from_batch(run: Running, image: Images, batch_index: int, length: int) -> tuple[object, ...]:
    return (image[batch_index : batch_index + length],)


def _enlarged(image: Pixels, factor: float) -> Pixels:
    height, width = image.shape[:2]
    return resized(image, round(width * factor), round(height * factor))


def _fitted(image: Pixels, width: int, height: int, crop: str) -> Pixels:
    """A width or height of 0 keeps the ratio."""
    old_height, old_width = image.shape[:2]
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    if crop == "center":
        ratio = max(width / old_width, height / old_height)
        inner = (round(width / ratio), round(height / ratio))
        left, top = (old_width - inner[0]) // 2, (old_height - inner[1]) // 2
        shown = Image.fromarray(image).crop((left, top, left + inner[0], top + inner[1]))
        image = np.asarray(shown)
    return resized(image, width, height)

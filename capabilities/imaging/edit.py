"""Edits: each takes a picture and answers a new one, and none changes its input."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pyvips

from capabilities.errors import InvalidArgument, brief
from capabilities.imaging.area import averaged
from capabilities.imaging.blend import BLENDS, over, over_opaque
from capabilities.imaging.decode import DEFAULT_LIMITS, Image, Limits, decode, require_size
from capabilities.imaging.encode import GREY, encode, from_pixels
from capabilities.imaging.metadata import read_metadata

BLUR_SIGMA = 5.0
"""Pixels; viwo's own image library blurs as much."""

FILTERS = ("blur", "sharpen", "grayscale")
KERNELS = ("nearest", "linear", "cubic", "lanczos3", "area")
_STREAMED: ContextVar[bool] = ContextVar("streamed", default=False)
_SHARPEN = [[-1, -1, -1], [-1, 32, -1], [-1, -1, -1]]
"""Of 24 parts; viwo's own image library sharpens as much."""


def transform(image: Image, rotation: float, scale: float, *, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Rotate clockwise by degrees, then scale the rotated picture.

    Quarter turns are exact; other angles get transparent corners. Raises InvalidArgument for numbers that are not
    finite, a scale of 0 or less, or a result beyond the limits.
    """
    _finite("rotation", rotation)
    _finite("scale", scale)
    if scale <= 0:
        raise _bad("scale", "must be above 0", scale)
    angle = _turn(rotation)
    width, height = rotated_size(image.width, image.height, rotation)
    _fits(width * scale, height * scale, limits, "scale", scale)
    if angle == 0:
        turned = image
    elif angle % 90 == 0:
        turned = image.rot(f"d{int(angle)}")
    else:
        # In fractions, and rounded at the end; libvips itself weights colours by their opacity here.
        fractions = _with_alpha(image).cast("float").copy(interpretation="srgb")
        turned = _settled(fractions.rotate(angle, background=[0, 0, 0, 0]))
    if scale == 1:
        return _settled(turned)
    return resize(turned, *scaled_size(turned.width, turned.height, scale), limits=limits)


def rotated_size(width: int, height: int, rotation: float) -> tuple[int, int]:
    """Width and height of a picture turned by degrees, as libvips makes it."""
    angle = _turn(rotation)
    if angle % 180 == 0:
        return width, height
    if angle % 90 == 0:
        return height, width
    cos, sin = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    spans = (width * cos + height * sin, width * sin + height * cos)
    return max(1, math.floor(spans[0] + 0.5)), max(1, math.floor(spans[1] + 0.5))


def scaled_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height of a picture that is enlarged, each at least 1; halves go up, as in JavaScript."""
    return max(1, math.floor(width * scale + 0.5)), max(1, math.floor(height * scale + 0.5))


def _turn(rotation: float) -> float:
    """Degrees from 0 up to, and without, 360."""
    angle = rotation % 360
    # What is next to nothing below 0 is 360 by floating point.
    return 0.0 if angle >= 360 else angle


_LUMA = [0.2, 0.7, 0.1]
"""Shares of red, green and blue light in grey: those of viwo's own image library."""
_LIGHTS = 31_000
"""Steps from no light to white: three times the largest share still fits in two bytes."""


@functools.cache
def _light_tables() -> tuple[Image, Image]:
    """From bytes of each band to three times its share of the light, and from light back to bytes."""
    import numpy as np

    values = np.arange(256) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    shares = np.round(light[:, None] * (3 * _LIGHTS * np.array(_LUMA))).astype(np.uint16)
    steps = np.arange(_LIGHTS + 2) / _LIGHTS
    back = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    grey = np.minimum(255, np.round(back * 255)).astype(np.uint8)
    return pyvips.Image.new_from_array(shares[None]), pyvips.Image.new_from_array(grey[None])


def filter_image(image: Image, kind: str, *, sigma: float = BLUR_SIGMA) -> Image:
    """Blur, sharpen or turn grey; the size and the transparency stay. Raises InvalidArgument for another kind."""
    if kind == "blur":
        _finite("sigma", sigma)
        if not 0 < sigma <= 250:
            raise _bad("sigma", "must be above 0 and at most 250", sigma)
        return _settled(_premultiplied(image, lambda picture: picture.gaussblur(sigma)))
    if kind == "sharpen":
        kernel = pyvips.Image.new_from_array(_SHARPEN, scale=24)
        return _settled(_premultiplied(image, lambda picture: picture.conv(kernel, precision="float")))
    if kind == "grayscale":
        colours, alpha = _split(image)
        # The mean of three shares of light is their sum, in units of a third.
        to_light, from_light = _light_tables()
        grey = colours.maplut(to_light).bandmean().maplut(from_light)
        made = _join(grey.bandjoin([grey, grey]).copy(interpretation="srgb"), alpha).copy()
        made.set_type(pyvips.GValue.gint_type, GREY, 1)
        return _settled(made)
    raise InvalidArgument(
        f"'kind' must be one of {', '.join(FILTERS)}; got {brief(kind, 40)}",
        reason="BAD_ARGUMENT",
        field="kind",
        limit=", ".join(FILTERS),
        asked=brief(kind, 40),
    )


def composite(base: Image, overlay: Image, x: int, y: int, *, blend: str = "normal") -> Image:
    """Lay a picture over another with its left top corner at x, y pixels; what hangs over the edge is cut off.

    The result has the size of the base, and its transparency where it had any. `blend` says how colours are combined.
    """
    if blend not in BLENDS:
        raise _bad("blend", f"must be one of {', '.join(BLENDS)}", blend)
    for name, value in (("x", x), ("y", y)):
        _finite(name, value)
        if abs(value) > DEFAULT_LIMITS.max_side * 2:
            raise _bad(name, f"must be at most {DEFAULT_LIMITS.max_side * 2} pixels from the edge", value)
    if x >= base.width or y >= base.height or x + overlay.width <= 0 or y + overlay.height <= 0:
        return _settled(base)
    left, top = max(0, x), max(0, y)
    width, height = min(base.width, x + overlay.width) - left, min(base.height, y + overlay.height) - top
    below = base.crop(left, top, width, height)
    above = _with_alpha(overlay.crop(left - x, top - y, width, height)).numpy()
    if blend == "normal" and not base.hasalpha():
        laid = over_opaque(below.numpy(), above)
    else:
        laid = over(_with_alpha(below).numpy(), above, blend)[..., : base.bands]
    part = from_pixels(laid.tobytes(), width, height, base.bands)
    if (width, height) == (base.width, base.height):
        return part.copy_memory()
    ground = base.copy()
    ground.remove(GREY)
    return _settled(ground.insert(part, left, top))


def crop(image: Image, x: int, y: int, width: int, height: int) -> Image:
    """A part of the picture, in pixels from the left top. Raises InvalidArgument where it is not inside."""
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > image.width or y + height > image.height:
        raise InvalidArgument(
            f"the crop {width} x {height} at {x}, {y} is not inside the picture of {image.width} x {image.height} pixels",
            reason="BAD_ARGUMENT",
            field="crop",
            limit=f"{image.width} x {image.height}",
            asked=f"{width} x {height} at {x}, {y}",
        )
    return _settled(image.crop(x, y, width, height))


def resize(
    image: Image, width: int, height: int, kernel: str = "lanczos3", *, limits: Limits = DEFAULT_LIMITS
) -> Image:
    """The picture at exactly this size in pixels. Raises InvalidArgument for a size below 1 or beyond the limits."""
    if kernel not in KERNELS:
        raise _bad("kernel", f"must be one of {', '.join(KERNELS)}", kernel)
    if width < 1 or height < 1:
        raise _bad("size", "must be at least 1 x 1", f"{width} x {height}")
    _fits(width, height, limits, "size", f"{width} x {height}")

    def scaled(picture: Image) -> Image:
        if kernel == "area":
            return _averaged(picture, width, height)
        return picture.resize(width / picture.width, vscale=height / picture.height, kernel=kernel)

    result = scaled(image) if kernel == "nearest" else _premultiplied(image, scaled)
    return _settled(result)


def _averaged(image: Image, width: int, height: int) -> Image:
    made = averaged(image.numpy().reshape(image.height, image.width, image.bands), width, height)
    return pyvips.Image.new_from_memory(made.tobytes(), width, height, image.bands, "float").copy(
        interpretation=image.interpretation
    )


def convert(data: bytes, to: str, *, quality: int = 90, preserve_metadata: bool = False) -> bytes:
    """The same picture as another kind of file. Raises InvalidArgument for an unreadable file or unknown format."""
    metadata = read_metadata(data) if preserve_metadata else None
    return encode(decode(data), to, quality=quality, metadata=metadata)


def _split(image: Image) -> tuple[Image, Image | None]:
    return (image.extract_band(0, n=3), image.extract_band(3)) if image.hasalpha() else (image, None)


def _join(colours: Image, alpha: Image | None) -> Image:
    return colours if alpha is None else colours.bandjoin(alpha)


def _with_alpha(image: Image) -> Image:
    return image if image.hasalpha() else image.bandjoin(255)


def _premultiplied(image: Image, work: Any) -> Image:
    """Work on colours weighted by their opacity, so that invisible pixels do not bleed into visible ones."""
    if not image.hasalpha():
        return work(image)
    return work(image.premultiply()).unpremultiply()


def _settled(image: Image) -> Image:
    """In memory, as bytes: later steps must not run this one again, nor keep its inputs alive."""
    made = image if image.format == "uchar" else image.rint().cast("uchar")
    return made if _STREAMED.get() else made.copy_memory()


@contextmanager
def streamed() -> Iterator[None]:
    """Within it the result of an edit is worked out while it is encoded, row by row; it can be used once."""
    token = _STREAMED.set(True)
    try:
        yield
    finally:
        _STREAMED.reset(token)


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise _bad(name, "must be a finite number", value)


def _fits(width: float, height: float, limits: Limits, field: str, asked: object) -> None:
    require_size("the result would be", field, width, height, limits, asked=asked)


def _bad(name: str, problem: str, value: object) -> InvalidArgument:
    return InvalidArgument(
        f"'{name}' {problem}; got {brief(value)}",
        reason="BAD_ARGUMENT",
        field=name,
        limit=problem,
        asked=brief(value),
    )

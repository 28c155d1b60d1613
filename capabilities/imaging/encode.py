"""From pixels to files."""

from __future__ import annotations

from collections.abc import Mapping

import pyvips

from capabilities.errors import InvalidArgument, brief
from capabilities.imaging.decode import Image, decode
from capabilities.imaging.metadata import attach, with_texts

GREY = "viwo-grey"
"""A field of pictures whose three colours are the same everywhere."""


def encode(
    image: Image,
    format: str = "png",
    *,
    quality: int = 90,
    background_color: str = "#ffffff",
    metadata: Mapping[str, object] | None = None,
) -> bytes:
    """A file of the picture: the same bytes for the same picture and metadata.

    JPEG has no transparency, so `background_color` (#rrggbb) shows through what is clear. Raises InvalidArgument for another format than png, jpeg, webp.
    """
    bare = attach(_in_its_bands(image, format), metadata, format)
    if format == "png":
        return with_texts(bytes(bare.pngsave_buffer(compression=6, keep="exif")), metadata)
    if format == "jpeg":
        flat = bare.flatten(background=_ground(bare, background_color)) if bare.hasalpha() else bare
        return bytes(flat.jpegsave_buffer(Q=quality, keep="exif"))
    if format == "webp":
        return bytes(bare.webpsave_buffer(Q=quality, keep="exif|xmp"))
    raise InvalidArgument(
        f"'format' must be png, jpeg or webp; got {brief(format, 20)}",
        reason="IMAGE_FORMAT",
        field="format",
        limit="png, jpeg, webp",
        asked=brief(format, 20),
    )


def _ground(image: Image, color: str) -> list[float]:
    """A colour as the bands of a picture with transparency."""
    bands = [float(each) for each in bytes.fromhex(color.removeprefix("#"))]
    return bands if image.bands == 4 else [round(0.2126 * bands[0] + 0.7152 * bands[1] + 0.0722 * bands[2])]


def _in_its_bands(image: Image, format: str) -> Image:
    """What was turned grey, in one band, or two with its transparency, where the format has that."""
    if image.get_typeof(GREY) == 0:
        return image
    bare = image.copy()
    bare.remove(GREY)
    if format == "webp":
        return bare
    grey = bare.extract_band(0)
    return (grey.bandjoin(bare.extract_band(3)) if bare.hasalpha() else grey).copy(interpretation="b-w")


def from_pixels(data: bytes, width: int, height: int, bands: int) -> Image:
    """A picture of raw rows from the top, `bands` bytes a pixel (3 RGB, 4 RGBA)."""
    if bands not in (3, 4) or len(data) != width * height * bands:
        raise ValueError(f"{len(data)} bytes are no {width} x {height} picture of {bands} bands")
    return pyvips.Image.new_from_memory(data, width, height, bands, "uchar").copy(interpretation="srgb")


def to_pixels(image: Image) -> bytes:
    """Raw rows from the top, as `from_pixels` takes them."""
    return bytes(image.write_to_memory())


def thumbnail(image: Image | bytes, side: int = 128) -> bytes:
    """A small WebP with the longest side at most `side` pixels; a small picture is not enlarged."""
    picture = decode(image) if isinstance(image, bytes) else image
    small = picture.thumbnail_image(side, height=side, size="down")
    return bytes(small.webpsave_buffer(Q=80, keep="none"))

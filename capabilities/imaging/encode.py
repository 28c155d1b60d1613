"""From pixels to files."""

from __future__ import annotations

from collections.abc import Mapping

import pyvips

from capabilities.errors import InvalidArgument, brief
from capabilities.imaging.decode import Image, decode
from capabilities.imaging.metadata import attach, with_texts

WHITE = [255, 255, 255]


def encode(
    image: Image, format: str = "png", *, quality: int = 90, metadata: Mapping[str, object] | None = None
) -> bytes:
    """A file of the picture: the same bytes for the same picture and metadata.

    JPEG has no transparency, so it gets a white ground. Raises InvalidArgument for another format than png, jpeg, webp.
    """
    bare = attach(image, metadata, format)
    if format == "png":
        return with_texts(bytes(bare.pngsave_buffer(compression=6, keep="exif")), metadata)
    if format == "jpeg":
        flat = bare.flatten(background=WHITE) if bare.hasalpha() else bare
        return bytes(flat.jpegsave_buffer(Q=quality, optimize_coding=True, keep="exif"))
    if format == "webp":
        return bytes(bare.webpsave_buffer(Q=quality, keep="exif|xmp"))
    raise InvalidArgument(
        f"'format' must be png, jpeg or webp; got {brief(format, 20)}",
        reason="IMAGE_FORMAT",
        field="format",
        limit="png, jpeg, webp",
        asked=brief(format, 20),
    )


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

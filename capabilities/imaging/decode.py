"""The guard in front of libvips: what a stranger sends is looked at before any decoder runs.

Only four formats, told by their first bytes and never by a name; the size is read from the header before a pixel is
decoded; truncated files are refused whole; the loaders that libvips itself does not trust are blocked.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pyvips

from capabilities.errors import InvalidArgument, Refusal, ResourceExhausted, brief

Image = Any
"""A `pyvips.Image`: sRGB, one byte a band, 3 bands (RGB) or 4 (RGBA), in memory."""

pyvips.block_untrusted_set(True)
# Operations are small and differ from call to call: a cache would only hold on to pixels.
pyvips.cache_set_max(0)


@dataclass(frozen=True)
class Limits:
    """What a picture may be: bytes of the file, pixels in all, pixels a side; and the pixels of all pictures of a call."""

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 64 * 1024 * 1024
    max_side: int = 16_384
    max_decoded: int = 128 * 1024 * 1024


DEFAULT_LIMITS = Limits()

log = logging.getLogger("viwo_imagegen.pictures")

_PROFILE = "icc-profile-data"
_SRGB = (b"sRGB IEC61966-2.1", b"sRGB IEC61966-2-1", b"sRGB built-in")
_WHITE_SPACE = b" \t\n\r\v\f"

OUT_OF_MEMORY = "OUT_OF_MEMORY"
"""Reason of a refusal: a picture does not fit in the memory that is there for it."""
_NO_MEMORY = (
    "out of memory",
    "insufficient memory",
    "failed to allocate",
    "unable to mmap",
    "cannot allocate",
)


@dataclass(frozen=True)
class ImageInfo:
    """What the header says; `width` and `height` in pixels, as shown (after EXIF orientation)."""

    format: str
    width: int
    height: int
    has_alpha: bool


class Inspector(Protocol):
    """Decodes what strangers send: here, or in a process of its own, as a server must."""

    def inspect(self, data: bytes, *, field: str = "image") -> ImageInfo:
        """What a file is whose every pixel can be read. Raises InvalidArgument for any other."""
        ...

    def thumbnail(self, data: bytes, side: int) -> bytes:
        """A small WebP with the longest side at most `side` pixels. Raises InvalidArgument."""
        ...


def probe(data: bytes, *, limits: Limits = DEFAULT_LIMITS, field: str = "image") -> ImageInfo:
    """The header of a file. Raises InvalidArgument for what is no picture of an accepted format and size."""
    return open_guarded(data, limits, field)[1]


def inspect(data: bytes, *, limits: Limits = DEFAULT_LIMITS, field: str = "image") -> ImageInfo:
    """The header of a file whose every pixel can be read; none of them is kept. Raises InvalidArgument for any other."""
    image, info = open_guarded(data, limits, field, access="sequential")
    try:
        # Its colours are of no interest here.
        _normal(image, managed=False).avg()
    except pyvips.Error as error:
        raise unreadable(field, error) from None
    return info


def decode(data: bytes, *, limits: Limits = DEFAULT_LIMITS, field: str = "image") -> Image:
    """The pixels of a file: the first frame, upright, sRGB. Raises InvalidArgument for anything unreadable."""
    # Read once, from the top, into one copy: what may be read anywhere is first unpacked into a file of its own.
    image, _ = open_guarded(data, limits, field, access="sequential")
    if _has_profile(image):
        try:
            return _normal(image, managed=True).copy_memory().autorot().copy_memory()
        except pyvips.Error as error:
            if is_out_of_memory(error):
                raise unreadable(field, error) from None
            log.warning("the colour profile of '%s' is left out: %s", field, brief(str(error), 200))
            image, _ = open_guarded(data, limits, field, access="sequential")
    try:
        return _normal(image, managed=False).copy_memory().autorot().copy_memory()
    except pyvips.Error as error:
        raise unreadable(field, error) from None


def opened(data: bytes, *, limits: Limits = DEFAULT_LIMITS, field: str = "image") -> Image:
    """The same picture, its pixels not read yet: for work that goes through it once, from the top.

    What is wrong with the file beyond its header is a `pyvips.Error` then, when the pixels are asked for. Raises as `decode`.
    """
    image, _ = open_guarded(data, limits, field, access="sequential")
    turned = image.get_typeof("orientation") != 0 and image.get("orientation") > 1
    # A profile may turn out not to fit, and what lies on its side is not read from the top.
    return (
        decode(data, limits=limits, field=field)
        if turned or _has_profile(image)
        else _normal(image, managed=False)
    )


def decode_base64(text: str, *, limits: Limits = DEFAULT_LIMITS, field: str = "image") -> bytes:
    """The bytes of base64 text or of a base64 data URL. Raises InvalidArgument for anything else."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise InvalidArgument(
                f"'{field}' is a data URL without base64 data",
                reason="BAD_BASE64",
                field=field,
                asked=brief(head, 40),
            )
    if len(text) > limits.max_bytes * 3 // 2:
        raise _too_many_bytes(field, limits, f"{len(text)} characters of base64")
    try:
        # At once: a list of what stands between white space would take many times the text.
        return base64.b64decode(text.encode("ascii").translate(None, _WHITE_SPACE), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            f"'{field}' is not valid base64; got {brief(text, 40)}",
            reason="BAD_BASE64",
            field=field,
            asked=brief(text, 40),
        ) from None


def open_guarded(
    data: bytes, limits: Limits, field: str, *, access: Literal["random", "sequential"] = "random"
) -> tuple[Image, ImageInfo]:
    """A file that passed the guard, its pixels not decoded yet; `sequential` reads them once, from the top.

    Raises InvalidArgument.
    """
    if len(data) > limits.max_bytes:
        raise _too_many_bytes(field, limits, f"{len(data)} bytes")
    name = _format(data)
    if name is None:
        raise InvalidArgument(
            f"'{field}' is no PNG, JPEG, WebP or GIF picture; "
            + ("save it as one of these" if data else "it is empty"),
            reason="IMAGE_FORMAT",
            field=field,
            limit="png, jpeg, webp, gif",
            asked=f"{len(data)} bytes beginning {data[:8].hex(' ') or 'with nothing'}",
        )
    loader = getattr(pyvips.Image, f"{name}load_buffer")
    try:
        image = loader(data, fail_on="truncated", access=access)
        turned = image.get_typeof("orientation") != 0 and image.get("orientation") >= 5
    except pyvips.Error as error:
        raise unreadable(field, error) from None
    width, height = (image.height, image.width) if turned else (image.width, image.height)
    require_size(f"'{field}' is", field, width, height, limits)
    return image, ImageInfo(name, width, height, bool(image.hasalpha()))


def require_size(
    what: str,
    field: str,
    width: float,
    height: float,
    limits: Limits = DEFAULT_LIMITS,
    *,
    asked: object = None,
) -> None:
    """Raises InvalidArgument for a picture that is larger than any may be; `what` begins the sentence about it."""
    if width > limits.max_side or height > limits.max_side or width * height > limits.max_pixels:
        raise InvalidArgument(
            f"{what} {width:.0f} x {height:.0f} pixels; at most {limits.max_side} a side and {limits.max_pixels} in all. "
            "Use a smaller one",
            reason="IMAGE_TOO_LARGE",
            field=field,
            limit=f"{limits.max_side} a side, {limits.max_pixels} in all",
            asked=f"{width:.0f} x {height:.0f}" if asked is None else brief(asked),
        )


def require_decodable(sizes: Mapping[str, tuple[int, int]], limits: Limits = DEFAULT_LIMITS) -> None:
    """Raises InvalidArgument where the pictures of one call, each small as a file, are too much when they are decoded."""
    pixels = sum(width * height for width, height in sizes.values())
    if pixels > limits.max_decoded:
        largest = max(sizes, key=lambda name: sizes[name][0] * sizes[name][1])
        raise InvalidArgument(
            f"the {len(sizes)} pictures of this call have {pixels} pixels in all; at most {limits.max_decoded} are "
            f"decoded for one call. The largest is '{largest}'; use smaller ones",
            reason="IMAGES_TOO_LARGE",
            field=largest,
            limit=f"{limits.max_decoded} pixels in all",
            asked=f"{pixels} pixels",
        )


def _format(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    return None


def _normal(image: Image, *, managed: bool) -> Image:
    """sRGB bytes, RGB or RGBA, whatever the file had: a colour profile, grey, palette, CMYK, 16 bits."""
    if managed:
        image = _managed(image)
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    if image.bands < 3:
        grey = image.extract_band(0)
        image = grey.bandjoin([grey, grey, *([image.extract_band(1)] if image.bands == 2 else [])])
    elif image.bands > 4:
        image = image.extract_band(0, n=4)
    return image.copy(interpretation="srgb")


def _managed(image: Image) -> Image:
    """The picture in sRGB where its file says what its colours are. What libvips cannot use of a profile it leaves out."""
    if not _has_profile(image) or _is_srgb(bytes(image.get(_PROFILE))):
        return image
    return image.icc_transform("srgb", embedded=True, intent="relative", depth=8)


def _has_profile(image: Image) -> bool:
    return bool(image.get_typeof(_PROFILE) != 0)


def _is_srgb(profile: bytes) -> bool:
    """Whether a profile calls itself by the standard's name: then there is nothing to do."""
    return any(name in profile or name.decode().encode("utf-16-be") in profile for name in _SRGB)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out; libvips and OpenCV say it in words of their own."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in words for sign in _NO_MEMORY)


def out_of_memory(field: str) -> ResourceExhausted:
    return ResourceExhausted(
        f"'{field}' does not fit in the memory that is there for pictures; make it smaller",
        reason=OUT_OF_MEMORY,
        field=field,
    )


def unreadable(field: str, error: pyvips.Error) -> Refusal:
    """The refusal for a picture in which libvips found a fault."""
    if is_out_of_memory(error):
        return out_of_memory(field)
    lines = [line for line in error.detail.splitlines() if line.strip()]
    return InvalidArgument(
        f"'{field}' cannot be read: {brief(lines[0] if lines else 'damaged file', 120)}; is the file whole?",
        reason="IMAGE_UNREADABLE",
        field=field,
    )


def _too_many_bytes(field: str, limits: Limits, asked: str) -> InvalidArgument:
    return InvalidArgument(
        f"'{field}' has {asked}; at most {limits.max_bytes} bytes are accepted",
        reason="IMAGE_TOO_LARGE",
        field=field,
        limit=f"{limits.max_bytes} bytes",
        asked=asked,
    )

"""A JSON object inside a picture file: in EXIF UserComment, where viwo's own image library looks for it.

The EXIF block is written and read here, a few dozen bytes of TIFF structure: libvips shows long values cut short.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import pyvips

from capabilities.errors import InvalidArgument
from capabilities.imaging.decode import Image, Limits, open_guarded

MAX_BYTES = 60_000
"""JPEG keeps EXIF in one segment of 64 KiB, so longer metadata is left out of the file."""
MAX_READ = 1024 * 1024
"""What other programs left is read up to this many bytes."""

_EXIF_POINTER = 0x8769
_USER_COMMENT = 0x9286
_ASCII = b"ASCII\0\0\0"
_UNDEFINED, _LONG, _BYTE_TYPES = 7, 4, (1, 2, 7)
_MAX_ENTRIES = 200


def attach(image: Image, metadata: Mapping[str, object] | None) -> Image:
    """A copy of the picture that carries the metadata and nothing else that its file may have had."""
    bare = image.copy()
    for name in bare.get_fields():
        if (
            name.startswith(("exif-", "xmp-", "iptc-", "icc-", "png-comment", "gif-"))
            or name == "orientation"
        ):
            bare.remove(name)
    if metadata is not None:
        comment = json.dumps(metadata, ensure_ascii=True, allow_nan=False).encode("ascii")
        if len(comment) <= MAX_BYTES:
            bare.set_type(pyvips.GValue.blob_type, "exif-data", _exif(comment))
    return bare


def read_metadata(data: bytes) -> dict[str, Any] | None:
    """The JSON object in a picture file, or None where there is none that can be read."""
    try:
        image, _ = open_guarded(data, Limits(), "image")
        if image.get_typeof("exif-data") == 0:
            return None
        block = bytes(image.get("exif-data"))
    except (InvalidArgument, pyvips.Error):
        return None
    comment = _user_comment(block.removeprefix(b"Exif\0\0"))
    # Only JPEG bounds it by itself.
    if comment is None or len(comment) > MAX_READ:
        return None
    text = comment[8:] if comment[:8] in (_ASCII, b"UNICODE\0", b"\0" * 8) else comment
    try:
        value = json.loads(text.replace(b"\0", b"").decode("utf-8"), parse_constant=_refuse)
        # What cannot be written back, such as a lone surrogate, is as good as damaged.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _exif(comment: bytes) -> bytes:
    """A little-endian EXIF block that holds one UserComment."""
    value = _ASCII + comment
    # Header 8 bytes; two directories of one entry each: a count, 12 bytes, the offset of the next directory.
    exif_directory = 8 + 2 + 12 + 4
    value_at = exif_directory + 2 + 12 + 4
    first = struct.pack("<HHHIII", 1, _EXIF_POINTER, _LONG, 1, exif_directory, 0)
    second = struct.pack("<HHHIII", 1, _USER_COMMENT, _UNDEFINED, len(value), value_at, 0)
    return b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + first + second + value


def _user_comment(tiff: bytes) -> bytes | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    first = _entries(tiff, order, struct.unpack_from(f"{order}I", tiff, 4)[0])
    if _EXIF_POINTER in first:
        first = {**first, **_entries(tiff, order, first[_EXIF_POINTER][2])}
    if _USER_COMMENT not in first:
        return None
    kind, count, offset = first[_USER_COMMENT]
    if kind not in _BYTE_TYPES or count <= 4 or offset + count > len(tiff):
        return None
    return tiff[offset : offset + count]


def _entries(tiff: bytes, order: str, at: int) -> dict[int, tuple[int, int, int]]:
    """Tag -> type, count, value or offset; nothing for a directory that does not fit in the block."""
    if at + 2 > len(tiff):
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    found = {}
    for index in range(min(count, _MAX_ENTRIES)):
        start = at + 2 + 12 * index
        if start + 12 > len(tiff):
            break
        tag, kind, length, value = struct.unpack_from(f"{order}HHII", tiff, start)
        found[tag] = (kind, length, value)
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")

"""A JSON object inside a picture file: in EXIF UserComment, where viwo's own image library looks for it.

The EXIF block is written and read here, a few dozen bytes of TIFF structure: libvips shows long values cut short. It
holds 64 KiB; what is longer stands in a text chunk of a PNG and in the XMP of a WebP, and is shortened for a JPEG. A PNG
also has the text `parameters`, which users of other programs read.
"""

from __future__ import annotations

import html
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import pyvips

from capabilities.errors import InvalidArgument
from capabilities.imaging.decode import Image, Limits, open_guarded

MAX_BYTES = 60_000
"""Of the JSON in EXIF, which has 64 KiB."""
MOST_BYTES = 1_000_000
"""Of the JSON in a file that can hold more; what is longer still is shortened."""
SHORTENED = "shortened"
"""Is true in metadata of which a file holds only a part."""
_TEXT = "viwo-imagegen"
_PARAMETERS = "parameters"
_MOST_ANCESTORS = 100
_COMMENTS = "png-comment-"
_AFTER_HEADER = 8 + 25
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><viwo:metadata xmlns:viwo="urn:viwo-imagegen">',
    b"</viwo:metadata></x:xmpmeta>",
)
MAX_READ = 1024 * 1024
"""What other programs left is read up to this many bytes."""

_EXIF_POINTER = 0x8769
_USER_COMMENT = 0x9286
_ASCII = b"ASCII\0\0\0"
_UNDEFINED, _LONG, _BYTE_TYPES = 7, 4, (1, 2, 7)
_MAX_ENTRIES = 200


def attach(image: Image, metadata: Mapping[str, object] | None, format: str) -> Image:
    """A copy of the picture that carries the metadata, for a file of that format, and nothing else that its own may have
    had.
    """
    bare = image.copy()
    for name in bare.get_fields():
        if (
            name.startswith(("exif-", "xmp-", "iptc-", "icc-", "png-comment", "gif-"))
            or name == "orientation"
        ):
            bare.remove(name)
    if metadata is None:
        return bare
    comment = _dumped(metadata, MAX_BYTES if format == "jpeg" else MOST_BYTES)
    if len(comment) <= MAX_BYTES:
        bare.set_type(pyvips.GValue.blob_type, "exif-data", _exif(comment))
    elif format == "webp":
        bare.set_type(
            pyvips.GValue.blob_type, "xmp-data", html.escape(comment.decode("ascii")).encode().join(_XMP)
        )
    return bare


def with_texts(png: bytes, metadata: Mapping[str, object] | None) -> bytes:
    """A PNG file with its texts: `parameters`, and the metadata itself where EXIF cannot hold it."""
    if metadata is None:
        return png
    chunks = b""
    if text := parameters(metadata):
        chunks += _text_chunk(_PARAMETERS, text)
    comment = _dumped(metadata, MOST_BYTES)
    if len(comment) > MAX_BYTES:
        chunks += _text_chunk(_TEXT, comment.decode("ascii"))
    # After the signature and the header, which has always this length.
    return png[:_AFTER_HEADER] + chunks + png[_AFTER_HEADER:]


def _text_chunk(keyword: str, text: str) -> bytes:
    """tEXt holds Latin-1, iTXt anything."""
    try:
        kind, value = b"tEXt", keyword.encode() + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        kind, value = b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))


def parameters(metadata: Mapping[str, object]) -> str:
    """What made a picture, as other programs write it into the text chunk `parameters`; empty where there is no prompt.

    Of a picture that was made from another it is what made that one.
    """
    for _ in range(_MOST_ANCESTORS):
        if isinstance(written := metadata.get(_PARAMETERS), str):
            return written[:MAX_BYTES]
        source = metadata.get("from")
        if metadata.get("prompt") or not isinstance(source, Mapping):
            break
        metadata = source
    prompt = metadata.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        return ""
    lines = [prompt]
    if isinstance(negative := metadata.get("negative_prompt"), str) and negative:
        lines.append(f"Negative prompt: {negative}")
    named = {
        "Steps": "steps", "Sampler": "scheduler", "CFG scale": "guidance_scale", "Seed": "seed", "Model": "model",
    }  # fmt: skip
    settings = [
        f"{shown}: {metadata[name]}" for shown, name in named.items() if metadata.get(name) not in (None, "")
    ]
    if metadata.get("width") and metadata.get("height"):
        settings.append(f"Size: {metadata['width']}x{metadata['height']}")
    return "\n".join([*lines, ", ".join(settings)])[:MAX_BYTES]


def _dumped(metadata: Mapping[str, object], most: int) -> bytes:
    """As JSON of at most so many bytes; the longest entries are left out until it fits, where it came from first."""
    kept = dict(metadata)
    while True:
        text = json.dumps(kept, ensure_ascii=True, allow_nan=False).encode("ascii")
        if len(text) <= most:
            return text
        longest = max(kept, key=lambda name: (name == "from", len(json.dumps(kept[name]))))
        if longest == SHORTENED:
            return b"{}"
        del kept[longest]
        kept[SHORTENED] = True


def read_metadata(data: bytes) -> dict[str, Any] | None:
    """The JSON object in a picture file, or None where there is none that can be read.

    Of a PNG of another program: its text `parameters`, under that name.
    """
    try:
        image, _ = open_guarded(data, Limits(), "image")
        comment = _comment(image)
        if comment is None and (written := _png_text(image, _PARAMETERS)):
            return {_PARAMETERS: written[:MAX_BYTES]}
    except (InvalidArgument, pyvips.Error):
        return None
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


def _comment(image: Image) -> bytes | None:
    """The JSON as it stands in a file, wherever it does."""
    if text := _png_text(image, _TEXT):
        return text.encode()
    if image.get_typeof("exif-data") != 0:
        block = bytes(image.get("exif-data"))
        comment = _user_comment(block.removeprefix(b"Exif\0\0"))
        if comment is not None:
            return comment
    if image.get_typeof("xmp-data") != 0:
        _, opened, rest = bytes(image.get("xmp-data")).partition(_XMP[0])
        if opened:
            return html.unescape(rest.partition(_XMP[1])[0].decode("utf-8", "replace")).encode()
    return None


def _png_text(image: Image, keyword: str) -> str:
    """The text chunk of a keyword; empty where there is none that is UTF-8."""
    for name in image.get_fields():
        if name.startswith(_COMMENTS) and name.endswith(f"-{keyword}"):
            try:
                return str(image.get(name)).encode("utf-8").decode()
            except UnicodeError:
                return ""
    return ""


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

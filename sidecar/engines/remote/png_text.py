"""The texts in a PNG's file, read without decoding a pixel: what a server says of how it made the picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 256 * 1024
"""Bytes of a text that is read; a longer one is left out."""


def texts(data: bytes) -> dict[str, str]:
    """The uncompressed texts before the pixels, by their keywords; empty for what is no PNG."""
    found: dict[str, str] = {}
    for kind, chunk in _chunks(data):
        keyword, _, rest = chunk.partition(b"\0")
        if kind == b"tEXt":
            found[keyword.decode("latin-1")] = rest.decode("latin-1")
        elif kind == b"iTXt" and rest[:1] == b"\0":
            # Compression flag and method, language, translated keyword, text.
            *_, text = rest[2:].split(b"\0", 2)
            found[keyword.decode("latin-1")] = text.decode("utf-8", "replace")
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        return
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if kind in (b"IDAT", b"IEND") or at + 12 + length > len(data):
            return
        if length <= MAX_TEXT:
            yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length

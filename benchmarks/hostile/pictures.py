"""Files that call themselves pictures."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator

from sidecar.testing.pictures import plain


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, depth: int = 8, colour: int = 2, body: bytes = b"", extra: bytes = b""
) -> bytes:
    """A PNG whose header says what one likes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def gif(width: int, height: int) -> bytes:
    """A few bytes that decode to many."""
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip


def pictures() -> Iterator[tuple[str, bytes]]:
    """Each with a name."""
    good = plain(64, 64, "PNG")
    zeros = zlib.compress(bytes(60_000_000), 9)
    yield "nothing", b""
    yield "noise", os.urandom(5000)
    yield "only a magic number", b"\x89PNG\r\n\x1a\n"
    yield "truncated", good[: len(good) // 2]
    yield "gif bomb", gif(16384, 4096)
    yield "gif of 65535 x 65535", gif(65535, 65535)
    yield "png of 2^31 a side", png(2**31 - 1, 2**31 - 1)
    yield "png of no size", png(0, 0)
    yield "png of 16384 x 16384", png(16384, 16384, body=zlib.compress(bytes(1000)))
    yield "png whose data end", png(8000, 8000, body=zlib.compress(bytes(100)))
    yield "png whose data are too much", png(8, 8, body=zeros)
    yield "png that is all of 64 megapixels", plain(8192, 8192, "PNG")
    yield (
        "png with a text bomb",
        png(8, 8, body=zlib.compress(bytes(200)), extra=_chunk(b"zTXt", b"a\0\0" + zeros)),
    )
    yield (
        "png with a profile bomb",
        png(8, 8, body=zlib.compress(bytes(200)), extra=_chunk(b"iCCP", b"a\0\0" + zeros)),
    )
    yield "png of a wrong depth", png(8, 8, depth=3)
    yield "jpeg of 65500 x 1000", plain(16384, 1000, "JPEG")
    yield "jpeg progressive", plain(4096, 4096, "JPEG", progressive=True)
    yield "jpeg with hostile exif", plain(8, 8, "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 5000)
    yield "cmyk jpeg", plain(64, 64, "JPEG", mode="CMYK")
    yield "webp bomb", plain(8192, 8000, "WEBP", lossless=True)
    yield "webp with a wrong length", b"RIFF\xff\xff\xff\x7fWEBPVP8 " + os.urandom(100)
    yield "svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    yield "tiff", plain(8, 8, "TIFF")
    yield "a script behind a picture", good + b"#!/bin/sh\ntouch /tmp/ran\n"
    yield "sixteen bits", plain(64, 64, "PNG", mode="I;16")
    yield "too many bytes", good + bytes(40 * 1024 * 1024)

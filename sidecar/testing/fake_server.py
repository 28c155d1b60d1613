"""A server whose engine answers at once, as a process: what is left of a call's time is the sidecar's own."""

from __future__ import annotations

import argparse
import asyncio
import struct
import zlib
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from pathlib import Path

from capabilities import imaging
from sidecar import config, server
from sidecar.engines.api import EngineRequest
from sidecar.engines.events import Done, EncodedImage, Event
from sidecar.engines.local.engine import LocalEngine

IEND = 12
"""Bytes of the chunk that ends a PNG."""


class ImmediateEngine(LocalEngine):
    """Lists the local engine's models, starts no child, and answers each task with a picture of its size."""

    async def start(self) -> None:
        self._ready.set()

    async def run(self, works: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        for work in works:
            width, height = work.task.width, work.task.height
            picture = EncodedImage(png_of(width, height, work.job_id), width, height, work.task.seed)
            yield work.job_id, Done((picture,), seconds=0.0)


def png_of(width: int, height: int, comment: str) -> bytes:
    """A grey PNG of a size that differs from others by its comment, so that each is stored as a file of its own."""
    text = b"tEXtComment\0" + comment.encode("latin-1")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    whole = _grey(width, height)
    end = len(whole) - IEND
    return whole[:end] + chunk + whole[end:]


@cache
def _grey(width: int, height: int) -> bytes:
    return imaging.encode(imaging.from_pixels(bytes([128]) * (width * height * 3), width, height, 3), "png")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--with-stdin", action="store_true")
    given = parser.parse_args()
    server.LocalEngine = ImmediateEngine  # type: ignore[attr-defined]
    asyncio.run(server.serve(config.load(data_dir=given.data_dir, port=0), with_stdin=given.with_stdin))


if __name__ == "__main__":
    main()

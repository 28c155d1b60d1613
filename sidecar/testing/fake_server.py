"""A server whose engine answers at once, as a process: what is left of a call's time is the sidecar's own."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from sidecar import config, server
from sidecar.testing.fake_engine import FakeEngine

SLOTS = 8


async def _serve(data_dir: Path, *, with_stdin: bool) -> None:
    settings = config.load(data_dir=data_dir, port=0, default_model="icons")
    await server.serve(settings, with_stdin=with_stdin, engines=[FakeEngine(slots=SLOTS)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--with-stdin", action="store_true")
    given = parser.parse_args()
    asyncio.run(_serve(given.data_dir, with_stdin=given.with_stdin))


if __name__ == "__main__":
    main()

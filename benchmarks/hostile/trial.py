"""What came of hostile calls: refusals are right, everything else is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import grpc

HANG = 5.0
"""Seconds after which a call counts as hung."""
OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
"""Codes that are faults of the server."""
KINDS = ("crashes", "hangs", "internal", "code_run", "files_touched")


@dataclass
class Trial:
    tried: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def count(self, kind: str, what: str) -> None:
        self.found[kind].append(what[:400])

    async def call(self, name: str, call: Awaitable[Any]) -> Any:
        """The answer of a call, or None where it was refused."""
        self.tried += 1
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(HANG * 6):
                return await call
        except TimeoutError:
            pass
        except grpc.aio.AioRpcError as error:
            if error.code() in OURS:
                self.count("internal", f"{name}: {error.code().name} {error.details()}")
            elif error.code() is grpc.StatusCode.UNAVAILABLE and "ended while it worked" in (
                error.details() or ""
            ):
                self.count("crashes", f"{name}: {error.details()}")
        finally:
            seconds = time.perf_counter() - begun
            if seconds > HANG:
                self.count("hangs", f"{name}: {seconds:.1f} s")
        return None

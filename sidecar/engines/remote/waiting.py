"""Waiting for a server, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from sidecar.engines.remote.failures import RemoteFailure

LET_GO = 10.0
"""Seconds that a server gets to end what was canceled."""


async def ended(ending: Coroutine[Any, Any, object]) -> None:
    """Wait until a server has ended something, or has had its time; what goes wrong is its own affair."""
    with contextlib.suppress(TimeoutError, RemoteFailure):
        async with asyncio.timeout(LET_GO):
            await ending


async def happened(event: asyncio.Event, seconds: float) -> bool:
    """Whether something happens within so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()

"""What must go on whatever happens: duties of the server, and writing down what must not be lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from capabilities.errors import Unavailable

log = logging.getLogger("viwo_imagegen.jobs")
T = TypeVar("T")

PAUSE = 1.0
"""Seconds before a duty that failed is taken up again."""


async def retry_until_written(write: Callable[[], Awaitable[T]], times: int | None = None) -> T:
    """Do what has to be written down, again and again while the database refuses: a full disk must not lose a job.

    With `times`, raises Unavailable after so many.
    """
    for tried, delay in enumerate(itertools.chain((0.1, 0.5, 1.0), itertools.repeat(5.0)), 1):
        try:
            return await write()
        except Unavailable as error:
            if tried == times:
                raise
            log.error("%s; trying again in %s s", error.message, delay)
            await asyncio.sleep(delay)
    raise AssertionError("the delays never end")


async def run_forever(name: str, turn: Callable[[], Awaitable[object]]) -> None:
    """Do a duty again and again, for as long as the server lives; a turn that breaks is logged and does not end it."""
    while True:
        try:
            await turn()
        except Unavailable as error:
            log.error("%s: %s", name, error.message)
            await asyncio.sleep(PAUSE)
        except Exception:
            log.exception("%s broke; it goes on", name)
            await asyncio.sleep(PAUSE)

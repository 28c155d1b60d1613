"""How the queue behaves, and how it writes down what must not be lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from capabilities.errors import DeadlineExceeded, Unavailable

log = logging.getLogger("viwo_imagegen.jobs")
T = TypeVar("T")

STUMBLE = 1.0
"""Seconds before a duty that broke is taken up again."""


@dataclass(frozen=True)
class Rules:
    """How the queue behaves. Times in seconds."""

    max_waiting: int = 1000
    max_waiting_of_owner: int = 500
    """How many of those may be one owner's, so that nobody can keep the others out."""
    max_attempts: int = 3
    patience: float = 10.0
    """How long a job may be passed over for others whose model is loaded."""
    reuse_for: float = 7 * 24 * 3600.0
    """How long a result is answered to the same task again."""
    most_together: int = 4
    """How many jobs that are alike may be drawn in one go."""
    max_seconds: float = 3600.0
    """How long an attempt may take."""
    beat: float = 10.0


def too_late(when: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"the job's deadline passed {when}; give it more time, or try when less is waiting",
        reason="DEADLINE",
        field="timeout",
    )


async def insist(write: Callable[[], Awaitable[T]], times: int | None = None) -> T:
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


async def steadily(name: str, turn: Callable[[], Awaitable[object]]) -> None:
    """Do a duty again and again, for as long as the server lives; a turn that breaks is logged and does not end it."""
    while True:
        try:
            await turn()
        except Unavailable as error:
            log.error("%s: %s", name, error.message)
            await asyncio.sleep(STUMBLE)
        except Exception:
            log.exception("%s broke; it goes on", name)
            await asyncio.sleep(STUMBLE)

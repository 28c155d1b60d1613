"""How a caller wants a job to be treated, whatever its task is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from capabilities.errors import InvalidArgument
from capabilities.params import MAX_PRIORITY

MAX_TIMEOUT = 30 * 24 * 3600.0
"""Longest time that a job may ask for, in seconds."""


class Reuse(enum.StrEnum):
    """When a call may be answered with the result of the same work done before."""

    FIXED_SEED = "fixed_seed"
    """Where the caller fixed the seed, or the work has none: the result could be no other."""
    ALWAYS = "always"
    """Also where the caller left the seed open: any picture of this task will do."""
    NEVER = "never"


@dataclass(frozen=True)
class JobOptions:
    """How a job is to be treated, whatever its task is. `timeout` in seconds, from being accepted to its end."""

    priority: int = 0
    timeout: float | None = None
    reuse: Reuse = Reuse.FIXED_SEED


def require_job_options(handling: JobOptions) -> None:
    """Raises InvalidArgument for a priority or a time that cannot be."""
    if not -MAX_PRIORITY <= handling.priority <= MAX_PRIORITY:
        raise InvalidArgument(
            f"'priority' must be {-MAX_PRIORITY} to {MAX_PRIORITY}; got {handling.priority}",
            reason="BAD_ARGUMENT",
            field="priority",
            limit=f"{-MAX_PRIORITY} to {MAX_PRIORITY}",
            asked=str(handling.priority),
        )
    if handling.timeout is not None and not 0 < handling.timeout <= MAX_TIMEOUT:
        raise InvalidArgument(
            f"'timeout' must be more than 0 and at most {MAX_TIMEOUT:g} seconds; got {handling.timeout:g}",
            reason="BAD_ARGUMENT",
            field="timeout",
            limit=f"more than 0, at most {MAX_TIMEOUT:g} seconds",
            asked=f"{handling.timeout:g}",
        )

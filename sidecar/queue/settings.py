"""How the queue behaves, and how it writes down what must not be lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TypeVar

from capabilities.errors import DeadlineExceeded

log = logging.getLogger("viwo_imagegen.jobs")
T = TypeVar("T")


@dataclass(frozen=True)
class QueueSettings:
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
    """How many jobs with equal batch keys may run as one batch."""
    max_seconds: float = 3600.0
    """How long an attempt may take."""
    beat: float = 10.0


def too_late(when: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"the job's deadline passed {when}; give it more time, or try when less is waiting",
        reason="DEADLINE",
        field="timeout",
    )

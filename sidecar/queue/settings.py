"""How the queue behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from capabilities.errors import DeadlineExceeded
from sidecar.queue.retry import RetryPolicy


@dataclass(frozen=True)
class QueueSettings:
    """How the queue behaves. Times in seconds."""

    max_waiting: int = 1000
    max_waiting_of_owner: int = 500
    """How many of those may be one owner's, so that nobody can keep the others out."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    patience: float = 10.0
    """How long a job may be passed over for others whose model is loaded."""
    reuse_for: float = 7 * 24 * 3600.0
    """How long a result is answered to the same task again."""
    max_batch: int = 4
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

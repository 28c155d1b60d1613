"""Whether a job that failed is tried again, and when: decided here only, from data."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.engines.api import ENGINE_DOWN
from sidecar.engines.events import Failed


@dataclass(frozen=True)
class Retry:
    """Another attempt. `counts`: this one is among those that a job may have."""

    delay: float
    """Seconds before it may begin."""
    counts: bool


@dataclass(frozen=True)
class RetryPolicy:
    """How often a failure that may pass is tried again: exponential backoff. Times in seconds."""

    max_attempts: int = 3
    first_backoff: float = 0.25
    factor: float = 2.0
    max_backoff: float = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError for a policy that makes no sense."""
        if self.max_attempts < 1 or self.first_backoff < 0 or self.factor < 1:
            raise ValueError(f"at least one attempt, no negative pause and a factor of at least 1: {self}")
        if self.max_backoff < self.first_backoff:
            raise ValueError(f"the longest pause is shorter than the first: {self}")

    def next(self, failure: Failed, failures: int) -> Retry | None:
        """What follows a failure after so many others of the same job; None where it is final.

        What is billed already is never tried again: it would be paid twice.
        """
        if failure.billed or not failure.retryable or failures + 1 >= self.max_attempts:
            return None
        # Beyond some attempts the power would be larger than any float.
        backoff = min(self.max_backoff, self.first_backoff * self.factor ** min(failures, 64))
        if failure.reason == ENGINE_DOWN:
            # The lane itself waits for its engine, and it was not the job that failed.
            return Retry(backoff, counts=False)
        return Retry(max(backoff, failure.retry_after or 0.0), counts=True)

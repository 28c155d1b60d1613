"""What a running job is told from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from capabilities.tasks import Task
from sidecar.engines.events import CANCELED, Event

Emit = Callable[[Event], None]


class CancellationToken:
    """Set by one thread, looked at by the working one between steps."""

    def __init__(self, *, attended: bool = False, preview_every: int = 0) -> None:
        self.canceled = False
        self.attended = attended
        self.preview_every = preview_every
        self._begun = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """The work begins. Raises Canceled where the job has been canceled before."""
        with self._lock:
            self._begun = True
            self.check()

    def put_off(self) -> bool:
        """Its work has not begun after all; whether it has been canceled meanwhile."""
        with self._lock:
            self._begun = False
            return self.canceled

    def cancel(self) -> bool:
        """Cancel the job; whether its work had not begun, so that nobody else will tell of its end."""
        with self._lock:
            first, self.canceled = not self.canceled, True
            return first and not self._begun

    def check(self) -> None:
        """Raises Canceled once the job has been."""
        if self.canceled:
            raise CANCELED.refusal()


@dataclass(frozen=True)
class BatchItem:
    """One of several jobs that are done together: its task, whom it tells, and what it is told."""

    task: Task
    emit: Emit
    watch: CancellationToken

"""What a running job is told from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from capabilities.tasks import Task
from sidecar.engines.api import ProgressDetail
from sidecar.engines.events import CANCELED, Event

Emit = Callable[[Event], None]


class CancellationToken:
    """Set by one thread, looked at by the working one between steps."""

    def __init__(self, detail: ProgressDetail | None = None) -> None:
        """`detail`: how closely the job is watched; None: by nobody."""
        self.canceled = False
        self.observed = detail is not None
        self.preview_every = detail.preview_every if detail else 0
        self._begun = False
        self._lock = threading.Lock()

    def observe(self, detail: ProgressDetail) -> None:
        """Someone watches the job from now on."""
        self.observed = True
        self.preview_every = detail.preview_every or self.preview_every

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
    """One of several jobs that run as one batch: its task, whom it tells, and what it is told."""

    task: Task
    emit: Emit
    token: CancellationToken

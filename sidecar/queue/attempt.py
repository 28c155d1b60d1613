"""A job that is being worked on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sidecar.engines.api import Engine
from sidecar.engines.events import Failed, Step
from sidecar.queue.model import Job


@dataclass(eq=False)
class Attempt:
    """One try at a job, and what may end it before its time."""

    job: Job
    engine: Engine
    ending: Failed | None = None
    """What its end is, once it has been told to end."""
    step: Step | None = None
    sent: bool = False
    """Whether it has been handed to an engine, which may cost money."""
    over: bool = False
    """Whether its outcome is known; then nothing needs to end it."""
    limit: asyncio.TimerHandle | None = None
    alarms: list[asyncio.TimerHandle] = field(default_factory=list)

    def stop_clocks(self) -> None:
        self.over = True
        for alarm in (*self.alarms, *([self.limit] if self.limit else [])):
            alarm.cancel()

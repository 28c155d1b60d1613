"""How the sidecar is doing: engines, jobs, memory, budgets; and its metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from capabilities.budgets import Cap
from capabilities.principals import Principal
from entity_store.blobs import Blobs
from sidecar.application.jobs import JobView
from sidecar.engines.api import LOCAL, EngineState, EngineStatus
from sidecar.engines.router import Router
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.ledger.budgets import Balance
from sidecar.queue.model import State
from sidecar.queue.store.reader import JobReader, Line
from sidecar.telemetry import Meter

COUNT_EVERY = 60.0
"""Seconds between two looks at the size of every stored file."""
MOST_RUNNING = 100
BREAKER_STATES = ("closed", "half_open", "open")
"""By their number in the metrics."""


@dataclass(frozen=True)
class EngineView:
    """An engine, its process's resident memory in bytes, how many jobs wait for it, and how many models it has."""

    name: str
    slots: int
    status: EngineStatus
    memory: int
    waiting: int
    kind: str = ""
    """What it is: its own name, or the kind of somebody's server."""
    is_paid: bool = False
    models: int = 0


@dataclass(frozen=True)
class ServerStatus:
    """How a server is doing. Times in Unix seconds, sizes in bytes."""

    started: float
    main: EngineView
    """The engine of models without the name of one."""
    engines: Sequence[EngineView]
    memory: int
    stored: int
    running: Sequence[JobView]
    lines: Sequence[Line]
    ended: Mapping[str, int]
    reused: int
    budgets: Sequence[Balance]


class Status:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        engines: Router,
        queue: JobQueue,
        reader: JobReader,
        blobs: Blobs,
        meter: Meter,
        caps: tuple[Cap, ...],
        kinds: Mapping[str, str],
    ) -> None:
        """`caps` are those of the whole sidecar; `kinds` are of the engines that are somebody's servers, by their names."""
        self._kinds = kinds
        self._engines = engines
        self._queue = queue
        self._reader = reader
        self._blobs = blobs
        self._meter = meter
        self._caps = caps
        self._started = time.time()
        self._stored = (0.0, 0)

    async def read(self, principal: Principal) -> ServerStatus:
        """As of now."""
        jobs, _ = await self._reader.page(states=[State.RUNNING], limit=MOST_RUNNING)
        steps = {job.id: self._queue.step(job.id) for job in jobs}
        lines = await self._reader.lines()
        return ServerStatus(
            started=self._started,
            main=self._main(lines),
            engines=self._views(lines),
            memory=memory(None),
            stored=await self._stored_bytes(),
            running=[JobView(job, step.step if (step := steps[job.id]) else 0) for job in jobs],
            lines=lines,
            ended=self._meter.ended_by_state(),
            reused=self._meter.reused_jobs(),
            budgets=await self._reader.budgets(self._caps),
        )

    async def metrics(self, principal: Principal) -> bytes:
        """In Prometheus' text format."""
        await self.measure()
        return self._meter.text()

    async def measure(self) -> None:
        """Bring those metrics up to date that are not counted as things happen."""
        lines = await self._reader.lines()
        main = self._main(lines)
        self._meter.set_depths((line.lane, line.owner_id, line.waiting) for line in lines)
        self._meter.memory.labels("server").set(memory(None))
        self._meter.memory.labels("engine").set(main.memory)
        self._meter.memory.labels("device").set(main.status.device_memory)
        self._meter.starts.set(main.status.starts)
        for engine in self._engines.values():
            for host, state in engine.status().breakers.items():
                self._meter.breaker.labels(engine.name, host).set(BREAKER_STATES.index(state))

    def _views(self, lines: Sequence[Line]) -> list[EngineView]:
        views = []
        for engine in self._engines.values():
            status = engine.status()
            waiting = sum(line.waiting for line in lines if line.lane == engine.name)
            resident = memory(status.pid) if status.pid else 0
            views.append(
                EngineView(
                    engine.name,
                    engine.slots,
                    status,
                    resident,
                    waiting,
                    self._kinds.get(engine.name, engine.name),
                    self._engines.is_paid(engine.name),
                    len(engine.models()),
                )
            )
        return views

    def _main(self, lines: Sequence[Line]) -> EngineView:
        found = [view for view in self._views(lines) if view.name == LOCAL]
        return found[0] if found else EngineView(LOCAL, 0, EngineStatus(EngineState.DOWN), 0, 0)

    async def _stored_bytes(self) -> int:
        counted, size = self._stored
        if time.monotonic() - counted > COUNT_EVERY or not counted:
            size = await asyncio.to_thread(self._blobs.size)
            self._stored = (time.monotonic(), size)
        return size


def memory(pid: int | None) -> int:
    """Resident bytes of a process; of this one where none is named, 0 where it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0

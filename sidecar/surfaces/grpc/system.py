"""SystemService: how the sidecar is doing."""

from __future__ import annotations

import asyncio
import time

import psutil
from google.protobuf.duration_pb2 import Duration

from capabilities.budgets import Cap
from entity_store.blobs import Blobs
from sidecar.engines.api import LOCAL, EngineState, EngineStatus
from sidecar.engines.router import Router
from sidecar.pb.viwo.imagegen.v1 import system_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import system_pb2_grpc
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import State
from sidecar.queue.store.reader import JobReader
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions, job_messages
from sidecar.telemetry import Meter

COUNT_EVERY = 60.0
STATES: dict[EngineState, pb.EngineState.ValueType] = {
    EngineState.STARTING: pb.ENGINE_STATE_STARTING,
    EngineState.READY: pb.ENGINE_STATE_READY,
    EngineState.DOWN: pb.ENGINE_STATE_DOWN,
}


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    def __init__(
        self,
        engines: Router,
        queue: JobQueue,
        reader: JobReader,
        blobs: Blobs,
        meter: Meter,
        caps: tuple[Cap, ...],
        currency: str,
    ) -> None:
        self._engines = engines
        self._queue = queue
        self._reader = reader
        self._blobs = blobs
        self._meter = meter
        self._caps = caps
        self._currency = currency
        self._started = time.time()
        self._stored = (0.0, 0)

    async def Status(self, request: pb.StatusRequest, context: Context) -> pb.StatusResponse:
        now = time.time()
        jobs, _ = await self._reader.page(states=[State.RUNNING], limit=100)
        steps = {job.id: self._queue.step(job.id) for job in jobs}
        running = [
            job_messages.job(job, step=step.step if (step := steps[job.id]) else 0, currency=self._currency)
            for job in jobs
        ]
        lines = [
            pb.StatusResponse.Line(
                lane=line.lane,
                owner_id=line.owner_id,
                priority=line.priority,
                waiting=line.waiting,
                oldest=Duration(seconds=int(max(0.0, now - line.oldest))),
            )
            for line in await self._reader.lines()
        ]
        budgets = [
            job_messages.budget(balance, self._currency) for balance in await self._reader.budgets(self._caps)
        ]
        main = self._main
        engines = [
            pb.StatusResponse.Engine(
                name=engine.name,
                state=STATES[status.state],
                reason=status.reason,
                device=status.device,
                slots=engine.slots,
                process_id=status.pid,
                starts=status.starts,
                loaded_models=sorted(status.loaded),
                memory_bytes=memory(status.pid) if status.pid else 0,
                device_memory_bytes=status.device_memory,
                waiting=sum(line.waiting for line in lines if line.lane == engine.name),
            )
            for engine in self._engines.values()
            for status in (engine.status(),)
        ]
        return pb.StatusResponse(
            start_time=conversions.timestamp(self._started),
            device=main.device,
            engine_pid=main.pid,
            engine_starts=main.starts,
            loaded_models=sorted(main.loaded),
            server_memory_bytes=memory(None),
            engine_memory_bytes=memory(main.pid) if main.pid else 0,
            engines=engines,
            stored_bytes=await self._stored_bytes(),
            running=running,
            lines=lines,
            ended=self._meter.ended_by_state(),
            reused=self._meter.reused_jobs(),
            budgets=budgets,
        )

    async def Metrics(self, request: pb.MetricsRequest, context: Context) -> pb.MetricsResponse:
        await self.measure()
        return pb.MetricsResponse(text=self._meter.text().decode())

    @property
    def _main(self) -> EngineStatus:
        """The engine of models without the name of one, where there is one."""
        found = [engine.status() for engine in self._engines.values() if engine.name == LOCAL]
        return found[0] if found else EngineStatus(EngineState.DOWN)

    async def _stored_bytes(self) -> int:
        """Counted once a minute: it takes a look at every file."""
        counted, size = self._stored
        if time.monotonic() - counted > COUNT_EVERY or not counted:
            size = await asyncio.to_thread(self._blobs.size)
            self._stored = (time.monotonic(), size)
        return size

    async def measure(self) -> None:
        """Bring those metrics up to date that are not counted as things happen."""
        self._meter.set_depths(
            (line.lane, line.owner_id, line.waiting) for line in await self._reader.lines()
        )
        self._meter.memory.labels("server").set(memory(None))
        main = self._main
        self._meter.memory.labels("engine").set(memory(main.pid) if main.pid else 0)
        self._meter.memory.labels("device").set(main.device_memory)
        self._meter.starts.set(main.starts)


def memory(pid: int | None) -> int:
    """Resident bytes of a process; of this one where none is named."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0

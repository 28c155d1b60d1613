"""SystemService: how the sidecar is doing."""

from __future__ import annotations

import asyncio
import time

import psutil
from google.protobuf.duration_pb2 import Duration

from capabilities.budgets import Cap
from entity_store.blobs import Blobs
from sidecar.engines.local.engine import LocalEngine
from sidecar.pb.viwo.imagegen.v1 import system_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import system_pb2_grpc
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import State
from sidecar.queue.store.reader import JobReader
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions, job_messages
from sidecar.telemetry import Meter

COUNT_EVERY = 60.0


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    def __init__(
        self,
        engine: LocalEngine,
        queue: JobQueue,
        reader: JobReader,
        blobs: Blobs,
        meter: Meter,
        caps: tuple[Cap, ...],
        currency: str,
    ) -> None:
        self._engine = engine
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
        return pb.StatusResponse(
            start_time=conversions.timestamp(self._started),
            device=self._engine.device,
            engine_pid=self._engine.pid or 0,
            engine_starts=self._engine.starts,
            loaded_models=sorted(self._engine.loaded),
            server_memory_bytes=memory(None),
            engine_memory_bytes=memory(self._engine.pid) if self._engine.pid else 0,
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
        self._meter.memory.labels("engine").set(memory(self._engine.pid) if self._engine.pid else 0)
        self._meter.memory.labels("device").set(self._engine.device_memory)
        self._meter.starts.set(self._engine.starts)


def memory(pid: int | None) -> int:
    """Resident bytes of a process; of this one where none is named."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0

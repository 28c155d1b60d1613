"""The engine of work that needs no model: edits, resampling, control pictures by arithmetic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor

from capabilities.errors import FailedPrecondition, Refusal, Unavailable
from capabilities.methods.edit import Edit
from capabilities.methods.preprocess import Preprocess
from capabilities.methods.upscale_traditional import UpscaleTraditional
from capabilities.tasks import Task
from sidecar.engines.api import (
    BUILTIN,
    EngineRequest,
    EngineState,
    EngineStatus,
    ModelListing,
    ModelProblem,
    ProgressDetail,
)
from sidecar.engines.builds import build_id
from sidecar.engines.builtin.workers import WORKERS, PictureWorkers
from sidecar.engines.events import CANCELED, Event, Failed


class BuiltinEngine:
    """Does tasks in the picture workers, as many at a time as there are of them."""

    name = BUILTIN
    slots = WORKERS

    def __init__(self, workers: PictureWorkers) -> None:
        """`workers` belong to the server, which has them read what strangers send as well."""
        self._workers = workers
        # Each waits for a worker's answer, so there are as many as may run.
        self._threads = ThreadPoolExecutor(self.slots, "builtin")
        self._canceled: set[str] = set()
        self._running: set[str] = set()

    async def start(self) -> None:
        """Workers are started when they are needed."""

    async def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def status(self) -> EngineStatus:
        return EngineStatus(EngineState.READY, device="cpu")

    async def wait_ready(self) -> None:
        return

    def models(self) -> Sequence[ModelListing]:
        return ()

    def problems(self) -> Sequence[ModelProblem]:
        return ()

    def supports(self, task: Task) -> Refusal | None:
        if not task.model_id and isinstance(task, Edit | UpscaleTraditional | Preprocess):
            return None
        return FailedPrecondition(
            f"the engine '{BUILTIN}' does work without a model only; '{task.kind}' needs one",
            reason="ENGINE_CANNOT",
            field="modelId",
            asked=task.kind,
        )

    def batch_key(self, task: Task) -> str | None:
        return None

    def build_id(self, task: Task) -> str | None:
        return build_id()

    async def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        for request in requests:
            self._running.add(request.job_id)
            try:
                yield request.job_id, await self._outcome(request)
            finally:
                self._running.discard(request.job_id)
                self._canceled.discard(request.job_id)

    async def _outcome(self, request: EngineRequest) -> Event:
        """The result, encoded. What is canceled meanwhile is done to its end, which is near, and then not told."""
        metadata = {**request.task.facts(0), **request.metadata}
        try:
            done = await asyncio.get_running_loop().run_in_executor(
                self._threads,
                self._workers.edit,
                request.task,
                request.inputs,
                metadata,
                request.thumbnail_side,
            )
        except Refusal as refusal:
            return Failed.of(refusal, retryable=isinstance(refusal, Unavailable))
        return CANCELED if request.job_id in self._canceled else done

    async def cancel(self, job_id: str) -> None:
        if job_id in self._running:
            self._canceled.add(job_id)

    async def abort(self) -> None:
        """A worker that takes too long is ended by its own clock."""

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        """There is nothing to tell on the way."""

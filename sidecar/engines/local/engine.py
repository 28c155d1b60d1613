"""The engine as the server sees it: a child process that is started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence

from capabilities.errors import FailedPrecondition, Refusal, Unavailable
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from sidecar import child_process
from sidecar.engines.api import (
    BUILTIN,
    LOCAL,
    DownloadProgress,
    EngineRequest,
    EngineState,
    EngineStatus,
    ModelListing,
    ModelProblem,
    ProgressDetail,
    engine_down,
)
from sidecar.engines.builds import build_id
from sidecar.engines.events import CANCELED, Done, Event, Failed
from sidecar.engines.local import keys
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.downloads import Downloads
from sidecar.engines.local.hub_models import HubModels
from sidecar.engines.local.messages import (
    LENGTHS,
    Cancel,
    Command,
    Happened,
    Load,
    Memory,
    ModelSource,
    Observe,
    Ready,
    Run,
    Unload,
    decode,
    encode,
)

log = logging.getLogger("viwo_imagegen.engine")

START_TIMEOUT = 180.0
"""Seconds for a child to import torch and say that it is ready."""
STOP_TIMEOUT = 5.0
RESTART_BACKOFF = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds to wait before the next start, by how many children in a row died young."""
SILENCE = 60.0
"""Seconds without a sign of life after which a child counts as dead; it gives one every few seconds."""
YOUNG = 60.0
MAX_FAILED_STARTS = 3
"""After so many children in a row that ended before they were ready, waiting jobs are told instead of kept waiting."""


class LocalEngine:
    """Runs tasks in the child, restarting it whenever it is gone."""

    name = LOCAL
    slots = 1

    def __init__(
        self,
        catalog: Catalog,
        *,
        device: str = "auto",
        threads: int = 0,
        max_loaded: int = 4,
        memory_budget: int = 0,
        max_download: int = 0,
        log_level: str = "info",
    ) -> None:
        """`memory_budget` and `max_download` in bytes."""
        self._catalog = catalog
        self._hub = HubModels(catalog, Downloads(most_bytes=max_download, log_level=log_level))
        self._arguments = ["--device", device, "--threads", str(threads), "--max-loaded", str(max_loaded)]
        self._arguments += ["--memory-budget", str(memory_budget), "--max-download", str(max_download)]
        self._arguments += ["--log-level", log_level]
        self._events: dict[str, asyncio.Queue[tuple[str, Event]]] = {}
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._failed_starts = 0
        # Jobs that wait for a child to be ready, and whether they have been canceled meanwhile.
        self._waiting: dict[str, bool] = {}
        # How closely jobs are watched that have been given to no child yet.
        self._details: dict[str, ProgressDetail | None] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._loaded: frozenset[str] = frozenset()
        self._device = ""
        self.starts = 0
        self.device_memory = 0

    @property
    def pid(self) -> int | None:
        """Process id of the child while it is ready."""
        return self._process.pid if self._process is not None and self._ready.is_set() else None

    async def start(self) -> None:
        """Begin to start the child; jobs may be given at once and wait for it."""
        self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End the child, by force if it does not end itself, and all downloads."""
        await self._hub.stop()
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor

    @property
    def down(self) -> bool:
        """Whether several children in a row ended before they were ready."""
        return self._failed_starts >= MAX_FAILED_STARTS

    def status(self) -> EngineStatus:
        state, reason = EngineState.STARTING, "its process is being started"
        if self._ready.is_set():
            state, reason = EngineState.READY, ""
        elif self.down:
            state, reason = (
                EngineState.DOWN,
                f"its process ended {self._failed_starts} times while it started",
            )
        return EngineStatus(
            state, reason, self._device, self.pid or 0, self.starts, self._loaded, self.device_memory
        )

    async def wait_ready(self) -> None:
        while not self._ready.is_set():
            await self._changed.wait()

    async def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        left = {request.job_id: request for request in requests}
        self._waiting |= dict.fromkeys(left, False)
        self._details |= {request.job_id: request.detail for request in requests}
        try:
            models = {model_id for request in requests for model_id in request.task.models}
            for model_id in await asyncio.to_thread(self._hub.absent, models):
                download = self._hub.download(model_id, left, self._waiting.__getitem__)
                async with contextlib.aclosing(download) as events:
                    async for job_id, event in events:
                        yield job_id, event
            sources = await asyncio.to_thread(self._sources, models)
            while left and await self._one_of_them_canceled(list(left)):
                for job_id in [job_id for job_id in left if self._waiting[job_id]]:
                    del left[job_id]
                    yield job_id, CANCELED
            if not left:
                return
        finally:
            for request in requests:
                del self._waiting[request.job_id]
            for job_id in self._details.keys() - left.keys() & {request.job_id for request in requests}:
                del self._details[job_id]
        # As closely as they are watched by now: someone may have begun to while the child was starting.
        commanded = [dataclasses.replace(left[job_id], detail=self._details.pop(job_id)) for job_id in left]
        talk = self._converse(Run(commanded, sources), list(left))
        async with contextlib.aclosing(talk) as events:
            async for job_id, event in events:
                yield job_id, event

    def pull(
        self, model_id: str, *, revision: str = "", variant: str = "", dry_run: bool = False
    ) -> AsyncGenerator[DownloadProgress]:
        return self._hub.pull(model_id, revision=revision, variant=variant, dry_run=dry_run)

    async def cancel(self, job_id: str) -> None:
        if job_id in self._events:
            self._send(Cancel(job_id))
        elif job_id in self._waiting:
            self._waiting[job_id] = True
            self._notify()
            self._hub.wake()

    async def abort(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        if job_id in self._events:
            self._send(Observe(job_id, detail))
        elif job_id in self._details:
            self._details[job_id] = detail

    def supports(self, task: Task) -> Refusal | None:
        if task.model_id:
            reasons = (
                self._catalog.incomplete(model_id) or self._hub.refusal(model_id) for model_id in task.models
            )
            return next((reason for reason in reasons if reason is not None), None)
        return FailedPrecondition(
            f"the engine '{LOCAL}' does no work without a model; that is for the engine '{BUILTIN}'",
            reason="ENGINE_CANNOT",
            field="modelId",
            asked=task.kind,
        )

    def batch_key(self, task: Task) -> str | None:
        return keys.batch_key(task, self.find)

    def build_id(self, task: Task) -> str | None:
        # Which weights one that is still to be downloaded will have is not known, so nothing stored is its result.
        return None if any(map(self._catalog.is_absent, task.models)) else build_id()

    def find(self, model_id: str) -> ModelFacts:
        return self._catalog.find(model_id)

    def able(self, method: str) -> Sequence[ModelFacts]:
        return self._catalog.able(method)

    def _sources(self, models: Iterable[str]) -> dict[str, ModelSource]:
        # Jobs that waited over a restart may come before all models have been found.
        return {model_id: self._catalog.model(model_id, patient=True).source for model_id in models}

    async def load(self, model_id: str) -> None:
        await self._hub.ensure(model_id)
        source = (await asyncio.to_thread(self._catalog.model, model_id)).source
        if (refusal := self._catalog.incomplete(model_id)) is not None:
            raise refusal
        await self._finish(Load(f"load-{uuid.uuid4().hex}", source))

    async def unload(self, model_id: str) -> None:
        await asyncio.to_thread(self._catalog.model, model_id)
        await self._finish(Unload(f"unload-{uuid.uuid4().hex}", model_id))

    def models(self) -> list[ModelListing]:
        return self._catalog.listings(self._loaded)

    def problems(self) -> Sequence[ModelProblem]:
        return self._catalog.problems

    def refresh(self) -> None:
        self._catalog.refresh()

    async def wait_for_child(self, job_id: str) -> None:
        """Until a child can work. Raises Unavailable when none comes up, Canceled when the waiting job is canceled."""
        self._waiting[job_id] = False
        try:
            if await self._one_of_them_canceled([job_id]):
                raise CANCELED.refusal()
        finally:
            del self._waiting[job_id]

    async def _one_of_them_canceled(self, job_ids: Sequence[str]) -> bool:
        """Until a child can work, or one of the waiting jobs is canceled first. Raises Unavailable."""
        while not any(self._waiting[job_id] for job_id in job_ids):
            if self._ready.is_set():
                return False
            if self.down:
                raise engine_down()
            await self._changed.wait()
        return True

    def _notify(self) -> None:
        """Wake whoever waits for the child."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _finish(self, command: Load | Unload) -> None:
        await self.wait_for_child(command.job_id)
        async for _, event in self._converse(command, [command.job_id]):
            if isinstance(event, Failed):
                raise event.refusal()

    async def _converse(
        self, command: Run | Load | Unload, job_ids: Sequence[str]
    ) -> AsyncGenerator[tuple[str, Event]]:
        """Send a command to a child that is ready, and pass on what happens, up to Done or Failed of each job."""
        events: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
        self._events |= dict.fromkeys(job_ids, events)
        left = set(job_ids)
        try:
            self._send(command)
            while left:
                job_id, event = await events.get()
                # One that was canceled among others has been told so already.
                if job_id not in left:
                    continue
                if isinstance(event, Done | Failed):
                    left.discard(job_id)
                yield job_id, event
        finally:
            for job_id in job_ids:
                del self._events[job_id]
            for job_id in left:
                # Nobody listens any more.
                self._send(Cancel(job_id))

    def _send(self, command: Command) -> None:
        # A write to a child that just died is lost; its jobs are failed by the supervisor.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(encode(command))

    async def _supervise(self) -> None:
        young_deaths = 0
        while True:
            await asyncio.sleep(RESTART_BACKOFF[min(young_deaths, len(RESTART_BACKOFF) - 1)])
            born = time.monotonic()
            try:
                code: int | str = await self._live()
            except OSError as error:
                self._failed_starts += 1
                code = f"{error.strerror}, before it began"
            self._notify()
            young_deaths = young_deaths + 1 if time.monotonic() - born < YOUNG else 0
            log.warning("engine process ended (%s), starting another", code)

    async def _live(self) -> int:
        """One child from start to end; its exit code. Whatever it was doing fails as retryable."""
        process = await asyncio.create_subprocess_exec(
            *child_process.command("sidecar.engines.local.child", self._arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            cwd=child_process.folder(), env=child_process.environment(),
        )  # fmt: skip
        self._process = process
        self.starts += 1
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            self._failed_starts += not self._ready.is_set()
            self._ready.clear()
            self._loaded, self.device_memory = frozenset(), 0
            await _end(process)
            lost = Failed.of(
                Unavailable(
                    "the engine process ended while it worked on this; try again", reason="ENGINE_LOST"
                ),
                retryable=True,
            )
            for job_id, events in self._events.items():
                events.put_nowait((job_id, lost))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                async with asyncio.timeout(SILENCE if self._ready.is_set() else START_TIMEOUT):
                    lengths = await process.stdout.readexactly(LENGTHS.size)
                header, payload = LENGTHS.unpack(lengths)
                report = decode(
                    await process.stdout.readexactly(header), await process.stdout.readexactly(payload)
                )
            except asyncio.IncompleteReadError:
                return
            except TimeoutError:
                log.error("the engine process has been silent for too long; it is ended by force")
                process.kill()
                return
            if isinstance(report, Happened):
                events = self._events.get(report.job_id)
                if events is not None:
                    events.put_nowait((report.job_id, report.event))
            elif isinstance(report, Memory):
                self._loaded, self.device_memory = frozenset(report.loaded), report.device
            elif isinstance(report, Ready):
                self._device = report.device
                self._ready.set()
                self._failed_starts = 0
                self._notify()
                log.info("engine process %s is ready on %s", report.pid, report.device)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the pipe, which tells the child to end; kill it when it does not."""
    if process.returncode is None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            process.kill()
            await process.wait()

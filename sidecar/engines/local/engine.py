"""The engine as the server sees it: a child process that is started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping

from capabilities.errors import Canceled, Unavailable
from capabilities.tasks import Task
from sidecar.engines.base import Attention, ModelListing
from sidecar.engines.events import Done, Event, Failed, RawImage
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.wire import (
    LENGTHS,
    Attend,
    Cancel,
    Command,
    Happened,
    Load,
    Memory,
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
YOUNG = 60.0
MAX_FAILED_STARTS = 3
"""After so many children in a row that ended before they were ready, waiting jobs are told instead of kept waiting."""


class LocalEngine:
    """Runs tasks in the child, restarting it whenever it is gone."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        device: str = "auto",
        threads: int = 0,
        max_loaded: int = 4,
        memory_budget: int = 0,
        log_level: str = "info",
    ) -> None:
        self._catalog = catalog
        self._arguments = ["--device", device, "--threads", str(threads), "--max-loaded", str(max_loaded)]
        self._arguments += ["--memory-budget", str(memory_budget), "--log-level", log_level]
        self._events: dict[str, asyncio.Queue[Event]] = {}
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._failed_starts = 0
        # Jobs that wait for a child to be ready, and whether they have been canceled meanwhile.
        self._waiting: dict[str, bool] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._loaded: frozenset[str] = frozenset()
        self.device = ""
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the child while it is ready."""
        return self._process.pid if self._process is not None and self._ready.is_set() else None

    async def start(self) -> None:
        """Begin to start the child; jobs may be given at once and wait for it."""
        self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """End the child, by force if it does not end itself."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor

    async def run(
        self, job_id: str, task: Task, inputs: Mapping[str, RawImage], attention: Attention
    ) -> AsyncIterator[Event]:
        sources = {model_id: self._catalog.model(model_id).source for model_id in task.models}
        await self.wait_ready(job_id)
        # Asked only now: someone may have begun to watch while the child was starting.
        wanted = attention()
        command = Run(
            job_id, task.model_dump(mode="json"), sources, dict(inputs), wanted is not None, wanted or 0
        )
        async for event in self._converse(command):
            yield event

    def cancel(self, job_id: str) -> None:
        if job_id in self._events:
            self._send(Cancel(job_id))
        elif job_id in self._waiting:
            self._waiting[job_id] = True
            self._notify()

    def attend(self, job_id: str, preview_every: int) -> None:
        if job_id in self._events:
            self._send(Attend(job_id, preview_every))

    async def load(self, model_id: str) -> None:
        await self._finish(Load(f"load-{uuid.uuid4().hex}", self._catalog.model(model_id).source))

    async def unload(self, model_id: str) -> None:
        self._catalog.model(model_id)
        await self._finish(Unload(f"unload-{uuid.uuid4().hex}", model_id))

    def models(self) -> list[ModelListing]:
        return self._catalog.listings(self._loaded)

    async def wait_ready(self, job_id: str) -> None:
        """Until a child can work. Raises Unavailable when none comes up, Canceled when the waiting job is canceled."""
        self._waiting[job_id] = False
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not self._ready.is_set():
                    if self._waiting[job_id]:
                        raise Canceled("the job was canceled", reason="CANCELED")
                    if self._failed_starts >= MAX_FAILED_STARTS:
                        raise _down()
                    await self._changed.wait()
        except TimeoutError:
            raise _down() from None
        finally:
            del self._waiting[job_id]

    def _notify(self) -> None:
        """Wake whoever waits for the child."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _finish(self, command: Load | Unload) -> None:
        await self.wait_ready(command.job_id)
        async for event in self._converse(command):
            if isinstance(event, Failed):
                raise event.refusal()

    async def _converse(self, command: Run | Load | Unload) -> AsyncIterator[Event]:
        """Send a command to a child that is ready, and pass on what happens, up to Done or Failed."""
        events: asyncio.Queue[Event] = asyncio.Queue()
        self._events[command.job_id] = events
        try:
            self._send(command)
            while True:
                event = await events.get()
                yield event
                if isinstance(event, Done | Failed):
                    return
        finally:
            del self._events[command.job_id]

    def _send(self, command: Command) -> None:
        # A write to a child that just died is lost; its jobs are failed by the supervisor.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(encode(command))

    async def _supervise(self) -> None:
        young_deaths = 0
        while True:
            await asyncio.sleep(RESTART_BACKOFF[min(young_deaths, len(RESTART_BACKOFF) - 1)])
            born = time.monotonic()
            code = await self._live()
            self._notify()
            young_deaths = young_deaths + 1 if time.monotonic() - born < YOUNG else 0
            log.warning("engine process ended with code %s, starting another", code)

    async def _live(self) -> int:
        """One child from start to end; its exit code. Whatever it was doing fails as passing."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sidecar.engines.local.child", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._process = process
        self.starts += 1
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            self._failed_starts = 0 if self._ready.is_set() else self._failed_starts + 1
            self._ready.clear()
            self._loaded = frozenset()
            await _end(process)
            lost = Failed.of(
                Unavailable(
                    "the engine process ended while it worked on this; try again", reason="ENGINE_LOST"
                ),
                passing=True,
            )
            for events in self._events.values():
                events.put_nowait(lost)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                header, payload = LENGTHS.unpack(await process.stdout.readexactly(LENGTHS.size))
                report = decode(
                    await process.stdout.readexactly(header), await process.stdout.readexactly(payload)
                )
            except asyncio.IncompleteReadError:
                return
            if isinstance(report, Happened):
                events = self._events.get(report.job_id)
                if events is not None:
                    events.put_nowait(report.event)
            elif isinstance(report, Memory):
                self._loaded = frozenset(report.loaded)
            elif isinstance(report, Ready):
                self.device = report.device
                self._ready.set()
                self._notify()
                log.info("engine process %s is ready on %s", report.pid, report.device)


def _down() -> Unavailable:
    return Unavailable(
        "the engine does not start; the server's log says why (is the 'local' extra installed?)",
        reason="ENGINE_DOWN",
        retry_after=30,
    )


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

"""An engine whose pictures are made by somebody else's image servers, whatever they speak: a connector speaks for it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from capabilities.errors import FailedPrecondition, NotFound, Refusal, Unavailable, brief
from capabilities.models import ModelFacts
from capabilities.spelling import nearest
from capabilities.tasks import Task
from sidecar.engines.api import (
    ENGINE_DOWN,
    EngineRequest,
    EngineState,
    EngineStatus,
    ModelListing,
    ModelProblem,
    ProgressDetail,
)
from sidecar.engines.builds import build_id
from sidecar.engines.events import CANCELED, Event, Failed
from sidecar.engines.remote import support
from sidecar.engines.remote.connector import RemoteListing, Writer
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.job import RemoteJob
from sidecar.engines.remote.messages import FRAMING
from sidecar.engines.remote.server import Connect, Server
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.waiting import happened
from sidecar.engines.worker_pool import WorkerPool

log = logging.getLogger("viwo_imagegen.engines")

LOOK_EVERY = 30.0
"""Seconds between two looks at servers that are up."""
LOOK_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until the next look, by how many in a row found none."""
FIRST_LOOK = 1.0
"""Seconds that a listing waits for what servers have, when the engine has just been started."""
MAX_MISSES = 3
"""After so many looks in a row that found no server, waiting jobs are told instead of kept waiting."""
REFRESH_AFTER = 5.0
"""Seconds for which a look counts as fresh."""


class RemoteEngine:
    """Implements `Engine`, `ModelFinder` and `PromptRefiner` for one entry of `[[engines]]`."""

    def __init__(self, settings: EngineSettings, connect: Connect, *, log_level: str = "info") -> None:
        self.name = settings.name
        self.slots = settings.slots * len(settings.urls)
        self._settings = settings
        self._connect = connect
        self._servers: list[Server] = []
        self._pool = WorkerPool("sidecar.engines.remote.worker", FRAMING, 2, log_level=log_level)
        self._threads = ThreadPoolExecutor(2 + self.slots, f"engine-{self.name}")
        self._jobs: dict[str, RemoteJob] = {}
        self._watching: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look_now = asyncio.Event()
        self._looked = 0.0
        self._first_look = threading.Event()
        self._changed = asyncio.Event()
        self._misses = 0
        # Jobs that wait for the first look, and whether they have been canceled meanwhile.
        self._waiting: dict[str, bool] = {}

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._servers = [Server(url, self._settings, self._connect) for url in self._settings.urls]
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        for server in self._servers:
            await server.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    def status(self) -> EngineStatus:
        up = [server for server in self._servers if server.is_up]
        reasons = [server.reason for server in self._servers if server.reason]
        if up:
            state = EngineState.READY
        elif self._misses >= MAX_MISSES:
            state = EngineState.DOWN
        else:
            state = EngineState.STARTING
            reasons = reasons or ["its servers are being asked what they have"]
        inventories = [server.inventory for server in up if server.inventory is not None]
        return EngineStatus(
            state,
            "; ".join(reasons),
            device=next((each.device for each in inventories if each.device), self._settings.kind),
            loaded=frozenset(model_id for each in inventories for model_id in each.loaded),
            device_memory=sum(each.device_memory for each in inventories),
            breakers={
                server.url.partition("://")[2]: server.host.breaker.state.value for server in self._servers
            },
        )

    async def wait_ready(self) -> None:
        while self.status().state is not EngineState.READY:
            await self._changed.wait()

    async def wait_known(self) -> None:
        """Until it is ready or down."""
        while self.status().state is EngineState.STARTING:
            await self._changed.wait()

    def models(self) -> Sequence[ModelListing]:
        loaded = self.status().loaded
        return [
            ModelListing(
                listing.facts,
                listing.description or f"on {self._settings.kind}",
                listing.family or self._settings.kind,
                self.name,
                0,
                listing.facts.revision,
                listing.facts.id in loaded,
            )
            for listing in self._listings()
        ]

    def problems(self) -> Sequence[ModelProblem]:
        found = (server.inventory.problems for server in self._servers if server.inventory is not None)
        return list(dict.fromkeys(problem for problems in found for problem in problems))

    def find(self, model_id: str) -> ModelFacts:
        listing = self.listing(model_id)
        if listing is not None:
            return listing.facts
        if not any(server.inventory is not None for server in self._servers):
            raise self._not_there()
        known = [listing.facts.id for listing in self._listings()]
        near = nearest(model_id, known)
        listed = ", ".join(sorted(known)[:20]) or "none"
        raise NotFound(
            f"the engine '{self.name}' has no model '{brief(model_id, 60)}'; "
            + (f"did you mean '{near}'?" if near else f"it has {listed}"),
            reason="UNKNOWN_MODEL",
            field="model_id",
            limit=listed,
            asked=brief(model_id, 60),
        )

    def able(self, method: str) -> list[ModelFacts]:
        return [listing.facts for listing in self._listings() if method in listing.facts.methods]

    def refresh(self) -> None:
        # What was asked for just after the start is worth a moment.
        if not self._first_look.wait(FIRST_LOOK):
            return
        if self._loop is not None and time.monotonic() - self._looked > REFRESH_AFTER:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._look_now.set)

    def supports(self, task: Task) -> Refusal | None:
        listing = self.listing(task.model_id)
        if listing is None:
            return FailedPrecondition(
                f"the engine '{self.name}' does not have the model '{brief(task.model_id, 60)}'",
                reason="ENGINE_CANNOT",
                field="model_id",
                asked=brief(task.model_id, 60),
            )
        return support.refusal(self.name, task, listing, self._settings.fit)

    def batch_key(self, task: Task) -> str | None:
        return None

    def build_id(self, task: Task) -> str | None:
        listing = self.listing(task.model_id)
        if listing is None or "seed" not in listing.abilities:
            return None
        versions = sorted(
            {server.inventory.version for server in self._servers if server.inventory is not None}
        )
        return f"{self._settings.kind} {' '.join(versions)}, {build_id()}"

    async def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        for request in requests:
            if await self._canceled_while_starting(request.job_id):
                yield request.job_id, CANCELED
                continue
            if self.status().state is EngineState.DOWN:
                raise self._not_there()
            async with contextlib.aclosing(self._events(request)) as events:
                async for event in events:
                    yield request.job_id, event

    async def cancel(self, job_id: str) -> None:
        if (job := self._jobs.get(job_id)) is not None:
            job.cancel()
        elif job_id in self._waiting:
            self._waiting[job_id] = True
            self._notify()

    async def abort(self) -> None:
        for job in list(self._jobs.values()):
            job.abandon()

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        if (job := self._jobs.get(job_id)) is not None:
            job.observe(detail)

    @property
    def refiner(self) -> str:
        return self._settings.id_of(self._settings.chat_model) if self._settings.chat_model else ""

    async def refine(self, prompt: str, longest: int) -> AsyncGenerator[str | Failed]:
        servers = [server for server in self._servers if server.is_up]
        server = min(servers, key=lambda server: server.running, default=None)
        if server is None or not isinstance(server.connector, Writer):
            yield dataclasses.replace(Failed.of(self._not_there()), billed=0)
            return
        try:
            async with contextlib.aclosing(server.connector.refine(prompt, longest)) as pieces:
                async for piece in pieces:
                    yield piece
        except RemoteFailure as failure:
            if failure.is_of_the_host:
                self._look_now.set()
            billed = int(not failure.was_refused)
            yield dataclasses.replace(failure.failed(self.name, billed), billed=billed)

    async def _events(self, request: EngineRequest) -> AsyncGenerator[Event]:
        """What happens to one job, its end the last."""
        listing = self.listing(request.task.model_id)
        server = self._choose(request.task)
        if listing is None or server is None:
            yield self._missing(request.task, is_known=listing is not None)
            return
        job = RemoteJob(request, listing, server, self._settings, self._ask)
        self._jobs[request.job_id] = job
        server.running += 1
        work = asyncio.create_task(self._work(job))
        # Also where it is canceled before its first step.
        work.add_done_callback(lambda _: job.events.put_nowait(None))
        job.task = work
        try:
            while (event := await job.events.get()) is not None:
                yield event
            yield job.ended(CANCELED) if work.cancelled() else work.result()
        finally:
            server.running -= 1
            del self._jobs[request.job_id]
            if not work.done():
                # Nobody listens any more.
                job.cancel()
                await asyncio.wait([work])

    async def _work(self, job: RemoteJob) -> Event:
        """Do a job; its end. Never raises."""
        try:
            return await job.make()
        except asyncio.CancelledError:
            return job.ended(_LOST if job.is_abandoned else CANCELED)
        except RemoteFailure as failure:
            if failure.is_of_the_host:
                self._look_now.set()
            return job.ended(failure.failed(self.name, job.billed))
        except Refusal as refusal:
            return job.ended(
                Failed.of(refusal, retryable=isinstance(refusal, Unavailable) and not job.billed)
            )
        except Exception:
            log.exception("engine '%s' broke on job %s", self.name, job.request.job_id)
            return job.ended(
                Failed(
                    "INTERNAL", f"the engine '{self.name}' failed; the server's log says why", reason="BUG"
                )
            )

    def _missing(self, task: Task, *, is_known: bool) -> Failed:
        """The end of a job whose model no server has that is up; one that is down may have it when it is back."""
        words = (
            f"none of the servers of the engine '{self.name}' that are up has '{brief(task.model_id, 60)}'"
        )
        if is_known:
            return Failed.of(
                Unavailable(words, reason="MODEL_ELSEWHERE", asked=self.name, retry_after=10), retryable=True
            )
        failure = RemoteFailure(
            FailureKind.MODEL_MISSING, f"{words} any more", field="model_id", asked=task.model_id
        )
        return failure.failed(self.name, 0)

    async def _ask(self, message: object, field: str) -> Any:
        """A worker's answer to a message. Raises Refusal."""
        assert self._loop is not None
        return await self._loop.run_in_executor(self._threads, self._pool.ask, message, field)

    def _choose(self, task: Task) -> Server | None:
        """The server that is up, has the model and is the least busy; None where there is none."""
        able = [
            server
            for server in self._servers
            if server.is_up
            and server.inventory is not None
            and server.inventory.named(task.model_id) is not None
        ]
        return min(able, key=lambda server: server.running, default=None)

    def _listings(self) -> Sequence[RemoteListing]:
        """What all servers have, also those that are down now; each model once."""
        found: dict[str, RemoteListing] = {}
        for server in sorted(self._servers, key=lambda server: not server.is_up):
            for listing in server.inventory.models if server.inventory is not None else ():
                found.setdefault(listing.facts.id, listing)
        return list(found.values())

    def listing(self, model_id: str) -> RemoteListing | None:
        """What is known of a model; None where no server has it."""
        return next((listing for listing in self._listings() if listing.facts.id == model_id), None)

    def _not_there(self) -> Unavailable:
        status = self.status()
        return Unavailable(
            f"the engine '{self.name}' is {status.state}: {status.reason}",
            reason=ENGINE_DOWN,
            asked=self.name,
            retry_after=5 if status.state is EngineState.STARTING else 30,
        )

    async def _canceled_while_starting(self, job_id: str) -> bool:
        """Wait until the servers have been asked what they have; whether the job was canceled meanwhile."""
        self._waiting[job_id] = False
        try:
            while self.status().state is EngineState.STARTING and not self._waiting[job_id]:
                await self._changed.wait()
            return self._waiting[job_id]
        finally:
            del self._waiting[job_id]

    def _notify(self) -> None:
        """Wake whoever waits for the servers."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _watch(self) -> None:
        """Look at the servers again and again."""
        while True:
            self._look_now.clear()
            await asyncio.gather(*map(self._look, self._servers))
            self._looked = time.monotonic()
            is_up = any(server.is_up for server in self._servers)
            self._misses = 0 if is_up else self._misses + 1
            self._first_look.set()
            self._notify()
            pause = LOOK_EVERY if is_up else LOOK_BACKOFF[min(self._misses, len(LOOK_BACKOFF)) - 1]
            await happened(self._look_now, pause)

    async def _look(self, server: Server) -> None:
        """Look at one server; who waits for the engine need not wait for the others."""
        await server.look()
        if server.is_up:
            self._first_look.set()
            self._notify()


_LOST = Failed.of(
    Unavailable("the engine's work was ended by force; try again", reason="ENGINE_LOST"), retryable=True
)
"""The end of a job beside another that did not end when it was told to."""

"""The queue: jobs are accepted, run by turns, watched, tried again, canceled and ended, each of them once."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Collection, Sequence
from functools import partial

from capabilities.errors import PermissionDenied
from sidecar.engines.api import Engine, EngineState, engine_down
from sidecar.engines.events import CANCELED, Failed, Queued, Step
from sidecar.engines.router import Router
from sidecar.queue.background import retry_until_written, run_forever
from sidecar.queue.lane import Lane
from sidecar.queue.model import Job, PlannedJob, State
from sidecar.queue.notify import Notifier
from sidecar.queue.results import Results
from sidecar.queue.reuse import answered
from sidecar.queue.scheduling.loads import Loads
from sidecar.queue.settings import QueueSettings
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.store.reader import Batch
from sidecar.queue.submission import StoredResults
from sidecar.queue.worker import Recheck, Worker
from sidecar.telemetry import Meter, Traces

log = logging.getLogger("viwo_imagegen.jobs")

_NOBODY_WAITS = Failed(
    "CANCELLED", "the call that waited for it ended when the server did", reason="NOBODY_WAITS"
)

POSITIONS_APART = 0.25
"""Seconds between two tellings of positions to those who wait."""


class JobQueue:
    """Runs what is stored. All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobStore,
        engines: Router,
        results: Results,
        settings: QueueSettings,
        *,
        meter: Meter | None = None,
        recheck: Recheck = lambda job: None,
        loads: Loads | None = None,
    ) -> None:
        """`recheck` says why a job that was accepted may not begin any more; `loads` is kept up to date."""
        self.loads = loads or Loads()
        self._store = store
        self._engines = engines
        self._results = results
        self._settings = settings
        self._meter = meter or Meter()
        self._traces = Traces()
        self._moved = asyncio.Event()
        self._notifier = Notifier(store, self.step, self._observe)
        self.watch, self.watch_batch = self._notifier.watch, self._notifier.watch_batch
        self.finished = self._notifier.finished
        self._worker = Worker(
            store, engines, results, settings, self._notifier, self._meter, self._traces,
            ended=self._ended, waits=self._waits_again, recheck=recheck,
        )  # fmt: skip
        self._lanes = {
            engine.name: Lane(
                engine, store, max_batch=settings.max_batch, patience=settings.patience,
                run=self._worker.run, let_go=self._let_go,
            )
            for engine in engines.values()
        }  # fmt: skip
        self._tasks: list[asyncio.Task[None]] = []
        self._rounds = 0
        self.stopping = False

    async def start(self) -> None:
        """Take up the work; what a dead server left unfinished comes first."""
        self.loads.begin(await self._store.unfinished())
        for job in await retry_until_written(partial(self._store.fail_orphans, list(self._engines))):
            self._ended(job)
        for job_id in await self._store.awaited():
            # Whoever waited was told that the server went away.
            ended = await self._store.cancel_queued(job_id, _NOBODY_WAITS)
            if ended is not None:
                log.info("job %s was done for a call that ended with the server; it is canceled", job_id)
                self._ended(ended)
        duties = [lane.work() for lane in self._lanes.values()]
        duties += [
            run_forever("keeping time", self._keep_time),
            run_forever("telling places", self._tell_positions),
        ]
        self._tasks = [asyncio.create_task(duty) for duty in duties]

    async def stop(self) -> None:
        """Stop taking jobs. The running one stays recorded as running, and is queued again at the next start."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, order: PlannedJob) -> Job:
        """Write a planned job down; once this returns it will end in exactly one final state."""
        return (await self.submit_all([order]))[0]

    async def submit_all(self, orders: Sequence[PlannedJob], batch: Batch | None = None) -> list[Job]:
        """Write several jobs down, all or none of them."""
        # Shielded: a caller that leaves meanwhile must not leave a job behind that nobody wakes the queue for.
        return await asyncio.shield(asyncio.get_running_loop().create_task(self._add(orders, batch)))

    async def _add(self, orders: Sequence[PlannedJob], batch: Batch | None) -> list[Job]:
        down = {engine.name for engine in self._engines.values() if engine.status().state is EngineState.DOWN}
        if down:
            # What is answered from the store needs none.
            orders = [await self.answered(order) for order in orders]
            for order in orders:
                if order.job.lane in down and not order.job.state.final:
                    raise engine_down(order.job.lane, self._engines[order.job.lane].status().reason)
        new = {order.job.id for order in orders}
        jobs = await self._store.add(
            orders,
            max_waiting=self._settings.max_waiting,
            max_of_owner=self._settings.max_waiting_of_owner,
            batch=batch,
            results=StoredResults(self._settings.reuse_for, self._results.are_there),
        )
        for job in jobs:
            if job.id not in new:
                continue
            about = {"job": job.id, "capability": job.capability_id, "state": str(job.state)}
            log.info(
                "job %s %s: %s under capability %s",
                job.id,
                job.state,
                job.method,
                job.capability_id,
                extra=about,
            )
            self._meter.accepted.labels(job.method).inc()
            self.loads.add(job.id, job.lane)
            if job.state.final:
                self._ended(job)
            else:
                self._traces.accepted(job.id)
        for lane in {job.lane for job in jobs if not job.state.final}:
            self._wake(lane)
        return jobs

    async def answered(self, order: PlannedJob) -> PlannedJob:
        """The order as it is, or, where the result is there already, as one that costs nothing and needs no engine."""
        job = order.job
        if job.fingerprint is None:
            return order
        source = await self._store.answer(job.fingerprint, job.created - self._settings.reuse_for)
        if source is None or not await asyncio.to_thread(self._results.are_there, source):
            return order
        return dataclasses.replace(order, job=answered(job, source))

    def step(self, job_id: str) -> Step | None:
        """How far a running job is."""
        return self._worker.step(job_id)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job: a queued one at once, a running one within a step. A job that has ended stays as it is."""
        while True:
            job = await self._store.cancel_queued(job_id, CANCELED)
            if job is not None:
                self._ended(job)
                return job
            job = await self._store.get(job_id)
            if job.state is State.RUNNING:
                self._worker.request_stop(job_id, CANCELED)
            if job.state is not State.QUEUED:
                return job
            # It was put back into the queue between the two looks; look again.

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Cancel every job of a batch that has not ended. Raises NotFound."""
        # Those that wait go first, all at once: were it the running one, the next would begin in its place.
        for job in await self._store.cancel_waiting(batch_id, CANCELED):
            self._ended(job)
        for job in (await self._store.batch(batch_id)).jobs:
            if not job.state.final:
                await self.cancel(job.id)
        return await self._store.batch(batch_id)

    async def end_waiting(self, world: str, capability_ids: Collection[str]) -> None:
        """End the jobs that wait under capabilities which hold no longer."""
        revoked = PermissionDenied(
            "the capability was revoked while the job waited", reason="REVOKED", field="capability_id"
        )
        for job in await self._store.fail_waiting(world, capability_ids, Failed.of(revoked)):
            self._ended(job)

    def _ended(self, job: Job) -> None:
        """Tell everyone who waits for it, and let those begin that it held up."""
        self._meter.ended.labels(job.method, job.state).inc()
        if job.answered_by is not None and job.state is State.SUCCEEDED:
            self._meter.reused.inc()
        self._traces.ended(job.id)
        self.loads.remove(job.id, job.lane)
        self._worker.forget(job.id)
        self._notifier.ended(job)
        for lane in self._lanes.values():
            lane.preference.forget(job.id)
            lane.released()
        self._moved.set()

    def _wake(self, lane: str) -> None:
        """A job waits in a lane."""
        self._lanes[lane].wake()
        self._moved.set()

    def _waits_again(self, lane: str) -> None:
        """A job that ran was put back into the queue."""
        self._wake(lane)
        for other in self._lanes.values():
            other.released()

    def _observe(self, job_id: str, preview_every: int) -> None:
        self._worker.observe(job_id, preview_every)

    async def _let_go(self, engine: Engine) -> None:
        """An engine does not come up: who waits on the line is told so. Other jobs wait until it does."""
        for job_id in self._notifier.waited_for:
            job = await retry_until_written(partial(self._store.get, job_id))
            if job.state is State.QUEUED and job.lane == engine.name:
                failure = Failed.of(engine_down(engine.name, engine.status().reason))
                for ended in await retry_until_written(partial(self._store.fail, job_id, failure)):
                    self._ended(ended)

    async def _keep_time(self) -> None:
        """Renew this runner's lease, take back what lost runners had, and end what waited past its deadline."""
        for job in await self._store.expire():
            self._ended(job)
        if self._rounds % max(1, int(self._settings.beat)) == 0:
            again, ended = await self._store.beat(self._worker.working_on)
            for job in ended:
                self._ended(job)
            if again:
                for lane in self._lanes.values():
                    lane.wake()
        self._rounds += 1
        await asyncio.sleep(min(1.0, self._settings.beat))

    async def _tell_positions(self) -> None:
        """Tell those who watch a waiting job how many are before it, whenever something moved."""
        await self._moved.wait()
        self._moved.clear()
        watched = [job_id for job_id in self._notifier.watched if self.step(job_id) is None]
        if watched:
            for job_id, position in (await self._store.waiting(watched)).items():
                self._notifier.tell(job_id, Queued(position))
        await asyncio.sleep(POSITIONS_APART)

"""The queue: jobs are accepted, run by turns, watched, tried again, canceled and ended, each of them once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from capabilities.budgets import NOTHING, Cost
from capabilities.errors import Canceled, FailedPrecondition, InternalFault, Refusal, Unavailable
from sidecar.engines import plain
from sidecar.engines.base import Engine, Work
from sidecar.engines.events import Done, Event, Failed, Loading, Queued, Step
from sidecar.jobs.followers import Followers
from sidecar.jobs.reader import Batch
from sidecar.jobs.records import Job, Lane, Order, State
from sidecar.jobs.results import Results
from sidecar.jobs.rules import Rules, insist
from sidecar.jobs.schedule import Preference
from sidecar.jobs.store import JobStore, too_late
from sidecar.telemetry import Meter, Traces

log = logging.getLogger("viwo_imagegen.jobs")

POSITIONS_APART = 0.25
"""Seconds between two tellings of positions to those who wait."""

KILL_AFTER = 30.0
"""Seconds that a job which was told to end may take before its engine is ended by force."""

FIRST_BACKOFF = 0.25
MAX_BACKOFF = 30.0


class JobQueue:
    """Runs what is stored. All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobStore,
        engine: Engine,
        results: Results,
        rules: Rules,
        *,
        meter: Meter | None = None,
        billed_when_canceled: Callable[[Job], bool] = lambda job: False,
    ) -> None:
        self._store = store
        self._engine = engine
        self._results = results
        self._rules = rules
        self._meter = meter or Meter()
        self._traces = Traces()
        self._billed_when_canceled = billed_when_canceled
        self._preference = Preference(rules.patience)
        self._wake = {lane: asyncio.Event() for lane in Lane}
        self._moved = asyncio.Event()
        self._followers = Followers(store, engine, self.step)
        self.watch, self.watch_batch = self._followers.watch, self._followers.watch_batch
        self.finished = self._followers.finished
        self._steps: dict[str, Step] = {}
        # Running jobs that have been told to end, and what their end is then.
        self._ending: dict[str, Failed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.stopping = False

    async def start(self) -> None:
        """Take up the work; what a dead server left unfinished comes first."""
        duties = [self._work(lane) for lane in Lane] + [self._keep_time(), self._tell_positions()]
        self._tasks = [asyncio.create_task(duty) for duty in duties]

    async def stop(self) -> None:
        """Stop taking jobs. The running one stays recorded as running, and is queued again at the next start."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, order: Order) -> Job:
        """Write a planned job down; once this returns it will end in exactly one final state."""
        return (await self.submit_all([order]))[0]

    async def submit_all(self, orders: Sequence[Order], batch: Batch | None = None) -> list[Job]:
        """Write several jobs down, all or none of them."""
        # Shielded: a caller that leaves meanwhile must not leave a job behind that nobody wakes the queue for.
        return await asyncio.shield(asyncio.get_running_loop().create_task(self._add(orders, batch)))

    async def _add(self, orders: Sequence[Order], batch: Batch | None) -> list[Job]:
        orders = [await self.answered(order) for order in orders]
        jobs = await self._store.add(orders, max_waiting=self._rules.max_waiting, batch=batch)
        for job in jobs:
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
            if job.state.final:
                self._ended(job)
            else:
                self._traces.accepted(job.id)
        for lane in {job.lane for job in jobs}:
            self._wake[lane].set()
        return jobs

    async def answered(self, order: Order) -> Order:
        """The order as it is, or, where the result is there already, as one that costs nothing and needs no engine."""
        job = order.job
        if job.fingerprint is None:
            return order
        source = await self._store.answer(job.fingerprint, job.created - self._rules.reuse_for)
        if source is None or not await asyncio.to_thread(self._results.are_there, source):
            return order
        log.info("job %s is answered by job %s", job.id, source.id)
        job = dataclasses.replace(job, answered_by=source.id, cost=NOTHING)
        if job.save is None:
            images = tuple(dataclasses.replace(image, entity_id=0) for image in source.images)
            job = dataclasses.replace(
                job, state=State.SUCCEEDED, ended=job.created, images=images, warnings=source.warnings
            )
        return dataclasses.replace(order, job=job)

    def step(self, job_id: str) -> Step | None:
        """How far a running job is."""
        return self._steps.get(job_id)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job: a queued one at once, a running one within a step. A job that has ended stays as it is."""
        failure = _canceled()
        while True:
            job = await self._store.cancel_queued(job_id, failure)
            if job is not None:
                self._ended(job)
                return job
            job = await self._store.get(job_id)
            if job.state is State.RUNNING:
                self._tell_to_end(job_id, failure)
            if job.state is not State.QUEUED:
                return job
            # It was put back into the queue between the two looks; look again.

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Cancel every job of a batch that has not ended. Raises NotFound."""
        # Those that wait go first, all at once: were it the running one, the next would begin in its place.
        for job in await self._store.cancel_waiting(batch_id, _canceled()):
            self._ended(job)
        for job in (await self._store.batch(batch_id)).jobs:
            if not job.state.final:
                await self.cancel(job.id)
        return await self._store.batch(batch_id)

    def _tell_to_end(self, job_id: str, failure: Failed) -> None:
        """Ask a running job to end; when it does not, its engine is ended."""
        if job_id not in self._ending:
            asyncio.get_running_loop().call_later(KILL_AFTER, self._force_end, job_id)
        self._ending.setdefault(job_id, failure)
        self._engine.cancel(job_id)

    def _force_end(self, job_id: str) -> None:
        if job_id in self._ending:
            log.error("job %s does not end; its engine is ended by force", job_id)
            self._engine.kill()

    async def _work(self, lane: Lane) -> None:
        """Jobs for the engine run in one lane; edits, which need not wait behind them, in another."""
        most = self._rules.most_together if lane is Lane.MODEL else 1
        while True:
            self._wake[lane].clear()
            self._preference.loaded = self._engine.loaded
            jobs = await insist(partial(self._store.take, lane, self._preference, most))
            if not jobs:
                await self._rest(lane)
                continue
            with self._meter.busy.labels(lane).track_inprogress():
                await self._run_all(jobs)
            self._moved.set()

    async def _rest(self, lane: Lane) -> None:
        """Until there is something to do, or something that had to wait may begin."""
        ready = await insist(partial(self._store.next_ready, lane))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if ready is None else max(0.0, ready - time.time())):
                await self._wake[lane].wait()

    async def _run_all(self, jobs: Sequence[Job]) -> None:
        """Run jobs that were taken together; each of them has ended or waits again when this returns."""
        open_jobs = {job.id: job for job in jobs}
        alarms = [alarm for job in jobs for alarm in self._alarms(job)]
        if jobs[0].lane is Lane.MODEL:
            self._meter.together.observe(len(jobs))
        for job in jobs:
            assert job.started is not None
            self._meter.wait.labels(self._meter.owner(job.owner_id)).observe(job.started - job.created)
            self._traces.begun(
                job.id,
                job.created,
                method=job.method,
                model=job.task.model_id,
                attempt=job.attempts,
                together=len(jobs),
            )
        try:
            async for job_id, outcome in self._outcomes(jobs):
                await self._conclude(open_jobs[job_id], outcome)
                del open_jobs[job_id]
        except Exception:
            # A fault of ours must not stop the queue, nor leave jobs running for ever.
            log.exception("jobs %s broke the queue's own code", ", ".join(open_jobs))
            fault = Failed.of(InternalFault("the server failed on this job; its log says why", reason="BUG"))
            for job in open_jobs.values():
                await insist(partial(self._fail, job, fault))
        finally:
            for alarm in alarms:
                alarm.cancel()
            for job in jobs:
                self._traces.ended(job.id)
                self._steps.pop(job.id, None)
                self._ending.pop(job.id, None)

    def _alarms(self, job: Job) -> list[asyncio.TimerHandle]:
        """What ends a job that takes too long."""
        loop = asyncio.get_running_loop()
        most = Failed.of(
            too_late(f"after {self._rules.max_seconds:g} s of work, the most that an attempt may take")
        )
        alarms = [loop.call_later(self._rules.max_seconds, self._tell_to_end, job.id, most)]
        if job.deadline is not None:
            late = Failed.of(too_late("while it was worked on"))
            alarms.append(
                loop.call_later(max(0.0, job.deadline - time.time()), self._tell_to_end, job.id, late)
            )
        return alarms

    async def _outcomes(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[str, Done | Failed | Job]]:
        """How each job comes out: pictures, a failure, or the job that has its result."""
        works = []
        for job in jobs:
            try:
                if job.deadline is not None and job.deadline <= time.time():
                    raise too_late("while the job waited")
                if job.id in self._ending:
                    yield job.id, self._ending[job.id]
                elif job.answered_by is not None:
                    yield job.id, await self._store.get(job.answered_by)
                else:
                    inputs = await asyncio.to_thread(self._results.inputs, job.task)
                    if job.lane is Lane.PLAIN:
                        yield job.id, await asyncio.to_thread(plain.work, job.task, inputs)
                    else:
                        works.append(
                            Work(job.id, job.task, inputs, partial(self._followers.attention, job.id))
                        )
            except Refusal as refusal:
                yield job.id, Failed.of(refusal)
        if not works:
            return
        left = {work.job_id for work in works}
        try:
            async for job_id, event in self._engine.run(works):
                if isinstance(event, Done | Failed):
                    left.discard(job_id)
                    yield job_id, event
                else:
                    self._note(job_id, event)
        except Refusal as refusal:
            # An engine that does not start now may do so later.
            for job_id in left:
                yield job_id, Failed.of(refusal, passing=isinstance(refusal, Unavailable))
            return
        for job_id in left:
            yield (
                job_id,
                Failed.of(InternalFault("the engine ended a job without a result", reason="NO_RESULT")),
            )

    def _note(self, job_id: str, event: Event) -> None:
        if isinstance(event, Step):
            self._steps[job_id] = event
        elif isinstance(event, Loading):
            self._meter.loads.labels(event.model_id).inc()
            self._traces.note(job_id, "loading", model=event.model_id)
        self._followers.tell(job_id, event)

    async def _conclude(self, job: Job, outcome: Done | Failed | Job) -> None:
        """Write down how a job came out."""
        self._traces.worked(job.id)
        if not isinstance(outcome, Failed):
            try:
                await self._succeed(job, outcome)
                return
            except Refusal as refusal:
                outcome = Failed.of(refusal)
        if outcome.code == "CANCELLED" or job.id in self._ending:
            outcome = self._ending.get(job.id, outcome)
        elif outcome.passing and job.attempts < self._rules.max_attempts:
            wait = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** (job.attempts - 1))
            log.warning("job %s will be tried again in %.2f s: %s", job.id, wait, outcome.message)
            self._meter.retried.labels(outcome.reason).inc()
            self._traces.ended(job.id, outcome.reason, again=True)
            await insist(partial(self._store.requeue, job.id, time.time() + wait))
            self._followers.tell(job.id, Queued(0))
            return
        await insist(partial(self._fail, job, outcome))

    async def _succeed(self, job: Job, outcome: Done | Job) -> None:
        seconds, warnings = 0.0, outcome.warnings
        if isinstance(outcome, Job):
            if not await asyncio.to_thread(self._results.are_there, outcome):
                raise FailedPrecondition(
                    "the stored result that was to be answered has been removed meanwhile; submit the task again",
                    reason="RESULT_GONE",
                )
            images = await asyncio.to_thread(self._results.place_again, job, outcome)
        else:
            images = await asyncio.to_thread(self._results.keep, job, outcome.images)
            seconds = outcome.seconds
        device = self._engine.device if isinstance(outcome, Done) else ""
        ended, twins = await insist(
            partial(self._store.succeed, job.id, images, seconds, warnings, device=device)
        )
        if ended is None:
            return
        about = {"job": job.id, "capability": job.capability_id, "state": "succeeded"}
        log.info("job %s succeeded in %.2f s", job.id, seconds, extra=about)
        if ended.answered_by is None:
            self._meter.work.labels(job.method, job.task.model_id).observe(seconds)
            self._meter.steps.labels(job.task.model_id).inc(job.task.total_steps)
            self._meter.compute.labels(job.task.model_id).inc(job.task.compute)
        self._ended(ended)
        if twins:
            self._wake[Lane.PLAIN].set()

    async def _fail(self, job: Job, failure: Failed) -> None:
        spent = NOTHING
        if failure.code in ("CANCELLED", "DEADLINE_EXCEEDED"):
            step = self._steps.get(job.id)
            spent = job.cost.share(step.step, step.total) if step else NOTHING
            if self._billed_when_canceled(job):
                spent = Cost(spent.compute, job.cost.money)
        self._traces.ended(job.id, failure.reason or failure.code)
        for ended in await self._store.fail(job.id, failure, spent):
            about = {"job": ended.id, "capability": ended.capability_id, "state": str(ended.state)}
            log.info("job %s ended: %s %s", ended.id, failure.code, failure.reason, extra=about)
            self._ended(ended)

    def _ended(self, job: Job) -> None:
        """Tell everyone who waits for it, and let those begin that it held up."""
        self._meter.ended.labels(job.method, job.state).inc()
        if job.answered_by is not None and job.state is State.SUCCEEDED:
            self._meter.reused.inc()
        self._preference.forget(job.id)
        self._followers.ended(job)
        for wake in self._wake.values():
            wake.set()
        self._moved.set()

    async def _keep_time(self) -> None:
        """Renew this runner's lease, take back what lost runners had, and end what waited past its deadline."""
        for round_ in itertools.count():
            with contextlib.suppress(Unavailable):
                for job in await self._store.expire():
                    self._ended(job)
                if round_ % max(1, int(self._rules.beat)) == 0 and await self._store.beat():
                    for wake in self._wake.values():
                        wake.set()
            await asyncio.sleep(min(1.0, self._rules.beat))

    async def _tell_positions(self) -> None:
        """Tell those who watch a waiting job how many are before it, whenever something moved."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            watched = [job_id for job_id in self._followers.watched if job_id not in self._steps]
            if watched:
                with contextlib.suppress(Unavailable):
                    for job_id, position in (await self._store.waiting(watched)).items():
                        self._followers.tell(job_id, Queued(position))
            await asyncio.sleep(POSITIONS_APART)


def _canceled() -> Failed:
    return Failed.of(Canceled("the job was canceled", reason="CANCELED"))

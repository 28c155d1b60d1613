"""Works through the queue: takes jobs by turns, has them done, and writes down how each came out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from capabilities.budgets import NOTHING, UNITS
from capabilities.errors import FailedPrecondition, InternalFault, NotFound, Refusal, Unavailable
from capabilities.tasks import Unreadable
from sidecar.engines.api import ENGINE_DOWN, Engine, EngineRequest, engine_down
from sidecar.engines.events import Done, Event, Failed, Loading, Queued, Step
from sidecar.queue.attempt import Attempt
from sidecar.queue.background import retry_until_written, run_forever
from sidecar.queue.model import Job, Lane, State
from sidecar.queue.notify import Notifier
from sidecar.queue.results import Results
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.settings import QueueSettings, too_late
from sidecar.queue.store.job_store import JobStore
from sidecar.telemetry import Meter, Traces

log = logging.getLogger("viwo_imagegen.jobs")

KILL_AFTER = 30.0
"""Seconds that a job which was told to end may take before its engine is ended by force."""

LET_GO_EVERY = 5.0
"""Seconds between two looks for callers who wait for an engine that is down."""

FIRST_BACKOFF = 0.25
MAX_BACKOFF = 30.0
KEEP_TRIES = 4
"""How often a result is offered to a world that is busy, before the work is given up and done again."""


_FAULT = Failed.of(InternalFault("the server failed on this job; its log says why", reason="BUG"))


class Runner:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobStore,
        engine: Engine,
        results: Results,
        rules: QueueSettings,
        followers: Notifier,
        meter: Meter,
        traces: Traces,
        ended: Callable[[Job], None],
        moved: asyncio.Event,
    ) -> None:
        self._store = store
        self._engine = engine
        self._results = results
        self._rules = rules
        self._notifier = followers
        self._meter = meter
        self._traces = traces
        self._ended = ended
        self._moved = moved
        self.preference = Preference(rules.patience)
        self._wake = {lane: asyncio.Event() for lane in Lane}
        self._attempts: dict[str, Attempt] = {}
        # Told to end after they were taken, but before they were looked at here.
        self._early: dict[str, Failed] = {}

    async def work(self, lane: Lane) -> None:
        """Jobs for the engine run in one lane; edits, which need not wait behind them, in another."""
        await run_forever(f"the lane '{lane}'", partial(self._turn, lane))

    def wake(self) -> None:
        """Something may begin that could not before."""
        for event in self._wake.values():
            event.set()

    @property
    def working_on(self) -> list[str]:
        """Ids of the jobs that are being worked on."""
        return list(self._attempts)

    def step(self, job_id: str) -> Step | None:
        """How far a running job is."""
        attempt = self._attempts.get(job_id)
        return attempt.step if attempt else None

    def request_stop(self, job_id: str, failure: Failed) -> None:
        """Ask a running job to end; when it does not, its engine is ended."""
        attempt = self._attempts.get(job_id)
        if attempt is None:
            self._early[job_id] = failure
            return
        if attempt.ending is None:
            attempt.ending = failure
            if attempt.sent and not attempt.over:
                loop = asyncio.get_running_loop()
                attempt.alarms.append(loop.call_later(KILL_AFTER, self._force_end, attempt))
        self._engine.cancel(job_id)

    def forget(self, job_id: str) -> None:
        """A job has ended, however it did."""
        self._early.pop(job_id, None)
        self.preference.forget(job_id)

    def _force_end(self, attempt: Attempt) -> None:
        if not attempt.over:
            log.error("job %s does not end; its engine is ended by force", attempt.job.id)
            self._engine.kill()

    async def _turn(self, lane: Lane) -> None:
        self._wake[lane].clear()
        while lane is Lane.MODEL and self._engine.down:
            await self._let_go()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LET_GO_EVERY):
                    await self._engine.up()
        most = self._rules.most_together if lane is Lane.MODEL else 1
        self.preference.loaded = self._engine.loaded
        preference = self.preference if lane is Lane.MODEL else Preference(0)
        now = time.time()
        jobs = await retry_until_written(partial(self._store.take, lane, preference, most, now=now))
        if not jobs:
            await self._rest(lane, now)
            return
        with self._meter.busy.labels(lane).track_inprogress():
            await self._run_all(jobs)
        self._moved.set()

    async def _rest(self, lane: Lane, since: float) -> None:
        """Until there is something to do, or something that had to wait may begin."""
        ready = await retry_until_written(partial(self._store.next_ready, lane, since))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if ready is None else max(0.0, ready - time.time())):
                await self._wake[lane].wait()

    async def _let_go(self) -> None:
        """The engine does not come up: who waits on the line is told so. Other jobs wait until it does."""
        for job_id in self._notifier.waited_for:
            job = await retry_until_written(partial(self._store.get, job_id))
            if job.state is State.QUEUED and job.lane is Lane.MODEL:
                for ended in await retry_until_written(
                    partial(self._store.fail, job_id, Failed.of(engine_down()))
                ):
                    self._ended(ended)

    async def _run_all(self, jobs: Sequence[Job]) -> None:
        """Run jobs that were taken together; each of them has ended or waits again when this returns."""
        attempts = [self._begin(job, place, len(jobs)) for place, job in enumerate(jobs, 1)]
        if jobs[0].lane is Lane.MODEL:
            self._meter.together.observe(len(jobs))
        left = list(attempts)
        async with contextlib.aclosing(self._outcomes(attempts)) as outcomes:
            try:
                async for attempt, outcome in outcomes:
                    await self._conclude_whatever(attempt, outcome)
                    left.remove(attempt)
                    self._leave(attempt)
            except Exception:
                log.exception("jobs %s broke the queue's own code", ", ".join(job.id for job in jobs))
                for attempt in left:
                    await self._fail(attempt, _FAULT)
            finally:
                for attempt in left:
                    self._leave(attempt)

    async def _conclude_whatever(self, attempt: Attempt, outcome: Done | Failed | Job) -> None:
        """A fault of ours must not leave a job running for ever, nor touch those that run beside it."""
        try:
            await self._conclude(attempt, outcome)
        except Exception:
            log.exception("job %s broke the queue's own code", attempt.job.id)
            await self._fail(attempt, _FAULT)

    def _begin(self, job: Job, place: int, together: int) -> Attempt:
        assert job.started is not None
        self._meter.wait.labels(self._meter.owner(job.owner_id)).observe(job.started - job.created)
        self._traces.begun(
            job.id, job.created, method=job.method, model=job.task.model_id, attempt=job.attempts, together=together
        )  # fmt: skip
        attempt = Attempt(job, self._early.pop(job.id, None))
        # Alike jobs may be done one after another, so the later ones get the time of those before them as well.
        self._limit(attempt, place)
        if job.deadline is not None:
            late = Failed.of(too_late("while it was worked on"))
            wait = max(0.0, job.deadline - time.time())
            loop = asyncio.get_running_loop()
            attempt.alarms.append(loop.call_later(wait, self.request_stop, job.id, late))
        self._attempts[job.id] = attempt
        return attempt

    def _limit(self, attempt: Attempt, times: int) -> None:
        """End an attempt that takes longer than any may."""
        if attempt.limit is not None:
            attempt.limit.cancel()
        words = f"after {self._rules.max_seconds:g} s of work, the most that an attempt may take"
        attempt.limit = asyncio.get_running_loop().call_later(
            self._rules.max_seconds * times, self.request_stop, attempt.job.id, Failed.of(too_late(words))
        )

    def _leave(self, attempt: Attempt) -> None:
        attempt.stop_clocks()
        if self._attempts.get(attempt.job.id) is attempt:
            del self._attempts[attempt.job.id]
        self._traces.ended(attempt.job.id, again=True)

    async def _outcomes(
        self, attempts: Sequence[Attempt]
    ) -> AsyncGenerator[tuple[Attempt, Done | Failed | Job]]:
        """How each job comes out: pictures, a failure, or the job that has its result."""
        works: dict[str, EngineRequest] = {}
        for attempt in attempts:
            outcome = await self._prepare(attempt)
            if isinstance(outcome, EngineRequest):
                works[attempt.job.id] = outcome
            else:
                yield attempt, outcome
        left = {attempt.job.id: attempt for attempt in attempts if attempt.job.id in works}
        # Looked at anew after each: writing one down takes a moment, and others may be told to end meanwhile.
        while over := [attempt for attempt in left.values() if attempt.ending is not None]:
            assert over[0].ending is not None
            yield left.pop(over[0].job.id), over[0].ending
        if not left:
            return
        group, done, shared, loads = len(left), 0, 0, set[str]()
        for attempt in left.values():
            attempt.sent = True
        try:
            async with contextlib.aclosing(self._engine.run([works[job_id] for job_id in left])) as events:
                async for job_id, event in events:
                    if not isinstance(event, Done | Failed):
                        self._note(left[job_id], event, loads)
                        continue
                    if isinstance(event, Done):
                        done, shared = done + 1, max(shared, event.shared)
                    yield left.pop(job_id), event
        except Unavailable as refusal:
            # An engine that does not start now may do so later, and it is not the jobs that failed.
            for attempt in left.values():
                attempt.sent = False
                yield attempt, Failed.of(refusal, retryable=True)
            return
        except Refusal as refusal:
            for attempt in left.values():
                yield attempt, Failed.of(refusal)
            return
        # Where one of them was canceled, nothing is known of the others.
        if group > 1 and done == group and shared == 1:
            self.preference.run_apart(attempts[0].job.batch_key)
        silent = InternalFault("the engine ended a job without a result", reason="NO_RESULT")
        for attempt in left.values():
            yield attempt, Failed.of(silent)

    async def _prepare(self, attempt: Attempt) -> EngineRequest | Done | Failed | Job:
        """What the engine is to do, or the outcome where it need not do anything."""
        job = attempt.job
        try:
            if job.deadline is not None and job.deadline <= time.time():
                raise too_late("while the job waited")
            if attempt.ending is not None:
                return attempt.ending
            if job.answered_by is not None:
                return await self._source(job)
            if job.damaged:
                raise FailedPrecondition(
                    f"the job's row in the database is damaged ({job.damaged}); submit the task again",
                    reason="DAMAGED_ROW",
                )
            if isinstance(job.task, Unreadable):
                raise FailedPrecondition(
                    "this version cannot read the task, which another one wrote; submit it again",
                    reason="UNREADABLE_TASK",
                )
            if job.lane is Lane.PLAIN:
                return await asyncio.to_thread(self._results.edit, job)
            inputs = await asyncio.to_thread(self._results.inputs, job.task)
            return EngineRequest(job.id, job.task, inputs, partial(self._notifier.attention, job.id))
        except Refusal as refusal:
            return Failed.of(refusal, retryable=isinstance(refusal, Unavailable))

    async def _source(self, job: Job) -> Job:
        """The job whose result is to be answered; where it has been removed, one that has no pictures."""
        assert job.answered_by is not None
        try:
            return await self._store.get(job.answered_by)
        except NotFound:
            return dataclasses.replace(job, images=())

    def _note(self, attempt: Attempt, event: Event, loads: set[str]) -> None:
        job_id = attempt.job.id
        if isinstance(event, Step) and attempt.step is None:
            # Its turn has come; a model is loaded for all of them at once.
            self._limit(attempt, 1)
        if attempt.ending is not None:
            # It was told to end before the engine knew of it.
            self._engine.cancel(job_id)
        if isinstance(event, Step):
            attempt.step = event
        elif isinstance(event, Loading):
            if event.model_id not in loads:
                loads.add(event.model_id)
                self._meter.loads.labels(event.model_id).inc()
            self._traces.note(job_id, "loading", model=event.model_id)
        self._notifier.tell(job_id, event)

    async def _conclude(self, attempt: Attempt, outcome: Done | Failed | Job) -> None:
        """Write down how a job came out."""
        attempt.stop_clocks()
        self._traces.worked(attempt.job.id)
        if not isinstance(outcome, Failed):
            try:
                await self._succeed(attempt, outcome)
                return
            except Refusal as refusal:
                outcome = Failed.of(refusal, retryable=isinstance(refusal, Unavailable))
        if attempt.ending is not None:
            outcome = attempt.ending
        elif outcome.retryable and attempt.job.failures + 1 < self._rules.max_attempts:
            await self._again(attempt, outcome)
            return
        await self._fail(attempt, outcome)

    async def _again(self, attempt: Attempt, outcome: Failed) -> None:
        job = attempt.job
        # The lane itself waits for an engine that is down, and it was not the job that failed.
        failed = outcome.reason != ENGINE_DOWN
        wait = min(MAX_BACKOFF, FIRST_BACKOFF * 2**job.failures)
        if failed:
            wait = max(wait, outcome.retry_after or 0.0)
        log.warning("job %s will be tried again in %.2f s: %s", job.id, wait, outcome.message)
        self._meter.retried.labels(outcome.reason).inc()
        self._traces.ended(job.id, outcome.reason, again=True)
        ready = time.time() + wait
        put_back = partial(self._store.requeue, job.id, ready, failed=failed, sent=attempt.sent)
        for ended in await retry_until_written(put_back):
            self._ended(ended)
        self._notifier.tell(job.id, Queued(0))
        await self._end_if_told(attempt)
        self.wake()

    async def _succeed(self, attempt: Attempt, outcome: Done | Job) -> None:
        job = attempt.job
        seconds, warnings = 0.0, outcome.warnings
        if isinstance(outcome, Job):
            if not await asyncio.to_thread(self._results.are_there, outcome):
                await self._draw_after_all(attempt)
                return
            keep = partial(self._results.place_again, job, outcome)
        else:
            keep = partial(self._results.keep, job, outcome.images)
            seconds = outcome.seconds
        images = await retry_until_written(partial(asyncio.to_thread, keep), KEEP_TRIES)
        device = self._engine.device if isinstance(outcome, Done) else ""
        ended, twins = await retry_until_written(
            partial(self._store.succeed, job.id, images, seconds, warnings, device=device)
        )
        if ended is None:
            return
        about = {"job": job.id, "capability": job.capability_id, "state": "succeeded"}
        log.info("job %s succeeded in %.2f s", job.id, seconds, extra=about)
        if ended.answered_by is None:
            self._meter.work.labels(job.method, job.task.model_id).observe(seconds)
            self._meter.steps.labels(job.task.model_id).inc(job.task.total_steps)
            self._meter.compute.labels(job.task.model_id).inc(job.cost.compute / UNITS)
        self._ended(ended)
        if twins:
            self.wake()

    async def _draw_after_all(self, attempt: Attempt) -> None:
        """The result that was to be answered has been removed meanwhile."""
        job = attempt.job
        if job.cost == NOTHING:
            raise FailedPrecondition(
                "the stored result that was to be answered has been removed meanwhile; submit the task again",
                reason="RESULT_GONE",
            )
        await retry_until_written(partial(self._store.detach, job.id))
        self._notifier.tell(job.id, Queued(0))
        await self._end_if_told(attempt)
        self.wake()

    async def _end_if_told(self, attempt: Attempt) -> None:
        """It may have been told to end while it was put back into the queue."""
        if attempt.ending is not None:
            await self._fail(attempt, attempt.ending)

    async def _fail(self, attempt: Attempt, failure: Failed) -> None:
        job, step, spent = attempt.job, attempt.step, NOTHING
        if failure.code in ("CANCELLED", "DEADLINE_EXCEEDED") and step is not None:
            spent = job.cost.share(step.step, step.total)
        self._traces.ended(job.id, failure.reason or failure.code)
        for ended in await retry_until_written(
            partial(self._store.fail, job.id, failure, spent, sent=attempt.sent)
        ):
            about = {"job": ended.id, "capability": ended.capability_id, "state": str(ended.state)}
            log.info("job %s ended: %s %s", ended.id, failure.code, failure.reason, extra=about)
            self._ended(ended)

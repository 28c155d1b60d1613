"""Works on jobs that a lane took: has its engine do them, and writes down how each came out."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from capabilities.budgets import NOTHING, UNITS
from capabilities.errors import FailedPrecondition, InternalFault, NotFound, Refusal, Unavailable
from capabilities.tasks import Unreadable
from sidecar.engines.api import BUILTIN, Engine, EngineRequest, ProgressDetail
from sidecar.engines.events import Done, Event, Failed, Loading, Queued, Step
from sidecar.engines.router import Router
from sidecar.queue.attempt import Attempt
from sidecar.queue.background import retry_until_written
from sidecar.queue.charges import charge
from sidecar.queue.model import Job
from sidecar.queue.notify import Notifier
from sidecar.queue.results import Results
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.settings import QueueSettings, too_late
from sidecar.queue.store.job_store import JobStore
from sidecar.telemetry import Meter, Traces

log = logging.getLogger("viwo_imagegen.jobs")

ABORT_AFTER = 30.0
"""Seconds that a job which was told to end may take before its engine is ended by force."""

KEEP_TRIES = 4
"""How often a result is offered to a world that is busy, before the work is given up and done again."""

_FAULT = Failed.of(InternalFault("the server failed on this job; its log says why", reason="BUG"))

Recheck = Callable[[Job], Refusal | None]

Outcome = Done | Failed | Job
"""Pictures, a failure, or the job that has the result already."""


class Worker:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobStore,
        engines: Router,
        results: Results,
        settings: QueueSettings,
        notifier: Notifier,
        meter: Meter,
        traces: Traces,
        *,
        ended: Callable[[Job], None],
        waits: Callable[[str], None],
        recheck: Recheck,
    ) -> None:
        """`ended` hears of each job that has; `waits`, of each lane in which a job waits again; `recheck` says why a job
        may not begin any more.
        """
        self._recheck = recheck
        self._store = store
        self._engines = engines
        self._results = results
        self._settings = settings
        self._notifier = notifier
        self._meter = meter
        self._traces = traces
        self._ended = ended
        self._waits = waits
        self._attempts: dict[str, Attempt] = {}
        # Told to end after they were taken, but before they were looked at here.
        self._early: dict[str, Failed] = {}
        self._commands: set[asyncio.Task[None]] = set()

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
                attempt.alarms.append(loop.call_later(ABORT_AFTER, self._abort, attempt))
        self._command(attempt.engine.cancel(job_id))

    def observe(self, job_id: str, preview_every: int) -> None:
        """Someone watches a job."""
        attempt = self._attempts.get(job_id)
        if attempt is not None:
            attempt.engine.observe(job_id, ProgressDetail(preview_every))

    def forget(self, job_id: str) -> None:
        """A job has ended, however it did."""
        self._early.pop(job_id, None)

    async def run(self, engine: Engine, preference: Preference, jobs: Sequence[Job]) -> None:
        """Run jobs that were taken together; each of them has ended or waits again when this returns."""
        attempts = [self._begin(engine, job, place, len(jobs)) for place, job in enumerate(jobs, 1)]
        self._meter.together.observe(len(jobs))
        left = list(attempts)
        with self._meter.busy.labels(engine.name).track_inprogress():
            async with contextlib.aclosing(self._outcomes(engine, preference, attempts)) as outcomes:
                try:
                    async for attempt, outcome in outcomes:
                        await self._conclude_whatever(attempt, outcome)
                        left.remove(attempt)
                        self._leave(attempt)
                except Exception:
                    log.exception("jobs %s broke the queue's own code", ", ".join(job.id for job in jobs))
                    for attempt in left:
                        await self._fail(attempt, _at_worst(_FAULT, attempt))
                finally:
                    for attempt in left:
                        self._leave(attempt)

    def _command(self, command: Coroutine[Any, Any, None]) -> None:
        """Give an engine a command that nobody waits for."""
        task = asyncio.create_task(command)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    def _abort(self, attempt: Attempt) -> None:
        if not attempt.over:
            log.error("job %s does not end; its engine is ended by force", attempt.job.id)
            self._command(attempt.engine.abort())

    async def _conclude_whatever(self, attempt: Attempt, outcome: Outcome) -> None:
        """A fault of ours must not leave a job running for ever, nor touch those that run beside it."""
        try:
            await self._conclude(attempt, outcome)
        except Exception:
            log.exception("job %s broke the queue's own code", attempt.job.id)
            await self._fail(attempt, _at_worst(_FAULT, attempt))

    def _begin(self, engine: Engine, job: Job, place: int, together: int) -> Attempt:
        assert job.started is not None
        self._meter.wait.labels(self._meter.owner(job.owner_id)).observe(job.started - job.created)
        self._traces.begun(
            job.id, job.created, method=job.method, model=job.task.model_id, attempt=job.attempts, together=together
        )  # fmt: skip
        attempt = Attempt(job, engine, self._early.pop(job.id, None))
        # Jobs of a batch may be done one after another, so the later ones get the time of those before them as well.
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
        words = f"after {self._settings.max_seconds:g} s of work, the most that an attempt may take"
        attempt.limit = asyncio.get_running_loop().call_later(
            self._settings.max_seconds * times, self.request_stop, attempt.job.id, Failed.of(too_late(words))
        )

    def _leave(self, attempt: Attempt) -> None:
        attempt.stop_clocks()
        if self._attempts.get(attempt.job.id) is attempt:
            del self._attempts[attempt.job.id]
        self._traces.ended(attempt.job.id, again=True)

    async def _outcomes(
        self, engine: Engine, preference: Preference, attempts: Sequence[Attempt]
    ) -> AsyncGenerator[tuple[Attempt, Outcome]]:
        """How each job comes out."""
        requests: dict[str, EngineRequest] = {}
        for attempt in attempts:
            outcome = await self._prepare(attempt)
            if isinstance(outcome, EngineRequest):
                requests[attempt.job.id] = outcome
            else:
                yield attempt, outcome
        left = {attempt.job.id: attempt for attempt in attempts if attempt.job.id in requests}
        # Looked at again after each: writing one down takes a moment, and others may be told to end meanwhile.
        while over := [attempt for attempt in left.values() if attempt.ending is not None]:
            assert over[0].ending is not None
            yield left.pop(over[0].job.id), over[0].ending
        if not left:
            return
        group, done, shared, loads = len(left), 0, 0, set[str]()
        for attempt in left.values():
            attempt.sent = True
        try:
            # Asked only now: someone may have begun to watch while the others were prepared.
            observed = [
                dataclasses.replace(requests[job_id], detail=self._notifier.detail(job_id)) for job_id in left
            ]
            async with contextlib.aclosing(engine.run(observed)) as events:
                async for job_id, event in events:
                    if not isinstance(event, Done | Failed):
                        self._note(left[job_id], event, loads)
                        continue
                    if isinstance(event, Done):
                        done, shared = done + 1, max(shared, event.shared)
                    yield left.pop(job_id), event
        except Refusal as refusal:
            # It could not be begun: an engine that does not start now may do so later, and it is not the jobs that failed.
            not_begun = isinstance(refusal, Unavailable)
            for attempt in left.values():
                attempt.sent = attempt.sent and not not_begun
                yield attempt, Failed.of(refusal, retryable=not_begun)
            return
        # Where one of them was canceled, nothing is known of the others.
        if group > 1 and done == group and shared == 1:
            preference.run_apart(attempts[0].job.batch_key)
        silent = InternalFault("the engine ended a job without a result", reason="NO_RESULT")
        for attempt in left.values():
            yield attempt, _at_worst(Failed.of(silent), attempt)

    async def _prepare(self, attempt: Attempt) -> EngineRequest | Outcome:
        """What the engine is to do, or the outcome where it need not do anything."""
        job = attempt.job
        try:
            if job.deadline is not None and job.deadline <= time.time():
                raise too_late("while the job waited")
            if attempt.ending is not None:
                return attempt.ending
            refusal = None if job.damaged else self._recheck(job)
            if refusal is not None:
                raise refusal
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
            request = partial(self._results.request, job)
            return await asyncio.to_thread(request) if job.task.inputs else request()
        except Refusal as refusal:
            return Failed.of(refusal)

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
            self._command(attempt.engine.cancel(job_id))
        if isinstance(event, Step):
            attempt.step = event
        elif isinstance(event, Loading):
            if event.model_id not in loads:
                loads.add(event.model_id)
                self._meter.loads.labels(event.model_id).inc()
                self._traces.note(job_id, "loading", model=event.model_id)
            if event.bytes_total:
                # A download that gets on is no work that may take too long.
                self._limit(attempt, 1)
        self._notifier.tell(job_id, event)

    async def _conclude(self, attempt: Attempt, outcome: Outcome) -> None:
        """Write down how a job came out."""
        attempt.stop_clocks()
        self._traces.worked(attempt.job.id)
        was_made = isinstance(outcome, Done)
        if not isinstance(outcome, Failed):
            try:
                await self._succeed(attempt, outcome)
                return
            except Refusal as refusal:
                # The world or the store was busy for too long.
                made = attempt.job.task.drawings if was_made and attempt.job.cost.money else None
                outcome = dataclasses.replace(
                    Failed.of(refusal, retryable=isinstance(refusal, Unavailable)), billed=made
                )
        if attempt.ending is not None:
            outcome = dataclasses.replace(attempt.ending, billed=outcome.billed)
        elif (retry := self._settings.retry.next(outcome, attempt.job.failures)) is not None:
            await self._again(attempt, outcome, retry.delay, counts=retry.counts)
            return
        await self._fail(attempt, outcome, was_made=was_made)

    async def _again(self, attempt: Attempt, outcome: Failed, delay: float, *, counts: bool) -> None:
        job = attempt.job
        log.warning("job %s will be tried again in %.2f s: %s", job.id, delay, outcome.message)
        self._meter.retried.labels(outcome.reason).inc()
        self._traces.ended(job.id, outcome.reason, again=True)
        ready = time.time() + delay
        sent = attempt.sent and outcome.billed != 0
        put_back = partial(self._store.requeue, job.id, ready, failed=counts, sent=sent)
        for ended in await retry_until_written(put_back):
            self._ended(ended)
        self._notifier.tell(job.id, Queued(0))
        await self._end_if_told(attempt, outcome.billed)
        self._waits(job.lane)

    async def _succeed(self, attempt: Attempt, outcome: Done | Job) -> None:
        job = attempt.job
        seconds, device = 0.0, ""
        if isinstance(outcome, Job):
            if not await asyncio.to_thread(self._results.are_there, outcome):
                await self._do_after_all(attempt)
                return
            keep = partial(self._results.place_again, job, outcome)
        else:
            keep = partial(self._results.keep, job, outcome.images)
            seconds, device = outcome.seconds, attempt.engine.status().device
        images = await retry_until_written(partial(asyncio.to_thread, keep), KEEP_TRIES)
        # Those of its own are known since it was planned; another's answer may be to a task that said more.
        warnings = tuple(dict.fromkeys((*job.warnings, *outcome.warnings)))
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
            self._waits(BUILTIN)

    async def _do_after_all(self, attempt: Attempt) -> None:
        """The result that was to be answered has been removed meanwhile."""
        job = attempt.job
        if job.cost == NOTHING:
            raise FailedPrecondition(
                "the stored result that was to be answered has been removed meanwhile; submit the task again",
                reason="RESULT_GONE",
            )
        lane = self._engines.engine_for(job.task).name
        await retry_until_written(partial(self._store.detach, job.id, lane))
        self._notifier.tell(job.id, Queued(0))
        await self._end_if_told(attempt)
        self._waits(lane)

    async def _end_if_told(self, attempt: Attempt, billed: int | None = None) -> None:
        """It may have been told to end while it was put back into the queue."""
        if attempt.ending is not None:
            await self._fail(attempt, dataclasses.replace(attempt.ending, billed=billed))

    async def _fail(self, attempt: Attempt, failure: Failed, *, was_made: bool = False) -> None:
        job = attempt.job
        spent = charge(job, failure, attempt.step, was_made=was_made)
        self._traces.ended(job.id, failure.reason or failure.code)
        for ended in await retry_until_written(
            partial(self._store.fail, job.id, failure, spent, sent=attempt.sent)
        ):
            about = {"job": ended.id, "capability": ended.capability_id, "state": str(ended.state)}
            log.info("job %s ended: %s %s", ended.id, failure.code, failure.reason, extra=about)
            self._ended(ended)


def _at_worst(failure: Failed, attempt: Attempt) -> Failed:
    """The same where nobody knows what became of the work: what may have been billed counts as billed."""
    may_be_billed = attempt.sent and attempt.job.owed
    return dataclasses.replace(failure, billed=attempt.job.task.drawings if may_be_billed else None)

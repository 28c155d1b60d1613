"""The jobs on disk, and what may happen to them.

Every change of state is one transaction that names the state it expects, so that of two that race one does nothing;
the queue's lines, the ledger and the batch are changed in the same transaction.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import NOTHING, Calendar, Cost
from capabilities.errors import Canceled, DeadlineExceeded, ResourceExhausted
from sidecar.engines.events import Failed
from sidecar.jobs import ledger, outcome, schedule
from sidecar.jobs.database import Database
from sidecar.jobs.reader import Batch, JobReader
from sidecar.jobs.records import Job, Lane, Order, Row, State, StoredImage, job_of, values_of
from sidecar.jobs.schedule import Preference
from sidecar.jobs.tables import BATCHES, JOB_INPUTS, JOBS

MAX_BEGINNINGS = 10
"""A job that was running at this many deaths of the server is not queued again: it may be the cause."""

LEASE = 30.0
"""Seconds that a runner may be silent before its jobs are given to another."""


class JobStore(JobReader):
    """What the queue does to the jobs on disk, besides what can be asked of them."""

    def __init__(
        self,
        database: Database,
        *,
        runner: str = "local",
        lease: float = LEASE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(database, clock)
        self._runner = runner
        self._lease = lease

    async def open(self) -> int:
        """Bring the tables up to date and queue again what a dead server was running; how many jobs that were."""
        self._database.migrate()
        return await self._do(self._take_back)

    async def close(self) -> None:
        await self._database.close()

    async def add(
        self, orders: Sequence[Order], *, max_waiting: int, batch: Batch | None = None
    ) -> list[Job]:
        """Accept jobs, all or none. Where a capability has used a request id before, that job is answered instead.

        A job that a cap forbids is written down as blocked. Raises ResourceExhausted when too many jobs wait already,
        or when a capability may have no more accepted now.
        """
        calendar = self.calendar()

        def work(connection: Connection) -> list[Job]:
            if batch is not None:
                values = {
                    "id": batch.id,
                    "on_error": "stop" if batch.stop else "continue",
                    "size": len(orders),
                }
                connection.execute(sa.insert(BATCHES).values(**values, created=batch.created))
            return [self._add(connection, order, max_waiting, calendar) for order in orders]

        return await self._do(work)

    async def take(self, lane: Lane, preference: Preference, most: int = 1) -> list[Job]:
        """Begin the next job, and with it up to `most` in all that can be drawn together; empty where none may begin."""

        def work(connection: Connection) -> list[Job]:
            now = time.time()
            row = schedule.pick(connection, lane, preference, now)
            if row is None:
                return []
            return self._begin(connection, [row, *schedule.alike(connection, row, most - 1, now)], now)

        return await self._do(work)

    async def next_ready(self, lane: Lane) -> float | None:
        """When a job that has to wait for a time may begin."""
        return await self._do(lambda connection: schedule.next_ready(connection, lane, time.time()))

    async def beat(self) -> list[str]:
        """Say that this runner lives, and queue again what runners had that do not; the ids of those jobs."""

        def work(connection: Connection) -> list[str]:
            now = time.time()
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.state == State.RUNNING, JOBS.c.runner == self._runner)
                .values(lease_until=now + self._lease)
            )
            lost = JOBS.c.lease_until < now
            return self._requeue_lost(connection, lost)

        return await self._do(work)

    async def requeue(self, job_id: str, ready_at: float) -> None:
        """A running job waits again, for another attempt not before a time."""

        def work(connection: Connection) -> None:
            row = _changed(connection, job_id, (State.RUNNING,), **_WAITS, ready_at=ready_at)
            if row is not None:
                schedule.joined(connection, row)

        await self._do(work)

    async def succeed(
        self,
        job_id: str,
        images: Sequence[StoredImage],
        seconds: float,
        warnings: Sequence[str] = (),
        *,
        device: str = "",
    ) -> tuple[Job | None, list[str]]:
        """End a running job well; None where it was not running. Jobs that waited for the same are answered by it.

        The ids of those are told: their pictures are there, but whatever they save has still to be made. `device` is
        what the work was done on; empty where none was done, or none that tells how fast a model is.
        """

        def work(connection: Connection) -> tuple[Job | None, list[str]]:
            row = connection.execute(
                sa.select(JOBS.c.compute, JOBS.c.money, JOBS.c.answered_by).where(JOBS.c.id == job_id)
            ).first()
            if row is None:
                return None, []
            spent = NOTHING if row.answered_by else Cost(row.compute, row.money)
            job = self._end(
                connection,
                job_id,
                (State.RUNNING,),
                State.SUCCEEDED,
                spent,
                images=[dataclasses.asdict(image) for image in images],
                work_seconds=seconds,
                warnings=list(warnings),
            )
            if job is None:
                return None, []
            if job.answered_by is None:
                outcome.remember(connection, job)
                if device and job.task.model_id:
                    outcome.time(connection, job, device)
            return job, _hand_over(connection, job)

        return await self._do(work)

    async def fail(self, job_id: str, failure: Failed, spent: Cost = NOTHING) -> list[Job]:
        """End a job badly, canceled or failed, and what its batch cancels with it; empty where it had ended before."""
        state = State.CANCELED if failure.code == "CANCELLED" else State.FAILED

        def work(connection: Connection) -> list[Job]:
            expected = (State.QUEUED, State.RUNNING)
            job = self._end(connection, job_id, expected, state, spent, failure=dataclasses.asdict(failure))
            return [] if job is None else [job, *self._stop_batch(connection, job)]

        return await self._do(work)

    async def cancel_queued(self, job_id: str, failure: Failed) -> Job | None:
        """Cancel a job that nobody began; None where somebody did."""

        def work(connection: Connection) -> Job | None:
            values = dataclasses.asdict(failure)
            return self._end(connection, job_id, (State.QUEUED,), State.CANCELED, NOTHING, failure=values)

        return await self._do(work)

    async def cancel_waiting(self, batch_id: str, failure: Failed) -> list[Job]:
        """Cancel the jobs of a batch that nobody began."""
        return await self._do(lambda connection: self._cancel_rest(connection, batch_id, failure))

    async def expire(self) -> list[Job]:
        """End the jobs whose deadline passed while they waited, and what their batches cancel with them."""

        def work(connection: Connection) -> list[Job]:
            late = sa.select(JOBS.c.id).where(JOBS.c.state == State.QUEUED, JOBS.c.deadline < time.time())
            failure = dataclasses.asdict(Failed.of(too_late("while the job waited")))
            ended: list[Job] = []
            for (job_id,) in connection.execute(late).all():
                job = self._end(connection, job_id, (State.QUEUED,), State.FAILED, NOTHING, failure=failure)
                if job is not None:
                    ended += [job, *self._stop_batch(connection, job)]
            return ended

        return await self._do(work)

    def _take_back(self, connection: Connection) -> int:
        schedule.recount(connection)
        mine = (JOBS.c.runner == self._runner) | JOBS.c.runner.is_(None)
        return len(self._requeue_lost(connection, mine | (JOBS.c.lease_until < time.time())))

    def _requeue_lost(self, connection: Connection, lost: sa.ColumnElement[bool]) -> list[str]:
        rows = connection.execute(
            sa.select(JOBS.c.id, JOBS.c.attempts).where(JOBS.c.state == State.RUNNING, lost)
        ).all()
        again = []
        for row in rows:
            if row.attempts >= MAX_BEGINNINGS:
                doomed = Failed(
                    "UNAVAILABLE",
                    f"the server ended {MAX_BEGINNINGS} times while it worked on this, so it is not tried again",
                    reason="SERVER_LOST",
                )
                failure = dataclasses.asdict(doomed)
                self._end(connection, row.id, (State.RUNNING,), State.FAILED, NOTHING, failure=failure)
                continue
            changed = _changed(connection, row.id, (State.RUNNING,), **_WAITS)
            if changed is not None:
                schedule.joined(connection, changed)
                again.append(row.id)
        return again

    def _add(self, connection: Connection, order: Order, max_waiting: int, calendar: Calendar) -> Job:
        job = order.job
        if job.request_id:
            row = connection.execute(
                sa.select(JOBS).where(
                    JOBS.c.capability_id == job.capability_id, JOBS.c.request_id == job.request_id
                )
            ).first()
            if row is not None:
                return job_of(row)
        if not job.state.final and schedule.waiting(connection) >= max_waiting:
            raise ResourceExhausted(
                f"{max_waiting} jobs wait already; try again when some are done",
                reason="QUEUE_FULL",
                field="max_queue",
                limit=str(max_waiting),
                asked=str(max_waiting + 1),
                retry_after=5,
            )
        ledger.require_rate(connection, order.terms, calendar.now)
        blocked = ledger.reserve(connection, job, order.terms, calendar)
        if blocked is not None:
            job = dataclasses.replace(
                job, state=State.BLOCKED_BUDGET, failure=blocked, ended=calendar.now, fingerprint=None
            )
        connection.execute(sa.insert(JOBS).values(**values_of(job)))
        if job.task.inputs:
            connection.execute(
                sa.insert(JOB_INPUTS),
                [{"job_id": job.id, "role": role, "ref": ref} for role, ref in job.task.inputs.items()],
            )
        if job.state is State.QUEUED:
            schedule.joined(connection, job)
        elif blocked is None:
            ledger.settle(connection, job.id, job.spent)
        return job

    def _begin(self, connection: Connection, rows: Sequence[Row], now: float) -> list[Job]:
        schedule.taken(connection, rows)
        connection.execute(
            sa.update(JOBS)
            .where(JOBS.c.id.in_([row.id for row in rows]))
            .values(
                state=State.RUNNING, started=now, attempts=JOBS.c.attempts + 1, runner=self._runner,
                lease_until=now + self._lease,
            )
        )  # fmt: skip
        jobs = [job_of(row) for row in rows]
        return [
            dataclasses.replace(job, state=State.RUNNING, started=now, attempts=job.attempts + 1)
            for job in jobs
        ]

    def _end(
        self,
        connection: Connection,
        job_id: str,
        expected: Collection[State],
        state: State,
        spent: Cost,
        **values: object,
    ) -> Job | None:
        before = connection.execute(
            sa.select(JOBS.c.state).where(JOBS.c.id == job_id).with_for_update()
        ).scalar()
        row = _changed(
            connection,
            job_id,
            expected,
            state=state,
            ended=time.time(),
            runner=None,
            lease_until=None,
            compute_spent=spent.compute,
            money_spent=spent.money,
            **values,
        )
        if row is None:
            return None
        if before == State.QUEUED:
            schedule.left(connection, row)
        ledger.settle(connection, job_id, spent)
        return job_of(row)

    def _stop_batch(self, connection: Connection, job: Job) -> list[Job]:
        """Cancel what is left of a batch that ends at an error."""
        if job.batch_id is None or job.state is not State.FAILED:
            return []
        stops = sa.select(BATCHES.c.on_error).where(BATCHES.c.id == job.batch_id)
        if connection.execute(stops).scalar() != "stop":
            return []
        why = Canceled(f"job {job.id} of the same batch failed", reason="BATCH_STOPPED")
        return self._cancel_rest(connection, job.batch_id, Failed.of(why))

    def _cancel_rest(self, connection: Connection, batch_id: str, failure: Failed) -> list[Job]:
        values = dataclasses.asdict(failure)
        rest = sa.select(JOBS.c.id).where(JOBS.c.batch_id == batch_id, JOBS.c.state == State.QUEUED)
        ended = [
            self._end(connection, job_id, (State.QUEUED,), State.CANCELED, NOTHING, failure=values)
            for (job_id,) in connection.execute(rest).all()
        ]
        return [job for job in ended if job is not None]


_WAITS: Mapping[str, Any] = {
    "state": State.QUEUED, "started": None, "runner": None, "lease_until": None,
}  # fmt: skip


def too_late(when: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"the job's deadline passed {when}; give it more time, or try when less is waiting",
        reason="DEADLINE",
        field="timeout",
    )


def _hand_over(connection: Connection, job: Job) -> list[str]:
    """Jobs that wait for the same result get it from this one, without waiting for the engine."""
    if not job.fingerprint:
        return []
    twins = connection.execute(
        sa.select(JOBS).where(
            JOBS.c.fingerprint == job.fingerprint, JOBS.c.state == State.QUEUED, JOBS.c.answered_by.is_(None)
        )
    ).all()
    for twin in twins:
        schedule.left(connection, twin)
        changes = {"answered_by": job.answered_by or job.id, "lane": Lane.PLAIN, "ready_at": 0.0}
        moved = _changed(connection, twin.id, (State.QUEUED,), **changes)
        if moved is not None:
            schedule.joined(connection, moved)
    return [twin.id for twin in twins]


def _changed(
    connection: Connection, job_id: str, expected: Collection[State], **values: object
) -> Row | None:
    names = [str(state) for state in expected]
    changed = connection.execute(
        sa.update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(names)).values(**values)
    )
    if not changed.rowcount:
        return None
    return connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).one()

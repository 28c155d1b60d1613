"""The jobs on disk, and what may happen to them.

Every change of state is one transaction that names the state it expects, so that of two that race one does nothing;
the queue's lines, the ledger and the batch are changed in the same transaction.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import NOTHING, Cost
from capabilities.errors import FailedPrecondition, Unavailable, brief
from sidecar.engines.events import Failed
from sidecar.queue import submission
from sidecar.queue.model import Job, PlannedJob, Row, State, StoredImage, job_of, whole
from sidecar.queue.scheduling import turns
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.settings import too_late
from sidecar.queue.store import endings, history
from sidecar.queue.store.database import Database
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.reader import Batch, JobReader
from sidecar.queue.store.tables import BATCHES, HISTORY, JOBS, RUNS, SHARES, TEMPLATES
from sidecar.queue.store.transitions import changed
from sidecar.queue.submission import NO_RESULTS, Bounds, StoredResults

MAX_BEGINNINGS = 10
"""A job that was running at this many deaths of the server is not queued again: it may be the cause."""

LEASE = 30.0
"""Seconds that a runner may be silent before its jobs are given to another."""


@dataclass(frozen=True)
class Turn:
    """Jobs that have begun, one or a batch, and what is left in their lane."""

    jobs: list[Job]
    waiting: int
    """How many wait still; some of them may be held up by what runs."""
    ready_at: float | None
    """Where none could begin: when the first of those may that have to wait for a time."""


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

    async def open(self, world: str = "") -> int:
        """Bring the tables up to date and queue again what a dead server was running; how many jobs that were.

        `world` is the id of the sidecar's own: what was written before worlds had ids is of that one.
        """
        self._database.migrate()
        if world:
            await self._do(partial(_adopt, world))
        again, _ = await self._do(self._take_back)
        return len(again)

    async def close(self) -> None:
        await self._database.close()

    async def add(
        self,
        orders: Sequence[PlannedJob],
        *,
        max_waiting: int,
        max_of_owner: int | None = None,
        batch: Batch | None = None,
        results: StoredResults = NO_RESULTS,
    ) -> list[Job]:
        """Accept jobs, all or none. Where a capability has used a request id before, that job is answered instead.

        A job that a cap forbids is written down as blocked, and with it ends a batch that stops at an error. One whose
        result is among the stored ones is answered with it. Raises ResourceExhausted when too many jobs
        wait already, or when a capability may have no more accepted now.
        """
        calendar = self.calendar()
        bounds = Bounds(max_waiting, max_of_owner or max_waiting)

        def work(connection: Connection) -> list[Job]:
            if batch is None:
                return [submission.accept(connection, order, bounds, calendar, results) for order in orders]
            return submission.accept_batch(connection, batch, orders, bounds, calendar, results)

        return await self._do(work)

    async def take(
        self, lane: str, preference: Preference, most: int = 1, *, now: float | None = None
    ) -> list[Job]:
        """Begin the next job, and with it up to `most` in all as one batch; empty where none may begin.

        `now`: jobs that have to wait beyond it are not looked at.
        """
        return (await self.take_turn(lane, preference, most, now=now)).jobs

    async def take_turn(
        self, lane: str, preference: Preference, most: int = 1, *, now: float | None = None
    ) -> Turn:
        """As `take`, and what is left in the lane."""
        until = time.time() if now is None else now

        def work(connection: Connection) -> Turn:
            row, waiting = turns.pick(connection, lane, preference, until)
            if row is None:
                return Turn([], waiting, turns.next_ready(connection, lane, until) if waiting else None)
            others = min(most, waiting) - 1 if preference.may_join(row.batch_key) else 0
            rows = [row, *turns.batch_mates(connection, row, others, until)]
            return Turn(self._begin(connection, rows, time.time()), waiting - len(rows), None)

        return await self._do(work)

    async def next_ready(self, lane: str, now: float) -> float | None:
        """When the first of the jobs may begin that had to wait beyond `now`."""
        return await self._do(lambda connection: turns.next_ready(connection, lane, now))

    async def beat(self, working_on: Collection[str]) -> tuple[list[str], list[Job]]:
        """Say that these jobs are worked on, and queue again those that nobody has said it of for the time of a lease.

        The ids of those jobs, and the jobs that have ended instead.
        """

        def work(connection: Connection) -> tuple[list[str], list[Job]]:
            now = time.time()
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.state == State.RUNNING, JOBS.c.id.in_(working_on))
                .values(lease_until=now + self._lease)
            )
            lost = JOBS.c.lease_until < now
            return self._requeue_lost(connection, lost)

        return await self._do(work)

    async def requeue(
        self, job_id: str, ready_at: float, *, failed: bool = True, sent: bool = False
    ) -> list[Job]:
        """A running job waits again, for another attempt not before a time; `failed`: this one counts.

        Where its batch has been stopped meanwhile, it ends instead, and is answered.
        """
        count = {"failures": JOBS.c.failures + 1} if failed else {"attempts": JOBS.c.attempts - 1}
        changes = {**_WAITS, **count, "sent": JOBS.c.sent | sa.literal(sent), "ready_at": ready_at}

        def work(connection: Connection) -> list[Job]:
            row = changed(connection, job_id, (State.RUNNING,), **changes)
            if row is None:
                return []
            turns.joined(connection, row)
            fell = sa.select(JOBS.c.id).where(JOBS.c.batch_id == row.batch_id, JOBS.c.state == State.FAILED)
            first = connection.execute(fell.limit(1)).scalar() if row.batch_id else None
            return [] if first is None else endings.stop_batch(connection, row.batch_id, first)

        return await self._do(work)

    async def detach(self, job_id: str, lane: str) -> None:
        """A running job does not wait for another's result any longer, since that is gone: it is to be done itself.

        `lane`: the engine that does it.
        """
        changes = {**_WAITS, "answered_by": None, "lane": lane, "attempts": JOBS.c.attempts - 1}

        def work(connection: Connection) -> None:
            row = changed(connection, job_id, (State.RUNNING,), **changes)
            if row is not None:
                turns.joined(connection, row)

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
            row = endings.end_row(
                connection,
                job_id,
                (State.RUNNING,),
                State.SUCCEEDED,
                None,
                images=[dataclasses.asdict(image) for image in images],
                work_seconds=seconds,
                warnings=list(warnings),
            )
            if row is None:
                return None, []
            job = job_of(row)
            if job.answered_by is None:
                history.remember(connection, job, row.task)
                if device and job.task.model_id:
                    history.time(connection, job, device)
            return job, history.hand_over(connection, job)

        return await self._do(work)

    async def fail(
        self, job_id: str, failure: Failed, spent: Cost = NOTHING, *, sent: bool = False
    ) -> list[Job]:
        """End a job badly, canceled or failed, and what its batch cancels with it; empty where it had ended before.

        `sent`: whoever does the work may bill for it all the same.
        """
        state = State.CANCELED if failure.code == "CANCELLED" else State.FAILED

        def work(connection: Connection) -> list[Job]:
            expected = (State.QUEUED, State.RUNNING)
            if sent:
                connection.execute(sa.update(JOBS).where(JOBS.c.id == job_id).values(sent=True))
            return endings.fail(connection, job_id, expected, failure, state, spent)

        return await self._do(work)

    async def cancel_queued(self, job_id: str, failure: Failed) -> Job | None:
        """Cancel a job that nobody began; None where somebody did."""

        def work(connection: Connection) -> Job | None:
            values = dataclasses.asdict(failure)
            return endings.end(connection, job_id, (State.QUEUED,), State.CANCELED, NOTHING, failure=values)

        return await self._do(work)

    async def cancel_waiting(self, batch_id: str, failure: Failed) -> list[Job]:
        """Cancel the jobs of a batch that nobody began."""
        return await self._do(lambda connection: endings.cancel_rest(connection, batch_id, failure))

    async def fail_waiting(self, world: str, capability_ids: Collection[str], failure: Failed) -> list[Job]:
        """End the waiting jobs of these capabilities of a world, and what their batches cancel with them."""

        def work(connection: Connection) -> list[Job]:
            theirs = sa.select(JOBS.c.id).where(
                JOBS.c.state == State.QUEUED, JOBS.c.world == world, JOBS.c.capability_id.in_(capability_ids)
            )
            ended: list[Job] = []
            for (job_id,) in connection.execute(theirs).all():
                ended += endings.fail(connection, job_id, (State.QUEUED,), failure)
            return ended

        return await self._do(work)

    async def expire(self) -> list[Job]:
        """End the jobs whose deadline passed while they waited, and what their batches cancel with them."""

        def work(connection: Connection) -> list[Job]:
            late = sa.select(JOBS.c.id).where(JOBS.c.state == State.QUEUED, JOBS.c.deadline < time.time())
            failure = Failed.of(too_late("while the job waited"))
            ended: list[Job] = []
            for (job_id,) in connection.execute(late).all():
                ended += endings.fail(connection, job_id, (State.QUEUED,), failure)
            return ended

        return await self._do(work)

    async def awaited(self) -> list[str]:
        """Jobs that have not ended and were done for a call that waited, in a server that is not there any more."""
        query = sa.select(JOBS.c.id).where(JOBS.c.awaited, JOBS.c.state.in_((State.QUEUED, State.RUNNING)))
        return await self._do(lambda connection: list(connection.execute(query).scalars()))

    async def fail_orphans(self, lanes: Collection[str]) -> list[Job]:
        """End the waiting jobs of engines that are not among these, and what their batches cancel with them."""

        def work(connection: Connection) -> list[Job]:
            orphans = sa.select(JOBS.c.id, JOBS.c.lane).where(
                JOBS.c.state == State.QUEUED, JOBS.c.lane.not_in(lanes)
            )
            ended: list[Job] = []
            for job_id, lane in connection.execute(orphans).all():
                gone = FailedPrecondition(
                    f"its engine '{brief(lane, 64)}' is not configured any more; configured are {', '.join(lanes)}. "
                    "Submit the task again",
                    reason="NO_ENGINE",
                    field="model_id",
                    limit=", ".join(lanes),
                    asked=brief(lane, 64),
                )
                ended += endings.fail(connection, job_id, (State.QUEUED,), Failed.of(gone))
            return ended

        return await self._do(work)

    def _take_back(self, connection: Connection) -> tuple[list[str], list[Job]]:
        turns.recount(connection)
        mine = (JOBS.c.runner == self._runner) | JOBS.c.runner.is_(None)
        return self._requeue_lost(connection, mine | (JOBS.c.lease_until < time.time()))

    def _requeue_lost(
        self, connection: Connection, lost: sa.ColumnElement[bool]
    ) -> tuple[list[str], list[Job]]:
        rows = connection.execute(
            sa.select(JOBS.c.id, JOBS.c.attempts, JOBS.c.failures, JOBS.c.owed).where(
                JOBS.c.state == State.RUNNING, lost
            )
        ).all()
        again: list[str] = []
        ended: list[Job] = []
        for row in rows:
            if owed := whole(row.owed):
                ended += endings.fail(
                    connection, row.id, (State.RUNNING,), _MAYBE_BILLED, spent=Cost(0, owed)
                )
                continue
            if whole(row.attempts) - whole(row.failures) >= MAX_BEGINNINGS:
                doomed = Failed(
                    "UNAVAILABLE",
                    f"the server ended {MAX_BEGINNINGS} times while it worked on this, so it is not tried again",
                    reason="SERVER_LOST",
                )
                ended += endings.fail(connection, row.id, (State.RUNNING,), doomed)
                continue
            # Nobody knows how far it was.
            waits = changed(connection, row.id, (State.RUNNING,), **_WAITS, sent=True)
            if waits is not None:
                turns.joined(connection, waits)
                again.append(row.id)
        return again, ended

    def _begin(self, connection: Connection, rows: Sequence[Row], now: float) -> list[Job]:
        turns.taken(connection, rows)
        values = {"now": now, "whose": self._runner, "until": now + self._lease}
        begun = sum(_BEGIN.run(connection, {**values, "its_id": row.id}) for row in rows)
        if begun != len(rows):
            raise Unavailable("another server took one of these jobs", reason="TAKEN", retry_after=1)
        jobs = [job_of(row) for row in rows]
        return [
            dataclasses.replace(job, state=State.RUNNING, started=now, attempts=job.attempts + 1)
            for job in jobs
        ]


def _adopt(world: str, connection: Connection) -> None:
    for table in (JOBS, BATCHES, HISTORY, RUNS, TEMPLATES):
        connection.execute(sa.update(table).where(table.c.world == "").values(world=world))
    # The row of no owner is the lane's clock, and no world's.
    connection.execute(
        sa.update(SHARES).where(SHARES.c.world == "", SHARES.c.owner_id != 0).values(world=world)
    )


_MAYBE_BILLED = Failed(
    "UNAVAILABLE",
    "the server ended while a paid engine worked on this, so it may have been billed and counts as spent; "
    "submit it again to pay again",
    reason="MAYBE_BILLED",
)
# Statements that every job needs are built once: putting one together takes longer than running it.
_BEGIN = Prepared(
    sa.update(JOBS)
    .where(JOBS.c.id == sa.bindparam("its_id"), JOBS.c.state == State.QUEUED)
    .values(
        state=State.RUNNING, started=sa.bindparam("now"), attempts=JOBS.c.attempts + 1,
        runner=sa.bindparam("whose"), lease_until=sa.bindparam("until"),
    )
)  # fmt: skip
_WAITS: Mapping[str, Any] = {
    "state": State.QUEUED, "started": None, "runner": None, "lease_until": None,
}  # fmt: skip

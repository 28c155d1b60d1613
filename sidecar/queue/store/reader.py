"""What can be asked of the jobs on disk."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import Calendar, Cap
from capabilities.errors import NotFound, brief
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.ledger.budgets import Balance
from sidecar.queue.model import Job, PlannedJob, State, is_time, job_of, whole
from sidecar.queue.scheduling.positions import positions as positions_of
from sidecar.queue.store.database import Database
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import BATCHES, HISTORY, JOBS, LINES, MODELS_CACHE

Owners = tuple[str, frozenset[int] | None]
"""A world, and entities of it; None: all of them."""


@dataclass(frozen=True)
class Batch:
    """Tasks that were submitted as one. `stop`: the rest is canceled when one fails."""

    id: str
    stop: bool
    created: float
    jobs: tuple[Job, ...] = ()
    world: str = ""
    owner_id: int = 0

    @property
    def ended(self) -> bool:
        return all(job.state.final for job in self.jobs)


@dataclass(frozen=True)
class Made:
    """How a picture came to be: `inputs` are the pictures that the task began with, by their roles."""

    job_id: str
    method: str
    task: Mapping[str, Any]
    inputs: Mapping[str, str]
    created: float


@dataclass(frozen=True)
class Line:
    """The jobs of an owner that wait; `oldest` in Unix seconds."""

    lane: str
    priority: int
    world: str
    owner_id: int
    waiting: int
    oldest: float


class JobReader:
    """Questions, none of which changes anything."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._do = database.do
        self._clock = clock
        self._session = uuid.uuid4().hex

    def calendar(self) -> Calendar:
        return Calendar(self._session, self._clock())

    async def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        return await self._do(lambda connection: get_job(connection, job_id))

    async def page(
        self,
        *,
        states: Collection[State] = (),
        capability_id: str = "",
        owner_id: int = 0,
        before: str = "",
        limit: int = 50,
        seen_by: Owners | None = None,
    ) -> tuple[list[Job], dict[str, int]]:
        """Jobs, newest first, and the positions of those that wait; `before` is the id to go on from, `seen_by` leaves out
        what belongs to others.

        Those whose rows are damaged are passed over, and told by fsck.
        """
        query = sa.select(JOBS).order_by(JOBS.c.id.desc()).limit(limit)
        if capability_id:
            query = query.where(JOBS.c.capability_id == capability_id)
        if owner_id:
            query = query.where(JOBS.c.owner_id == owner_id)
        if seen_by is not None:
            world, owner_ids = seen_by
            query = query.where(JOBS.c.world == world)
            if owner_ids is not None:
                query = query.where(JOBS.c.owner_id.in_(owner_ids))

        def work(connection: Connection) -> tuple[list[Job], dict[str, int]]:
            jobs: list[Job] = []
            after = before
            while len(jobs) < limit:
                more = query.where(JOBS.c.id < after) if after else query
                # State by state: each is in the order of an index, all of them together are not.
                queries = [more.where(JOBS.c.state == state) for state in states] or [more]
                rows = [row for each in queries for row in connection.execute(each)]
                rows.sort(key=lambda row: str(row.id), reverse=True)
                jobs += [job for job in map(job_of, rows[:limit]) if not job.damaged]
                if len(rows) < limit:
                    break
                after = str(rows[limit - 1].id)
            return jobs[:limit], positions_of(connection, jobs[:limit])

        return await self._do(work)

    async def positions(self, jobs: Sequence[Job]) -> dict[str, int]:
        """How many jobs come before each of those that wait."""
        if not any(job.state is State.QUEUED for job in jobs):
            return {}
        return await self._do(lambda connection: positions_of(connection, jobs))

    async def waiting(self, job_ids: Collection[str]) -> dict[str, int]:
        """The positions of those among these jobs that wait."""

        def work(connection: Connection) -> dict[str, int]:
            queued = sa.select(JOBS).where(JOBS.c.id.in_(job_ids), JOBS.c.state == State.QUEUED)
            return positions_of(connection, [job_of(row) for row in connection.execute(queued)])

        return await self._do(work)

    async def answer(self, fingerprint: str, since: float) -> Job | None:
        """The newest job that succeeded with this fingerprint, not before a time, by doing the work."""
        return await self._do(lambda connection: find_answer(connection, fingerprint, since))

    async def seconds(self, job: Job) -> float | None:
        """How long the work would take about, by the jobs done so far; None where there were none."""
        query = sa.select(sa.func.sum(MODELS_CACHE.c.seconds), sa.func.sum(MODELS_CACHE.c.compute)).where(
            MODELS_CACHE.c.model_id == job.task.model_id
        )

        def work(connection: Connection) -> float | None:
            seconds, compute = connection.execute(query).one()
            return float(seconds) * job.cost.compute / float(compute) if compute else None

        return await self._do(work)

    async def made(self, refs: Collection[str]) -> dict[str, Made]:
        """How each of these pictures came to be, as far as is known: the first time each was made."""
        query = sa.select(HISTORY).where(HISTORY.c.ref.in_(refs)).order_by(HISTORY.c.job_id)

        def work(connection: Connection) -> dict[str, Made]:
            found: dict[str, Made] = {}
            for row in connection.execute(query):
                if is_time(row.created) and isinstance(row.inputs, dict):
                    inputs = {role: ref for role, ref in row.inputs.items() if isinstance(ref, str)}
                    found.setdefault(row.ref, Made(row.job_id, row.method, row.task, inputs, row.created))
            return found

        return await self._do(work)

    async def batch(self, batch_id: str) -> Batch:
        """Raises NotFound."""

        def work(connection: Connection) -> Batch:
            row = connection.execute(sa.select(BATCHES).where(BATCHES.c.id == batch_id)).first()
            if row is None:
                raise unknown_batch(batch_id)
            jobs = connection.execute(
                sa.select(JOBS).where(JOBS.c.batch_id == batch_id).order_by(JOBS.c.batch_index)
            )
            return Batch(
                row.id, row.on_error == "stop", row.created, tuple(map(job_of, jobs)), row.world, row.owner_id
            )

        return await self._do(work)

    async def unfinished(self) -> dict[str, int]:
        """How many jobs of each lane wait or run."""
        query = (
            sa.select(JOBS.c.lane, sa.func.count())
            .where(JOBS.c.state.in_((State.QUEUED, State.RUNNING)))
            .group_by(JOBS.c.lane)
        )
        rows = await self._do(lambda connection: connection.execute(query).all())
        return {str(lane): int(count) for lane, count in rows}

    async def lines(self) -> list[Line]:
        """Who waits, and since when the oldest of them does."""
        oldest = sa.select(sa.func.min(JOBS.c.id)).where(
            JOBS.c.state == State.QUEUED, JOBS.c.lane == LINES.c.lane, JOBS.c.world == LINES.c.world,
            JOBS.c.owner_id == LINES.c.owner_id, JOBS.c.priority == LINES.c.priority,
        )  # fmt: skip
        keys = (LINES.c.lane, LINES.c.priority, LINES.c.world, LINES.c.owner_id)
        query = (
            sa.select(
                *keys, sa.func.sum(LINES.c.waiting).label("waiting"), oldest.scalar_subquery().label("first")
            )
            .where(LINES.c.waiting > 0)
            .group_by(*keys)
            .order_by(LINES.c.priority.desc(), LINES.c.owner_id, LINES.c.world)
        )
        rows = await self._do(lambda connection: connection.execute(query).all())
        # An id begins with the milliseconds of its making.
        return [
            Line(
                row.lane,
                whole(row.priority),
                str(row.world),
                whole(row.owner_id),
                int(row.waiting),
                _time_of(row.first),
            )
            for row in rows
            if row.first
        ]

    async def budgets(self, caps: Sequence[Cap]) -> list[Balance]:
        """What is spent of each cap."""
        calendar = self.calendar()
        return await self._do(lambda connection: budgets.balances(connection, caps, calendar))

    async def would_block(self, order: PlannedJob) -> Failed | None:
        """Which cap would forbid the job now."""
        calendar = self.calendar()

        def work(connection: Connection) -> Failed | None:
            savepoint = connection.begin_nested()
            try:
                return budgets.reserve(connection, order.job.id, order.job.cost, order.terms, calendar)
            finally:
                savepoint.rollback()

        return await self._do(work)


def _time_of(job_id: str) -> float:
    """When a job was made; now for an id that does not tell."""
    try:
        return int(job_id[:12], 16) / 1000
    except ValueError:
        return time.time()


_ANSWER = Prepared(
    sa.select(JOBS)
    .where(
        JOBS.c.fingerprint == sa.bindparam("its_fingerprint"), JOBS.c.state == State.SUCCEEDED,
        JOBS.c.ended >= sa.bindparam("since"), JOBS.c.answered_by.is_(None),
    )
    .order_by(JOBS.c.ended.desc())
    .limit(1)
)  # fmt: skip
_JOB = Prepared(sa.select(JOBS).where(JOBS.c.id == sa.bindparam("its_id")))


def find_answer(connection: Connection, fingerprint: str, since: float) -> Job | None:
    row = _ANSWER.first(connection, {"its_fingerprint": fingerprint, "since": since})
    job = None if row is None else job_of(row)
    return None if job is None or job.damaged else job


def get_job(connection: Connection, job_id: str) -> Job:
    row = _JOB.first(connection, {"its_id": job_id})
    if row is None:
        raise unknown_job(job_id)
    return job_of(row)


def unknown_job(job_id: str) -> NotFound:
    asked = brief(job_id, 40)
    return NotFound(f"there is no job '{asked}'", reason="UNKNOWN_JOB", field="id", asked=asked)


def unknown_batch(batch_id: str) -> NotFound:
    asked = brief(batch_id, 40)
    return NotFound(f"there is no batch '{asked}'", reason="UNKNOWN_BATCH", field="id", asked=asked)

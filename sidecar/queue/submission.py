"""Jobs and batches as they are accepted. Every function works inside a caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import Calendar
from capabilities.errors import Canceled, InvalidArgument, ResourceExhausted
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.model import Job, PlannedJob, Row, State, job_of, values_of
from sidecar.queue.reuse import answered
from sidecar.queue.scheduling import turns
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.reader import Batch, find_answer
from sidecar.queue.store.tables import BATCHES, JOB_INPUTS, JOBS


@dataclass(frozen=True)
class Bounds:
    """How many jobs may wait, in all and of one owner."""

    most: int
    of_owner: int

    def require_room(self, connection: Connection, job: Job) -> None:
        """Raises ResourceExhausted where no other job may wait."""
        waiting, own = turns.waiting(connection, job.world, job.owner_id)
        if waiting >= self.most:
            raise _full(f"{self.most} jobs wait already", "max_queue", self.most)
        if own >= self.of_owner:
            words = f"{self.of_owner} jobs of entity {job.owner_id} wait already"
            raise _full(words, "max_queue_per_owner", self.of_owner)

    def require_possible(self, orders: Sequence[PlannedJob]) -> None:
        """Raises InvalidArgument for a batch that could not be accepted at any time."""
        limits = {"max_queue": self.most, "max_queue_per_owner": self.of_owner}
        limits |= {
            "rate_per_minute": min(min(order.terms.rates.values(), default=self.most) for order in orders)
        }
        waiting = [order for order in orders if not order.job.state.final]
        name, most = min(limits.items(), key=lambda item: item[1])
        if len(waiting) > most:
            raise InvalidArgument(
                f"a batch may have {most} tasks here ({name}); this one has {len(waiting)}, send it in parts",
                reason="BATCH_TOO_LARGE",
                field=name,
                limit=str(most),
                asked=str(len(waiting)),
            )


@dataclass(frozen=True)
class StoredResults:
    """Which results may be answered again: those at most so many seconds old whose files are there."""

    max_age: float
    has_files: Callable[[Job], bool]

    def find(self, connection: Connection, order: PlannedJob, now: float) -> PlannedJob:
        """The same job, answered from the store where its result is there."""
        job = order.job
        if job.fingerprint is None or job.state.final or job.answered_by is not None:
            return order
        source = find_answer(connection, job.fingerprint, now - self.max_age)
        if source is None or not self.has_files(source):
            return order
        return dataclasses.replace(order, job=answered(job, source))


NO_RESULTS = StoredResults(0.0, lambda job: False)


def accept(
    connection: Connection, order: PlannedJob, bounds: Bounds, calendar: Calendar, results: StoredResults
) -> Job:
    """Write a job down as it begins: waiting, blocked, or answered. Raises ResourceExhausted."""
    row = _same_request(connection, order.job)
    if row is not None:
        return job_of(row)
    job = results.find(connection, order, calendar.now).job
    if not job.state.final:
        bounds.require_room(connection, job)
    budgets.require_rate(connection, order.terms, calendar.now)
    blocked = budgets.reserve(connection, job.id, job.cost, order.terms, calendar)
    if blocked is not None:
        job = dataclasses.replace(
            job, state=State.BLOCKED_BUDGET, failure=blocked, ended=calendar.now, fingerprint=None
        )
    _write(connection, job)
    if job.state is State.QUEUED:
        turns.joined(connection, job)
    elif blocked is None:
        budgets.settle(connection, job.id, job.spent)
    return job


def accept_batch(
    connection: Connection,
    batch: Batch,
    orders: Sequence[PlannedJob],
    bounds: Bounds,
    calendar: Calendar,
    results: StoredResults,
) -> list[Job]:
    """All jobs of a batch, or none; those of the batch that the same request made before, where there was one.

    A budget that blocks one ends a batch that stops at errors: the jobs after it are not begun.
    """
    before = _same_request(connection, orders[0].job)
    if before is not None and before.batch_id is not None:
        rows = sa.select(JOBS).where(JOBS.c.batch_id == before.batch_id).order_by(JOBS.c.batch_index)
        return [job_of(row) for row in connection.execute(rows)]
    orders = [results.find(connection, order, calendar.now) for order in orders]
    bounds.require_possible(orders)
    stop = "stop" if batch.stop else "continue"
    first = orders[0].job
    values = {
        "id": batch.id, "on_error": stop, "size": len(orders), "created": batch.created, "world": first.world,
        "owner_id": first.owner_id,
    }  # fmt: skip
    connection.execute(sa.insert(BATCHES).values(**values))
    jobs: list[Job] = []
    stopped = False
    for order in orders:
        if stopped:
            jobs.append(_not_begun(connection, order.job, calendar.now))
            continue
        jobs.append(accept(connection, order, bounds, calendar, results))
        stopped = batch.stop and jobs[-1].state is State.BLOCKED_BUDGET
    return jobs


_INSERT = Prepared(sa.insert(JOBS))
_INSERT_INPUT = Prepared(sa.insert(JOB_INPUTS))
_SAME_REQUEST = Prepared(
    sa.select(JOBS).where(
        JOBS.c.world == sa.bindparam("its_world"),
        JOBS.c.capability_id == sa.bindparam("its_capability"),
        JOBS.c.request_id == sa.bindparam("its_request"),
    )
)


def _not_begun(connection: Connection, job: Job, now: float) -> Job:
    why = Canceled("a budget blocks a job of the same batch before this one", reason="BATCH_STOPPED")
    ended = dataclasses.replace(
        job,
        state=State.CANCELED,
        failure=Failed.of(why),
        ended=now,
        fingerprint=None,
        images=(),
        answered_by=None,
    )
    _write(connection, ended)
    return ended


def _write(connection: Connection, job: Job) -> None:
    _INSERT.run(connection, values_of(job))
    if job.task.inputs:
        inputs = [{"job_id": job.id, "role": role, "ref": ref} for role, ref in job.task.inputs.items()]
        _INSERT_INPUT.run_each(connection, inputs)


def _same_request(connection: Connection, job: Job) -> Row | None:
    """The job that a capability's same request made before."""
    if not job.request_id:
        return None
    asked = {
        "its_world": job.world, "its_capability": job.capability_id, "its_request": job.request_id,
    }  # fmt: skip
    return _SAME_REQUEST.first(connection, asked)


def _full(words: str, name: str, most: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"{words}; try again when some are done",
        reason="QUEUE_FULL",
        field=name,
        limit=str(most),
        asked=str(most + 1),
        retry_after=5,
    )

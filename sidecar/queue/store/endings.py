"""How a job ends: its state, what it spent, and what its batch cancels with it. Inside a caller's transaction."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import NOTHING, Cost
from capabilities.errors import Canceled, Code
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.model import Job, Row, State, cost_of, job_of, whole
from sidecar.queue.scheduling import turns
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import BATCHES, JOBS
from sidecar.queue.store.transitions import changed

_BEFORE = Prepared(
    sa.select(JOBS.c.state, JOBS.c.sent, JOBS.c.owed, JOBS.c.compute, JOBS.c.money, JOBS.c.answered_by)
    .where(JOBS.c.id == sa.bindparam("its_id"))
    .with_for_update()
)


def end(
    connection: Connection,
    job_id: str,
    expected: Collection[State],
    state: State,
    spent: Cost,
    **values: object,
) -> Job | None:
    row = end_row(connection, job_id, expected, state, spent, **values)
    return None if row is None else job_of(row)


def end_row(
    connection: Connection,
    job_id: str,
    expected: Collection[State],
    state: State,
    spent: Cost | None,
    **values: object,
) -> Row | None:
    """The row of a job that has ended now; `spent` None: all that it reserved. None where it was not as expected."""
    before = _BEFORE.first(connection, {"its_id": job_id})
    if before is None:
        return None
    if spent is None:
        spent = NOTHING if before.answered_by else cost_of(before.compute, before.money)
    if before.sent and _is_owed(state, values.get("failure")):
        spent = Cost(spent.compute, max(spent.money, whole(before.owed)))
    row = changed(
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
    if before.state == State.QUEUED:
        turns.left(connection, row)
    budgets.settle(connection, job_id, spent)
    return row


def fail(
    connection: Connection,
    job_id: str,
    expected: Collection[State],
    failure: Failed,
    state: State = State.FAILED,
    spent: Cost = NOTHING,
) -> list[Job]:
    """The job that has ended, and those of its batch that end with it."""
    job = end(connection, job_id, expected, state, spent, failure=dataclasses.asdict(failure))
    if job is None:
        return []
    if job.batch_id is None or job.state is not State.FAILED:
        return [job]
    return [job, *stop_batch(connection, job.batch_id, job.id)]


def stop_batch(connection: Connection, batch_id: str, failed: str) -> list[Job]:
    """Cancel what is left of a batch that ends at an error."""
    stops = sa.select(BATCHES.c.on_error).where(BATCHES.c.id == batch_id)
    if connection.execute(stops).scalar() != "stop":
        return []
    why = Canceled(f"job {failed} of the same batch failed", reason="BATCH_STOPPED")
    return cancel_rest(connection, batch_id, Failed.of(why))


def cancel_rest(connection: Connection, batch_id: str, failure: Failed) -> list[Job]:
    values = dataclasses.asdict(failure)
    rest = sa.select(JOBS.c.id).where(JOBS.c.batch_id == batch_id, JOBS.c.state == State.QUEUED)
    ended = [
        end(connection, job_id, (State.QUEUED,), State.CANCELED, NOTHING, failure=values)
        for (job_id,) in connection.execute(rest).all()
    ]
    return [job for job in ended if job is not None]


def _is_owed(state: State, failure: object) -> bool:
    """Whether a call was given up that may be billed all the same, and its engine did not tell of how many pictures."""
    known = failure if isinstance(failure, dict) else {}
    given_up = state is State.CANCELED or known.get("code") == Code.DEADLINE_EXCEEDED.value
    return given_up and known.get("billed") is None

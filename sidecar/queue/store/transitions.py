"""A job's row changed from one state to another, or not at all: of two who try, one does nothing."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.model import Row, State
from sidecar.queue.store.tables import JOBS

_CHANGE = (
    sa.update(JOBS)
    .where(
        JOBS.c.id == sa.bindparam("its_id"),
        JOBS.c.state.in_(sa.bindparam("expected", expanding=True)),
    )
    .returning(*JOBS.c)
)


def changed(connection: Connection, job_id: str, expected: Collection[State], **values: object) -> Row | None:
    """The row as it is now; None where it was in none of the states expected."""
    computed = {name: value for name, value in values.items() if isinstance(value, sa.ColumnElement)}
    given = {name: value for name, value in values.items() if name not in computed}
    change = _CHANGE.values(**computed) if computed else _CHANGE
    names = [str(state) for state in expected]
    return connection.execute(change, {"its_id": job_id, "expected": names, **given}).first()

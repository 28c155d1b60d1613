"""A job's row changed from one state to another, or not at all: of two who try, one does nothing."""

from __future__ import annotations

import functools
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.model import Row, State
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import JOBS


@functools.cache
def _change(names: tuple[str, ...], states: int) -> Prepared:
    """The change of these columns, where a job is in one of so many states."""
    expected = sa.or_(*(JOBS.c.state == sa.bindparam(f"expected_{place}") for place in range(states)))
    return Prepared(
        sa.update(JOBS)
        .where(JOBS.c.id == sa.bindparam("its_id"), expected)
        .values({name: sa.bindparam(f"new_{name}", type_=JOBS.c[name].type) for name in names})
        .returning(*JOBS.c)
    )


def changed(connection: Connection, job_id: str, expected: Collection[State], **values: object) -> Row | None:
    """The row as it is now; None where it was in none of the states expected."""
    if any(isinstance(value, sa.ColumnElement) for value in values.values()):
        change = sa.update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(expected))
        return connection.execute(change.values(**values).returning(*JOBS.c)).first()
    given: dict[str, object] = {f"new_{name}": value for name, value in values.items()}
    given |= {f"expected_{place}": state for place, state in enumerate(expected)}
    return _change(tuple(sorted(values)), len(expected)).first(connection, given | {"its_id": job_id})

"""Rows of the job database that hold what no version of ours writes: found one by one, each with why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import brief
from sidecar.queue.model import job_of
from sidecar.queue.store.database import Unparsable
from sidecar.queue.store.tables import JOBS, METADATA

RowReaders = Mapping[sa.Table, Callable[[Any], Any]]
"""What makes an object of a row, by table; each raises ValueError, TypeError, KeyError or AttributeError for a row it cannot read."""


def unreadable_rows(connection: Connection, readers: RowReaders) -> Iterator[str]:
    """Each as "table key: why"."""
    readers = {JOBS: job_of, **readers}
    for table in METADATA.sorted_tables:
        keys = [column.name for column in table.primary_key]
        for row in connection.execute(sa.select(table)):
            why = _misfit(table, row) or _unreadable(readers.get(table), row)
            if why:
                key = " ".join(brief(getattr(row, name), 60) for name in keys)
                yield f"{table.name} {key}: {brief(why, 200)}"


def _misfit(table: sa.Table, row: sa.Row[Any]) -> str:
    """Which column holds a value of another type than its own: SQLite takes anything anywhere."""
    for column in table.columns:
        value = getattr(row, column.name)
        if value is None and column.nullable:
            continue
        if isinstance(column.type, sa.JSON):
            if isinstance(value, Unparsable):
                return f"{column.name} is no JSON"
        elif not isinstance(value, _TYPES[type(column.type)]):
            return f"{column.name} is no {column.type}"
    return ""


_TYPES: dict[type[Any], tuple[type, ...]] = {
    sa.String: (str,),
    sa.Text: (str,),
    sa.Integer: (int,),
    sa.BigInteger: (int,),
    sa.Float: (int, float),
    sa.Boolean: (bool,),
}


def _unreadable(reader: Callable[[Any], Any] | None, row: sa.Row[Any]) -> str:
    """Why the reader of a table cannot make anything of a row."""
    try:
        return str(getattr(reader(row), "damaged", "")) if reader else ""
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return str(error) or type(error).__name__

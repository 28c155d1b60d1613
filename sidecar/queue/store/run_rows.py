"""Rows of template runs, as JSON values; what they mean is known to the workflows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import RUNS


class RunRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def unfinished(self) -> list[str]:
        """Ids of the runs that have not ended."""
        query = sa.select(RUNS.c.id).where(RUNS.c.ended.is_(None))
        return await self._do(lambda connection: list(connection.execute(query).scalars()))

    async def insert(self, values: dict[str, Any]) -> None:
        await self._do(lambda connection: connection.execute(sa.insert(RUNS).values(**values)))

    async def update(self, run_id: str, values: dict[str, Any]) -> None:
        change = sa.update(RUNS).where(RUNS.c.id == run_id).values(**values)
        await self._do(lambda connection: connection.execute(change))

    async def get(self, run_id: str, max_characters: int) -> tuple[sa.Row[Any] | None, bool]:
        """The row where it has at most so many characters, and whether there is one at all."""
        document, context, jobs = (
            sa.func.length(sa.cast(RUNS.c[name], sa.Text)) for name in ("document", "context", "jobs")
        )
        fits = sa.select(RUNS).where(RUNS.c.id == run_id, document + context + jobs <= max_characters)

        def work(connection: Connection) -> tuple[sa.Row[Any] | None, bool]:
            row = connection.execute(fits).first()
            there = sa.select(RUNS.c.id).where(RUNS.c.id == run_id)
            return row, row is not None or connection.execute(there).first() is not None

        return await self._do(work)

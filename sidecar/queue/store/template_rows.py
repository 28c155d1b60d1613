"""Rows of workflow templates, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.tables import TEMPLATES


class TemplateRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def save(self, name: str, document: dict[str, Any], updated: float) -> None:
        """Keep a document in place of the one of that name."""
        values = {"name": name, "document": document, "updated": updated}

        def work(connection: Connection) -> None:
            insert = upsert(connection.dialect.name, TEMPLATES).values(**values)
            connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))

        await self._do(work)

    async def get(self, name: str) -> sa.Row[Any] | None:
        query = sa.select(TEMPLATES).where(TEMPLATES.c.name == name)
        return await self._do(lambda connection: connection.execute(query).first())

    async def page(self, after: str, limit: int) -> Sequence[sa.Row[Any]]:
        """In the order of their names."""
        query = sa.select(TEMPLATES).where(TEMPLATES.c.name > after).order_by(TEMPLATES.c.name).limit(limit)
        return await self._do(lambda connection: connection.execute(query).all())

    async def delete(self, name: str) -> bool:
        """Whether there was one."""
        delete = sa.delete(TEMPLATES).where(TEMPLATES.c.name == name)
        return await self._do(lambda connection: connection.execute(delete).rowcount > 0)

"""Keys of clients, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import KEYS


class KeyRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def all(self) -> Sequence[sa.Row[Any]]:
        """Every key, oldest first."""
        query = sa.select(KEYS).order_by(KEYS.c.created, KEYS.c.id)
        return await self._do(lambda connection: connection.execute(query).all())

    async def insert(self, values: Mapping[str, Any]) -> None:
        await self._do(lambda connection: connection.execute(sa.insert(KEYS).values(**values)))

    async def update(self, key_id: str, **values: Any) -> None:
        change = sa.update(KEYS).where(KEYS.c.id == key_id).values(**values)
        await self._do(lambda connection: connection.execute(change))

    async def delete(self, key_id: str) -> None:
        await self._do(lambda connection: connection.execute(sa.delete(KEYS).where(KEYS.c.id == key_id)))

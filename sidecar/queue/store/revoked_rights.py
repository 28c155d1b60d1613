"""Capabilities of worlds on other machines that hold no longer, whatever a statement says."""

from __future__ import annotations

import time
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.tables import REVOKED_RIGHTS


class RevokedRights:
    """Kept in memory beside the table, since every call of such a world looks."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._known: set[tuple[str, str]] = set()

    async def load(self) -> None:
        assert self._database is not None
        query = sa.select(REVOKED_RIGHTS.c.world, REVOKED_RIGHTS.c.capability_id)
        rows = await self._database.do(lambda connection: connection.execute(query).all())
        self._known = {(str(world), str(capability_id)) for world, capability_id in rows}

    def contains(self, world: str, capability_id: str) -> bool:
        return (world, capability_id) in self._known

    async def add(self, world: str, capability_ids: Collection[str]) -> None:
        """From now on these hold no longer."""
        assert self._database is not None
        new = [item for item in dict.fromkeys(capability_ids) if (world, item) not in self._known]

        def work(connection: Connection) -> None:
            for capability_id in new:
                values = {"world": world, "capability_id": capability_id, "revoked": time.time()}
                insert = upsert(connection.dialect.name, REVOKED_RIGHTS).values(**values)
                connection.execute(insert.on_conflict_do_nothing())

        await self._database.do(work)
        self._known.update((world, item) for item in new)

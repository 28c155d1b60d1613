"""Who brought a picture here, or had it made."""

from __future__ import annotations

import time
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.tables import HISTORY, UPLOADS


class PictureRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def uploaded(self, ref: str, world: str, owner_ids: Collection[int]) -> None:
        """Write down whose an uploaded picture is."""

        def work(connection: Connection) -> None:
            for owner_id in owner_ids:
                give(connection, ref, world, owner_id)

        await self._do(work)

    async def owned(self, refs: Collection[str], world: str, owner_ids: Collection[int] | None) -> set[str]:
        """Those of these pictures which one of these owners uploaded, or had made; None: anybody of that world."""
        uploads = sa.select(UPLOADS.c.ref).where(UPLOADS.c.ref.in_(refs), UPLOADS.c.world == world)
        made = sa.select(HISTORY.c.ref).where(HISTORY.c.ref.in_(refs), HISTORY.c.world == world)
        if owner_ids is not None:
            uploads = uploads.where(UPLOADS.c.owner_id.in_(owner_ids))
            made = made.where(HISTORY.c.owner_id.in_(owner_ids) | HISTORY.c.caller_id.in_(owner_ids))
        query = sa.union(uploads, made)
        return await self._do(lambda connection: set(connection.execute(query).scalars()))


def give(connection: Connection, ref: str, world: str, owner_id: int) -> None:
    """Let an owner read a picture. Inside a caller's transaction."""
    values = {"ref": ref, "world": world, "owner_id": owner_id, "created": time.time()}
    insert = upsert(connection.dialect.name, UPLOADS).values(**values)
    connection.execute(insert.on_conflict_do_nothing())

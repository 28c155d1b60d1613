"""Rows of workflow templates, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.tables import TEMPLATES


class TemplateRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def save(
        self, world: str, owner_id: int, name: str, document: dict[str, Any], updated: float, shared: bool
    ) -> None:
        """Keep a document in place of the owner's of that name."""
        values = {
            "world": world, "owner_id": owner_id, "name": name, "document": document, "updated": updated,
            "shared": shared,
        }  # fmt: skip

        def work(connection: Connection) -> None:
            insert = upsert(connection.dialect.name, TEMPLATES).values(**values)
            keys = list(TEMPLATES.primary_key)
            connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values))

        await self._do(work)

    async def get(self, name: str, world: str, owner_ids: Collection[int] | None) -> sa.Row[Any] | None:
        """These owners' template of a name, else a shared one; None: anybody's of that world."""
        query = _of(world, owner_ids).where(TEMPLATES.c.name == name).order_by(*_in_order(owner_ids)).limit(1)
        return await self._do(lambda connection: connection.execute(query).first())

    async def page(
        self, after: str, limit: int, world: str, owner_ids: Collection[int] | None
    ) -> Sequence[sa.Row[Any]]:
        """In the order of their names, of each name the one that `get` answers."""
        place = sa.func.row_number().over(partition_by=TEMPLATES.c.name, order_by=_in_order(owner_ids))
        each = _of(world, owner_ids).where(TEMPLATES.c.name > after).add_columns(place.label("place"))
        first = each.subquery()
        query = sa.select(first).where(first.c.place == 1).order_by(first.c.name).limit(limit)
        return await self._do(lambda connection: connection.execute(query).all())

    async def delete(self, name: str, world: str, owner_ids: Collection[int] | None) -> bool:
        """Whether there was one of these owners; None: of anybody in that world."""
        delete = sa.delete(TEMPLATES).where(TEMPLATES.c.name == name, TEMPLATES.c.world == world)
        if owner_ids is not None:
            delete = delete.where(TEMPLATES.c.owner_id.in_(owner_ids))
        return await self._do(lambda connection: connection.execute(delete).rowcount > 0)


def _of(world: str, owner_ids: Collection[int] | None) -> sa.Select[Any]:
    query = sa.select(TEMPLATES).where(TEMPLATES.c.world == world)
    if owner_ids is None:
        return query
    return query.where(TEMPLATES.c.shared | TEMPLATES.c.owner_id.in_(owner_ids))


def _in_order(owner_ids: Collection[int] | None) -> list[sa.ColumnElement[Any]]:
    """Own ones first, then by owner."""
    own = [] if owner_ids is None else [sa.case((TEMPLATES.c.owner_id.in_(owner_ids), 0), else_=1)]
    return [*own, TEMPLATES.c.owner_id]

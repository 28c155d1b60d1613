"""Templates that are kept under their names."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import FailedPrecondition, NotFound, brief
from sidecar.application.workflows import templates
from sidecar.application.workflows.templates import Template
from sidecar.queue.model import is_time
from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.tables import TEMPLATES

log = logging.getLogger("viwo_imagegen.jobs")


@dataclass(frozen=True)
class Saved:
    """A template in the store."""

    template: Template
    updated: float


class SavedTemplates:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def save(self, text: str) -> Saved:
        """Keep a template in place of one with the same name. Raises InvalidArgument."""
        template = templates.read(text)
        saved = Saved(template, time.time())
        values = {
            "name": template.name,
            "document": template.model_dump(mode="json"),
            "updated": saved.updated,
        }

        def work(connection: Connection) -> None:
            insert = upsert(connection.dialect.name, TEMPLATES).values(**values)
            connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))

        await self._do(work)
        return saved

    async def get(self, name: str) -> Saved:
        """Raises NotFound."""
        query = sa.select(TEMPLATES).where(TEMPLATES.c.name == name)
        row = await self._do(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(
                f"there is no template '{brief(name, 60)}'",
                reason="UNKNOWN_TEMPLATE",
                field="name",
                asked=brief(name, 60),
            )
        try:
            return saved_of(row)
        except ValueError as error:
            raise FailedPrecondition(
                f"the template '{brief(name, 60)}' cannot be read: {brief(error, 200)}; save it anew, or delete it",
                reason="UNREADABLE_TEMPLATE",
                field="name",
                asked=brief(name, 60),
            ) from None

    async def page(self, after: str, limit: int) -> list[Saved]:
        """Templates by name; those whose rows cannot be read are passed over, and told by fsck."""
        found: list[Saved] = []
        query = sa.select(TEMPLATES).order_by(TEMPLATES.c.name).limit(limit)
        while len(found) < limit:
            more = query.where(TEMPLATES.c.name > after)
            rows = await self._do(partial(_rows_of, query=more))
            for row in rows:
                try:
                    found.append(saved_of(row))
                except ValueError as error:
                    log.warning("template %s is passed over: %s", brief(row.name), error)
            if len(rows) < limit:
                break
            after = rows[-1].name
        return found[:limit]

    async def delete(self, name: str) -> None:
        """Raises NotFound."""
        delete = sa.delete(TEMPLATES).where(TEMPLATES.c.name == name)
        if not await self._do(lambda connection: connection.execute(delete).rowcount):
            await self.get(name)


def _rows_of(connection: Connection, query: sa.Select[*tuple[Any, ...]]) -> Sequence[sa.Row[Any]]:
    return connection.execute(query).all()


def saved_of(row: sa.Row[Any]) -> Saved:
    """Raises ValueError for a row that none of our versions wrote."""
    template = templates.read_stored(row.document)
    if template.name != row.name or not is_time(row.updated):
        raise ValueError("its name or its time is not what was saved")
    return Saved(template, row.updated)

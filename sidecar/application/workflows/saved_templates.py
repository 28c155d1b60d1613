"""Templates that are kept under their names."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from capabilities.errors import FailedPrecondition, NotFound, brief
from sidecar.application.access import Asker
from sidecar.application.workflows import templates
from sidecar.application.workflows.templates import Template
from sidecar.queue.model import is_time
from sidecar.queue.store.template_rows import TemplateRows

log = logging.getLogger("viwo_imagegen.jobs")


@dataclass(frozen=True)
class Saved:
    """A template in the store."""

    template: Template
    updated: float


class SavedTemplates:
    def __init__(self, rows: TemplateRows) -> None:
        self._rows = rows

    async def save(self, asker: Asker, text: str) -> Saved:
        """Keep a template in place of one with the same name. Raises InvalidArgument."""
        template = templates.read(text)
        saved = Saved(template, time.time())
        await self._rows.save(template.name, template.model_dump(mode="json"), saved.updated)
        return saved

    async def get(self, asker: Asker, name: str) -> Saved:
        """Raises NotFound, and FailedPrecondition for a row that cannot be read."""
        row = await self._rows.get(name)
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
                f"the template '{brief(name, 60)}' cannot be read: {brief(error, 200)}; save it again, or delete it",
                reason="UNREADABLE_TEMPLATE",
                field="name",
                asked=brief(name, 60),
            ) from None

    async def page(self, asker: Asker, after: str, limit: int) -> list[Saved]:
        """Templates by name; those whose rows cannot be read are passed over, and told by fsck."""
        found: list[Saved] = []
        while len(found) < limit:
            rows = await self._rows.page(after, limit)
            for row in rows:
                try:
                    found.append(saved_of(row))
                except ValueError as error:
                    log.warning("template %s is passed over: %s", brief(row.name), error)
            if len(rows) < limit:
                break
            after = rows[-1].name
        return found[:limit]

    async def delete(self, asker: Asker, name: str) -> None:
        """Raises NotFound."""
        if not await self._rows.delete(name):
            await self.get(asker, name)


def saved_of(row: Any) -> Saved:
    """Raises ValueError for a row that none of our versions wrote."""
    template = templates.read_stored(row.document)
    if template.name != row.name or not is_time(row.updated):
        raise ValueError("its name or its time is not what was saved")
    return Saved(template, row.updated)

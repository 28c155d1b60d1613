"""Templates that are kept under their names."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from capabilities.errors import FailedPrecondition, NotFound, brief
from capabilities.principals import Principal
from sidecar.application.workflows import templates
from sidecar.application.workflows.templates import Template
from sidecar.queue.model import is_time, whole
from sidecar.queue.store.template_rows import TemplateRows

log = logging.getLogger("viwo_imagegen.jobs")


@dataclass(frozen=True)
class Saved:
    """A template in the store."""

    template: Template
    updated: float
    owner_id: int = 0
    shared: bool = False


class SavedTemplates:
    def __init__(self, rows: TemplateRows) -> None:
        self._rows = rows

    async def save(self, principal: Principal, text: str, *, shared: bool | None = None) -> Saved:
        """Keep a template in place of one of the same owner and name. Raises InvalidArgument.

        A shared one is everybody's to run in its world. Left open: as the one before was; of the operator and a kernel,
        shared, else its owner's alone.
        """
        template = templates.read(text)
        owner_id = _owner(principal)
        if shared is None:
            before = await self._rows.get(template.name, principal.world, [owner_id])
            shared = before.shared if before is not None else principal.acts_as_any
        saved = Saved(template, time.time(), owner_id, shared)
        await self._rows.save(
            principal.world, owner_id, template.name, template.model_dump(mode="json"), saved.updated, shared
        )
        return saved

    async def get(self, principal: Principal, name: str) -> Saved:
        """The principal's own template of that name, else a shared one.

        Raises NotFound, and FailedPrecondition for a row that cannot be read.
        """
        row = await self._rows.get(name, principal.world, _owners(principal))
        if row is None:
            raise _unknown(name)
        try:
            return saved_of(row)
        except ValueError as error:
            raise FailedPrecondition(
                f"the template '{brief(name, 60)}' cannot be read: {brief(error, 200)}; save it again, or delete it",
                reason="UNREADABLE_TEMPLATE",
                field="name",
                asked=brief(name, 60),
            ) from None

    async def page(self, principal: Principal, after: str, limit: int) -> list[Saved]:
        """The principal's and shared templates by name; those whose rows cannot be read are passed over, and told by fsck."""
        found: list[Saved] = []
        while len(found) < limit:
            rows = await self._rows.page(after, limit, principal.world, _owners(principal))
            for row in rows:
                try:
                    found.append(saved_of(row))
                except ValueError as error:
                    log.warning("template %s is passed over: %s", brief(row.name), error)
            if len(rows) < limit:
                break
            after = rows[-1].name
        return found[:limit]

    async def delete(self, principal: Principal, name: str) -> None:
        """Raises NotFound, for another's too."""
        owner_ids = None if principal.acts_as_any else [_owner(principal)]
        if not await self._rows.delete(name, principal.world, owner_ids):
            raise _unknown(name)


def saved_of(row: Any) -> Saved:
    """Raises ValueError for a row that none of our versions wrote."""
    template = templates.read_stored(row.document)
    if template.name != row.name or not is_time(row.updated):
        raise ValueError("its name or its time is not what was saved")
    return Saved(template, row.updated, whole(row.owner_id), bool(row.shared))


def _owner(principal: Principal) -> int:
    """Whose a template becomes: of a principal that acts as several, the first's."""
    return min(principal.owner_ids, default=0)


def _owners(principal: Principal) -> Collection[int] | None:
    return None if principal.acts_as_any else principal.owner_ids


def _unknown(name: str) -> NotFound:
    asked = brief(name, 60)
    return NotFound(f"there is no template '{asked}'", reason="UNKNOWN_TEMPLATE", field="name", asked=asked)

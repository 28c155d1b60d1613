"""Who may read a picture. A reference is a name, not a right; it is looked at whenever a picture is read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from capabilities.principals import Kind, Principal
from entity_store.blobs import REFERENCE, unknown_picture
from entity_store.images import Images
from entity_store.shown import is_shown, showing
from entity_store.world import World
from sidecar.application.access import Admitted
from sidecar.queue.store.picture_rows import PictureRows

MOST_SHOWING = 100
"""Most entities that are told to show a picture."""


class PictureAccess:
    """A picture is read by whoever brought it here or had it made, and by whoever sees an entity that shows or showed it.

    The operator reads all. The kernel of a world on another machine knows itself who sees what there.
    """

    def __init__(self, rows: PictureRows, images: Images, world: World) -> None:
        """`world` is the sidecar's own, whose entities can be looked at."""
        self._rows = rows
        self._images = images
        self._world = world

    async def require(self, principal: Principal, sources: Mapping[str, bytes | str | int]) -> None:
        """Raises NotFound, as for a picture that is not there, for the first that may not be read; `sources` by their
        fields: references, entities, and files, which anybody may read who has them.
        """
        if principal.kind is Kind.OPERATOR and principal.acts_as_any:
            return
        owner_ids = None if principal.acts_as_any else principal.owner_ids
        await self._require(principal.world, owner_ids, sources)

    async def require_sources(
        self, principal: Principal, admitted: Admitted, sources: Mapping[str, bytes | str | int]
    ) -> None:
        """The same of the pictures among a call's arguments: stored ones and entities."""
        if principal.kind is Kind.OPERATOR and principal.acts_as_any:
            return
        owner_ids: Collection[int] | None = admitted.owner_ids | principal.owner_ids
        if admitted.is_stated and principal.acts_as_any:
            owner_ids = None
        await self._require(admitted.world, owner_ids, sources)

    async def showing(self, principal: Principal, ref: str) -> list[int]:
        """Entities that show a picture now and that the principal sees, the oldest first; of this sidecar's world."""
        if principal.world != self._world.id:
            return []
        seen_by = None if principal.acts_as_any else principal.owner_ids
        return await asyncio.to_thread(showing, self._world.rows, ref, limit=MOST_SHOWING, seen_by=seen_by)

    async def _require(
        self, world: str, owner_ids: Collection[int] | None, sources: Mapping[str, bytes | str | int]
    ) -> None:
        if owner_ids is not None:
            for name, source in sources.items():
                if isinstance(source, int):
                    await asyncio.to_thread(self._images.require_seen, owner_ids, source, field=name)
        refs = {
            name: source
            for name, source in sources.items()
            if isinstance(source, str) and REFERENCE.fullmatch(source)
        }
        if not refs:
            return
        owned = await self._rows.owned(set(refs.values()), world, owner_ids)
        for name, ref in refs.items():
            if ref in owned:
                continue
            shown = world == self._world.id and (
                owner_ids is None or await asyncio.to_thread(is_shown, self._world.rows, owner_ids, ref)
            )
            if not shown:
                raise unknown_picture(ref, name)

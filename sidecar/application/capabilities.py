"""Capabilities of the world: minted, narrowed, handed on, revoked and read; and the methods they are good for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from capabilities.errors import InvalidArgument
from capabilities.methods import METHODS, Method
from capabilities.params import dump, parse, parse_row, restrict
from capabilities.policy import Caller, Capability, require_owner
from entity_store.authority import Authority
from sidecar.application.access import Access, Asker


class Capabilities:
    """All methods belong to the event loop's thread. Raise as those of `Authority`."""

    def __init__(self, authority: Authority, access: Access) -> None:
        self._authority = authority
        self._access = access

    async def mint(
        self, asker: Asker, authority_id: str, caller_id: int, kind: str, params: Mapping[str, object]
    ) -> Capability:
        """A new capability, by right of a `sys.mint` capability."""
        return await asyncio.to_thread(self._authority.mint, authority_id, caller_id, kind, params)

    async def delegate(
        self,
        asker: Asker,
        parent_id: str,
        caller_id: int,
        restrictions: Mapping[str, object],
        parent_statement: str = "",
    ) -> Capability:
        """A narrower one. Of a stated parent it has no id: whoever keeps its world writes the row."""
        if not parent_statement:
            return await asyncio.to_thread(self._authority.delegate, parent_id, caller_id, restrictions)
        parent = self._access.capability(parent_id, parent_statement)
        require_owner(parent, Caller(caller_id))
        params = dump(restrict(parse_row(parent.params), parse(restrictions)))
        return Capability("", caller_id, parent.type, params, parent.id)

    async def give(self, asker: Asker, capability_id: str, caller_id: int, target_id: int) -> Capability:
        """Hand it to another entity."""
        return await asyncio.to_thread(self._authority.give, capability_id, caller_id, target_id)

    async def revoke(self, asker: Asker, capability_id: str, caller_id: int) -> list[str]:
        """Delete it and all that was delegated from it; their ids."""
        return await asyncio.to_thread(self._authority.revoke, capability_id, caller_id)

    # Reads are no coroutines: in WAL mode they wait for nobody, and a thread would cost more than the read.
    def get(self, asker: Asker, capability_id: str) -> Capability:
        return self._authority.get(capability_id)

    def page(
        self, asker: Asker, *, owner_id: int, kind: str, after: int, limit: int
    ) -> list[tuple[int, Capability]]:
        """In the order they were made, each with its row number to go on from."""
        return self._authority.page(owner_id=owner_id, capability_type=kind, after=after, limit=limit)

    def methods(self, asker: Asker, kind: str = "") -> Sequence[Method]:
        """The methods of a capability type, or all. Raises InvalidArgument for a type that has none."""
        found = [method for method in METHODS if kind in ("", method.capability_type)]
        if not found:
            known = ", ".join(sorted({method.capability_type for method in METHODS}))
            raise InvalidArgument(
                f"this server has no methods of that type; it has {known}",
                reason="UNKNOWN_TYPE",
                field="type",
                limit=known,
            )
        return found

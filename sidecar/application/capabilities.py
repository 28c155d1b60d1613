"""Capabilities of the world: minted, narrowed, handed on, revoked and read; and the methods they are good for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from capabilities.errors import InvalidArgument, PermissionDenied, brief
from capabilities.methods import METHODS, Method
from capabilities.policy import Caller, Capability, require_owner
from capabilities.principals import Kind, Principal, Scope
from entity_store.authority import Authority, unknown_capability
from sidecar.application.access import Access, Call
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.store.revoked_rights import RevokedRights

MAX_REVOKED = 1000
"""Most capabilities whose end a plugin tells in one call."""
MAX_ID = 64


class Capabilities:
    """All methods belong to the event loop's thread. Raise as those of `Authority`."""

    def __init__(self, authority: Authority, access: Access, queue: JobQueue, revoked: RevokedRights) -> None:
        self._queue = queue
        self._revoked = revoked
        self._authority = authority
        self._access = access

    async def mint(
        self,
        principal: Principal,
        authority_id: str,
        caller_id: int,
        kind: str,
        params: Mapping[str, object],
        target_id: int = 0,
    ) -> Capability:
        """A new capability, by right of a `sys.mint` capability; of `target_id` where that is not 0."""
        caller_id = self._caller(principal, caller_id)
        return await asyncio.to_thread(self._authority.mint, authority_id, caller_id, kind, params, target_id)

    async def delegate(
        self,
        principal: Principal,
        parent_id: str,
        caller_id: int,
        restrictions: Mapping[str, object],
        parent_statement: str = "",
    ) -> Capability:
        """A narrower one. Of a stated parent it has no id: whoever keeps its world writes the row."""
        if not parent_statement:
            caller_id = self._caller(principal, caller_id)
            return await asyncio.to_thread(self._authority.delegate, parent_id, caller_id, restrictions)
        call = Call(parent_id, Caller(caller_id), parent_statement)
        admitted = self._access.admit(principal, call)
        parent = admitted.capability
        require_owner(parent, Caller(caller_id))
        delegate = self._authority.delegate_elsewhere
        params = await asyncio.to_thread(delegate, parent, admitted.world, restrictions)
        return Capability("", caller_id, parent.type, params, parent.id)

    async def approve(
        self, principal: Principal, capability_id: str, world: str, params: Mapping[str, object]
    ) -> Capability:
        """Take down as granted what a row says that another program made. Raises PermissionDenied, NotFound."""
        principal.require_scope(Scope.ADMIN)
        world = "" if world == principal.world else world
        if not world:
            self._access.require_own_world(principal)
        elif len(world) > MAX_ID or not world.isalnum():
            raise InvalidArgument(
                f"'world' is an id of at most {MAX_ID} letters and digits",
                reason="BAD_ARGUMENT",
                field="world",
                asked=brief(world, 40),
            )
        return await asyncio.to_thread(self._authority.approve, capability_id, world, params)

    async def give(
        self, principal: Principal, capability_id: str, caller_id: int, target_id: int
    ) -> Capability:
        """Hand it to another entity."""
        caller_id = self._caller(principal, caller_id)
        return await asyncio.to_thread(self._authority.give, capability_id, caller_id, target_id)

    async def revoke(self, principal: Principal, capability_id: str, caller_id: int) -> list[str]:
        """Delete it and all that was delegated from it; their ids. What waits under them ends."""
        caller_id = self._caller(principal, caller_id)
        revoked = await asyncio.to_thread(self._authority.revoke, capability_id, caller_id)
        await self._queue.end_waiting(principal.world, revoked)
        return revoked

    async def revoked_elsewhere(self, principal: Principal, capability_ids: Sequence[str]) -> None:
        """Take note that capabilities of a world on another machine hold no longer.

        Raises PermissionDenied for whoever is no plugin, InvalidArgument for too many or too long ids.
        """
        if principal.kind is not Kind.KERNEL:
            raise PermissionDenied(
                "only the plugin of a world says what was revoked there",
                reason="NOT_A_KERNEL",
                field="authorization",
            )
        longest = max((len(item) for item in capability_ids), default=0)
        if len(capability_ids) > MAX_REVOKED or longest > MAX_ID:
            raise InvalidArgument(
                f"'capability_ids' must be at most {MAX_REVOKED} ids of at most {MAX_ID} characters; send the rest in "
                "another call",
                reason="BAD_ARGUMENT",
                field="capability_ids",
                limit=f"at most {MAX_REVOKED} ids of {MAX_ID} characters",
                asked=f"{len(capability_ids)} ids, the longest of {longest} characters",
            )
        await self._revoked.add(principal.world, capability_ids)
        await self._queue.end_waiting(principal.world, capability_ids)

    # Reads are no coroutines: in WAL mode they wait for nobody, and a thread would cost more than the read.
    def get(self, principal: Principal, capability_id: str) -> Capability:
        self._access.require_own_world(principal)
        found = self._authority.get(capability_id)
        if not principal.sees(principal.world, found.owner_id):
            raise unknown_capability(capability_id)
        return found

    def page(
        self, principal: Principal, *, owner_id: int, kind: str, after: int, limit: int
    ) -> list[tuple[int, Capability]]:
        """In the order they were made, each with its row number to go on from."""
        self._access.require_own_world(principal)
        seen_by = None if principal.acts_as_any else principal.owner_ids
        return self._authority.page(
            owner_id=owner_id, capability_type=kind, after=after, limit=limit, seen_by=seen_by
        )

    def _caller(self, principal: Principal, caller_id: int) -> int:
        self._access.require_own_world(principal)
        return principal.as_caller(Caller(caller_id)).caller_id

    def methods(self, principal: Principal, kind: str = "") -> Sequence[Method]:
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

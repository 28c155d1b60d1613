"""Keys of clients: made, listed, rotated, ended, and recognised at a surface's door.

A key is `vk_<id>_<secret>`, the secret 32 random bytes in base64url; what is kept is the SHA-256 of the whole. The secret
is not a password that somebody thought of, so a slow hash would add nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, Refusal, Unauthenticated, brief
from capabilities.methods import TYPES
from capabilities.params import dump, parse
from capabilities.plain_text import require_plain
from capabilities.policy import Caller, require_owner
from capabilities.principals import OF_A_KERNEL, OF_A_KEY, Kind, Principal, Scope
from entity_store.authority import Authority
from entity_store.capability_rows import mint
from entity_store.world import World
from sidecar.queue.model import is_time
from sidecar.queue.store.key_rows import KeyRows

log = logging.getLogger("viwo_imagegen.keys")

PREFIX = "vk_"
MAX_LABEL = 128
MAX_WORLD = 32
USED_EVERY = 60.0
"""Seconds between two writings of when a key was last used."""


@dataclass(frozen=True)
class Key:
    """A credential of a client. Times in Unix seconds; `entity_id` 0 for a kernel's."""

    id: str
    kind: Kind
    world: str
    entity_id: int
    hash: str
    label: str
    scopes: frozenset[Scope]
    capabilities: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    expires: float | None = None
    last_used: float | None = None

    def principal(self) -> Principal:
        owners = frozenset({self.entity_id}) if self.kind is Kind.KEY else frozenset()
        return Principal(f"key:{self.id}", self.kind, self.world, owners, self.scopes, self.capabilities)


@dataclass(frozen=True)
class NewKey:
    """What a key is to be. `limits`: of capabilities minted with it, of these `types`, or of all that are left."""

    kind: Kind
    entity_id: int = 0
    world: str = ""
    scopes: Sequence[str] = ()
    capability_ids: Sequence[str] = ()
    limits: Mapping[str, object] | None = None
    types: Sequence[str] = ()
    expires: float | None = None
    label: str = ""


class Keys:
    """All methods belong to the event loop's thread. Keys are kept in memory: every call looks for one."""

    def __init__(self, rows: KeyRows, world: World, authority: Authority) -> None:
        self._rows = rows
        self._world = world
        self._authority = authority
        self._known: dict[str, Key] = {}
        self._writes: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read all keys; one whose row cannot be read opens nothing, and is told in the log."""
        self._known = {}
        for row in await self._rows.all():
            try:
                key = key_of(row)
            except (TypeError, ValueError) as error:
                log.warning("key %s is passed over: %s", brief(row.id, 40), error)
                continue
            self._known[key.id] = key

    def recognise(self, text: str) -> Principal:
        """Who a key's text is of. Raises Unauthenticated for one that is unknown or has ended."""
        parts = text.split("_", 2)
        key = self._known.get(parts[1]) if len(parts) == 3 else None
        # Compared in any case, so that an unknown id takes as long as a wrong secret.
        if not hmac.compare_digest(key.hash if key else "", _hash(text)) or key is None:
            raise Unauthenticated(
                "this key is unknown here, or was revoked or rotated; ask the operator for another",
                reason="BAD_KEY",
                field="authorization",
            )
        now = time.time()
        if key.expires is not None and key.expires <= now:
            raise Unauthenticated(
                "this key has expired; ask the operator for another",
                reason="EXPIRED_KEY",
                field="authorization",
            )
        if key.last_used is None or now - key.last_used > USED_EVERY:
            self._known[key.id] = replace(key, last_used=now)
            write = asyncio.get_running_loop().create_task(self._note_use(key.id, now))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)
        return key.principal()

    async def _note_use(self, key_id: str, now: float) -> None:
        try:
            await self._rows.update(key_id, last_used=now)
        except Refusal as refusal:
            log.warning("it was not written down that key %s was used: %s", key_id, refusal.message)

    async def stop(self) -> None:
        """Wait for what is still being written."""
        while self._writes:
            await asyncio.wait(self._writes)

    async def create(self, principal: Principal, new: NewKey) -> tuple[Key, str]:
        """A key and its text. Raises InvalidArgument, NotFound for unknown entities and capabilities, PermissionDenied."""
        principal.require_scope(Scope.ADMIN)
        require_plain(new.label, "label", MAX_LABEL)
        if new.expires is not None and (not is_time(new.expires) or new.expires <= time.time()):
            raise _bad("expire_time", "must lie ahead", str(new.expires))
        scopes = _scopes(new)
        world = new.world or self._world.id
        if len(world) > MAX_WORLD or not world.isalnum():
            raise _bad("world", f"is an id of at most {MAX_WORLD} letters and digits", brief(world, 40))
        bound: dict[str, str] = {}
        if new.kind is Kind.KERNEL:
            if new.entity_id or new.capability_ids or new.limits is not None:
                raise _bad("kind", "a kernel's key is of no entity and no capability", "kernel")
        elif world != self._world.id:
            raise FailedPrecondition(
                "entities and capabilities of a world on another machine are not known here; make its keys there",
                reason="WORLD_ELSEWHERE",
                field="world",
                asked=brief(world, 40),
            )
        else:
            self._world.entity(new.entity_id, field="entity_id")
            bound = self._bound(new)
        key_id = secrets.token_hex(6)
        text = _text(key_id)
        key = Key(
            key_id,
            new.kind,
            world,
            new.entity_id,
            _hash(text),
            new.label,
            scopes,
            bound,
            time.time(),
            new.expires,
        )
        try:
            await self._rows.insert(_row(key))
        except BaseException:
            # The world is a database of its own: what was minted for a key that is not there must not stay in it.
            for capability_id in set(bound.values()) - set(new.capability_ids):
                self._authority.revoke(capability_id, new.entity_id)
            raise
        self._known[key.id] = key
        log.info("key %s made: %s of world %s, entity %d", key.id, key.kind, key.world, key.entity_id)
        return key, text

    def page(self, principal: Principal, after: str, limit: int) -> list[Key]:
        """Keys, oldest first; `after` is the id to go on from. Raises PermissionDenied."""
        principal.require_scope(Scope.ADMIN)
        keys = list(self._known.values())
        begin = next((place + 1 for place, key in enumerate(keys) if key.id == after), 0)
        return keys[begin : begin + limit]

    async def rotate(self, principal: Principal, key_id: str) -> tuple[Key, str]:
        """The same key with another text. Raises NotFound, PermissionDenied."""
        principal.require_scope(Scope.ADMIN)
        key = self._get(key_id)
        text = _text(key.id)
        changed = replace(key, hash=_hash(text))
        await self._rows.update(key.id, hash=changed.hash)
        self._known[key.id] = changed
        log.info("key %s rotated", key.id)
        return changed, text

    async def revoke(self, principal: Principal, key_id: str) -> Key:
        """End a key; calls that it began go on. Raises NotFound, PermissionDenied."""
        principal.require_scope(Scope.ADMIN)
        key = self._get(key_id)
        await self._rows.delete(key.id)
        self._known.pop(key.id, None)
        log.info("key %s revoked", key.id)
        return key

    def _get(self, key_id: str) -> Key:
        key = self._known.get(key_id)
        if key is None:
            asked = brief(key_id, 40)
            raise NotFound(f"there is no key '{asked}'", reason="UNKNOWN_KEY", field="id", asked=asked)
        return key

    def _bound(self, new: NewKey) -> dict[str, str]:
        """The capabilities of a key by their types: those that are named, and those that are minted with it."""
        bound: dict[str, str] = {}
        for place, capability_id in enumerate(new.capability_ids):
            capability = self._authority.get(capability_id)
            require_owner(capability, Caller(new.entity_id))
            if capability.type not in TYPES:
                raise _bad(f"capability_ids[{place}]", "is no image capability", capability.type)
            if capability.type in bound:
                raise _bad(
                    f"capability_ids[{place}]", f"is the second of type '{capability.type}'", capability_id
                )
            bound[capability.type] = capability_id
        if new.limits is None:
            if new.types:
                raise _bad("types", "goes with limits of what is minted", ", ".join(new.types[:5]))
            return bound
        unknown = [kind for kind in new.types if kind not in TYPES]
        if unknown:
            raise _bad("types", f"must be among {', '.join(sorted(TYPES))}", brief(unknown[0], 40))
        limits = dump(parse(new.limits))
        with self._world.transaction() as connection:
            for kind in new.types or sorted(TYPES):
                if kind not in bound:
                    bound[kind] = mint(connection, new.entity_id, kind, limits).id
        return bound


def key_of(row: Any) -> Key:
    """Raises TypeError or ValueError for a row that none of our versions wrote."""
    if not isinstance(row.scopes, list) or not isinstance(row.capabilities, dict):
        raise ValueError("its scopes or capabilities are not what was stored")
    if not is_time(row.created, row.expires or 0.0, row.last_used or 0.0) or not isinstance(
        row.owner_id, int
    ):
        raise ValueError("a time or the entity of it is not what was stored")
    bound = {str(kind): str(capability_id) for kind, capability_id in row.capabilities.items()}
    scopes = frozenset(Scope(name) for name in row.scopes)
    return Key(
        str(row.id), Kind(row.kind), str(row.world), row.owner_id, str(row.hash), str(row.label), scopes, bound,
        row.created, row.expires, row.last_used,
    )  # fmt: skip


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id, "kind": key.kind, "world": key.world, "owner_id": key.entity_id, "hash": key.hash,
        "label": key.label, "scopes": sorted(key.scopes), "capabilities": dict(key.capabilities),
        "created": key.created, "expires": key.expires, "last_used": key.last_used,
    }  # fmt: skip


def _scopes(new: NewKey) -> frozenset[Scope]:
    known = {str(scope) for scope in Scope}
    for place, name in enumerate(new.scopes):
        if name not in known:
            raise _bad(f"scopes[{place}]", f"must be among {', '.join(sorted(known))}", brief(name, 40))
    if new.scopes:
        return frozenset(Scope(name) for name in new.scopes)
    return OF_A_KERNEL if new.kind is Kind.KERNEL else OF_A_KEY


def _text(key_id: str) -> str:
    return f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _bad(field: str, words: str, asked: str) -> InvalidArgument:
    return InvalidArgument(f"'{field}' {words}", reason="BAD_ARGUMENT", field=field, asked=asked)

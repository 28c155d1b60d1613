"""Who asks: what a credential makes of whoever sends it, in every surface alike.

A principal acts as entities of one world. The operator acts as any entity of any; a kernel, viwo's own plugin, as any of
its world; a key as the one that it was made for.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from capabilities.errors import FailedPrecondition, InvalidArgument, PermissionDenied, brief
from capabilities.policy import Caller

MAX_OWNERS = 64
"""Most entities that a principal acts as."""


class Kind(enum.StrEnum):
    OPERATOR = "operator"
    """Who runs the sidecar: its token, its Unix socket, a client certificate."""
    KERNEL = "kernel"
    """viwo's plugin, which vouches for what its world's entities ask."""
    KEY = "key"
    """A client that acts as an entity."""


class Scope(enum.StrEnum):
    """What a credential is good for."""

    GENERATE = "generate"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    PICTURES_READ = "pictures.read"
    PICTURES_WRITE = "pictures.write"
    ENTITIES = "entities"
    TEMPLATES_READ = "templates.read"
    TEMPLATES_WRITE = "templates.write"
    DOCUMENTS = "documents"
    CAPABILITIES = "capabilities"
    MODELS_READ = "models.read"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)
OF_A_KEY = ALL_SCOPES - {Scope.CAPABILITIES, Scope.ADMIN}
"""What a key is good for unless it is made for less, or for more."""
OF_A_KERNEL = ALL_SCOPES - {Scope.ADMIN}


@dataclass(frozen=True)
class Principal:
    """Whoever asks. Nothing after a surface's door looks at credentials again.

    `world` is the id of the world whose entities `owner_ids` are. The operator and a kernel that has not said as whom it
    asks have no `owner_ids` and see all of what they may act as. `capabilities` are those that a key is bound to, by
    their types.
    """

    id: str
    kind: Kind
    world: str
    owner_ids: frozenset[int] = frozenset()
    scopes: frozenset[Scope] = ALL_SCOPES
    capabilities: Mapping[str, str] = field(default_factory=dict)

    @property
    def acts_as_any(self) -> bool:
        """Whether it has not been narrowed to entities."""
        return self.kind is not Kind.KEY and not self.owner_ids

    def acting_as(self, entity_ids: Collection[int]) -> Principal:
        """The same, as these entities only. Raises PermissionDenied for one that it may not act as."""
        asked = frozenset(entity_ids)
        if len(asked) > MAX_OWNERS or not all(0 < entity_id < 2**63 for entity_id in asked):
            raise InvalidArgument(
                f"entities to act as are 1 to {MAX_OWNERS} positive numbers",
                reason="BAD_ARGUMENT",
                field="act_as",
                limit=f"1 to {MAX_OWNERS} entity ids",
                asked=brief(sorted(asked)[:5]),
            )
        if self.kind is Kind.KEY and not asked <= self.owner_ids:
            raise self._another(min(asked - self.owner_ids), "act_as")
        return replace(self, owner_ids=asked)

    def require_scope(self, scope: Scope) -> None:
        """Raises PermissionDenied where the credential is not good for something."""
        if scope not in self.scopes:
            held = ", ".join(sorted(self.scopes)) or "none"
            raise PermissionDenied(
                f"this needs the scope '{scope}'; this key has {held}. The operator can make one that has it",
                reason="MISSING_SCOPE",
                field="authorization",
                limit=held,
                asked=scope,
            )

    def as_caller(self, caller: Caller) -> Caller:
        """Who calls, with what need not be said filled in. Raises PermissionDenied for an entity that it does not act as."""
        if self.acts_as_any:
            return caller
        if not caller.caller_id and len(self.owner_ids) == 1:
            caller = Caller(next(iter(self.owner_ids)), caller.this_id)
        for name, entity_id in (("caller_id", caller.caller_id), ("this_id", caller.this_id)):
            if entity_id and entity_id not in self.owner_ids:
                raise self._another(entity_id, f"context.{name}")
        return caller

    def capability_for(self, capability_id: str, capability_type: str) -> str:
        """The capability that a call of that type comes under: the one that a key is bound to, where it names none.

        Raises PermissionDenied for one that a bound key is not bound to.
        """
        if self.kind is not Kind.KEY:
            return capability_id
        bound = self.capabilities.get(capability_type, "")
        if not capability_id and not bound:
            raise FailedPrecondition(
                f"this key has no capability of type '{capability_type}'; name one that its entity holds, or have the "
                "operator make a key with one",
                reason="NO_CONTEXT",
                field="context.capability_id",
                limit=", ".join(sorted(self.capabilities)) or "none",
                asked=capability_type,
            )
        if self.capabilities and capability_id not in ("", *self.capabilities.values()):
            raise PermissionDenied(
                "this key is bound to capabilities, and this is none of them; leave it out",
                reason="NOT_BOUND",
                field="context.capability_id",
                asked=brief(capability_id, 64),
            )
        return capability_id or bound

    def sees(self, world: str, *owner_ids: int) -> bool:
        """Whether something of these owners, in a world, is its to see."""
        if self.kind is Kind.OPERATOR and not self.owner_ids:
            return True
        return world == self.world and (self.acts_as_any or not self.owner_ids.isdisjoint(owner_ids))

    def _another(self, entity_id: int, field: str) -> PermissionDenied:
        own = ", ".join(str(owner) for owner in sorted(self.owner_ids))
        return PermissionDenied(
            f"this call acts as entity {own}, not as {entity_id}",
            reason="NOT_YOUR_ENTITY",
            field=field,
            limit=own,
            asked=str(entity_id),
        )


def operator(world: str) -> Principal:
    """Who runs the sidecar; `world` is the sidecar's own, for what names none."""
    return Principal("operator", Kind.OPERATOR, world)

"""Who asks, and by what right: capabilities looked up and checked, and what a job under one must keep to."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from capabilities import methods, statements
from capabilities.budgets import SERVER, Cap, capability_account, caps_of, owner_account
from capabilities.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Refusal,
    brief,
)
from capabilities.methods import Method
from capabilities.policy import Caller, Capability, Grant, authorize, require_engine, require_owner
from capabilities.principals import Kind, Principal
from entity_store.authority import Authority
from entity_store.world import SYSTEM_ID
from sidecar.engines.api import BUILTIN
from sidecar.queue.ledger.operator_budgets import Budgets
from sidecar.queue.model import Job, Terms
from sidecar.queue.store.revoked_rights import RevokedRights

log = logging.getLogger("viwo_imagegen.access")

REMOTE = "remote"
"""Stands for the world of an earlier release's plugin on another machine, whose statements name none."""


@dataclass(frozen=True)
class Call:
    """By what right a call comes."""

    capability_id: str
    caller: Caller
    statement: str = ""
    """What a plugin on another machine says of the capability, signed; empty where the world's own row is read."""


@dataclass(frozen=True)
class Admitted:
    """A call whose right has been looked at: who calls, in which world, and the capability as it is now."""

    caller: Caller
    world: str
    capability: Capability
    is_stated: bool = False
    """Whether a statement said so; then nothing is known of entities and of what it was delegated from."""

    @property
    def owner_ids(self) -> frozenset[int]:
        """Whose pictures it may use."""
        return frozenset({self.capability.owner_id, self.caller.caller_id, self.caller.this_id} - {0})


class Access:
    """Decides from the world's own rows, or from what a signed statement says of them."""

    def __init__(
        self,
        authority: Authority,
        budgets: Budgets | None = None,
        statement_key: bytes | None = None,
        world: str = "",
        revoked: RevokedRights | None = None,
        paid_engines: Collection[str] = (),
    ) -> None:
        """`world` is the id of the sidecar's own; `revoked`: what holds no longer in worlds on other machines;
        `paid_engines`: the names of those that cost money.
        """
        self._paid_engines = paid_engines
        self._authority = authority
        self._budgets = budgets or Budgets()
        self._statement_key = statement_key
        self._world = world
        self._revoked = revoked or RevokedRights()

    def admit(self, principal: Principal, call: Call, capability_type: str = "") -> Admitted:
        """Who calls and by what capability, whatever that allows; `capability_type` is the one that a method needs.

        Raises FailedPrecondition for a call that names no capability or caller, PermissionDenied for an entity that the
        principal does not act as, and as `capability`.
        """
        caller = principal.as_caller(call.caller)
        if principal.kind is Kind.OPERATOR and caller.caller_id != SYSTEM_ID:
            log.info("the operator acts as %s by capability %s", caller, brief(call.capability_id, 64))
        capability_id = principal.capability_for(call.capability_id, capability_type)
        require_context(capability_id, caller.caller_id)
        if not call.statement:
            self.require_own_world(principal)
            return Admitted(caller, self._world, self._authority.get(capability_id))
        stated = self._stated(principal, capability_id, call)
        return Admitted(caller, stated.world or REMOTE, stated.capability, is_stated=True)

    @property
    def world(self) -> str:
        """Id of the sidecar's own."""
        return self._world

    def require_own_world(self, principal: Principal) -> None:
        """Raises FailedPrecondition for whoever acts in a world that the sidecar cannot read."""
        if principal.world != self._world:
            raise FailedPrecondition(
                "this sidecar cannot read the rows of your world; send a signed statement of the capability",
                reason="WORLD_ELSEWHERE",
                field="context.capability_statement",
            )

    def grant(self, admitted: Admitted, method: Method) -> Grant:
        """Raises PermissionDenied where the capability does not cover the method."""
        kind, name, now = method.capability_type, method.name, dt.datetime.now(dt.UTC)
        self._require_purses(admitted)
        return authorize(admitted.capability, admitted.caller, capability_type=kind, method=name, now=now)

    def renewed(self, admitted: Admitted) -> Admitted:
        """The same with the capability as it is by now. Raises NotFound where it has been revoked."""
        capability = admitted.capability
        if not admitted.is_stated:
            return replace(admitted, capability=self._authority.get(capability.id))
        self._require_unrevoked(admitted.world, capability.id)
        return admitted

    def recheck(self, job: Job) -> Refusal | None:
        """Why a job that was accepted may not begin any more: its capability was revoked, given away, has expired, or does
        not allow the engine.
        """
        try:
            method = methods.method_of_job(job.method)
        except NotFound:
            # Of another version: whoever does the work says so.
            return None
        try:
            grant = self.grant(self.renewed(admitted_for(job)), method)
            if job.lane != BUILTIN:
                require_engine(
                    grant.params, job.lane, "this capability", is_paid=job.lane in self._paid_engines
                )
        except NotFound:
            return PermissionDenied(
                "the capability was revoked while the job waited",
                reason="REVOKED",
                field="capability_id",
                asked=job.capability_id,
            )
        except PermissionDenied as refusal:
            refusal.message = f"while the job waited its right ended: {refusal.message}"
            return refusal
        return None

    def _require_purses(self, admitted: Admitted) -> None:
        """Raises PermissionDenied where a budget account was not issued here, or what it came from was revoked."""
        world = self._elsewhere(admitted)
        for purse in self._authority.purses(admitted.capability, world):
            if world:
                self._require_unrevoked(world, purse.capability_id)

    def _elsewhere(self, admitted: Admitted) -> str:
        """The world of a call; empty for the sidecar's own."""
        return "" if admitted.world == self._world else admitted.world

    def _require_unrevoked(self, world: str, capability_id: str) -> None:
        if self._revoked.contains(world, capability_id):
            raise NotFound(
                f"the capability '{brief(capability_id, 64)}' has been revoked",
                reason="UNKNOWN_CAPABILITY",
                field="capability_id",
                asked=brief(capability_id, 64),
            )

    def _stated(self, principal: Principal, capability_id: str, call: Call) -> statements.Statement:
        """What a signed statement says.

        Raises InvalidArgument where statements are not taken, PermissionDenied for one that does not hold.
        """
        if self._statement_key is None:
            raise InvalidArgument(
                "signed capability statements are not accepted by this server; set statement_key_file where the plugin "
                "runs on another machine",
                reason="NO_STATEMENTS",
                field="context.capability_statement",
            )
        stated = statements.read(self._statement_key, call.statement, dt.datetime.now(dt.UTC))
        if stated.capability.id != capability_id:
            raise _bad_statement(f"is of {stated.capability.id}, not of {brief(capability_id, 64)}")
        if stated.version == 1 and principal.kind is not Kind.OPERATOR:
            raise _bad_statement("is of an earlier version, which names no world; update the plugin")
        if stated.version > 1:
            if principal.kind is not Kind.OPERATOR and stated.world != principal.world:
                raise _bad_statement("is of another world than this key")
            if stated.audience not in ("", principal.id):
                raise _bad_statement(f"is for '{brief(stated.audience, 40)}', and this is '{principal.id}'")
            self._require_unrevoked(stated.world, capability_id)
            if (stated.caller_id, stated.this_id) != (call.caller.caller_id, call.caller.this_id):
                raise _bad_statement("is of another caller")
        granted = self._authority.granted_elsewhere(stated.capability, stated.world or REMOTE)
        return replace(stated, capability=replace(stated.capability, granted=granted))

    def terms(self, grant: Grant, admitted: Admitted) -> tuple[Terms, dict[str, int]]:
        """What a job under this grant must keep to, and the capabilities of which only so many jobs run at a time.

        What a child spends counts against all it was delegated from, by the rows and by its budget account.
        """
        owner_id = grant.capability.owner_id
        world = self._elsewhere(admitted)
        caps: list[Cap] = []
        rates: dict[str, int] = {}
        holds: dict[str, int] = {}
        accounts: list[str] = []
        for name, params in self._authority.accounts(grant.capability, world).items():
            account = capability_account(name, world)
            accounts.append(account)
            caps += caps_of(account, params)
            rate, most = params.get("rate_per_minute"), params.get("max_concurrent")
            if isinstance(rate, int):
                rates[account] = rate
            if isinstance(most, int):
                holds[account.partition(":")[2]] = most
        owner = owner_account(owner_id, world)
        return (
            Terms((*accounts, owner, SERVER), (*caps, *self._budgets.caps(owner)), rates),
            holds,
        )

    def caps(self, principal: Principal, call: Call) -> Sequence[Cap]:
        """Every cap that holds for calls under a capability. Raises NotFound, PermissionDenied.

        What others spend is told to the operator only: of the sidecar's own caps, and of what the capability was
        delegated from, anybody else learns when a call is refused.
        """
        admitted = self.admit(principal, call)
        require_owner(admitted.capability, admitted.caller)
        params = admitted.capability.limits()
        terms, _ = self.terms(Grant(admitted.capability, params), admitted)
        if principal.kind is Kind.OPERATOR:
            return terms.caps
        own, owner = terms.accounts[0], terms.accounts[-2]
        return [cap for cap in terms.caps if cap.account in (own, owner)]


def stated_rights(admitted: Admitted) -> dict[str, Any] | None:
    """What is kept with work that was accepted under a statement, which does not hold as long as the work lasts."""
    capability = admitted.capability
    if not admitted.is_stated:
        return None
    return {"type": capability.type, "params": dict(capability.params), "granted": capability.granted}


def admitted_for(job: Job) -> Admitted:
    """Under what a job was accepted; the world's own row is still to be read."""
    rights = job.rights or {}
    capability = Capability(
        job.capability_id,
        job.owner_id,
        str(rights.get("type", "")),
        rights.get("params", {}),
        None,
        rights.get("granted"),
    )
    caller = Caller(job.caller_id, job.this_id)
    return Admitted(caller, job.world, capability, is_stated=job.rights is not None)


def require_context(capability_id: str, caller_id: int) -> None:
    """Raises FailedPrecondition where a call does not say by what right it comes."""
    if not capability_id or caller_id <= 0:
        raise FailedPrecondition(
            "the call's context must name a capability_id and a caller_id; mint a capability first",
            reason="NO_CONTEXT",
            field="context.capability_id" if not capability_id else "context.caller_id",
            asked=capability_id or str(caller_id),
        )


def _bad_statement(words: str) -> PermissionDenied:
    return PermissionDenied(
        f"the capability statement {words}", reason="BAD_STATEMENT", field="context.capability_statement"
    )

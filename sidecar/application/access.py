"""Who asks, and by what right: capabilities looked up and checked, and what a job under one must keep to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from capabilities import statements
from capabilities.budgets import SERVER, Cap, capability_account, caps_of, owner_account
from capabilities.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from capabilities.methods import Method
from capabilities.params import parse_row
from capabilities.policy import Caller, Capability, Grant, authorize, require_owner
from entity_store.authority import Authority
from sidecar.queue.ledger.operator_budgets import Budgets
from sidecar.queue.model import Terms


@dataclass(frozen=True)
class Asker:
    """Who asks, as a surface knows them at its door; every use case is told."""

    name: str = "operator"


@dataclass(frozen=True)
class Call:
    """By what right a call comes."""

    capability_id: str
    caller: Caller
    statement: str = ""
    """What a plugin on another machine says of the capability, signed; empty where the world's own row is read."""


class Access:
    """Decides from the world's own rows, or from what a signed statement says of them."""

    def __init__(
        self, authority: Authority, budgets: Budgets | None = None, statement_key: bytes | None = None
    ) -> None:
        self._authority = authority
        self._budgets = budgets or Budgets()
        self._statement_key = statement_key

    def authorize(self, call: Call, method: Method) -> Grant:
        """Raises NotFound for an unknown capability, PermissionDenied where it does not cover the method."""
        capability = self.capability(call.capability_id, call.statement)
        now = dt.datetime.now(dt.UTC)
        return authorize(
            capability, call.caller, capability_type=method.capability_type, method=method.name, now=now
        )

    def capability(self, capability_id: str, statement: str) -> Capability:
        """The capability of that id: the world's row, or what a signed statement says.

        Raises NotFound, InvalidArgument where statements are not taken, PermissionDenied for one that does not hold.
        """
        if not statement:
            return self._authority.get(capability_id)
        if self._statement_key is None:
            raise InvalidArgument(
                "signed capability statements are not accepted by this server; set statement_key_file where the plugin "
                "runs on another machine",
                reason="NO_STATEMENTS",
                field="context.capability_statement",
            )
        stated = statements.read(self._statement_key, statement, dt.datetime.now(dt.UTC))
        if stated.id != capability_id:
            raise PermissionDenied(
                f"the capability statement is of {stated.id}, not of {capability_id}",
                reason="BAD_STATEMENT",
                field="context.capability_statement",
            )
        return stated

    def terms(self, grant: Grant, call: Call) -> tuple[Terms, dict[str, int]]:
        """What a job under this grant must keep to, and the capabilities of which only so many jobs run at a time.

        What a child spends counts against all it was delegated from; what a statement came from is not known here.
        """
        line = [(grant.capability, grant.params)]
        if not call.statement:
            ancestors = self._authority.ancestors(grant.capability.id)
            line += [(ancestor, parse_row(ancestor.params)) for ancestor in ancestors]
        owner_id = grant.capability.owner_id
        caps: list[Cap] = []
        rates: dict[str, int] = {}
        holds: dict[str, int] = {}
        for capability, params in line:
            account = capability_account(capability.id)
            caps += caps_of(account, params)
            rate, most = params.get("rate_per_minute"), params.get("max_concurrent")
            if isinstance(rate, int):
                rates[account] = rate
            if isinstance(most, int):
                holds[capability.id] = most
        accounts = [capability_account(capability.id) for capability, _ in line]
        return (
            Terms(
                (*accounts, owner_account(owner_id), SERVER), (*caps, *self._budgets.caps(owner_id)), rates
            ),
            holds,
        )

    def caps(self, call: Call) -> Sequence[Cap]:
        """Every cap that holds for calls under a capability. Raises NotFound, PermissionDenied."""
        capability = self.capability(call.capability_id, call.statement)
        require_owner(capability, call.caller)
        return self.terms(Grant(capability, parse_row(capability.params)), call)[0].caps


def require_context(capability_id: str, caller_id: int) -> None:
    """Raises FailedPrecondition where a call does not say by what right it comes."""
    if not capability_id or caller_id <= 0:
        raise FailedPrecondition(
            "the call's context must name a capability_id and a caller_id; mint a capability first",
            reason="NO_CONTEXT",
            field="context.capability_id" if not capability_id else "context.caller_id",
            asked=capability_id or str(caller_id),
        )

"""Who calls: a principal out of a call's metadata, before a byte of its body has been asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import grpc

from capabilities.errors import FailedPrecondition, InvalidArgument, PermissionDenied, brief
from capabilities.principals import Principal, Scope
from sidecar.auth import Authenticator
from sidecar.surfaces.permissions import RPCS

log = logging.getLogger("viwo_imagegen.grpc")

OWN_METHODS = "/viwo.imagegen.v1."
ACT_AS = "viwo-act-as"
"""Metadata: the entities that a call is asked for, where a credential acts as several."""
WORLD = "viwo-world"
"""Metadata: the id of the world that a plugin runs in, so that it finds out when it talks to another's sidecar."""
_PRINCIPAL: ContextVar[Principal] = ContextVar("principal")

Metadata = Iterable[tuple[str, str | bytes]]
if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
else:
    Context = grpc.aio.ServicerContext


def principal() -> Principal:
    """Who asks, within a call. Raises LookupError outside of one."""
    return _PRINCIPAL.get()


def admit(authenticator: Authenticator, method: str, context: Context, peer: str, metadata: Metadata) -> None:
    """Let a call in. Raises Unauthenticated, PermissionDenied for a missing scope, FailedPrecondition for another world."""
    authorization = act_as = world = ""
    for key, value in metadata:
        if key in ("authorization", ACT_AS, WORLD):
            text = value if isinstance(value, str) else value.decode("latin-1")
            if key == "authorization":
                authorization = text
            elif key == ACT_AS:
                act_as = text
            else:
                world = text
    certificate = False
    if authenticator.trusts_certificates:
        auth_context = context.auth_context()
        certificate = "x509_common_name" in auth_context or "x509_pem_cert" in auth_context
    caller = authenticator.authenticate(peer=peer, authorization=authorization, certificate=certificate)
    if world and world != caller.world:
        raise _another_world(world)
    scope = _scope(method)
    if scope is not None:
        caller.require_scope(scope)
    if act_as:
        caller = caller.acting_as(_entity_ids(act_as))
        log.debug("%s acts as entity %s in %s", caller.id, act_as, method)
    _PRINCIPAL.set(caller)


def _scope(method: str) -> Scope | None:
    """What a credential must be good for; methods of other packages, such as reflection, need any credential."""
    if not method.startswith(OWN_METHODS):
        return None
    permission = RPCS.get(method.removeprefix(OWN_METHODS))
    if permission is None:
        raise PermissionDenied(
            f"{method} is not in the table of permissions", reason="NO_PERMISSION", field="method"
        )
    return permission.scope


def _entity_ids(text: str) -> list[int]:
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise InvalidArgument(
            f"metadata '{ACT_AS}' is one entity id, or several with commas between them; got {brief(text, 40)}",
            reason="BAD_ARGUMENT",
            field=ACT_AS,
            asked=brief(text, 40),
        ) from None


def _another_world(world: str) -> FailedPrecondition:
    return FailedPrecondition(
        "this sidecar, or this key, is for another world; give the plugin a key of its own world",
        reason="ANOTHER_WORLD",
        field=WORLD,
        asked=brief(world, 40),
    )

"""Commands on capabilities: mint, delegate, give, revoke, list."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from google.protobuf import json_format, struct_pb2

from capabilities.errors import NotFound
from capabilities.params import BUDGET_ACCOUNT
from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.output import Json, client, out, pages, params, show, table
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import capability_pb2 as pb
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2

Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A limit as name=value, such as max_compute=2. Repeatable."),
]
Whole = Annotated[str, typer.Option("--params", help="All limits as one JSON object.")]
CapabilityId = Annotated[str, typer.Argument(autocompletion=completion.capabilities)]
Caller = Annotated[int, typer.Option("--as", help="Entity that acts: its id in the world.")]


def mint(
    capability_type: Annotated[
        str, typer.Argument(metavar="TYPE", autocompletion=completion.capability_types)
    ] = "diffusers.generate",
    param: Param = None,
    whole: Whole = "",
    to: Annotated[int, typer.Option(help="Give it to this entity at once; 0: keep it.")] = 0,
    authority: Annotated[
        str, typer.Option(help="The sys.mint capability; left out: the one the actor holds.")
    ] = "",
    caller: Caller = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Create a capability, by right of a sys.mint capability."""
    with client() as sidecar:
        limits = params(param or [], whole)
        made = minted(sidecar, capability_type, limits, caller=caller, authority=authority, target=to)
        show(made, as_json, lambda: _print([made]))


def delegate(
    parent: CapabilityId,
    param: Param = None,
    whole: Whole = "",
    caller: Caller = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Create a narrower capability from one; asking for more gives what the parent has."""
    with client() as sidecar:
        restrictions = _struct(params(param or [], whole))
        child = sidecar.capabilities.Delegate(
            pb.DelegateRequest(parent_id=parent, caller_id=caller, restrictions=restrictions)
        )
        show(child, as_json, lambda: _print([child]))


def give(capability_id: CapabilityId, target: int, caller: Caller = SYSTEM_ID, as_json: Json = False) -> None:
    """Hand a capability to another entity."""
    with client() as sidecar:
        given = sidecar.capabilities.Give(
            pb.GiveRequest(id=capability_id, caller_id=caller, target_id=target)
        )
        show(given, as_json, lambda: _print([given]))


def revoke(capability_id: CapabilityId, caller: Caller = SYSTEM_ID, as_json: Json = False) -> None:
    """Delete a capability and everything delegated from it."""
    with client() as sidecar:
        answer = sidecar.capabilities.Revoke(pb.RevokeRequest(id=capability_id, caller_id=caller))
        show(
            answer,
            as_json,
            lambda: out.print(f"revoked {len(answer.revoked_ids)}: {', '.join(answer.revoked_ids)}"),
        )


def approve(
    capability_id: CapabilityId,
    world: Annotated[str, typer.Option(help="Id of another machine's world that it is a row of.")] = "",
    param: Param = None,
    whole: Whole = "",
    as_json: Json = False,
) -> None:
    """Let what a row widens count that viwo itself made, such as allow_unsafe; it gets a budget account as well.

    Of another machine's world nothing is known but the id: name what is granted with --param.
    """
    with client() as sidecar:
        granted = _struct(params(param or [], whole))
        row = sidecar.capabilities.Approve(pb.ApproveRequest(id=capability_id, world=world, params=granted))
        show(row, as_json, lambda: _print([row]))


def capabilities(
    owner: Annotated[int, typer.Option(help="Only those of this entity.")] = 0,
    capability_type: Annotated[
        str, typer.Option("--type", help="Only this type.", autocompletion=completion.capability_types)
    ] = "",
    as_json: Json = False,
) -> None:
    """List the capabilities in the world."""
    with client() as sidecar:
        found = every(sidecar, owner, capability_type)
        show(found, as_json, lambda: _print(found))


def minted(
    sidecar: Client,
    capability_type: str,
    limits: dict[str, object],
    *,
    caller: int,
    authority: str = "",
    target: int = 0,
) -> pb.Capability:
    """A new capability, the caller's unless a target is named; without a named authority, by one that the caller holds."""
    if not authority:
        held = every(sidecar, caller, "sys.mint")
        if not held:
            raise NotFound(
                f"entity {caller} holds no sys.mint capability; name the actor with --as",
                field="authority_id",
            )
        authority = held[0].id
    return sidecar.capabilities.Mint(
        pb.MintRequest(
            authority_id=authority,
            caller_id=caller,
            type=capability_type,
            params=_struct(limits),
            target_id=target,
        )
    )


def context_for(
    sidecar: Client, capability: str, caller: int, capability_type: str = "diffusers.generate"
) -> common_pb2.CallContext:
    """By what right the actor calls: a capability that is named, or the actor's own; a key of an entity knows both."""
    actor = 0 if caller == SYSTEM_ID and sidecar.connection.is_of_an_entity else caller
    return sidecar.context(capability_type, caller=actor, capability=capability)


def every(sidecar: Client, owner: int, capability_type: str) -> list[pb.Capability]:
    """All capabilities of an owner and type, through all pages."""

    def page(token: str) -> pb.ListCapabilitiesResponse:
        return sidecar.capabilities.List(
            pb.ListCapabilitiesRequest(owner_id=owner, type=capability_type, page_size=1000, page_token=token)
        )

    return [capability for answer in pages(page) for capability in answer.capabilities]


def _struct(values: dict[str, object]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def _print(found: list[pb.Capability]) -> None:
    rows = table("id", "owner", "type", "limits")
    for item in found:
        limits = json_format.MessageToDict(item.params)
        # Of no interest to people; --json has it.
        limits.pop(BUDGET_ACCOUNT, None)
        rows.add_row(item.id, str(item.owner_id), item.type, json.dumps(limits))
    out.print(rows)

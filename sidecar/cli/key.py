"""Commands on the keys of clients."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from google.protobuf import json_format, struct_pb2, timestamp_pb2
from rich.markup import escape

from sidecar.cli import completion
from sidecar.cli.moments import moment
from sidecar.cli.output import Json, client, err, out, pages, params, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import key_pb2 as pb

app = typer.Typer(help="Make and end the keys of clients.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(autocompletion=completion.keys)]


@app.command()
def create(
    entity: Annotated[int, typer.Option(help="Entity of the world that it acts as.")] = 0,
    kernel: Annotated[
        bool, typer.Option(help="For the plugin of a viwo world on another machine; see --world.")
    ] = False,
    world: Annotated[str, typer.Option(help="Id of that world, as its plugin tells it at its start.")] = "",
    capability: Annotated[
        list[str] | None,
        typer.Option(help="Capability of the entity that it is bound to; one of each type. Repeatable."),
    ] = None,
    limits: Annotated[
        str, typer.Option(help='Mint capabilities with these limits for it, as JSON: {"max_steps": 30}.')
    ] = "",
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help="Type of those; left out: all. Repeatable.",
            autocompletion=completion.capability_types,
        ),
    ] = None,
    scopes: Annotated[
        str,
        typer.Option(help="What it is good for, such as generate,jobs.read; left out: what a client needs."),
    ] = "",
    expires: Annotated[str, typer.Option(help="When it ends: 12h, 30d, or an RFC 3339 time.")] = "",
    label: Annotated[str, typer.Option(help="Your words about it.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key. Its text is shown this once."""
    with client() as sidecar:
        request = pb.CreateKeyRequest(
            kind=pb.KEY_KIND_KERNEL if kernel else pb.KEY_KIND_KEY,
            entity_id=entity,
            world=world,
            scopes=[name.strip() for name in scopes.split(",") if name.strip()],
            capability_ids=capability or [],
            types=types or [],
            label=label,
        )
        if limits:
            request.limits.CopyFrom(json_format.ParseDict(params([], limits), struct_pb2.Struct()))
        if expires:
            request.expire_time.CopyFrom(moment(expires, "expires"))
        _show(sidecar.keys.Create(request), as_json)


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List the keys, without their texts."""
    with client() as sidecar:

        def page(token: str) -> pb.ListKeysResponse:
            return sidecar.keys.List(pb.ListKeysRequest(page_size=1000, page_token=token))

        found = [key for answer in pages(page) for key in answer.keys]
        show(found, as_json, lambda: _print(found))


@app.command()
def rotate(key_id: KeyId, as_json: Json = False) -> None:
    """Give a key another text; the one before ends at once."""
    with client() as sidecar:
        _show(sidecar.keys.Rotate(pb.RotateKeyRequest(id=key_id)), as_json)


@app.command()
def revoke(key_id: KeyId, as_json: Json = False) -> None:
    """End a key."""
    with client() as sidecar:
        key = sidecar.keys.Revoke(pb.RevokeKeyRequest(id=key_id))
        show(key, as_json, lambda: out.print(f"key {key.id} has ended"))


def _show(made: pb.CreatedKey, as_json: bool) -> None:
    show(made, as_json, lambda: _print([made.key]))
    if not as_json:
        # Alone on its line, so that it can be piped.
        print(made.text)
        err.print("keep it now: only its hash is stored, and it is not shown again")


def _print(keys: list[pb.Key]) -> None:
    rows = table("id", "acts as", "scopes", "capabilities", "ends", "last used", "label")
    for key in keys:
        who = f"world {key.world}" if key.kind == pb.KEY_KIND_KERNEL else f"entity {key.entity_id}"
        rows.add_row(
            key.id,
            who,
            ", ".join(key.scopes),
            ", ".join(sorted(key.capabilities)) or "any of the entity",
            _time(key.expire_time) if key.HasField("expire_time") else "never",
            _time(key.last_use_time) if key.HasField("last_use_time") else "not yet",
            escape(key.label),
        )
    out.print(rows)


def _time(moment: timestamp_pb2.Timestamp) -> str:
    return moment.ToDatetime(dt.UTC).isoformat(sep=" ", timespec="minutes")

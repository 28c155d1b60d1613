"""Commands on image entities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format

from entity_store.world import SYSTEM_ID
from sidecar.cli.capability import context_for
from sidecar.cli.output import Json, client, out, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2
from viwo_imagegen_client.pb.viwo.imagegen.v1 import entity_pb2 as pb

app = typer.Typer(help="Look at image entities, and call their verbs.", no_args_is_help=True)


@app.command("list")
def list_entities(
    room: Annotated[int, typer.Option(help="Only those in this room.")] = 0,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List image entities, newest first."""
    with client() as sidecar:
        found = list(sidecar.entities.List(pb.ListEntitiesRequest(room_id=room, page_size=limit)).entities)
        show(found, as_json, lambda: _print(found))


@app.command()
def get(
    entity_id: int,
    file: Annotated[Path | None, typer.Option("--out", help="Write the picture to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Show one image entity, its metadata and its history."""
    with client() as sidecar:
        found = sidecar.entities.Get(pb.GetEntityRequest(id=entity_id, include_data=file is not None))
        if file is not None:
            file.write_bytes(found.image.data)
            found.image.ClearField("data")

        def render() -> None:
            _print([found])
            out.print_json(data=json_format.MessageToDict(found.metadata))
            rows = table("version", "verb", "arguments", "picture")
            for item in found.history:
                rows.add_row(str(item.version), item.verb, item.arguments_json, item.ref)
            out.print(rows)

        show(found, as_json, render)


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="A PNG, JPEG, WebP or GIF file.", exists=True, dir_okay=False)],
    name: Annotated[str, typer.Option(help="The entity's name; left out: the file's.")] = "",
    description: Annotated[str, typer.Option(help="Its description in the world.")] = "",
    room: Annotated[int, typer.Option(help="Room to put it in.")] = 0,
    capability: Annotated[str, typer.Option(help="An image capability; left out: the actor's own.")] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Make an image entity of a file."""
    with client() as sidecar:
        context = context_for(sidecar, capability, caller)
        made = sidecar.entities.SaveImage(
            pb.SaveImageRequest(
                context=context,
                image=common_pb2.ImageSource(data=file.read_bytes()),
                options=common_pb2.SaveOptions(name=name or file.stem, description=description, room_id=room),
            )
        )
        show(made, as_json, lambda: _print([made]))


@app.command()
def verb(
    entity_id: int,
    name: Annotated[str, typer.Argument(help="transform, filter, composite, get_data or get_metadata.")],
    arguments: Annotated[str, typer.Argument(help="A JSON array, such as '[90, 1]'.")] = "[]",
    capability: Annotated[
        str, typer.Option(help="An image.edit capability; else control over the entity.")
    ] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Call a verb of an image entity."""
    with client() as sidecar:
        context = common_pb2.CallContext(capability_id=capability, caller_id=caller, this_id=caller)
        answer = sidecar.entities.CallVerb(
            pb.CallVerbRequest(context=context, entity_id=entity_id, verb=name, arguments_json=arguments)
        )
        show(answer, as_json, lambda: print(answer.result_json))


def _print(found: list[pb.ImageEntity]) -> None:
    rows = table("id", "name", "size", "version", "location", "picture")
    for item in found:
        rows.add_row(
            str(item.id), item.name, f"{item.image.width} x {item.image.height}", str(item.version),
            str(item.location or ""), item.image.ref,
        )  # fmt: skip
    out.print(rows)

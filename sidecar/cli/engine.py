"""Commands on engines."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from sidecar.cli.engine_check import check_engine
from sidecar.cli.output import Json, client, out, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import system_pb2 as pb

app = typer.Typer(help="See the engines that make pictures, and try them.", no_args_is_help=True)


@app.callback()
def engines() -> None:
    """See the engines that make pictures, and try them."""


app.command("check")(check_engine)


@app.command("list")
def list_engines(as_json: Json = False) -> None:
    """List the engines: whether they work, how many jobs wait for them, and which cost money."""
    with client() as sidecar:
        found = list(sidecar.system.Status(pb.StatusRequest()).engines)
        show(found, as_json, lambda: _print(found))


def _print(found: Sequence[pb.StatusResponse.Engine]) -> None:
    rows = table("name", "kind", "state", "slots", "waiting", "models", "paid", "reason")
    for engine in found:
        rows.add_row(
            engine.name,
            engine.kind,
            pb.EngineState.Name(engine.state).removeprefix("ENGINE_STATE_").lower(),
            str(engine.slots),
            str(engine.waiting),
            str(engine.models),
            "yes" if engine.paid else "",
            engine.reason,
        )
    out.print(rows)

"""The command line `viwo-imagegen`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sidecar.cli.commands import Commands
from sidecar.cli.json_errors import json_wanted

app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        found = version("viwo-imagegen")
        typer.echo(json.dumps({"version": found}) if json_wanted() else f"viwo-imagegen {found}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: print JSON.")] = False,
) -> None:
    """Pictures for a viwo world: a sidecar that checks capabilities, makes images and keeps them as entities."""
    if as_json:
        raise typer.BadParameter("it stands behind the command", param_hint="--json")

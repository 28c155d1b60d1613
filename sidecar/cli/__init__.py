"""The command line `viwo-imagegen`."""

from __future__ import annotations

from typing import Annotated

import typer

from sidecar.cli.commands import Commands

app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"viwo-imagegen {version('viwo-imagegen')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Pictures for a viwo world: a sidecar that checks capabilities, makes images and keeps them as entities."""

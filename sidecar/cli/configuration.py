"""Commands that show how the sidecar is set, and check it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from sidecar import config
from sidecar.cli.output import Json, err, out, print_json, refusals, table
from sidecar.configuration_check import complaints, remarks

app = typer.Typer()


@app.callback(invoke_without_command=True)
def show_config(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show every setting, its value and where to change it; check them."""
    if context.invoked_subcommand is not None:
        return
    with refusals():
        settings = config.load()
    values = settings.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    rows = table("setting", "value", "meaning")
    for name, field in config.Settings.model_fields.items():
        rows.add_row(name, "" if values[name] is None else str(values[name]), field.description or "")
    out.print(rows)
    out.print(f"\nSet with VIWO_IMAGEGEN_<NAME>, or in {config.config_file()}", style="dim", highlight=False)


@app.command()
def check(as_json: Json = False) -> None:
    """Say what is wrong in the configuration, and where it is set. Ends with status 1 where a server would not start."""
    errors: list[str] = []
    warnings: list[str] = []
    with refusals():
        try:
            warnings = list(remarks(config.load()))
        except ValidationError as error:
            errors = list(complaints(error))
    report: dict[str, Any] = {"file": str(config.config_file()), "errors": errors, "warnings": warnings}
    if as_json:
        print_json(report)
    else:
        for words in errors:
            err.print(f"error: {words}", style="red", markup=False, highlight=False)
        for words in warnings:
            err.print(f"warning: {words}", style="yellow", markup=False, highlight=False)
        if not errors and not warnings:
            there = "" if config.config_file().is_file() else ", which is not there, so all is as by default"
            out.print(f"nothing wrong in {config.config_file()}{there}", highlight=False)
    if errors:
        raise typer.Exit(1)

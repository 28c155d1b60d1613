"""Commands that run the sidecar: for as long as it is wanted, or to show what it can do."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from sidecar import config
from sidecar.cli.output import refusals
from sidecar.telemetry import JsonFormatter, set_up_tracing


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 picks a free one.")] = None,
    world: Annotated[Path | None, typer.Option(help="viwo's world database (DB_PATH).")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where jobs, pictures and the token are kept.")
    ] = None,
    with_stdin: Annotated[
        bool, typer.Option(help="Stop when standard input ends, as it does when whoever started this dies.")
    ] = False,
) -> None:
    """Run the sidecar until it is told to stop (Ctrl-C or SIGTERM)."""
    from sidecar import server

    given = {"host": host, "port": port, "world_path": world, "data_dir": data_dir}
    with refusals():
        settings = config.load(**{name: value for name, value in given.items() if value is not None})
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        if settings.log_format == "json":
            for handler in logging.getLogger().handlers:
                handler.setFormatter(JsonFormatter())
        set_up_tracing()
        for chatty in ("alembic", "pyvips", "websockets", "httpcore2", "socketio", "engineio"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        asyncio.run(server.serve(settings, with_stdin=with_stdin))


def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where the pictures go.")] = Path("demo"),
) -> None:
    """Show the whole thing: a world, a capability, pictures, entities, verbs and refusals, in a few minutes."""
    from sidecar import demo as tour

    with refusals():
        asyncio.run(tour.run(folder))

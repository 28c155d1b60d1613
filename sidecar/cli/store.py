"""Commands on the store itself: they work on its files, whether or not a server runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from capabilities.errors import FailedPrecondition
from entity_store.blobs import Blobs
from entity_store.permissions import private_folder
from entity_store.world import World
from sidecar import config
from sidecar.application.workflows import ROW_READERS
from sidecar.cli.output import Json, out, refusals
from sidecar.cli.progress import WatchedBlobs
from sidecar.config import Settings
from sidecar.queue.maintenance import backup as archives
from sidecar.queue.maintenance import consistency, retention
from sidecar.queue.store.database import Database, only_server


@contextmanager
def _store() -> Iterator[tuple[Settings, Database, World, Blobs]]:
    with refusals():
        settings = config.load()
        if not settings.data_dir.is_dir():
            raise FailedPrecondition(
                f"there is no store at {settings.data_dir}; set data_dir",
                reason="NO_STORE",
                field="data_dir",
                asked=str(settings.data_dir),
            )
        private_folder(settings.data_dir)
        database = Database(settings.jobs_database)
        database.migrate()
        world = World(settings.world_file, own=settings.world_is_own)
        try:
            yield settings, database, world, WatchedBlobs(settings.data_dir)
        finally:
            world.close()
            database.close_here()


def gc(
    blind: Annotated[
        bool,
        typer.Option(help="Also where entities are kept on other machines, and may lose their pictures."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove ended jobs as keep_days, keep_jobs and keep_gib say, and pictures that nothing refers to."""
    with _store() as (settings, database, world, blobs):
        if not blind:
            retention.require_own_world(settings.statement_key_file is not None)
        removed = retention.collect(database, world, blobs, retention.retention(settings))
        if as_json:
            print(json.dumps(dataclasses.asdict(removed)))
            return
        out.print(
            f"removed {removed.jobs} jobs, {removed.pictures} pictures ({removed.bytes / 1e6:.1f} MB), "
            f"{removed.ledger_rows} ledger rows"
        )


def backup(target: Annotated[Path, typer.Argument(help="The .tar file to write.")]) -> None:
    """Write jobs, pictures and a world of our own into one file, also while the server runs."""
    with _store() as (settings, database, _, blobs):
        own = settings.world_file if settings.world_is_own else None
        damaged: list[str] = []
        count = archives.backup(database, blobs, target, world=own, damaged=damaged.append)
        if damaged:
            out.print(f"{len(damaged)} damaged pictures are left out; fsck lists them")
        out.print(f"{target}: {count} files")
        if own is None:
            out.print(f"The world {settings.world_file} is viwo's: back it up with viwo.")


def restore(source: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")]) -> None:
    """Fill an empty data_dir (and database_url) from a backup."""
    with refusals():
        settings = config.load()
        count = archives.restore(source, settings.data_dir, settings.jobs_database)
        out.print(f"{settings.data_dir}: {count} files")


def fsck(
    repair: Annotated[bool, typer.Option(help="Mend what can be mended; the server must not run.")] = False,
    as_json: Json = False,
) -> None:
    """Compare files and rows, and the ledger with the jobs. Ends with status 1 where something is wrong."""
    with _store() as (settings, database, world, blobs):
        if repair:
            with only_server(settings.data_dir):
                found = consistency.check(database, world, blobs, repair=True, readers=ROW_READERS)
        else:
            found = consistency.check(database, world, blobs, readers=ROW_READERS)
        if as_json:
            print(json.dumps(dataclasses.asdict(found)))
        else:
            _print(found, repair)
        raise typer.Exit(0 if found.clean or repair else 1)


def _print(found: consistency.Findings, repaired: bool) -> None:
    if found.clean:
        out.print("files and rows fit together")
        return
    advice = {
        "missing": "pictures without a file: run their jobs again (jobs rerun)",
        "damaged": "damaged files, set aside in data_dir/damaged by --repair",
        "unrecorded": "results that the table of pictures lacks",
        "unsettled": "ended jobs whose reservation is open",
        "balances": "accounts that are not the sum of their ledger",
        "lines": "counts of waiting jobs that are wrong",
        "unfinished": "half-written files",
        "unreadable": "rows that cannot be read; they are passed over",
        "dangling": "rooms that hold what is not there, which silences them",
        "database": "the database is damaged: restore a backup",
    }
    for name, value in dataclasses.asdict(found).items():
        if value:
            count = len(value) if isinstance(value, list) else value
            out.print(f"{count} {advice[name]}", highlight=False)
            for item in value[:10] if isinstance(value, list) else ():
                out.print(f"  {item}", highlight=False, markup=False, style="dim")
    out.print("what can be mended has been" if repaired else "--repair mends what can be mended")

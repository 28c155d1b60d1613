"""Commands on the store itself: they work on its files, whether or not a server runs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from capabilities.errors import FailedPrecondition
from capabilities.plain_text import cleaned
from entity_store.blobs import Blobs
from entity_store.permissions import private_folder
from entity_store.world import World
from sidecar import config
from sidecar.application.workflows import ROW_READERS
from sidecar.cli.output import MAX_CELL, Json, out, refusals
from sidecar.cli.progress import WatchedBlobs
from sidecar.config import Settings
from sidecar.installation import (
    Installation,
    SecretsIn,
    configuration_in_place,
    gather,
    members,
    put_back,
    read_members,
    require_room_for,
    text_of,
)
from sidecar.queue.maintenance import backup as archives
from sidecar.queue.maintenance import consistency, retention
from sidecar.queue.maintenance.concerned import Concern, concerned
from sidecar.queue.store.database import Database, is_served, only_server


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
        if is_served(settings.data_dir) and not database.is_current():
            raise FailedPrecondition(
                "a server of another version works on this store; stop it before its job database is upgraded",
                reason="OTHER_VERSION",
                field="data_dir",
                asked=str(settings.data_dir),
            )
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


PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="A file with the passphrase of encrypted secrets; left out: it is asked for."),
]


def backup(
    target: Annotated[Path, typer.Argument(help="The .tar file to write.")],
    secrets: Annotated[
        SecretsIn,
        typer.Option(help="What becomes of the token and the keys: left out, as they are, or encrypted."),
    ] = SecretsIn.NONE,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Write configuration, jobs, pictures and a world of our own into one file, also while the server runs."""
    with _store() as (settings, database, _, blobs):
        own = settings.world_file if settings.world_is_own else None
        installation = gather(settings)
        passphrase = _passphrase(passphrase_file, new=True) if secrets is SecretsIn.ENCRYPTED else ""
        damaged: list[str] = []
        count = archives.backup(
            database,
            blobs,
            target,
            world=own,
            installation=members(installation, secrets, passphrase),
            damaged=damaged.append,
        )
        left_out = _left_out(installation, secrets, settings)
        if as_json:
            print(json.dumps({"file": str(target), "files": count, "damaged": damaged, "left_out": left_out}))
            return
        if damaged:
            out.print(f"{len(damaged)} damaged pictures are left out; fsck lists them")
        out.print(f"{target}: {count} files")
        for words in left_out:
            out.print(f"not in it: {words}", highlight=False, markup=False)


def _left_out(installation: Installation, secrets: SecretsIn, settings: Settings) -> list[str]:
    """What an operator might take to be in a backup, and is not."""
    found = []
    if secrets is SecretsIn.NONE and installation.secrets:
        names = ", ".join(sorted(installation.secrets))
        found.append(f"secrets ({names}): --secrets encrypted takes them along")
    if not settings.world_is_own:
        found.append(f"the world {settings.world_file}, which is viwo's: back it up with viwo")
    variables = sorted(name for name in os.environ if name.startswith(config.PREFIX))
    if variables:
        found.append(f"what is set by {', '.join(variables)}")
    if settings.tls_cert is not None:
        found.append("certificates and keys of TLS")
    found.append("models: model_dirs, and what was downloaded")
    return found


def restore(
    source: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    configuration: Annotated[
        bool, typer.Option(help="Put the configuration back as well, and restore to where it says.")
    ] = True,
    secrets: Annotated[
        bool, typer.Option(help="Put the token and the keys back as well, where they are in the backup.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a configuration and secrets that are there already.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Fill an empty data_dir (and database_url) from a backup."""
    with refusals():
        kept = archives.installation_in(source)
        wanted = secrets and archives.ENCRYPTED_SECRETS in kept
        installation = read_members(kept, _passphrase(passphrase_file, new=False) if wanted else "")
        with configuration_in_place(installation.config if configuration else None, overwrite=overwrite):
            settings = config.load()
            given = installation.secrets if secrets else {}
            require_room_for(given, settings, overwrite=overwrite)
            count = archives.restore(source, settings.data_dir, settings.jobs_database)
            placed = [str(path) for path in put_back(given, settings)]
        if as_json:
            print(json.dumps({"data_dir": str(settings.data_dir), "files": count, "secrets": placed}))
            return
        out.print(f"{settings.data_dir}: {count} files")
        if configuration and installation.config is not None:
            out.print(f"configuration: {config.config_file()}", highlight=False, markup=False)
        out.print(f"secrets: {', '.join(placed)}" if placed else "no secrets: new ones are made at the next start",
                  highlight=False, markup=False)  # fmt: skip


def _passphrase(file: Path | None, *, new: bool) -> str:
    """From the file, or else asked for, a new one twice. Raises FailedPrecondition where nobody can be asked."""
    if file is not None:
        return text_of(file).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise FailedPrecondition(
            "the secrets are encrypted with a passphrase, and there is no terminal to ask for it; name a file that holds it "
            "with --passphrase-file",
            reason="NO_PASSPHRASE",
            field="passphrase_file",
        )
    return str(typer.prompt("Passphrase of the secrets", hide_input=True, confirmation_prompt=new))


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
            live = is_served(settings.data_dir)
            found = consistency.check(database, world, blobs, live=live, readers=ROW_READERS)
        jobs = [line.split()[1].rstrip(":") for line in found.unreadable if line.startswith("jobs ")]
        known = concerned(database, world, {*found.missing, *found.damaged}, {*found.unsettled, *jobs})
        if as_json:
            whom = {key: [dataclasses.asdict(item) for item in items] for key, items in known.items()}
            print(json.dumps(dataclasses.asdict(found) | {"concerned": whom}))
        else:
            _print(found, known, repair)
        raise typer.Exit(0 if found.clean or repair else 1)


def _print(found: consistency.Findings, known: dict[str, list[Concern]], repaired: bool) -> None:
    if found.clean:
        out.print("files and rows fit together")
        return
    for name, value in dataclasses.asdict(found).items():
        if not value:
            continue
        count = len(value) if isinstance(value, list) else value
        out.print(f"{count} {_ADVICE[name]}", highlight=False)
        for item in value[:_SHOWN] if isinstance(value, list) else ():
            out.print(f"  {item}", highlight=False, markup=False, style="dim")
            key = item.split()[1].rstrip(":") if item.startswith("jobs ") else item
            for concern in known.get(key, ())[:_SHOWN]:
                owner = f" of entity {concern.owner_id}" if concern.owner_id else ""
                state = f" ({concern.state})" if concern.state else ""
                words = f"    {concern.kind} {concern.id}{owner}{state}: {concern.cure}"
                out.print(cleaned(words, MAX_CELL), highlight=False, markup=False, style="dim")
        if isinstance(value, list) and len(value) > _SHOWN:
            out.print(f"  and {len(value) - _SHOWN} more: --json has all", style="dim", highlight=False)
    out.print(
        "what can be mended has been"
        if repaired
        else "--repair mends what can be mended, with the server stopped"
    )


_SHOWN = 10
"""Most items of a kind that are shown to people."""
_ADVICE = {
    "missing": "pictures without a file: run their jobs again (jobs rerun)",
    "damaged": "damaged files, set aside in data_dir/damaged by --repair; then run their jobs again",
    "unrecorded": "results that the table of pictures lacks",
    "unsettled": "ended jobs whose reservation is open",
    "balances": "accounts that are not the sum of their ledger",
    "lines": "counts of waiting jobs that are wrong",
    "unfinished": "half-written files",
    "unreadable": "rows that cannot be read; they are passed over",
    "dangling": "rooms that hold what is not there, which silences them",
    "database": "the database is damaged: restore a backup",
}

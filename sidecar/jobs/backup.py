"""Everything in one file, and back: the job database (whichever it is), the world where it is ours, the pictures."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.engine import Connection

from capabilities.errors import AlreadyExists, InvalidArgument
from entity_store.blobs import Blobs
from sidecar.jobs import tables
from sidecar.jobs.database import Database

FORMAT = "viwo-imagegen-backup/1"
MANIFEST = "manifest.json"
JOBS, WORLD = "jobs.sqlite", "world.sqlite"
_ROWS = 500


def backup(database: Database, blobs: Blobs, target: Path, *, world: Path | None) -> int:
    """Write a tar file, also while a server works; how many files are in it. `world` is a world of our own.

    Rows are copied first: a picture is stored before its row is written, so none that a copied row names is missing.
    """
    if target.exists():
        raise AlreadyExists(
            f"{target} is there already", reason="FILE_EXISTS", field="target", asked=str(target)
        )
    temporary = target.with_name(target.name + ".part")
    with FileLock(blobs.folder / "upkeep.lock"), tempfile.TemporaryDirectory() as folder:
        copies = {JOBS: Path(folder) / JOBS}
        _copy_jobs(database, copies[JOBS])
        if world is not None:
            copies[WORLD] = Path(folder) / WORLD
            with contextlib.closing(sqlite3.connect(world)) as source:
                source.execute("VACUUM INTO ?", (str(copies[WORLD]),))
        names = copies | {
            f"images/{ref.removeprefix('sha256:')}": blobs.path(ref) for ref, _, _ in blobs.files()
        }
        files = {name: _digest(path) for name, path in names.items()}
        manifest = json.dumps({"format": FORMAT, "revision": tables.HEAD, "files": files}, indent=1).encode()
        # It holds what the data folder holds, which is its owner's alone.
        private_file = os.fdopen(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")
        with private_file, tarfile.open(fileobj=private_file, mode="w") as archive:
            about = tarfile.TarInfo(MANIFEST)
            about.size = len(manifest)
            archive.addfile(about, io.BytesIO(manifest))
            for name, path in names.items():
                archive.add(path, name)
    temporary.replace(target)
    return len(files)


def restore(source: Path, data_dir: Path, place: Path | str) -> int:
    """Fill an empty data folder, and an empty job database, from a backup; how many files were in it.

    Raises AlreadyExists where something is there, InvalidArgument for a file that is no whole backup; then nothing is
    changed.
    """
    for there in (data_dir / JOBS, data_dir / WORLD, data_dir / "images"):
        if there.exists():
            raise AlreadyExists(
                f"{there} is there already; restore into an empty data_dir",
                reason="NOT_EMPTY",
                field="data_dir",
                asked=str(data_dir),
            )
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir) as folder:
        files = _unpacked(source, Path(folder))
        if isinstance(place, str):
            _fill(Database(place), Path(folder) / JOBS)
        for name in files:
            path = Path(folder) / name
            if name in (JOBS, WORLD):
                if name == WORLD or not isinstance(place, str):
                    shutil.move(path, data_dir / name)
                continue
            digest = path.name
            target = data_dir / "images" / digest[:2] / digest
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    return len(files)


def _unpacked(source: Path, folder: Path) -> dict[str, str]:
    """The files of a backup, each checked against the manifest."""
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files: dict[str, str] = manifest["files"]
        if manifest["format"] != FORMAT:
            raise ValueError(f"its format is {manifest['format']}")
        if str(manifest["revision"]) > tables.HEAD:
            raise ValueError(f"a newer version made it (revision {manifest['revision']}, here {tables.HEAD})")
        for name, digest in files.items():
            if _digest(folder / name) != digest:
                raise ValueError(f"{name} is damaged")
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(
            f"{source} is no whole backup: {error}", reason="BAD_BACKUP", field="source", asked=str(source)
        ) from None
    return files


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy_jobs(database: Database, target: Path) -> None:
    copy = Database(target)
    copy.migrate()

    def read(source: Connection) -> None:
        # One transaction on the source: the rows belong together.
        for table in tables.METADATA.sorted_tables:
            for rows in _chunks(source, table):
                copy.do_here(partial(_insert, table=table, rows=rows))

    database.look_here(read)
    copy.close_here()


def _insert(connection: Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    connection.execute(sa.insert(table), rows)


def _fill(database: Database, source: Path) -> None:
    database.migrate()
    copy = Database(source)
    copy.migrate()

    def write(target: Connection) -> None:
        if target.execute(sa.select(tables.JOBS.c.id).limit(1)).first() is not None:
            raise AlreadyExists(
                "the job database has jobs already; restore into an empty one",
                reason="NOT_EMPTY",
                field="database_url",
            )

        def read(rows_of: Connection) -> None:
            for table in tables.METADATA.sorted_tables:
                for rows in _chunks(rows_of, table):
                    _insert(target, table, rows)

        copy.do_here(read)

    database.do_here(write)
    copy.close_here()
    database.close_here()


def _chunks(source: Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
    for rows in source.execute(sa.select(table)).mappings().partitions(_ROWS):
        yield [dict(row) for row in rows]

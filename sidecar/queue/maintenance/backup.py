"""Everything in one file, and back: the job database (whichever it is), the world where it is ours, the pictures, the installation."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities import strict_json
from capabilities.errors import AlreadyExists, InvalidArgument, ResourceExhausted, brief
from entity_store.blobs import Blobs
from entity_store.permissions import private_folder
from sidecar.queue.maintenance.lock import maintenance_lock
from sidecar.queue.store import tables
from sidecar.queue.store.database import Database

FORMAT = "viwo-imagegen-backup/2"
_FORMATS = frozenset({FORMAT, "viwo-imagegen-backup/1"})
"""What is read. The first had no configuration and no secrets."""
MANIFEST = "manifest.json"
JOBS, WORLD = "jobs.sqlite", "world.sqlite"
CONFIGURATION = "installation/config.toml"
PLAIN_SECRETS, ENCRYPTED_SECRETS = "installation/secrets.json", "installation/secrets.encrypted"
MAX_INSTALLATION = 1 << 20
"""Most bytes of the configuration, and of the secrets."""
MAX_MANIFEST = 128 << 20
"""Most bytes of a manifest: about 900 000 pictures."""

_INSTALLATION = frozenset({CONFIGURATION, PLAIN_SECRETS, ENCRYPTED_SECRETS})
_MEMBER = re.compile(
    r"jobs\.sqlite|world\.sqlite|images/(?P<digest>[0-9a-f]{64})|"
    + "|".join(map(re.escape, sorted(_INSTALLATION)))
)
"""All that a backup holds besides its manifest. Whatever is written goes under one of these names."""
_ORDINARY = (tarfile.REGTYPE, tarfile.AREGTYPE)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TABLES = {JOBS: "jobs", WORLD: "entities"}
_ROWS = 500
_CHUNK = 1 << 20


def backup(
    database: Database,
    blobs: Blobs,
    target: Path,
    *,
    world: Path | None,
    installation: Mapping[str, bytes] = MappingProxyType({}),
    damaged: Callable[[str], None] = lambda _: None,
) -> int:
    """Write a tar file, also while a server works; how many files are in it. `world` is a world of our own.

    `installation` is what else goes in: CONFIGURATION, and PLAIN_SECRETS or ENCRYPTED_SECRETS.

    Rows are copied first: a picture is stored before its row is written, so none that a copied row names is missing.
    A picture whose bytes are not what its name says is left out, and its reference told to `damaged`.
    """
    _require_free(target)
    with (
        maintenance_lock(blobs),
        # Nobody else's, on the target's own disk, and removed with what is in it, however this ends.
        tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder,
    ):
        # Another backup may have written it meanwhile.
        _require_free(target)
        copies = {JOBS: Path(folder) / JOBS}
        _copy_jobs(database, copies[JOBS])
        if world is not None:
            copies[WORLD] = Path(folder) / WORLD
            _snapshot(world, copies[WORLD])
        names = dict(copies)
        files = {name: hashlib.sha256(data).hexdigest() for name, data in installation.items()}
        files |= {name: _digest(path) for name, path in copies.items()}
        for ref, _, _ in blobs.files():
            digest, path = ref.removeprefix("sha256:"), blobs.path(ref)
            with contextlib.suppress(OSError):
                if _digest(path) == digest:
                    names[f"images/{digest}"], files[f"images/{digest}"] = path, digest
                    continue
            damaged(ref)
        about = {"format": FORMAT, "revision": tables.HEAD, "files": files}
        manifest = json.dumps(about, separators=(",", ":")).encode()
        if len(manifest) > MAX_MANIFEST:
            raise ResourceExhausted(
                f"{len(files)} pictures are more than one backup holds; remove some with gc, or copy data_dir with the "
                "server stopped",
                reason="TOO_MANY_FILES",
                field="data_dir",
                asked=str(len(files)),
            )
        # It holds what the data folder holds, which is its owner's alone.
        temporary = Path(folder) / "backup.tar"
        private_file = os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        with private_file, tarfile.open(fileobj=private_file, mode="w") as archive:
            # The installation comes right after, so that it is read without the rest.
            for name, data in ((MANIFEST, manifest), *installation.items()):
                head = tarfile.TarInfo(name)
                head.size = len(data)
                archive.addfile(head, io.BytesIO(data))
            for name, path in names.items():
                archive.add(path, name)
        _require_free(target)
        temporary.replace(target)
    return len(files)


def _require_free(target: Path) -> None:
    if os.path.lexists(target):
        raise AlreadyExists(
            f"{target} is there already", reason="FILE_EXISTS", field="target", asked=str(target)
        )


def restore(source: Path, data_dir: Path, place: Path | str) -> int:
    """Fill an empty data folder, and an empty job database, from a backup; how many files were in it.

    Raises AlreadyExists where something is there, InvalidArgument for a file that is no whole backup, ResourceExhausted
    where it does not fit on the disk; then nothing is changed, here or anywhere else.
    """
    for there in (data_dir / JOBS, data_dir / WORLD, data_dir / "images"):
        if os.path.lexists(there):
            raise AlreadyExists(
                f"{there} is there already; restore into an empty data_dir",
                reason="NOT_EMPTY",
                field="data_dir",
                asked=str(data_dir),
            )
    is_new = not data_dir.exists()
    private_folder(data_dir)
    try:
        with tempfile.TemporaryDirectory(dir=data_dir) as name:
            folder = Path(name)
            count = _unpack(source, folder)
            if isinstance(place, str):
                _fill(Database(place), folder / JOBS)
                (folder / JOBS).unlink()
            # All of it is on this disk and right; what is left to do is renaming.
            for part in ("images", WORLD, JOBS):
                if (folder / part).exists():
                    (folder / part).rename(data_dir / part)
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                data_dir.rmdir()
        raise
    return count


def installation_in(source: Path) -> dict[str, bytes]:
    """The configuration and the secrets in a backup, as `backup` was given them. Raises as `restore`."""
    found: dict[str, bytes] = {}
    with _refused_unless_whole(source), _opened(source) as archive:
        files = _manifest(archive)
        wanted = _INSTALLATION & files.keys()
        for member in itertools.islice(archive, 1, 1 + len(wanted)):
            if member.name not in wanted or member.type not in _ORDINARY or member.size > MAX_INSTALLATION:
                raise ValueError(f"{brief(member.name)} is not what comes after the manifest")
            found[member.name] = data = b"".join(_chunks_of(archive, member))
            if hashlib.sha256(data).hexdigest() != files[member.name]:
                raise ValueError(f"{member.name} is damaged")
        for name in wanted - found.keys():
            raise ValueError(f"{name} is missing")
    return found


@contextlib.contextmanager
def _refused_unless_whole(source: Path) -> Iterator[None]:
    try:
        if not source.is_file():
            raise ValueError("it is no file")
        yield
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError, sqlite3.Error) as error:
        raise InvalidArgument(
            f"{source} is no whole backup: {error}", reason="BAD_BACKUP", field="source", asked=str(source)
        ) from None


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    # Plain only: files of a compressed archive may be a thousand times as large as it is.
    with source.open("rb") as file, tarfile.open(fileobj=_Bounded(file), mode="r:") as archive:
        yield archive


def _unpack(source: Path, folder: Path) -> int:
    """Write the files of a backup into a folder, as a data folder has them; how many there are. Raises as `restore`."""
    with _refused_unless_whole(source):
        size, free = source.stat().st_size, shutil.disk_usage(folder).free
        if size > free:
            raise ResourceExhausted(
                f"{source} needs {size} bytes, and {free} are free at {folder.parent}; free some, or set another data_dir",
                reason="DISK_FULL",
                field="data_dir",
                limit=f"{free} bytes",
                asked=f"{size} bytes",
            )
        with _opened(source) as archive:
            files = _manifest(archive)
            (folder / "images").mkdir()
            seen: set[str] = set()
            for member in itertools.islice(archive, 1, None):
                if member.name in _INSTALLATION & files.keys() - seen:
                    # Read by `installation_in`.
                    seen.add(member.name)
                    continue
                if member.name not in files or member.name in seen:
                    what = "twice in it" if member.name in seen else "not in its manifest"
                    raise ValueError(f"{brief(member.name)} is {what}")
                seen.add(member.name)
                _write(archive, member, files[member.name], folder)
            for name in files.keys() - seen:
                raise ValueError(f"{name} is missing")
        for name in _TABLES.keys() & files.keys():
            _require_database(folder / name, _TABLES[name])
    return len(files)


class _Bounded(io.BufferedIOBase):
    """A file of which nobody reads much at once: tarfile would take a header of any length into memory."""

    def __init__(self, file: io.BufferedIOBase | io.BufferedReader) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _CHUNK:
            raise tarfile.ReadError(f"a header says that it is {size} bytes long")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _manifest(archive: tarfile.TarFile) -> dict[str, str]:
    """The digests of the files in a backup, by their names. Raises ValueError."""
    first = archive.next()
    if first is None or first.name != MANIFEST or first.type not in _ORDINARY:
        raise ValueError(f"it does not begin with {MANIFEST}")
    if first.size > MAX_MANIFEST:
        raise ValueError(f"its manifest has {first.size} bytes; at most {MAX_MANIFEST} are read")
    text = b"".join(_chunks_of(archive, first)).decode("utf-8")
    about = strict_json.loads(text)
    if not isinstance(about, dict) or about.get("format") not in _FORMATS:
        found = about.get("format") if isinstance(about, dict) else about
        raise ValueError(f"its format is {brief(found)}; this version reads {FORMAT}")
    revision, files = about.get("revision"), about.get("files")
    if not isinstance(revision, str) or not re.fullmatch(r"[0-9]{4}", revision):
        raise ValueError(f"its revision is {brief(revision)}")
    if revision > tables.HEAD:
        raise ValueError(f"a newer version made it (revision {revision}, here {tables.HEAD})")
    if not isinstance(files, dict) or JOBS not in files:
        raise ValueError(f"its manifest names no {JOBS}")
    for name, digest in files.items():
        shape = _MEMBER.fullmatch(name)
        if shape is None:
            raise ValueError(f"it may not hold a file named {brief(name)}")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"the digest of {name} is {brief(digest)}")
        if shape["digest"] not in (None, digest):
            raise ValueError(f"{name} is to have the digest {digest}")
    return files


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, digest: str, folder: Path) -> None:
    """Write a member under its own name. Raises ValueError for one that is no file, or another than the manifest says."""
    # Links, folders, devices, and sparse files, which are larger than what is read of them.
    if member.type not in _ORDINARY or member.sparse is not None:
        raise ValueError(f"{member.name} is no ordinary file")
    target = folder / member.name
    if member.name not in _TABLES:
        target = folder / "images" / digest[:2] / digest
        target.parent.mkdir(exist_ok=True)
    found = hashlib.sha256()
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in _chunks_of(archive, member):
            found.update(chunk)
            file.write(chunk)
    if found.hexdigest() != digest:
        raise ValueError(f"{member.name} is damaged")


def _chunks_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(member)
    assert file is not None
    while chunk := file.read(_CHUNK):
        yield chunk


def _require_database(path: Path, table: str) -> None:
    """Raises ValueError for a file that is no such database, sqlite3.Error for one that is none at all."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise ValueError(f"the database {path.name} is damaged: {brief(verdict)}")
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_master"))
        if kinds.get(table) != "table":
            raise ValueError(f"{path.name} has no table '{table}'")
        if {"trigger", "view"} & set(kinds.values()):
            raise ValueError(f"{path.name} holds triggers or views, which no backup does")
        if path.name == JOBS:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if row is None or not isinstance(row[0], str) or row[0] > tables.HEAD:
                raise ValueError(f"{path.name} is of no revision that this version knows: {brief(row)}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _snapshot(source: Path, target: Path) -> None:
    """The database as it is at one moment, row by row and byte by byte, also where a row cannot be read."""
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def _copy_jobs(database: Database, target: Path) -> None:
    if database.file is not None:
        _snapshot(database.file, target)
        return
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

    try:
        copy.migrate()
        database.do_here(write)
    except (sa.exc.SQLAlchemyError, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"the rows of {source.name} do not fit this version: {brief(error, 200)}",
            reason="BAD_BACKUP",
            field="source",
        ) from None
    finally:
        copy.close_here()
        database.close_here()


def _chunks(source: Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
    for rows in source.execute(sa.select(table)).mappings().partitions(_ROWS):
        yield [dict(row) for row in rows]

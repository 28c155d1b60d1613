"""What `restore` refuses: archives that reach outside, hold what they should not, or are not what they say."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.queue.maintenance import backup
from sidecar.queue.store.database import Database

PICTURE = b"a picture, as far as a backup knows"
DIGEST = hashlib.sha256(PICTURE).hexdigest()
IMAGE = f"images/{DIGEST}"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A job database without jobs."""
    path = tmp_path_factory.mktemp("jobs") / "jobs.sqlite"
    database = Database(path)
    database.migrate()
    database.close_here()
    return path.read_bytes()


class Archive:
    """A backup as a stranger puts one together: members in order, and the manifest that comes first."""

    def __init__(self, jobs: bytes) -> None:
        self.members: list[tuple[tarfile.TarInfo, bytes]] = []
        self.files: dict[str, Any] = {}
        self.about: dict[str, Any] = {"format": backup.FORMAT, "revision": "0004"}
        self.manifest: bytes | None = None
        self.add("jobs.sqlite", jobs)
        self.add(IMAGE, PICTURE)

    def add(
        self, name: str, data: bytes, *, kind: bytes = tarfile.REGTYPE, listed: bool = True, link: str = ""
    ) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(data), link
        self.members.append((member, data))
        if listed:
            self.files[name] = hashlib.sha256(data).hexdigest()

    def drop(self, name: str) -> None:
        self.members = [item for item in self.members if item[0].name != name]

    def write(self, path: Path, mode: Any = "w") -> None:
        manifest = self.manifest
        if manifest is None:
            manifest = json.dumps({**self.about, "files": self.files}).encode()
        head = tarfile.TarInfo(backup.MANIFEST)
        head.size = len(manifest)
        with tarfile.open(path, mode) as archive:
            archive.addfile(head, io.BytesIO(manifest))
            for member, data in self.members:
                archive.addfile(member, io.BytesIO(data))


def restore(source: Path, data_dir: Path) -> tuple[int, str]:
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(data_dir), "COLUMNS": "250"}
    result = CliRunner().invoke(app, ["restore", str(source)], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def tree(folder: Path) -> dict[str, str]:
    """Everything below a folder, with what is in the files."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file() and not path.is_symlink()
        else "-"
        for path in sorted(folder.rglob("*"))
    }


def test_one_without_fault_comes_back(jobs: bytes, tmp_path: Path) -> None:
    Archive(jobs).write(tmp_path / "all.tar")
    assert restore(tmp_path / "all.tar", tmp_path / "data")[0] == 0
    assert (tmp_path / "data" / "images" / DIGEST[:2] / DIGEST).read_bytes() == PICTURE
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["images", "jobs.sqlite"]


def test_one_of_the_first_release_comes_back(jobs: bytes, tmp_path: Path) -> None:
    archive = Archive(jobs)
    archive.about["format"] = "viwo-imagegen-backup/1"
    archive.write(tmp_path / "all.tar")
    assert restore(tmp_path / "all.tar", tmp_path / "data")[0] == 0


def named(name: str) -> Callable[[Archive], None]:
    """A file of some other name, in the archive and in its manifest."""
    return lambda archive: archive.add(name, PICTURE)


def told(name: str) -> Callable[[Archive], None]:
    """The manifest names a file outside, which the archive does not hold."""

    def spoil(archive: Archive) -> None:
        archive.files[name] = hashlib.sha256(b"secret").hexdigest()

    return spoil


def linked(kind: bytes) -> Callable[[Archive], None]:
    def spoil(archive: Archive) -> None:
        archive.drop(IMAGE)
        archive.add(IMAGE, b"", kind=kind, listed=False, link="../../secret")

    return spoil


def twice(archive: Archive) -> None:
    archive.add(IMAGE, PICTURE)


def stray(archive: Archive) -> None:
    archive.add(f"images/{'0' * 64}", b"x", listed=False)


def lacking(archive: Archive) -> None:
    archive.drop(IMAGE)


def other_digest(archive: Archive) -> None:
    """The manifest is true of the bytes, but the name is not."""
    archive.add(f"images/{'0' * 64}", b"x")


def damaged(archive: Archive) -> None:
    archive.drop(IMAGE)
    archive.add(IMAGE, PICTURE[::-1], listed=False)


def no_database(archive: Archive) -> None:
    archive.drop("jobs.sqlite")
    archive.add("jobs.sqlite", b"no database at all, but long enough to be read as one" * 100)


def other_database(archive: Archive) -> None:
    archive.drop("jobs.sqlite")
    archive.add("jobs.sqlite", database("CREATE TABLE other (x)"))


def with_trigger(archive: Archive) -> None:
    statements = (
        "CREATE TABLE entities (id)", "CREATE TRIGGER t AFTER INSERT ON entities BEGIN DELETE FROM entities; END",
    )  # fmt: skip
    archive.add("world.sqlite", database(*statements))


def without_jobs(archive: Archive) -> None:
    archive.drop("jobs.sqlite")
    del archive.files["jobs.sqlite"]


def about(**changes: Any) -> Callable[[Archive], None]:
    return lambda archive: archive.about.update(changes)


def raw(manifest: bytes) -> Callable[[Archive], None]:
    def spoil(archive: Archive) -> None:
        archive.manifest = manifest

    return spoil


def files(value: Any) -> Callable[[Archive], None]:
    def spoil(archive: Archive) -> None:
        archive.manifest = json.dumps({**archive.about, "files": value}).encode()

    return spoil


def database(*statements: str) -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        return connection.serialize()


SPOILED: dict[str, Callable[[Archive], None]] = {
    **{f"named {name!r}": named(name) for name in (
        "../../secret", "/secret", "images/../../../secret", "images/../secret", "images//" + "a" * 64, "images/ab",
        f"images/{DIGEST.upper()}", f"images/{DIGEST}/x", f"images/{DIGEST}\n", "token", "config.toml", "jobs.sqlite-wal",
        "./jobs.sqlite", "world.sqlite/x", "C:\\secret", "manifest.json", "",
    )},
    **{f"told {name!r}": told(name) for name in ("../../secret", "/etc/hostname", "images/../../../secret", "..", "world.sqlite")},
    **{f"a link {kind!r}": linked(kind) for kind in (
        tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE, b"9",
    )},
    "twice": twice, "stray": stray, "lacking": lacking, "other digest": other_digest, "damaged": damaged,
    "no database": no_database, "other database": other_database, "a trigger": with_trigger, "no jobs": without_jobs,
    "format": about(format="other/1"), "newer": about(revision="9999"), "number": about(revision=4), "none": about(revision=None),
    "list": raw(b"[]"), "text": raw(b"no json"), "deep": raw(b"[" * 100_000), "digits": raw(b'{"files": ' + b"9" * 5000 + b"}"),
    "bytes": raw(b"\xff\xfe"), "files list": files([]), "files none": files(None), "digest number": files({"jobs.sqlite": 3}),
    "digest short": files({"jobs.sqlite": "ab"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_one_is_refused_and_touches_nothing(jobs: bytes, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    data_dir = tmp_path / "deep" / "data"
    (data_dir / "sub").mkdir(parents=True)
    (data_dir / "config.toml").write_text("")
    archive = Archive(jobs)
    SPOILED[name](archive)
    archive.write(tmp_path / "bad.tar")
    before = tree(tmp_path)
    status, output = restore(tmp_path / "bad.tar", data_dir)
    assert status == 1, output
    assert "is no whole backup: " in output
    assert tree(tmp_path) == before


def raw_files(folder: Path, jobs: bytes) -> Iterator[tuple[str, Path]]:
    """Files that are no plain archive."""
    Archive(jobs).write(folder / "whole.tar")
    whole = (folder / "whole.tar").read_bytes()
    for name, data in {
        "cut": whole[: len(whole) // 2], "cut in the manifest": whole[:600], "empty": b"", "noise": os.urandom(4096), "zeros": bytes(10240),
    }.items():  # fmt: skip
        path = folder / name
        path.write_bytes(data)
        yield name, path
    for suffix in ("gz", "xz"):
        path = folder / f"packed.{suffix}"
        Archive(jobs).write(path, f"w:{suffix}")
        yield suffix, path
    os.mkfifo(folder / "pipe")
    yield "pipe", folder / "pipe"
    yield "folder", folder
    yield "nothing", folder / "nothing"


def test_what_is_no_archive_is_refused(jobs: bytes, tmp_path: Path) -> None:
    for name, path in raw_files(tmp_path, jobs):
        status, output = restore(path, tmp_path / "data")
        assert status == 1, name
        assert "is no whole backup: " in output, name
        assert not (tmp_path / "data").exists(), "a folder that was not there is not left behind"


def test_headers_that_claim_much_are_not_believed(jobs: bytes, tmp_path: Path) -> None:
    """A manifest, a pax header, a member of many gigabytes in a file that has them only as a hole."""
    for kind, claimed in (
        (tarfile.REGTYPE, backup.MAX_MANIFEST + 1),
        (tarfile.XHDTYPE, 2 << 30),
        (tarfile.GNUTYPE_LONGNAME, 2 << 30),
    ):
        head = tarfile.TarInfo(backup.MANIFEST)
        head.type, head.size = kind, claimed
        path = tmp_path / "large.tar"
        with path.open("wb") as file:
            file.write(head.tobuf())
            file.truncate(claimed + 10240)
        status, output = restore(path, tmp_path / "data")
        assert (status, "is no whole backup: " in output) == (1, True), output
    Archive(jobs).write(path)
    with path.open("r+b") as file:
        file.truncate(shutil.disk_usage(tmp_path).free + (1 << 30))
    status, output = restore(path, tmp_path / "data")
    assert (status, "RESOURCE_EXHAUSTED" in output) == (1, True), output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_headers_one_behind_the_other_end_somewhere(tmp_path: Path, kind: bytes) -> None:
    head = tarfile.TarInfo("x")
    head.type, head.size = kind, 8
    path = tmp_path / "chain.tar"
    path.write_bytes((head.tobuf() + b"8 a=bcd\n".ljust(512, b"\0")) * 3000 + bytes(1024))
    status, output = restore(path, tmp_path / "data")
    assert (status, "is no whole backup: " in output) == (1, True), output
    assert not (tmp_path / "data").exists()


def test_what_is_restored_is_its_owners_alone(jobs: bytes, tmp_path: Path) -> None:
    Archive(jobs).write(tmp_path / "all.tar")
    before = os.umask(0)
    try:
        assert restore(tmp_path / "all.tar", tmp_path / "data")[0] == 0
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "jobs.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("there", ["jobs.sqlite", "world.sqlite", "images"])
def test_nothing_is_written_over(jobs: bytes, tmp_path: Path, there: str) -> None:
    """Neither what is there, nor what a link there leads to."""
    Archive(jobs).write(tmp_path / "all.tar")
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / there).symlink_to(tmp_path / "elsewhere")
    status, output = restore(tmp_path / "all.tar", data_dir)
    assert (status, "is there already" in output) == (1, True), output
    assert not (tmp_path / "elsewhere").exists()

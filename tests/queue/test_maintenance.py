"""Retention, gc, backup and restore: nothing that is used is ever removed."""

from __future__ import annotations

import errno
import io
import json
import sqlite3
import stat
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from capabilities.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from entity_store.blobs import Blobs
from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import common_pb2, job_pb2
from sidecar.queue.ledger import budgets
from sidecar.queue.maintenance import backup, retention
from sidecar.queue.maintenance.retention import Retention
from sidecar.queue.store import tables
from sidecar.queue.store.database import Database
from sidecar.testing.requests import SLOW, submission
from sidecar.testing.server import started
from tests.databases import fresh as fresh_database
from tests.queue.worked_store import Store


async def test_nothing_goes_while_something_refers_to_it(store: Store) -> None:
    with store:
        store.older()
        assert store.collect() == retention.Removed()
        assert store.check().clean


async def test_old_jobs_go_with_their_pictures_but_entities_keep_theirs(store: Store) -> None:
    with store:
        store.older()
        removed = store.collect(jobs=0)
        assert (removed.jobs, removed.pictures) == (3, 3)
        assert [name for name in store.refs if store.has(name)] == ["entity"]
        assert store.check().clean
    made = sqlite3.connect(store.folder / "world.sqlite").execute("SELECT count(*) FROM entities").fetchone()
    assert made[0] > 3


async def test_the_newest_jobs_are_kept_and_by_age_and_by_size(store: Store) -> None:
    with store:
        store.older()
        assert store.collect(jobs=1).jobs == 2
        assert store.has("edit")
        assert store.has("input"), "the job that is left began with it"
        assert not store.has("job")
        assert store.collect(days=1).jobs == 0
        size = store.blobs.size()
        assert store.collect(bytes=size).jobs == 0
        assert store.collect(bytes=size - 1).jobs == 1
        assert not store.has("edit")


async def test_what_was_stored_just_now_is_not_yet_garbage(store: Store) -> None:
    with store:
        removed = retention.collect(store.database, store.world, store.blobs, Retention(jobs=0))
        assert (removed.jobs, removed.pictures) == (3, 0)


async def test_a_backup_comes_back_whole(store: Store, tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.tar"
    with store:
        count = backup.backup(store.database, store.blobs, target, world=store.folder / "world.sqlite")
        assert count == 6
        with pytest.raises(AlreadyExists):
            backup.backup(store.database, store.blobs, target, world=None)
    fresh = tmp_path / "fresh"
    assert backup.restore(target, fresh, fresh / "jobs.sqlite") == 6
    async with started(tiny, fresh) as sidecar:
        page = await sidecar.jobs.List(job_pb2.ListJobsRequest())
        assert len(page.jobs) == 3
        context = await sidecar.context()
        again = await sidecar.jobs.Submit(
            submission(context, seed=1, output=common_pb2.OutputOptions(job=common_pb2.JobOptions()))
        )
        final = again if again.state == job_pb2.JOB_STATE_SUCCEEDED else await sidecar.ended(again.id)
        assert final.images[0].ref == store.refs["job"]
    with pytest.raises(AlreadyExists):
        backup.restore(target, fresh, fresh / "jobs.sqlite")


async def test_a_backup_is_its_owners_alone_whatever_was_there(store: Store, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "all.tar", tmp_path / "elsewhere"
    elsewhere.write_text("of somebody else")
    (tmp_path / "all.tar.part").symlink_to(elsewhere)
    with store:
        backup.backup(store.database, store.blobs, target, world=None)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert elsewhere.read_text() == "of somebody else"
        link = tmp_path / "link.tar"
        link.symlink_to(tmp_path / "nowhere")
        with pytest.raises(AlreadyExists):
            backup.backup(store.database, store.blobs, link, world=None)


async def test_a_backup_that_fails_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    def full(*_: object, **__: object) -> None:
        assert list(folder.iterdir()), "it is under way"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "add", full)
    with store, pytest.raises(OSError, match="No space"):
        backup.backup(store.database, store.blobs, folder / "all.tar", world=None)
    assert list(folder.iterdir()) == []


async def test_a_backup_does_not_replace_what_another_wrote_meanwhile(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "all.tar"
    add = tarfile.TarFile.add

    def other(archive: tarfile.TarFile, *words: Any) -> None:
        target.write_text("of another store")
        add(archive, *words)

    monkeypatch.setattr(tarfile.TarFile, "add", other)
    with store, pytest.raises(AlreadyExists):
        backup.backup(store.database, store.blobs, target, world=None)
    assert target.read_text() == "of another store"


async def test_a_damaged_backup_is_refused_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    target, spoiled, fresh = tmp_path / "all.tar", tmp_path / "spoiled.tar", tmp_path / "fresh"
    with store:
        backup.backup(store.database, store.blobs, target, world=None)
    with tarfile.open(target) as good, tarfile.open(spoiled, "w") as bad:
        for member in good.getmembers():
            file = good.extractfile(member)
            assert file is not None
            data = file.read()
            if member.name.startswith("images/"):
                data = data[::-1]
            bad.addfile(member, io.BytesIO(data))
    for source in (spoiled, tmp_path / "nothing.tar"):
        with pytest.raises(InvalidArgument, match="no whole backup"):
            backup.restore(source, fresh, fresh / "jobs.sqlite")
        assert not list(fresh.glob("*"))


async def test_a_backup_moves_to_the_other_database(store: Store, tmp_path: Path, postgres: str) -> None:
    target, folder = tmp_path / "all.tar", tmp_path / "fresh"
    with store:
        backup.backup(store.database, store.blobs, target, world=store.folder / "world.sqlite")
    with fresh_database(postgres) as url:
        backup.restore(target, folder, url)
        with Store(folder, store.refs, url) as moved:
            assert moved.check().clean


async def test_worlds_elsewhere_are_not_collected_blindly(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(FailedPrecondition, match="whose entities cannot be seen"):
        retention.require_own_world(True)
    with pytest.raises(FailedPrecondition):
        async with started(tiny, tmp_path, keep_jobs=1, statement_key_file=tmp_path / "key"):
            pass


async def test_from_the_command_line(store: Store, tmp_path: Path) -> None:
    if not isinstance(store.place, Path):
        pytest.skip("the file is enough here")
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(store.folder)}

    def run(*words: str, status: int = 0, **more: str) -> str:
        result = CliRunner().invoke(app, list(words), env=environment | more)
        assert result.exit_code == status, result.output
        return result.output

    assert "removed 0 jobs, 0 pictures" in run("gc")
    assert json.loads(run("gc", "--json", VIWO_IMAGEGEN_KEEP_JOBS="2"))["jobs"] == 1
    assert "fit together" in run("fsck")
    assert "files" in run("backup", str(tmp_path / "b.tar"))
    run("restore", str(tmp_path / "b.tar"), VIWO_IMAGEGEN_DATA_DIR=str(tmp_path / "new"))
    with store:
        store.path("entity").unlink()
    assert "1 pictures without a file" in run("fsck", status=1)
    assert json.loads(run("fsck", "--repair", "--json"))["missing"] == [store.refs["entity"]]
    assert "there is no store" in run("gc", status=1, VIWO_IMAGEGEN_DATA_DIR=str(tmp_path / "none"))


async def test_a_server_keeps_its_store_in_order_while_it_works(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, keep_jobs=100, metrics_port=0) as sidecar:
        context = await sidecar.context()
        job = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(job.id, "step")
        target = tmp_path / "while.tar"
        database = Database(tmp_path / "jobs.sqlite")
        assert backup.backup(database, Blobs(tmp_path), target, world=tmp_path / "world.sqlite") >= 2
        database.close_here()
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
        await sidecar.ended(job.id)


async def test_what_runs_and_templates_name_is_kept(store: Store) -> None:
    with store:
        store.older()
        run = {
            "id": "r", "template": "t", "document": {}, "state": "running", "jobs": [], "created": 1.0,
            "context": {"calls": {}, "values": {"picture": store.refs["job"]}}, "world": "w", "owner_id": 0,
        }  # fmt: skip
        template = {
            "world": "w", "owner_id": 0, "name": "t", "shared": True,
            "document": {"steps": [{"image": store.refs["edit"]}]}, "updated": 1.0,
        }  # fmt: skip
        store.database.do_here(lambda connection: connection.execute(sa.insert(tables.RUNS).values(**run)))
        store.database.do_here(
            lambda connection: connection.execute(sa.insert(tables.TEMPLATES).values(**template))
        )
        store.collect(jobs=0)
        assert [name for name in store.refs if store.has(name)] == ["job", "entity", "edit"]


async def test_jobs_are_not_removed_where_that_frees_nothing(store: Store) -> None:
    with store:
        # Everything was stored just now, so nothing may go yet.
        removed = retention.collect(store.database, store.world, store.blobs, Retention(bytes=1), grace=3600)
        assert removed == retention.Removed()


async def test_a_session_keeps_its_budget_however_long_it_lasts(store: Store) -> None:
    with store:
        past = time.time() - 70 * 24 * 3600
        old = sa.update(tables.LEDGER).values(created=past, day="2020-01-01", month="2020-01")

        def age(connection: sa.Connection) -> None:
            connection.execute(old)
            budgets.repair(connection, budgets.differences(connection))

        def session(connection: sa.Connection) -> int:
            rows = connection.execute(sa.select(tables.BALANCES)).all()
            return sum(row.compute for row in rows if row.period.startswith("session:"))

        store.database.do_here(age)
        before = store.database.look_here(session)
        store.collect(days=1000)
        assert store.database.look_here(session) == before > 0


async def test_looking_keeps_nobody_from_writing(tmp_path: Path) -> None:
    reader, writer = (Database(tmp_path / "jobs.sqlite") for _ in range(2))
    reader.migrate()

    def look(connection: sa.Connection) -> int:
        def count() -> int:
            return len(connection.execute(sa.select(tables.TEMPLATES)).all())

        assert count() == 0
        row = {"world": "w", "owner_id": 0, "name": "t", "shared": True, "document": {}, "updated": 1.0}
        writer.do_here(lambda other: other.execute(sa.insert(tables.TEMPLATES).values(**row)))
        return count()

    assert reader.look_here(look) == 0, "all of it as it was at one moment"
    reader.close_here()
    writer.close_here()

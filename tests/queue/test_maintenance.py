"""Retention, gc, fsck, backup and restore: nothing that is used is ever removed, and what is broken is found."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image
from typer.testing import CliRunner

from capabilities.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from entity_store.blobs import Blobs
from entity_store.world import World
from sidecar.application.workflows import ROW_READERS
from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import blob_pb2, common_pb2, job_pb2
from sidecar.queue.ledger import budgets
from sidecar.queue.maintenance import backup, consistency, retention
from sidecar.queue.maintenance.consistency import Findings
from sidecar.queue.maintenance.retention import Retention
from sidecar.queue.store import tables
from sidecar.queue.store.database import Database
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started
from tests.databases import fresh as fresh_database


class Store:
    """A store that a server worked on and left."""

    def __init__(self, folder: Path, refs: dict[str, str], place: Path | str) -> None:
        self.folder = folder
        self.refs = refs
        self.place = place

    def __enter__(self) -> Store:
        self.database = Database(self.place)
        self.world = World(self.folder / "world.sqlite", own=True)
        self.blobs = Blobs(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()
        self.database.close_here()

    def collect(self, **kept: Any) -> retention.Removed:
        return retention.collect(self.database, self.world, self.blobs, Retention(**kept), grace=0)

    def check(self, *, repair: bool = False) -> Findings:
        return consistency.check(self.database, self.world, self.blobs, repair=repair, readers=ROW_READERS)

    def has(self, name: str) -> bool:
        digest = self.refs[name].removeprefix("sha256:")
        return (self.folder / "images" / digest[:2] / digest).is_file()

    def path(self, name: str) -> Path:
        return self.blobs.path(self.refs[name])

    def older(self) -> None:
        """Everything was stored an hour ago."""
        past = time.time() - 3600
        for file in (self.folder / "images").rglob("*"):
            os.utime(file, (past, past))


@pytest.fixture(scope="module")
async def worked(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One picture of a job, one of an entity, one that was brought for an edit, and what the edit made."""
    folder = tmp_path_factory.mktemp("worked")
    refs = {}
    async with started(tiny, folder) as sidecar:
        context = await sidecar.context({"compute_per_day": 100})
        refs["job"] = (await sidecar.images.TextToImage(text_to_image(context, seed=1))).images[0].ref
        output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="kept"))
        saved = await sidecar.images.TextToImage(text_to_image(context, seed=2, output=output))
        refs["entity"] = saved.images[0].ref
        refs["input"] = await uploaded(sidecar)
        edits = await sidecar.context(kind="image.edit")
        refs["edit"] = (await sidecar.in_world(edits, "transform", refs["input"], 90))["ref"]
    return Store(folder, refs, folder / "jobs.sqlite")


@pytest.fixture
def store(worked: Store, tmp_path: Path, place: Path | str) -> Store:
    """A copy of it to spoil, in either database."""
    folder = tmp_path / "data"
    if isinstance(place, Path):
        shutil.copytree(worked.folder, folder)
        return Store(folder, worked.refs, folder / "jobs.sqlite")
    with worked:
        target = tmp_path / "worked.tar"
        backup.backup(worked.database, worked.blobs, target, world=worked.folder / "world.sqlite")
    backup.restore(target, folder, place)
    (folder / "incoming").mkdir()
    return Store(folder, worked.refs, place)


async def uploaded(sidecar: Sidecar) -> str:
    """A picture that was brought here, and no job made."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7), "teal").save(buffer, "PNG")
    blob = await sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=buffer.getvalue())]))
    return str(blob.ref)


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


async def test_what_is_broken_is_found_and_mended(store: Store) -> None:
    with store:
        store.path("entity").write_bytes(b"rot")
        store.path("job").unlink()
        (store.folder / "incoming" / "half").write_bytes(b"x")
        statements = (
            "UPDATE balances SET compute = compute + 1",
            "UPDATE ledger SET settled = (1 = 0) WHERE account = 'server'",
            "DELETE FROM images",
            "INSERT INTO lines VALUES ('model', 0, 'w', 77, 'sd', 5)",
        )
        for statement in statements:
            store.database.do_here(lambda connection, sql=statement: connection.execute(sa.text(sql)))  # type: ignore[misc]
        found = store.check()
        assert found.missing == sorted([store.refs["entity"], store.refs["job"]])
        assert found.damaged == [store.refs["entity"]]
        assert found.unrecorded == sorted([store.refs["job"], store.refs["entity"], store.refs["edit"]])
        assert (len(found.unsettled), len(found.balances) > 0, found.lines, found.unfinished) == (
            3,
            True,
            1,
            1,
        )
        assert store.check(repair=True) == found
        again = store.check()
        assert again.missing == found.missing, "only doing the job again brings a picture back"
        assert dataclass_without(again, "missing") == dataclass_without(Findings(), "missing")
        assert list((store.folder / "damaged").iterdir())


def dataclass_without(found: Findings, name: str) -> dict[str, Any]:
    return {key: value for key, value in vars(found).items() if key != name}


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


async def test_a_stray_file_disturbs_nobody(store: Store) -> None:
    with store:
        (store.folder / "images" / ".DS_Store").write_bytes(b"x")
        (store.folder / "images" / "ab").mkdir(exist_ok=True)
        (store.folder / "images" / "ab" / "notes.txt").write_bytes(b"x")
        assert store.check().clean


async def test_a_reservation_of_nobody_is_found_and_released(store: Store) -> None:
    with store:
        store.database.do_here(
            lambda connection: connection.execute(
                sa.update(tables.LEDGER).values(settled=False, job_id=tables.LEDGER.c.job_id + "x")
            )
        )
        assert store.check().unsettled
        store.check(repair=True)
        assert store.check().clean


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

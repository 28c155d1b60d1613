"""One broken row, file or property: passed over with its reason told, while everything beside it goes on.

Every column that holds JSON or a number is spoilt in turn, in the files that a real server left, and a real server is
started on them again.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import (
    capability_pb2,
    common_pb2,
    entity_pb2,
    job_pb2,
    system_pb2,
    template_pb2,
)
from sidecar.testing.refusals import refused
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import Sidecar, started
from tests.application.test_templates import CHAIN, finished, run, save
from tests.fixtures.make_release import plain

BROKEN = ("{", "", "nonsense", "[" * 5000, "null", "3", '"text"', "[3]", '{"a": 1}', b"\xff\xfe", 7)
"""What another hand may have written where JSON belongs."""


@pytest.fixture(scope="module")
async def left(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two jobs of each end that comes easily, entities, templates and runs; some jobs wait."""
    folder = tmp_path_factory.mktemp("left")
    async with started(tiny, folder, max_together=1) as sidecar:
        context = await sidecar.context({"compute_per_day": 100, "max_concurrent": 3, "rate_per_minute": 500})
        for seed in range(4):
            output = common_pb2.OutputOptions(
                save=common_pb2.SaveOptions(name=f"cup {seed}", room_id=sidecar.room)
            )
            await sidecar.images.TextToImage(text_to_image(context, seed=seed, output=output))
        for name in ("a one", "b two", "c three"):
            await save(sidecar, {**CHAIN, "name": name})
            await finished(sidecar, (await run(sidecar, name, subject="cup")).id)
        slow = await sidecar.jobs.Submit(submission(context, steps=150, count=16))
        for seed in range(10, 14):
            await sidecar.jobs.Submit(submission(context, seed=seed))
        async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=slow.id)):
            if event.WhichOneof("event") == "step":
                break
        # Ended while it was worked on, so that nothing slow comes back with the folder.
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=slow.id))
        await sidecar.ended(slow.id)
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
        # Whatever had its turn meanwhile waits again.
        connection.execute(
            "UPDATE jobs SET state = 'queued', ended = NULL, images = '[]', started = NULL, attempts = 0, answered_by = NULL "
            "WHERE json_extract(task, '$.seed') BETWEEN 10 AND 13"
        )
        connection.execute(
            "UPDATE ledger SET settled = 0 WHERE job_id IN (SELECT id FROM jobs WHERE state = 'queued')"
        )
        connection.commit()
    return folder


@pytest.fixture
def folder(left: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(left, tmp_path / "data"))


def jobs_of(folder: Path, state: str) -> list[str]:
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
        rows = connection.execute("SELECT id FROM jobs WHERE state = ? ORDER BY id", (state,))
        return [job_id for (job_id,) in rows]


def change(file: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(statement, values).rowcount > 0, statement
        connection.commit()


def command(folder: Path, *words: str, status: int | None = 0) -> str:
    result = CliRunner().invoke(
        app, list(words), env={"VIWO_IMAGEGEN_DATA_DIR": str(folder), "COLUMNS": "250"}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    assert status is None or result.exit_code == status, result.output
    return result.stdout


def found_by_fsck(folder: Path) -> list[str]:
    unreadable: list[str] = json.loads(command(folder, "fsck", "--json", status=None))["unreadable"]
    return unreadable


async def listed(sidecar: Sidecar, **asked: Any) -> list[str]:
    """All jobs, page by page."""
    found: list[str] = []
    token = ""
    while True:
        page = await sidecar.jobs.List(job_pb2.ListJobsRequest(page_size=3, page_token=token, **asked))
        found += [job.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            return found


COLUMNS = ("task", "images", "warnings", "failure", "save", "holds")
NUMBERS = (
    "owner_id",
    "priority",
    "attempts",
    "compute",
    "created",
    "started",
    "ended",
    "work_seconds",
    "lane",
    "state",
)


async def test_ended_jobs_that_are_damaged_hide_no_other(folder: Path, tiny: Path) -> None:
    done = jobs_of(folder, "succeeded")
    spoilt: set[str] = set()
    kept = done[-2:]
    cases: list[tuple[str, object]] = [(column, value) for column in COLUMNS for value in BROKEN]
    cases += [(column, value) for column in NUMBERS for value in ("abc", b"\xff", -(2**63), 1e308)]
    cases += [("task", json.dumps({"kind": "text_to_image", "prompt": "\ud800"})), ("failure", '{"code": "ODD", "message": "x"}'),
              ("images", '[{"ref": "../../x"}]'), ("warnings", '["\\ud800"]'), ("save", '{"name": 3}')]  # fmt: skip
    for number, (column, value) in enumerate(cases):
        spoilt.add(f"{number:026x}")
        copied(folder, done[0], {"id": f"{number:026x}", "request_id": None, column: value})
    told = found_by_fsck(folder)
    async with started(tiny, folder) as sidecar:
        everything = await listed(sidecar)
        assert set(done) <= set(everything)
        owner = (await sidecar.jobs.Get(job_pb2.GetJobRequest(id=kept[0]))).context.caller_id
        assert await listed(sidecar, owner_id=owner)
        # What is listed is whole; what is not is told by fsck.
        hidden = spoilt - set(everything)
        assert len(hidden) > 60
        for job_id in hidden:
            assert any(job_id in line for line in told), job_id
            await sidecar.jobs.Get(job_pb2.GetJobRequest(id=job_id))
        assert (await sidecar.system.Status(system_pb2.StatusRequest())).start_time.seconds
        await sidecar.system.Metrics(system_pb2.MetricsRequest())
    command(folder, "gc")
    command(folder, "backup", str(folder.parent / "all.tar"))
    command(folder.parent / "new", "restore", str(folder.parent / "all.tar"))
    assert found_by_fsck(folder.parent / "new") == told, "a backup keeps rows as they are"


async def test_waiting_jobs_that_are_damaged_stop_no_lane(folder: Path, tiny: Path) -> None:
    first, *others = jobs_of(folder, "queued")
    columns = (*COLUMNS, "compute", "owed", "attempts", "created", "deadline", "priority", "failures", "lane")
    spoilt = {column: f"{number:026x}" for number, column in enumerate(columns)}
    for column, job_id in spoilt.items():
        copied(folder, first, {"id": job_id, "request_id": None, "fingerprint": None, column: "{ no"})
    async with started(tiny, folder, max_together=1) as sidecar, asyncio.timeout(60):
        for job_id in (first, *others):
            assert (await sidecar.ended(job_id)).state == job_pb2.JOB_STATE_SUCCEEDED
        again = await sidecar.jobs.Submit(submission(await sidecar.context()))
        assert (await sidecar.ended(again.id)).state == job_pb2.JOB_STATE_SUCCEEDED
        # Nothing looks for jobs of a priority or in a lane that there is not; those are left to fsck.
        for column in spoilt.keys() - {"priority", "lane"}:
            last = await sidecar.ended(spoilt[column])
            assert (last.state, last.failure.reason) == (job_pb2.JOB_STATE_FAILED, "DAMAGED_ROW"), column
    command(folder, "fsck", "--repair", status=None)
    assert not jobs_of(folder, "queued")
    assert not jobs_of(folder, "running")
    found = json.loads(command(folder, "fsck", "--json", status=None))
    assert (found["unsettled"], found["balances"], found["lines"]) == ([], [], 0)


def copied(folder: Path, job_id: str, changes: dict[str, object]) -> None:
    """The same job once more, with other values in some columns."""
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
        row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,))
        names = [column[0] for column in row.description]
        values = dict(zip(names, row.fetchone(), strict=True)) | changes
        marks = ", ".join("?" * len(names))
        connection.execute(f"INSERT INTO jobs VALUES ({marks})", [values[name] for name in names])
        connection.commit()


def closing_rows(file: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query, values).fetchall()


BOOKS = (
    "UPDATE ledger SET compute = 'abc'",
    "UPDATE ledger SET created = 'abc'",
    "UPDATE ledger SET settled = 'abc' WHERE rowid % 2 = 0",
    "UPDATE balances SET compute = 'abc', money = 'x'",
    "UPDATE shares SET served = 'abc'",
    "UPDATE lines SET waiting = 'abc', priority = 'high'",
    "UPDATE history SET task = '{', inputs = '[3]', created = 'abc'",
    "UPDATE models_cache SET seconds = 'abc', compute = 'abc'",
    "UPDATE images SET width = 'abc', created = 'abc'",
    "UPDATE job_inputs SET ref = 3",
    "UPDATE batches SET size = 'abc'",
)


async def test_spoilt_books_keep_nobody_from_working(folder: Path, tiny: Path) -> None:
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
        for statement in BOOKS:
            connection.execute(statement)
        connection.commit()
    waiting = jobs_of(folder, "queued")
    tables = {line.split()[0] for line in found_by_fsck(folder)}
    assert {"ledger", "balances", "shares", "lines", "history", "images", "models_cache"} <= tables
    async with started(tiny, folder, max_together=1) as sidecar, asyncio.timeout(60):
        for job_id in waiting:
            assert (await sidecar.ended(job_id)).state == job_pb2.JOB_STATE_SUCCEEDED
        context = await sidecar.context({"compute_per_day": 50})
        assert (await sidecar.images.TextToImage(text_to_image(context))).images
        await sidecar.jobs.Estimate(submission(context))
        await sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context))
        await sidecar.system.Status(system_pb2.StatusRequest())
        job = await sidecar.jobs.Get(job_pb2.GetJobRequest(id=waiting[0]))
        await sidecar.jobs.History(job_pb2.HistoryRequest(ref=job.images[0].ref))
    command(folder, "gc")
    command(folder, "fsck", "--repair", status=None)


DOCUMENTS = (
    *BROKEN, json.dumps({**CHAIN, "name": "x99", "description": "\ud800"}), '{"steps": ' + "[" * 300 + "]" * 300 + "}",
)  # fmt: skip


async def test_broken_templates_and_runs_hide_no_other(folder: Path, tiny: Path) -> None:
    with closing(sqlite3.connect(folder / "jobs.sqlite")) as connection:
        for number, value in enumerate(DOCUMENTS):
            connection.execute(
                "INSERT INTO templates (world, owner_id, name, shared, document, updated) VALUES ('', 0, ?, 1, ?, 1.0)",
                (f"b {number:02}", value),
            )
            values = (f"run{number}", "b", value, value, "running" if number % 2 else "failed", value, value)
            connection.execute(
                "INSERT INTO runs (id, template, document, context, state, jobs, failure, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 1.0)", values
            )  # fmt: skip
        connection.commit()
    assert len(found_by_fsck(folder)) == 2 * len(DOCUMENTS)
    async with started(tiny, folder) as sidecar:
        names: list[str] = []
        token = ""
        while True:
            page = await sidecar.templates.List(
                template_pb2.ListTemplatesRequest(page_size=1, page_token=token)
            )
            names += [item.name for item in page.templates]
            token = page.next_page_token
            if not token:
                break
        assert names == ["a one", "b two", "c three"]
        for number in range(len(DOCUMENTS)):
            name = f"b {number:02}"
            for call in (
                sidecar.templates.Get(template_pb2.GetTemplateRequest(name=name)),
                sidecar.templates.GetRun(template_pb2.GetRunRequest(id=f"run{number}")),
                sidecar.templates.CancelRun(template_pb2.CancelRunRequest(id=f"run{number}")),
            ):
                error = await refused(call)
                assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
            await sidecar.templates.Delete(template_pb2.DeleteTemplateRequest(name=name))
        assert (await finished(sidecar, (await run(sidecar, "a one", subject="hat")).id)).jobs
    command(folder, "gc")


async def test_broken_entities_and_capabilities_hide_no_other(folder: Path, tiny: Path) -> None:
    world = folder / "world.sqlite"
    query = "SELECT id FROM entities WHERE props LIKE '%sha256:%' ORDER BY id"
    pictures = [row[0] for row in closing_rows(world, query)]
    holders = "SELECT owner_id FROM capabilities WHERE type = 'diffusers.generate' LIMIT 1"
    (painter,) = closing_rows(world, holders)[0]
    change(
        world,
        "UPDATE imagegen_versions SET created_at = ?, version = ? WHERE entity_id = ?",
        "abc",
        "x",
        pictures[1],
    )
    change(world, "UPDATE verbs SET code = ? WHERE name = 'place'", "{")
    spoilt = []
    with closing(sqlite3.connect(world)) as connection:
        for number, value in enumerate(BROKEN):
            made = connection.execute("INSERT INTO entities (prototype_id, props) VALUES (?, ?)", (2, value))
            spoilt.append(int(made.lastrowid or 0))
            values = (f"odd{number}", painter, "diffusers.generate", value)
            connection.execute("INSERT INTO capabilities VALUES (?, ?, ?, ?)", values)
        connection.execute("INSERT INTO capabilities VALUES ('odder', ?, ?, '{}')", (painter, b"\xff"))
        connection.commit()
    async with started(tiny, folder) as sidecar:
        entities = await sidecar.entities.List(entity_pb2.ListEntitiesRequest(page_size=1000))
        assert set(pictures) <= {entity.id for entity in entities.entities}
        await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=pictures[1]))
        for entity_id in spoilt:
            await refused(sidecar.entities.Get(entity_pb2.GetEntityRequest(id=entity_id)))
        held = await sidecar.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=painter, page_size=1000)
        )
        assert len(held.capabilities) > len(BROKEN) + 1
        for number in range(len(BROKEN)):
            context = common_pb2.CallContext(capability_id=f"odd{number}", caller_id=painter, this_id=painter)
            error = await refused(sidecar.images.TextToImage(text_to_image(context)))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED, error.details()
        output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="new"))
        made_now = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), output=output))
        assert made_now.images[0].entity_id
    told = " ".join(found_by_fsck(folder))
    for entity_id, value in zip(spoilt, BROKEN, strict=True):
        assert (f"world entities {entity_id}:" in told) == (value != '{"a": 1}'), value
    command(folder, "gc")


async def test_properties_that_cannot_be_read_are_not_written_over(folder: Path, tiny: Path) -> None:
    async with started(tiny, folder) as sidecar:
        raw = '{"name": "Hall", "contents": [1, 2'
        with sidecar.running.world.transaction() as connection:
            connection.execute("UPDATE entities SET props = ? WHERE id = ?", (raw, sidecar.room))
        output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="a", room_id=sidecar.room))
        error = await refused(
            sidecar.images.TextToImage(text_to_image(await sidecar.context(), output=output))
        )
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
        assert sidecar.running.world.row("SELECT props FROM entities WHERE id = ?", sidecar.room) == (raw,)


async def test_odd_files_disturb_nobody(folder: Path, tiny: Path) -> None:
    images = folder / "images"
    name = "ab" + "0" * 62
    (images / "ab").mkdir(exist_ok=True)
    os.mkfifo(images / "ab" / name)
    (images / "ac").mkdir(exist_ok=True)
    (images / "ac" / ("ac" + "0" * 62)).mkdir()
    (images / "ad").mkdir(exist_ok=True)
    (images / "ad" / ("ad" + "0" * 62)).symlink_to("/etc/hostname")
    (images / "loop").symlink_to(images)
    (images / "file").write_bytes(b"x")
    picture = next(
        path
        for path in sorted(images.rglob("*"))
        if len(path.name) == 64 and path.is_file() and path.stat().st_size > 100
    )
    picture.write_bytes(b"rot")
    (folder / "incoming" / "folder").mkdir()
    (folder / "incoming" / "folder" / "file").write_bytes(b"x")
    os.mkfifo(folder / "incoming" / "pipe")
    found = json.loads(command(folder, "fsck", "--json", status=1))
    assert found["damaged"] == [f"sha256:{picture.name}"]
    command(folder, "gc")
    assert "1 damaged pictures are left out" in command(folder, "backup", str(folder.parent / "all.tar"))
    command(folder.parent / "new", "restore", str(folder.parent / "all.tar"))
    async with started(tiny, folder) as sidecar:
        assert (await sidecar.images.TextToImage(text_to_image(await sidecar.context()))).images
        await sidecar.system.Status(system_pb2.StatusRequest())
    assert not list((folder / "incoming").iterdir())


async def test_the_command_line_shows_texts_as_they_are(tiny: Path, tmp_path: Path) -> None:
    """Names that look like rich's markup, or move the cursor: neither breaks a table nor acts in it."""
    async with started(tiny, tmp_path) as sidecar:
        port = sidecar.running.address.rsplit(":", 1)[1]
        odd = sidecar.entity(
            name="[/red]\x1b[2J[bold]", image_ref="sha256:" + "0" * 64, image_type="uploaded"
        )
        environment = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path), "VIWO_IMAGEGEN_PORT": port, "COLUMNS": "250"}

        def show(*words: str) -> str:
            result = CliRunner().invoke(app, list(words), env=environment)
            assert result.exit_code == 0, (result.output, result.exception)
            return result.output

        shown = await asyncio.to_thread(show, "entity", "list")
        assert "[/red][2J[bold]" in shown
        assert str(odd) in shown
        assert "\x1b[2J" not in shown
        await asyncio.to_thread(show, "top", "--once")
        assert plain(await sidecar.system.Status(system_pb2.StatusRequest()))

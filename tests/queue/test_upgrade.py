"""What each release left behind is taken over whole: its data folder, as a killed server left it, goes on here.

The folders were made by `tests/fixtures/make_release.py`, one for each release; a later version only has to keep this green.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf import json_format
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    job_pb2,
    key_pb2,
    template_pb2,
)
from sidecar.queue.store.database import Database, only_server
from sidecar.queue.store.tables import LEDGER
from sidecar.testing.client import Client
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar, started
from tests.fixtures.make_release import BUDGETS, draw, plain

RELEASES = sorted(path.name for path in (Path(__file__).parents[1] / "fixtures").glob("release_*.tar.xz"))
OPEN = {"JOB_STATE_QUEUED", "JOB_STATE_RUNNING"}
MOVES = {"queue_position", "queue_positions", "step"}
"""What changes while a server works, also where nothing happens to the thing itself."""


@dataclass
class Upgraded:
    """A server of today on the folder of a release, after everything that was left open has ended."""

    sidecar: Sidecar
    told: dict[str, Any]
    """What the release told of it, a moment before it was killed."""
    token: str
    ends: dict[str, dict[str, Any]]
    """How each open job ended."""
    run_ends: dict[str, dict[str, Any]]
    folder: Path


def unpack(release: str, folder: Path) -> dict[str, Any]:
    with tarfile.open(Path(__file__).parents[1] / "fixtures" / release) as archive:
        archive.extractall(folder, filter="fully_trusted")  # noqa: S202  # Ours: with the modes of the release.
    told: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return told


@pytest.fixture(scope="module", params=RELEASES)
async def upgraded(
    request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgraded")
    told = unpack(request.param, folder)
    data = folder / "data"
    token = (data / "token").read_text().strip()
    async with started(tiny, data, budgets=BUDGETS, max_together=1) as sidecar:
        async with asyncio.timeout(120):
            left = [job["id"] for job in told["jobs"] if job["state"] in OPEN]
            ends = {job_id: plain(await sidecar.ended(job_id)) for job_id in left}
            run_ends = {}
            for run in told["runs"]:
                watch = sidecar.templates.WatchRun(template_pb2.GetRunRequest(id=run["id"]))
                run_ends[run["id"]] = [plain(seen) async for seen in watch][-1]
        yield Upgraded(sidecar, told, token, ends, run_ends, data)


def missing(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """What was told before and is not the same now. A later version may tell more."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in MOVES:
                continue
            if name.endswith("_json"):
                yield from missing(
                    json.loads(value), json.loads(after.get(name) or "null"), f"{place}.{name}"
                )
            else:
                yield from missing(value, after.get(name), f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from missing(one, other, f"{place}[{number}]")
    elif place.endswith(".seed") and (before, after) == ("0", None):
        # Release 0.1 told a seed where nothing had been drawn at random.
        return
    elif before != after:
        yield f"{place}: {before!r} is now {after!r}"


def test_there_is_a_release_to_come_from() -> None:
    assert "release_0_1.tar.xz" in RELEASES


async def test_it_left_something_of_every_kind(upgraded: Upgraded) -> None:
    told = upgraded.told
    assert {job["state"] for job in told["jobs"]} == {
        f"JOB_STATE_{name}"
        for name in ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "BLOCKED_BUDGET")
    }
    assert {run["state"] for run in told["runs"]} >= {"JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"}
    assert any(not row["settled"] and row["compute"] for row in told["ledger"])
    assert any(item.get("parent_id") for item in told["capabilities"])
    assert any(job.get("answered_by") for job in told["jobs"])
    assert all(
        told[name] for name in ("batches", "templates", "entities", "pictures", "histories", "budgets")
    )


async def test_the_token_is_the_same(upgraded: Upgraded) -> None:
    assert upgraded.sidecar.running.token == upgraded.token


async def test_what_had_ended_is_as_it_was(upgraded: Upgraded) -> None:
    sidecar = upgraded.sidecar
    found = (await sidecar.jobs.List(job_pb2.ListJobsRequest(page_size=1000))).jobs
    now = {job.id: plain(job) for job in found}
    for job in upgraded.told["jobs"]:
        assert job["id"] in now
        if job["state"] not in OPEN:
            assert list(missing(job, now[job["id"]])) == []
    for batch in upgraded.told["batches"]:
        again = plain(await sidecar.jobs.GetBatch(job_pb2.GetBatchRequest(id=batch["id"])))
        assert [job["id"] for job in again["jobs"]] == [job["id"] for job in batch["jobs"]]
        assert (again["on_error"], again.get("left", 0)) == (batch["on_error"], 0)


async def test_what_had_not_ended_ends_once_and_well(upgraded: Upgraded) -> None:
    before = {job["id"]: job for job in upgraded.told["jobs"] if job["state"] in OPEN}
    assert before
    assert upgraded.ends.keys() == before.keys()
    for job_id, job in before.items():
        end = upgraded.ends[job_id]
        assert end["state"] == "JOB_STATE_SUCCEEDED", end
        kept = (
            "context",
            "method",
            "model_id",
            "priority",
            "batch_id",
            "create_time",
            "task_json",
            "total_steps",
        )
        same = {name: job[name] for name in kept if name in job}
        assert list(missing(same, end)) == []
        again = plain(await upgraded.sidecar.jobs.Get(job_pb2.GetJobRequest(id=job_id)))
        assert list(missing(end, again)) == []
    running = [job_id for job_id, job in before.items() if job["state"] == "JOB_STATE_RUNNING"]
    assert all(upgraded.ends[job_id]["attempts"] == 2 for job_id in running), "begun anew, and counted"


async def test_a_request_that_was_made_is_not_made_twice(upgraded: Upgraded) -> None:
    named = {"once": "é🐉 in a cup", "waiting": "waits and is kept"}
    for request_id, prompt in named.items():
        (job,) = [
            job
            for job in upgraded.told["jobs"]
            if json.loads(job["task_json"]).get("prompt") == prompt and not job.get("answered_by")
        ]
        context = json_format.ParseDict(job["context"], common_pb2.CallContext())
        again = await upgraded.sidecar.jobs.Submit(draw(context, prompt, request_id=request_id))
        assert again.id == job["id"]


async def test_templates_and_runs_go_on(upgraded: Upgraded) -> None:
    templates = await upgraded.sidecar.templates.List(template_pb2.ListTemplatesRequest())
    assert list(missing(upgraded.told["templates"], [plain(item) for item in templates.templates])) == []
    for run in upgraded.told["runs"]:
        end = upgraded.run_ends[run["id"]]
        if run["state"] == "JOB_STATE_RUNNING":
            assert end["state"] == "JOB_STATE_SUCCEEDED", end
            begun = [job["id"] for job in run["jobs"]]
            assert [job["id"] for job in end["jobs"]][: len(begun)] == begun, "no step is done twice"
            assert len(end["jobs"]) == end["steps"]
        else:
            assert list(missing(run, end)) == []


async def test_capabilities_and_their_parents_hold(upgraded: Upgraded) -> None:
    for item in upgraded.told["capabilities"]:
        now = await upgraded.sidecar.capabilities.Get(capability_pb2.GetCapabilityRequest(id=item["id"]))
        assert list(missing(item, plain(now))) == []
    for item in upgraded.told["budgets"]:
        context = json_format.ParseDict(item["context"], common_pb2.CallContext())
        now = await upgraded.sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context))
        caps = [(budget.get("account"), budget["period"], budget["cap"]) for budget in item["budgets"]]
        assert [
            (budget.get("account"), budget["period"], budget["cap"]) for budget in map(plain, now.budgets)
        ] == caps


async def test_what_the_rows_of_then_limit_is_limited_now(upgraded: Upgraded) -> None:
    sidecar = upgraded.sidecar

    def context(**limits: float) -> common_pb2.CallContext:
        """Of the row that has these limits."""
        (row,) = [
            item
            for item in upgraded.told["capabilities"]
            if limits.items() <= item["params"].items() and item["type"] == "diffusers.generate"
        ]
        owner = int(row["owner_id"])
        return common_pb2.CallContext(capability_id=row["id"], caller_id=owner, this_id=owner)

    narrow = context(max_width=64)
    assert (await sidecar.jobs.Estimate(draw(narrow, "a cup", width=64))).cost.compute > 0
    error = await refused(sidecar.jobs.Submit(draw(narrow, "a cup", width=72)))
    assert (error.code(), error_info(error).metadata["field"]) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "max_width",
    )
    blocked = await sidecar.jobs.Submit(draw(context(compute_per_day=0.001), "a cup that was never drawn"))
    assert blocked.state == job_pb2.JOB_STATE_BLOCKED_BUDGET


async def test_pictures_entities_and_histories_are_there(upgraded: Upgraded) -> None:
    sidecar = upgraded.sidecar
    for entity in upgraded.told["entities"]:
        now = await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=int(entity["id"]), include_data=True))
        assert len(now.image.data) > 0
        now.image.ClearField("data")
        now.image.ClearField("size_bytes")
        assert list(missing(entity, plain(now))) == []
    for picture in upgraded.told["pictures"]:
        now = await sidecar.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=picture["ref"]))
        assert list(missing(picture, plain(now))) == []
        parts = sidecar.blobs.Download(blob_pb2.DownloadRequest(ref=picture["ref"]))
        data = b"".join([part.chunk async for part in parts])
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == picture["ref"]
    for history in upgraded.told["histories"]:
        now = await sidecar.jobs.History(job_pb2.HistoryRequest(ref=history["ref"]))
        assert list(missing(history, plain(now))) == []


async def test_every_owner_finds_what_is_theirs_and_a_stranger_nothing(upgraded: Upgraded) -> None:
    sidecar, told = upgraded.sidecar, upgraded.told
    owners = {item["id"]: int(item["owner_id"]) for item in told["capabilities"]}
    by_owner: dict[int, list[dict[str, Any]]] = {}
    for job in told["jobs"]:
        by_owner.setdefault(owners[job["context"]["capability_id"]], []).append(job)
    assert by_owner
    for owner, jobs in by_owner.items():
        client = await with_key(sidecar, owner)
        listed = {job.id for job in (await client.jobs.List(job_pb2.ListJobsRequest(page_size=1000))).jobs}
        assert {job["id"] for job in jobs} <= listed
        for ref in {image["ref"] for job in jobs for image in job.get("images", ())}:
            assert (await client.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=ref))).ref == ref
        names = {
            item.name for item in (await client.templates.List(template_pb2.ListTemplatesRequest())).templates
        }
        assert {template["name"] for template in told["templates"]} <= names, (
            "those from before are everybody's"
        )
    runs = {
        run["id"]: owners[job["context"]["capability_id"]]
        for run in told["runs"]
        for job in run.get("jobs", ())[:1]
    }
    for run_id, owner in runs.items():
        found = await (await with_key(sidecar, owner)).templates.GetRun(template_pb2.GetRunRequest(id=run_id))
        assert found.id == run_id
    stranger = await with_key(sidecar, sidecar.entity(name="Stranger"))
    assert not (await stranger.jobs.List(job_pb2.ListJobsRequest())).jobs
    for call in (
        *(stranger.jobs.Get(job_pb2.GetJobRequest(id=job["id"])) for job in told["jobs"]),
        *(stranger.templates.GetRun(template_pb2.GetRunRequest(id=run["id"])) for run in told["runs"]),
        *(stranger.jobs.GetBatch(job_pb2.GetBatchRequest(id=batch["id"])) for batch in told["batches"]),
        *(
            stranger.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=picture["ref"]))
            for picture in told["pictures"]
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def with_key(sidecar: Sidecar, entity_id: int) -> Client:
    made = await sidecar.keys.Create(key_pb2.CreateKeyRequest(entity_id=entity_id))
    return Client(sidecar.channel, made.text)


async def test_the_ledger_is_right_to_the_unit(upgraded: Upgraded) -> None:
    database = Database(upgraded.folder / "jobs.sqlite")
    rows = database.look_here(lambda connection: connection.execute(sa.select(LEDGER)).all())
    database.close_here()
    now = {(row.job_id, row.account): row for row in rows}
    for row in upgraded.told["ledger"]:
        after = now[row["job_id"], row["account"]]
        assert after.settled
        if row["settled"]:
            assert (after.compute, after.money) == (row["compute"], row["money"])
            continue
        end = upgraded.ends[row["job_id"]]
        spent = round(end.get("cost", {}).get("compute", 0) * 1_000_000)
        assert after.compute == spent, "what was reserved became what was spent"
        assert spent == (0 if end.get("answered_by") else row["compute"])


@pytest.mark.parametrize("release", RELEASES)
async def test_fsck_finds_nothing_and_a_backup_comes_back(tiny: Path, tmp_path: Path, release: str) -> None:
    told = unpack(release, tmp_path)
    data = tmp_path / "data"

    def command(*words: str, folder: Path = data) -> str:
        environment = {"VIWO_IMAGEGEN_DATA_DIR": str(folder)}
        result = CliRunner().invoke(app, list(words), env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert not any(json.loads(command("fsck", "--json")).values()), "before any server"
    async with started(tiny, data, budgets=BUDGETS, max_together=1) as sidecar:
        for job in told["jobs"]:
            await sidecar.ended(job["id"])
    assert not any(json.loads(command("fsck", "--json")).values()), "after a server that was stopped"
    command("backup", str(tmp_path / "all.tar"))
    command("restore", str(tmp_path / "all.tar"), folder=tmp_path / "new")
    assert not any(json.loads(command("fsck", "--json", folder=tmp_path / "new")).values())
    assert '"jobs": 0' in command("gc", "--json"), "nothing goes that was kept"


def upgrade_steps(page: str) -> list[str]:
    """The commands of ours under "Upgrade" in a page of the documentation."""
    text = (Path(__file__).parents[2] / page).read_text()
    block = text.split("## Upgrade", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    lines = [line.partition("  #")[0].strip() for line in block.splitlines()]
    return [line for line in lines if line.startswith("viwo-imagegen ")]


@pytest.mark.parametrize("release", RELEASES)
async def test_the_documented_steps_upgrade_it(
    tiny: Path, tmp_path: Path, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(release, tmp_path)
    data = tmp_path / "data"
    monkeypatch.chdir(tmp_path)
    environment = {
        "VIWO_IMAGEGEN_DATA_DIR": str(data), "VIWO_IMAGEGEN_BUDGETS": json.dumps(BUDGETS), "VIWO_IMAGEGEN_PORT": "1",
        "VIWO_IMAGEGEN_MODEL_DIRS": json.dumps([str(tiny)]), "VIWO_IMAGEGEN_DEFAULT_MODEL": "sd",
    }  # fmt: skip
    steps = upgrade_steps("docs/install.md")
    assert [step.split()[1] for step in steps] == ["backup", "fsck", "doctor"]
    for step in steps:
        done = await asyncio.to_thread(CliRunner().invoke, app, shlex.split(step)[1:], env=environment)
        assert done.exit_code == 0, f"{step}: {done.output}"
    # And back: what was backed up beforehand is what there was.
    back = {**environment, "VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "back")}
    assert CliRunner().invoke(app, ["restore", "before.tar"], env=back).exit_code == 0
    assert not any(json.loads(CliRunner().invoke(app, ["fsck", "--json"], env=back).stdout).values())


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_server_of_a_release_works_on_is_left_alone(tmp_path: Path, release: str) -> None:
    unpack(release, tmp_path)
    data = tmp_path / "data"
    before = (data / "jobs.sqlite").read_bytes()
    with only_server(data):
        done = CliRunner().invoke(app, ["fsck"], env={"VIWO_IMAGEGEN_DATA_DIR": str(data)})
    assert (done.exit_code, "stop it before its job database is upgraded" in done.output) == (1, True)
    assert (data / "jobs.sqlite").read_bytes() == before


def test_a_service_is_upgraded_by_the_same_steps() -> None:
    verbs = [
        [step.split()[1] for step in upgrade_steps(page)] for page in ("docs/install.md", "deploy/README.md")
    ]
    assert verbs[0] == verbs[1]

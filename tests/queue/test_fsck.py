"""fsck: what does not fit together is found, named and mended, also while a server works."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from typer.testing import CliRunner

from entity_store.blobs import Blobs
from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.queue.maintenance.concerned import concerned
from sidecar.queue.maintenance.consistency import Findings
from sidecar.queue.store import tables
from sidecar.testing.server import started
from tests.queue.worked_store import Store


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


async def test_fsck_names_jobs_and_owners_while_a_server_works(store: Store, tiny: Path) -> None:
    url = {} if isinstance(store.place, Path) else {"database_url": store.place}
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(store.folder), "COLUMNS": "250"}
    environment |= {f"VIWO_IMAGEGEN_{name.upper()}": str(value) for name, value in url.items()}

    async def fsck(*words: str, status: int = 0) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["fsck", *words], env=environment)
        assert done.exit_code == status, done.output
        return done.output

    async with started(tiny, store.folder, **url) as sidecar:
        (store.folder / "incoming" / "being written").touch()
        assert "fit together" in await fsck()
        jobs = (await sidecar.jobs.List(job_pb2.ListJobsRequest())).jobs
        made = next(job for job in jobs if [image.ref for image in job.images] == [store.refs["job"]])
        edit = next(job for job in jobs if [image.ref for image in job.images] == [store.refs["edit"]])
        for name in ("job", "input"):
            Blobs(store.folder).remove(store.refs[name])
        shown = await fsck(status=1)
        owner = made.context.caller_id
        assert (
            f"job {made.id} of entity {owner} (succeeded): made it: viwo-imagegen jobs rerun {made.id}"
            in shown
        )
        assert f"job {edit.id} of entity {owner} (succeeded): began with it as 'image'" in shown
        await sidecar.ended((await sidecar.jobs.Rerun(job_pb2.RerunJobRequest(id=made.id))).id)
        found = json.loads(await fsck("--json", status=1))
        assert found["missing"] == [store.refs["input"]]
        assert found["concerned"][store.refs["input"]][0]["id"] == edit.id
        assert "another sidecar is using" in await fsck("--repair", status=1)


async def test_an_entity_and_a_row_that_are_broken_are_named(store: Store) -> None:
    with store:
        store.path("entity").unlink()
        job_id, entity_id = store.database.look_here(
            lambda connection: next(
                (row.id, row.images[0]["entity_id"])
                for row in connection.execute(sa.select(tables.JOBS))
                if row.images[0]["ref"] == store.refs["entity"]
            )
        )
        known = concerned(store.database, store.world, [store.refs["entity"]], [job_id])
        assert [(item.kind, item.id) for item in known[store.refs["entity"]]] == [
            ("job", job_id), ("entity", str(entity_id)),
        ]  # fmt: skip
        assert "--repair settles" in known[job_id][0].cure


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

"""The table of jobs: migrations, and states that change once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from capabilities.errors import Canceled, ResourceExhausted
from capabilities.tasks import TextToImage
from entity_store.images import Placement
from sidecar.engines.events import Failed
from sidecar.jobs import store as jobs
from sidecar.jobs.store import HEAD, METADATA, Job, JobStore, State, StoredImage, migrate, new_id

CANCELED = Failed.of(Canceled("stop"))


def job(**changes: object) -> Job:
    task = TextToImage(
        model_id="sd",
        prompt="é🐉",
        width=64,
        height=64,
        steps=3,
        guidance_scale=7.5,
        scheduler="default",
        seed=1,
        count=2,
    )
    values: dict[str, object] = {
        "id": new_id(), "state": State.QUEUED, "method": "textToImage", "capability_id": "c", "owner_id": 3,
        "caller_id": 3, "this_id": 0, "task": task, "save": Placement("a", "b", 7), "created": time.time(), **changes,
    }  # fmt: skip
    return Job(**values)  # type: ignore[arg-type]


def test_migrations_make_the_tables_the_code_expects(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    with engine.begin() as connection:
        migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()
    folder = Path(jobs.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


async def test_a_job_reads_back_whole(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    await store.open()
    made = await store.add(job(), max_waiting=10)
    assert await store.get(made.id) == made
    taken = await store.next(with_model=True)
    assert taken is not None
    assert (taken.state, taken.attempts) == (State.RUNNING, 1)
    image = StoredImage("sha256:0", "png", 64, 64, 100, 1, 9)
    done = await store.succeed(made.id, [image], 1.5)
    assert done is not None
    assert (done.images, done.work_seconds, done.state) == ((image,), 1.5, State.SUCCEEDED)
    await store.close()


async def test_an_ended_job_does_not_change(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    await store.open()
    made = await store.add(job(), max_waiting=10)
    assert await store.succeed(made.id, [], 1) is None, "it was never begun"
    assert await store.fail(made.id, CANCELED) is not None
    assert await store.fail(made.id, CANCELED) is None
    assert await store.cancel_queued(made.id, CANCELED) is None
    assert await store.next(with_model=True) is None
    assert (await store.get(made.id)).state is State.CANCELED
    await store.close()


async def test_each_job_is_taken_once_and_in_order(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    await store.open()
    made = [await store.add(job(), max_waiting=100) for _ in range(20)]
    taken = await asyncio.gather(*(store.next(with_model=True) for _ in range(25)))
    assert sorted(item.id for item in taken if item) == [item.id for item in made]
    assert sum(item is None for item in taken) == 5
    await store.close()


async def test_what_a_dead_server_ran_is_queued_again_but_not_for_ever(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    await store.open()
    made = await store.add(job(), max_waiting=10)
    for _ in range(jobs.MAX_BEGINNINGS):
        taken = await store.next(with_model=True)
        assert taken is not None
        assert taken.id == made.id
        await store.close()
        store = JobStore(tmp_path / "jobs.sqlite")
        await store.open()
    final = await store.get(made.id)
    assert final.state is State.FAILED
    assert final.failure is not None
    assert final.failure.reason == "SERVER_LOST"
    await store.close()


async def test_the_queue_is_bounded(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    await store.open()
    for _ in range(3):
        await store.add(job(), max_waiting=3)
    with pytest.raises(ResourceExhausted):
        await store.add(job(), max_waiting=3)
    await store.close()


def test_ids_sort_by_creation() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)

"""Job databases as tests open them, and jobs to put into them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from capabilities.budgets import Cost
from capabilities.call_options import Placement
from capabilities.errors import Canceled
from capabilities.methods.text_to_image import TextToImage
from sidecar.engines.api import LOCAL
from sidecar.engines.events import Failed
from sidecar.queue.model import Job, PlannedJob, State, Terms, new_id
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store.database import Database
from sidecar.queue.store.job_store import JobStore

CANCELED = Failed.of(Canceled("stop"))
FAILED = Failed("INTERNAL", "broken")
NONE = Preference(0)


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
        "caller_id": 3, "this_id": 0, "task": task, "save": Placement("a", "b", 7), "created": time.time(),
        "cost": Cost(100, 0), **changes,
    }  # fmt: skip
    return Job(**values)  # type: ignore[arg-type]


def other_model(name: str, **changes: object) -> Job:
    made = job(**changes)
    return dataclasses.replace(made, task=made.task.model_copy(update={"model_id": name}))


@asynccontextmanager
async def opened(place: Path | str, **options: object) -> AsyncIterator[JobStore]:
    made = JobStore(Database(place), **options)  # type: ignore[arg-type]
    await made.open()
    yield made
    await made.close()


async def add(jobs: JobStore, *many: Job, terms: Terms | None = None, most: int = 1000) -> list[Job]:
    return await jobs.add([PlannedJob(one, terms or Terms()) for one in many], max_waiting=most)


async def take(jobs: JobStore, preference: Preference = NONE) -> Job | None:
    taken = await jobs.take(LOCAL, preference)
    return taken[0] if taken else None


@pytest.fixture
async def jobs(place: Path | str) -> AsyncIterator[JobStore]:
    async with opened(place) as made:
        yield made

"""A queue on a job database of its own and a fake engine, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capabilities.budgets import SERVER, Cost, capability_account, owner_account
from capabilities.methods.text_to_image import TextToImage
from entity_store.blobs import Blobs
from entity_store.images import Images
from entity_store.world import World
from sidecar.engines.api import Engine
from sidecar.engines.events import Event
from sidecar.engines.router import Router
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, PlannedJob, State, Terms, new_id
from sidecar.queue.results import Results
from sidecar.queue.retry import RetryPolicy
from sidecar.queue.settings import QueueSettings
from sidecar.queue.store.database import Database
from sidecar.queue.store.job_store import JobStore

AT_ONCE = RetryPolicy(first_backoff=0.0)


@dataclass
class Running:
    """A queue that runs."""

    queue: JobQueue
    store: JobStore

    async def submit(self, **changes: Any) -> Job:
        return await self.queue.submit(planned(**changes))

    async def ended(self, job: Job) -> Job:
        return await self.queue.finished(job.id)

    async def until(self, job: Job, kind: type[Event]) -> Event:
        """The first event of a kind. The job must not have ended before."""
        async for happening in self.queue.watch(job.id):
            assert not isinstance(happening, Job), happening
            if isinstance(happening, kind):
                return happening
        raise AssertionError("the stream ended without an end")


def planned(
    *, model_id: str = "icons", lane: str = "local", seed: int = 7, count: int = 1, **changes: Any
) -> PlannedJob:
    """A job of owner 3 that costs 100 pixel-steps."""
    task = TextToImage(
        model_id=model_id, prompt="a rusty sword", width=16, height=16, steps=4, guidance_scale=5.0,
        scheduler="default", seed=seed, count=count,
    )  # fmt: skip
    values: dict[str, Any] = {
        "id": new_id(), "state": State.QUEUED, "method": "textToImage", "capability_id": "c", "owner_id": 3,
        "caller_id": 3, "this_id": 0, "task": task, "save": None, "created": time.time(), "lane": lane,
        "cost": Cost(100, 0), **changes,
    }  # fmt: skip
    job = Job(**values)
    accounts = (capability_account(job.capability_id), owner_account(job.owner_id), SERVER)
    return PlannedJob(job, Terms(accounts))


@asynccontextmanager
async def queue_of(folder: Path, engines: Sequence[Engine], **settings: Any) -> AsyncIterator[Running]:
    """A queue on these engines; what it leaves is there for the next on the same folder."""
    world = World(folder / "world.sqlite", own=True)
    blobs = Blobs(folder)
    store = JobStore(Database(folder / "jobs.sqlite"))
    await store.open()
    values = {"retry": AT_ONCE, **settings}
    queue = JobQueue(
        store, Router(engines, "icons"), Results(Images(world, blobs), blobs), QueueSettings(**values)
    )
    await queue.start()
    try:
        yield Running(queue, store)
    finally:
        await queue.stop()
        await store.close()
        world.close()


async def settled() -> None:
    """Let everything that can go on do so up to its next wait."""
    for _ in range(20):
        await asyncio.sleep(0)

"""The queue: its speed with many jobs, its fairness, and jobs that run as one batch."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.figures import quantile
from capabilities.budgets import SERVER, Cost, capability_account, owner_account
from capabilities.methods.text_to_image import TextToImage
from entity_store.world import SYSTEM_ID
from sidecar.engines.api import LOCAL
from sidecar.pb.viwo.imagegen.v1 import common_pb2, job_pb2
from sidecar.queue.model import Job, PlannedJob, State, Terms, new_id, values_of
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store import tables
from sidecar.queue.store.database import Database
from sidecar.queue.store.job_store import JobStore
from sidecar.testing.process import Served, served
from sidecar.testing.requests import submission

WAITING = 100_000
OWNERS = 50
ROUNDS = 2000
PAGES = 40
FLOOD = 500
VISITS = 20
BATCHED = 32


async def queue() -> dict[str, Any]:
    """Submit and pick with 100 000 jobs waiting, then a server started on them, and pages of the list."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "jobs.sqlite"
        database = Database(place)
        database.migrate()
        database.do_here(_fill)
        database.close_here()
        store = JobStore(Database(place))
        await store.open()
        submits, picks = [], []
        preference = Preference(10.0, frozenset({"m0"}))
        for _ in range(ROUNDS):
            job = _job(random.randrange(OWNERS))
            begun = time.perf_counter()
            await store.add([PlannedJob(job, _terms(job))], max_waiting=10**9)
            submits.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            taken = await store.take(LOCAL, preference, 4)
            picks.append(time.perf_counter() - begun)
            for job in taken:
                await store.succeed(job.id, [], 1.0, device="cpu")
        await store.close()
        pages = []
        async with served(folder=folder) as sidecar:
            for number in range(PAGES):
                begun = time.perf_counter()
                await sidecar.jobs.List(job_pb2.ListJobsRequest(owner_id=100 + number % OWNERS))
                pages.append(time.perf_counter() - begun)
            serving = sidecar.serving_after
    return {
        "value": round(1000 * max(quantile(submits, 0.99), quantile(picks, 0.99)), 2),
        "unit": "ms, the larger 99th percentile of submit and pick",
        "n": ROUNDS,
        "better": "lower",
        "baseline": 25.0,
        "waiting": WAITING,
        "submit_ms": _summary(submits),
        "pick_ms": _summary(picks),
        "restart_to_serving_seconds": round(serving, 2),
        "list_page_ms": _summary(pages),
    }


async def fairness() -> dict[str, Any]:
    """One owner floods the queue, another submits one job each second: how long the second waits to be begun."""
    async with served(VIWO_IMAGEGEN_MAX_QUEUE="2000") as sidecar:
        await sidecar.load_model()
        flooder = await sidecar.context()
        visitor = await sidecar.context(owner=SYSTEM_ID - 1)
        alone = []
        for seed in range(5):
            begun = time.perf_counter()
            await sidecar.ended(await _submitted(sidecar, visitor, seed))
            alone.append(time.perf_counter() - begun)
        job_time = statistics.median(alone)
        for seed in range(FLOOD):
            await _submitted(sidecar, flooder, seed)
        submitted = []
        for seed in range(VISITS):
            job_id = await _submitted(sidecar, visitor, 1000 + seed)
            submitted.append(asyncio.ensure_future(sidecar.ended(job_id)))
            await asyncio.sleep(1.0)
        ended = [await job for job in submitted]
        waits = [_seconds(job.start_time) - _seconds(job.create_time) for job in ended]
        whole = [_seconds(job.end_time) - _seconds(job.create_time) for job in ended]
    return {
        "value": round(statistics.median(waits) / job_time, 2),
        "unit": "job times, median wait of the second owner until begun",
        "n": VISITS,
        "better": "lower",
        "baseline": 2.0,
        "job_seconds": round(job_time, 3),
        "until_ended_in_job_times": round(statistics.median(whole) / job_time, 2),
        "flood": FLOOD,
    }


async def batching() -> dict[str, Any]:
    """Jobs with one batch key run as batches against the same run one by one; in pairs, one after the other."""
    seconds: dict[str, list[float]] = {"1": [], "4": []}
    for _ in range(3):
        for most, taken in seconds.items():
            async with served(VIWO_IMAGEGEN_MAX_TOGETHER=most) as sidecar:
                await sidecar.load_model()
                context = await sidecar.context()
                # The first few find out whether batches are any good here.
                await _all(sidecar, [await _submitted(sidecar, context, seed) for seed in range(6)])
                begun = time.perf_counter()
                jobs = [await _submitted(sidecar, context, 100 + seed) for seed in range(BATCHED)]
                await _all(sidecar, jobs)
                taken.append(time.perf_counter() - begun)
    ratios = [alone / batched for alone, batched in zip(seconds["1"], seconds["4"], strict=True)]
    return {
        "value": round(statistics.median(ratios), 3),
        "unit": "times the throughput of one by one",
        "n": len(ratios),
        "better": "higher",
        "baseline": 1.0,
        "jobs": BATCHED,
        "one_by_one_seconds": round(statistics.median(seconds["1"]), 2),
        "batch_seconds": round(statistics.median(seconds["4"]), 2),
    }


async def _submitted(sidecar: Served, context: common_pb2.CallContext, seed: int) -> str:
    task = submission(context, "a red apple", steps=None, seed=seed)
    return str((await sidecar.jobs.Submit(task)).id)


async def _all(sidecar: Served, jobs: list[str]) -> None:
    for job in await asyncio.gather(*(sidecar.ended(job_id) for job_id in jobs)):
        assert job.state == job_pb2.JOB_STATE_SUCCEEDED, job.failure


def _seconds(stamp: Any) -> float:
    return float(stamp.seconds + stamp.nanos / 1e9)


def _summary(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(1000 * statistics.median(seconds), 2),
        "p99": round(1000 * quantile(seconds, 0.99), 2),
    }


def _job(owner: int) -> Job:
    task = TextToImage(
        model_id=f"m{owner % 3}", prompt="a rusty sword on a wooden table", width=512, height=512, steps=25,
        guidance_scale=7.0, scheduler="default", seed=random.randrange(2**40),
    )  # fmt: skip
    now = time.time()
    return Job(
        id=new_id(), state=State.QUEUED, method="textToImage", capability_id=f"c{owner}", owner_id=100 + owner,
        caller_id=1, this_id=0, task=task, save=None, created=now, cost=Cost(round(task.compute * 1e6)),
        fingerprint=new_id(), batch_key=f"a{owner % 3}",
    )  # fmt: skip


def _terms(job: Job) -> Terms:
    return Terms((capability_account(job.capability_id), owner_account(job.owner_id), SERVER))


def _fill(connection: sa.Connection) -> None:
    for start in range(0, WAITING, 1000):
        rows = [values_of(_job(number % OWNERS)) for number in range(start, start + 1000)]
        connection.execute(sa.insert(tables.JOBS), rows)

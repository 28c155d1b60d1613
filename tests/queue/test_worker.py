"""How jobs come out when something goes wrong around them: cancels, engines that do not come up, tasks nobody can read."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

import grpc
import pytest

from sidecar import upkeep
from sidecar.engines.local import engine as local_engine
from sidecar.pb.viwo.imagegen.v1 import image_pb2, job_pb2
from sidecar.queue import worker
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started

SUCCEEDED, FAILED = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED
QUEUED, CANCELED = job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_CANCELED


async def together(sidecar: Sidecar, *tasks: job_pb2.SubmitJobRequest) -> list[job_pb2.Job]:
    """Jobs that wait while another runs, and are then taken in one go."""
    block = await sidecar.jobs.Submit(submission(await sidecar.context(), **SLOW))
    await sidecar.until(block.id, "step")
    jobs = [await sidecar.jobs.Submit(task) for task in tasks]
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=block.id))
    await sidecar.ended(block.id)
    return jobs


async def cancel(sidecar: Sidecar, job_id: str) -> None:
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job_id))


async def test_force_meets_only_a_job_that_does_not_end(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ABORT_AFTER", 0.2)
    async with started(tiny, tmp_path, max_together=4) as sidecar:
        context = await sidecar.context()
        tasks = [submission(context, seed=seed, steps=150) for seed in range(3)]
        jobs = await together(sidecar, *tasks)
        await sidecar.until(jobs[0].id, "step")
        await cancel(sidecar, jobs[1].id)
        states = [(await sidecar.ended(job.id)).state for job in jobs]
        assert states == [SUCCEEDED, CANCELED, SUCCEEDED]
        assert sidecar.running.engine.starts == 1


async def test_one_whose_turn_has_not_come_is_canceled_at_once(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, max_together=4) as sidecar:
        context = await sidecar.context()
        # Negative prompts in some of them only: such jobs are taken together and drawn one by one.
        first = submission(context, seed=1, **SLOW)
        last = submission(context, seed=2, **SLOW)
        last.text_to_image.options.count = first.text_to_image.options.count = 1
        first.text_to_image.options.negative_prompt = "a hat"
        jobs = await together(sidecar, first, last)
        await sidecar.until(jobs[0].id, "step")
        await cancel(sidecar, jobs[1].id)
        assert (await sidecar.ended(jobs[1].id)).state == CANCELED
        still = await sidecar.jobs.Get(job_pb2.GetJobRequest(id=jobs[0].id))
        assert still.state == job_pb2.JOB_STATE_RUNNING
        await cancel(sidecar, jobs[0].id)


async def test_an_engine_that_does_not_come_up_costs_no_job(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_engine, "RESTART_BACKOFF", (0.0, 0.2))
    works = sys.executable
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        engine = sidecar.running.engine
        kept = await sidecar.jobs.Submit(submission(context))
        error = await refused(sidecar.images.TextToImage(text_to_image(context)))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert error_info(error).reason == "ENGINE_DOWN"
        assert engine.down
        error = await refused(sidecar.jobs.Submit(submission(context, steps=4)))
        assert error_info(error).reason == "ENGINE_DOWN"
        assert (await sidecar.jobs.Get(job_pb2.GetJobRequest(id=kept.id))).state == QUEUED
        monkeypatch.setattr(sys, "executable", works)
        final = await sidecar.ended(kept.id)
        assert (final.state, final.attempts) == (SUCCEEDED, 1)


async def test_a_task_that_nobody_can_read_stops_nobody_else(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        jobs = await together(sidecar, submission(context, seed=1), submission(context, seed=2))
        waits = await sidecar.ended(jobs[0].id)
        block = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(block.id, "step")
        strange = await sidecar.jobs.Submit(submission(context, seed=3))
    rows = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    task = json.dumps({**json.loads(waits.task_json), "novelty": 1})
    rows.execute("UPDATE jobs SET task = ? WHERE id = ?", (task, strange.id))
    rows.close()
    async with started(tiny, tmp_path) as sidecar:
        later = await sidecar.jobs.Submit(submission(await sidecar.context(), seed=4))
        await cancel(sidecar, block.id)
        assert (await sidecar.ended(later.id)).state == SUCCEEDED
        final = await sidecar.ended(strange.id)
        assert (final.state, final.failure.reason) == (FAILED, "UNREADABLE_TASK")
        listed = await sidecar.jobs.List(job_pb2.ListJobsRequest())
        assert strange.id in [job.id for job in listed.jobs]


async def test_a_fault_of_our_own_ends_the_job_and_not_the_lane(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = await sidecar.context()

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    with monkeypatch.context() as patch:
        patch.setattr("sidecar.queue.results.Results.keep", broken)
        error = await refused(sidecar.images.TextToImage(text_to_image(context)))
    assert error.code() is grpc.StatusCode.INTERNAL
    answer: image_pb2.ImageResponse = await sidecar.images.TextToImage(text_to_image(context))
    assert answer.images


async def test_no_owner_can_fill_the_whole_queue(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, max_queue=4) as sidecar:
        context = await sidecar.context()
        block = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(block.id, "step")
        for seed in range(2):
            await sidecar.jobs.Submit(submission(context, seed=seed))
        error = await refused(sidecar.jobs.Submit(submission(context, seed=9)))
        assert error_info(error).metadata["field"] == "max_queue_per_owner"
        other = await sidecar.context(owner=sidecar.entity(name="another"))
        assert (await sidecar.jobs.Submit(submission(other, seed=9))).state == QUEUED
        await cancel(sidecar, block.id)


async def test_a_cancel_does_not_wait_for_the_engine_to_come_up(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        block = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(block.id, "step")
        jobs = [await sidecar.jobs.Submit(submission(context, seed=seed)) for seed in (7, 8)]
        # Still running when the server ends, so it comes first at the next start; then it is out of the way.
    monkeypatch.setattr(worker, "ABORT_AFTER", 0.1)
    async with started(tiny, tmp_path, max_together=4) as sidecar:
        for one in (block.id, jobs[1].id):
            await cancel(sidecar, one)
            assert (await sidecar.ended(one)).state == CANCELED
        assert sidecar.running.engine.pid is None, "it is still coming up"
        assert (await sidecar.ended(jobs[0].id)).state == SUCCEEDED
        assert sidecar.running.engine.starts == 1


async def test_duties_end_when_the_server_does() -> None:
    begun = asyncio.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        async with upkeep.duty("waiting", endless, 3600):
            await begun.wait()

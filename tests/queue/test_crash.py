"""Whatever is killed when: jobs end once, nothing hangs, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from pathlib import Path

import grpc
import psutil
import pytest

from entity_store.world import World
from sidecar.engines.local import child, engine
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.testing.crash import crash
from sidecar.testing.process import settings_of, spawn, start
from sidecar.testing.refusals import refused
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started


def kill_engine(sidecar: Sidecar) -> None:
    pid = sidecar.running.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_a_job_whose_engine_is_killed_is_begun_once_more(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        job = await sidecar.jobs.Submit(submission(context, steps=40))
        await sidecar.until(job.id, "step")
        kill_engine(sidecar)
        final = await sidecar.ended(job.id)
        assert (final.state, final.attempts) == (job_pb2.JOB_STATE_SUCCEEDED, 2)
        undisturbed = await sidecar.images.TextToImage(text_to_image(context, steps=40))
        assert final.images[0].ref == undisturbed.images[0].ref


async def test_a_job_that_loses_its_engine_every_time_fails_and_the_next_one_works(
    tiny: Path, tmp_path: Path
) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        call = asyncio.ensure_future(sidecar.images.TextToImage(text_to_image(context, **SLOW)))
        doomed = await sidecar.only_job(context.capability_id)
        after = await sidecar.jobs.Submit(submission(context))
        kills = 0
        async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=doomed)):
            if event.WhichOneof("event") == "step" and event.step.step == 1:
                kill_engine(sidecar)
                kills += 1
        error = await refused(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "try again" in (error.details() or "")
        assert kills == 3
        assert (await sidecar.ended(after.id)).state == job_pb2.JOB_STATE_SUCCEEDED


async def test_an_engine_that_hangs_is_noticed_and_its_job_done_by_the_next(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than the child's own beat, so that one which only works is not taken for one which hangs.
    monkeypatch.setattr(engine, "SILENCE", child.BEAT + 2)
    async with started(tiny, tmp_path) as sidecar:
        job = await sidecar.jobs.Submit(submission(await sidecar.context(), steps=60))
        await sidecar.until(job.id, "step")
        pid = sidecar.running.engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        final = await sidecar.ended(job.id)
        assert (final.state, final.attempts) == (job_pb2.JOB_STATE_SUCCEEDED, 2)


async def test_an_idle_engine_that_is_killed_is_replaced(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        await sidecar.running.engine.wait_for_child("test")
        kill_engine(sidecar)
        answer = await sidecar.images.TextToImage(text_to_image(await sidecar.context()))
        assert answer.images


async def test_an_engine_that_never_starts_is_said_and_its_jobs_do_not_hang(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RESTART_BACKOFF", (0.0,))
    async with started(tiny, tmp_path, device="mps") as sidecar:
        error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context())))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "the engine does not start" in (error.details() or "")


async def test_a_job_that_waits_for_the_engine_is_canceled_at_once(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        job = await sidecar.jobs.Submit(submission(await sidecar.context()))
        while (await sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id))).state == job_pb2.JOB_STATE_QUEUED:
            pass
        assert sidecar.running.engine.pid is None, "torch is still being imported"
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
        assert (await sidecar.ended(job.id)).state == job_pb2.JOB_STATE_CANCELED
        assert sidecar.running.engine.pid is None


async def test_a_database_that_refuses_loses_no_job(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        job = await sidecar.jobs.Submit(submission(context, steps=20))
        await sidecar.until(job.id, "step")
        connection = sqlite3.connect(tmp_path / "jobs.sqlite")
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON jobs WHEN NEW.state = 'succeeded' "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        connection.commit()
        final = await sidecar.ended(job.id)
        assert final.state == job_pb2.JOB_STATE_FAILED
        connection.execute("DROP TRIGGER full")
        connection.commit()
        connection.close()
        after = await sidecar.jobs.Submit(submission(context))
        assert (await sidecar.ended(after.id)).state == job_pb2.JOB_STATE_SUCCEEDED


async def test_jobs_queued_at_a_killed_server_run_once_after_the_restart(tiny: Path, tmp_path: Path) -> None:
    server = await start(tmp_path, settings_of(tiny))
    jobs: list[str] = []
    context = await server.context()
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="kept"))
    for seed in range(8):
        request = image_pb2.TextToImageRequest(
            context=context,
            prompt="a cup",
            # With batch keys that differ, or some would run as a batch.
            options=image_pb2.GenerationOptions(seed=seed, steps=20 + seed),
            output=output,
        )
        jobs.append((await server.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=request))).id)
    # Killed in the middle of the third job: some have ended, one runs, the rest wait.
    await server.until(jobs[2], "step")
    await server.kill()

    again = await start(tmp_path, settings_of(tiny))
    finals = [await again.ended(job_id) for job_id in jobs]
    assert [job.state for job in finals] == [job_pb2.JOB_STATE_SUCCEEDED] * 8
    assert [job.attempts for job in finals] == [1, 1, 2, 1, 1, 1, 1, 1]
    entities = [job.images[0].entity_id for job in finals]
    assert len(set(entities)) == 8
    assert await again.stop() == 0

    world = World(tmp_path / "world.sqlite", own=True)
    kept = world.rows("SELECT id FROM entities WHERE json_extract(props, '$.name') = 'kept' ORDER BY id")
    world.close()
    assert [row[0] for row in kept] == sorted(entities)
    assert not list((tmp_path / "incoming").iterdir())


async def test_a_paid_job_that_ran_at_a_killed_server_is_spent_and_not_drawn_again(
    tiny: Path, tmp_path: Path
) -> None:
    prices = {"VIWO_IMAGEGEN_PRICES": '[{"model": "sd", "per_image": 0.5}]'}
    server = await start(tmp_path, settings_of(tiny) | prices)
    context = await server.context()
    paid = await server.jobs.Submit(submission(context, **SLOW))
    waiting = await server.jobs.Submit(submission(context, steps=1))
    await server.until(paid.id, "step")
    await server.kill()

    again = await start(tmp_path, settings_of(tiny) | prices)
    lost, done = await again.ended(paid.id), await again.ended(waiting.id)
    assert (lost.state, lost.failure.code, lost.failure.reason) == (
        job_pb2.JOB_STATE_FAILED,
        "UNAVAILABLE",
        "MAYBE_BILLED",
    )
    assert (lost.attempts, lost.cost.money_micros) == (1, SLOW["count"] * 500_000)
    assert (done.state, done.cost.money_micros) == (job_pb2.JOB_STATE_SUCCEEDED, 500_000)
    assert await again.stop() == 0


async def test_whatever_is_killed_when_the_books_are_right(tiny: Path) -> None:
    """`python -m benchmarks crash`, small."""
    found = await crash(jobs=30, owners=3, child_kills=2, server_kills=2, environment=settings_of(tiny))
    assert found["value"] == 0, found
    assert found["n"] == 30
    assert found["states"]["succeeded"] > 15


async def test_the_engine_ends_with_its_server(tiny: Path, tmp_path: Path) -> None:
    server = await start(tmp_path, settings_of(tiny))
    job = await server.jobs.Submit(submission(await server.context(), **SLOW))
    await server.until(job.id, "step")
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert children
    await server.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    assert not alive


async def test_two_servers_do_not_share_a_data_folder(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path):
        second = await spawn(tmp_path, settings_of(tiny), stderr=asyncio.subprocess.PIPE)
        _, complaint = await second.communicate()
        assert second.returncode == 1
        assert "another sidecar is using" in complaint.decode()

"""Lanes: one engine each, so many jobs at a time, and nobody is held up by another's engine."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from capabilities.errors import Unavailable
from sidecar.engines.api import EngineRequest, ProgressDetail
from sidecar.engines.events import CANCELED, Done, Event, Failed, Loading, Preview, Queued, Step
from sidecar.queue.model import State
from sidecar.queue.store.job_store import JobStore
from sidecar.testing.fake_engine import FakeEngine, pictures
from tests.queue.in_process import queue_of, settled

LOST = Failed("UNAVAILABLE", "the worker died", reason="ENGINE_LOST", retryable=True)


def gated(gate: asyncio.Event) -> Any:
    """A script that tells a step, and waits."""

    def script(request: EngineRequest) -> Sequence[Event | asyncio.Event]:
        return Step(1, request.task.total_steps, 0), gate

    return script


async def test_a_job_is_done_settled_and_told(tmp_path: Path) -> None:
    engine = FakeEngine()
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit(count=2))
        assert (job.state, job.attempts, job.spent.compute) == (State.SUCCEEDED, 1, 100)
        assert [image.seed for image in job.images] == [7, 8]
        assert all((tmp_path / "images").glob("*/*"))
        assert engine.batches == [[job.id]]


async def test_an_engine_gets_as_many_jobs_as_it_has_slots(tmp_path: Path) -> None:
    gate = asyncio.Event()
    engine = FakeEngine(slots=2)
    engine.script = gated(gate)
    async with queue_of(tmp_path, [engine]) as running:
        jobs = [await running.submit(seed=seed) for seed in range(4)]
        await running.until(jobs[0], Step)
        await running.until(jobs[1], Step)
        await settled()
        assert len(engine.batches) == 2
        gate.set()
        assert {(await running.ended(job)).state for job in jobs} == {State.SUCCEEDED}
        assert len(engine.batches) == 4


async def test_an_engine_that_is_down_holds_up_its_own_lane_only(tmp_path: Path) -> None:
    down, up = FakeEngine("local"), FakeEngine("other")
    async with queue_of(tmp_path, [down, up]) as running:
        waiting = await running.submit()
        await running.ended(waiting)
        down.go_down()
        with pytest.raises(Unavailable, match="the engine does not start"):
            await running.submit()
        assert (await running.ended(await running.submit(lane="other"))).state is State.SUCCEEDED
        assert len(down.batches) == 1


async def test_what_waits_for_an_engine_goes_on_when_that_is_up_again(tmp_path: Path) -> None:
    gate = asyncio.Event()
    engine = FakeEngine()
    engine.script = gated(gate)
    async with queue_of(tmp_path, [engine]) as running:
        first = await running.submit()
        await running.until(first, Step)
        waiting = await running.submit(seed=8)
        engine.go_down()
        gate.set()
        assert (await running.ended(first)).state is State.SUCCEEDED
        await settled()
        assert (await running.store.get(waiting.id)).state is State.QUEUED
        # Nobody is on the line for it, so it is kept for when the engine is back.
        ended = asyncio.create_task(running.queue.finished(waiting.id, patient=True))
        engine.come_up()
        job = await ended
        assert (job.state, job.failures) == (State.SUCCEEDED, 0)


async def test_one_who_waits_on_the_line_for_an_engine_that_is_down_is_told(tmp_path: Path) -> None:
    gate = asyncio.Event()
    engine = FakeEngine()
    engine.script = gated(gate)
    async with queue_of(tmp_path, [engine]) as running:
        first = await running.submit()
        await running.until(first, Step)
        waiting = await running.submit(seed=8)
        on_the_line = asyncio.create_task(running.ended(waiting))
        await settled()
        engine.go_down()
        gate.set()
        job = await on_the_line
        assert job.state is State.FAILED
        assert job.failure is not None
        assert (job.failure.reason, job.spent.compute) == ("ENGINE_DOWN", 0)


async def test_only_the_lane_concerned_looks_for_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    plainly = JobStore.take_turn

    async def counted(self: JobStore, lane: str, *arguments: Any, **named: Any) -> Any:
        looks.append(lane)
        return await plainly(self, lane, *arguments, **named)

    monkeypatch.setattr(JobStore, "take_turn", counted)
    async with queue_of(tmp_path, [FakeEngine("local"), FakeEngine("other")]) as running:
        await settled()
        while set(looks) != {"local", "other"}:
            await settled()
        looks.clear()
        for seed in range(5):
            await running.ended(await running.submit(seed=seed))
        assert looks == ["local"] * 5


async def test_jobs_with_equal_keys_run_as_one_batch(tmp_path: Path) -> None:
    gate = asyncio.Event()
    engine = FakeEngine()
    engine.script = gated(gate)
    async with queue_of(tmp_path, [engine], max_batch=3) as running:
        first = await running.submit(batch_key="k")
        await running.until(first, Step)
        others = [await running.submit(seed=seed, batch_key=key) for seed, key in enumerate("kkkkx")]
        gate.set()
        for job in others:
            assert (await running.ended(job)).state is State.SUCCEEDED
        assert sorted(map(len, engine.batches)) == [1, 1, 1, 3]


async def test_a_batch_that_runs_one_by_one_is_not_made_again(tmp_path: Path) -> None:
    engine = FakeEngine()
    gates = [asyncio.Event(), asyncio.Event()]
    async with queue_of(tmp_path, [engine], max_batch=3) as running:
        for gate in gates:
            engine.script = gated(gate)
            block = await running.submit(seed=99)
            await running.until(block, Step)
            engine.script = lambda request: ()
            jobs = [await running.submit(seed=seed, batch_key="k") for seed in range(3)]
            gate.set()
            for job in (block, *jobs):
                await running.ended(job)
        assert list(map(len, engine.batches)) == [1, 3, 1, 1, 1, 1]


async def test_a_failure_that_may_pass_is_tried_again_and_another_is_not(tmp_path: Path) -> None:
    engine = FakeEngine()
    failures = iter([LOST, LOST])
    engine.script = lambda request: [failure] if (failure := next(failures, None)) else []
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit())
        assert (job.state, job.failures, job.attempts) == (State.SUCCEEDED, 2, 3)
        engine.script = lambda request: [LOST]
        job = await running.ended(await running.submit(seed=8))
        assert (job.state, job.attempts, job.spent.compute) == (State.FAILED, 3, 0)
        engine.script = lambda request: [dataclasses.replace(LOST, retryable=False)]
        job = await running.ended(await running.submit(seed=9))
        assert (job.state, job.attempts) == (State.FAILED, 1)


async def test_an_engine_that_says_nothing_of_a_job_fails_it(tmp_path: Path) -> None:
    class Silent(FakeEngine):
        async def run(self, requests: Sequence[EngineRequest]) -> Any:
            for request in requests[1:]:
                yield request.job_id, Done(pictures(request), 0.0)

    engine = Silent()
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit())
        assert job.failure is not None
        assert (job.state, job.failure.reason) == (State.FAILED, "NO_RESULT")


async def test_an_engine_that_breaks_ends_its_job_and_not_the_lane(tmp_path: Path) -> None:
    class Broken(FakeEngine):
        async def run(self, requests: Sequence[EngineRequest]) -> Any:
            if not self.batches:
                self.batches.append([])
                raise RuntimeError("a bug")
            async for item in super().run(requests):
                yield item

    engine = Broken()
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit())
        assert job.failure is not None
        assert (job.state, job.failure.code) == (State.FAILED, "INTERNAL")
        assert (await running.ended(await running.submit(seed=8))).state is State.SUCCEEDED


class TestCancel:
    async def test_a_job_that_waits(self, tmp_path: Path) -> None:
        gate = asyncio.Event()
        engine = FakeEngine()
        engine.script = gated(gate)
        async with queue_of(tmp_path, [engine]) as running:
            first = await running.submit()
            await running.until(first, Step)
            waiting = await running.submit(seed=8)
            assert (await running.queue.cancel(waiting.id)).state is State.CANCELED
            gate.set()
            await running.ended(first)
            assert engine.batches == [[first.id]]

    async def test_a_job_that_runs_is_charged_for_what_was_done(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        engine.script = gated(asyncio.Event())
        async with queue_of(tmp_path, [engine]) as running:
            job = await running.submit()
            await running.until(job, Step)
            await running.queue.cancel(job.id)
            ended = await running.ended(job)
            assert (ended.state, ended.failure, ended.spent.compute) == (State.CANCELED, CANCELED, 25)

    async def test_one_of_a_batch(self, tmp_path: Path) -> None:
        gate, inner = asyncio.Event(), asyncio.Event()
        engine = FakeEngine()
        engine.script = gated(gate)
        async with queue_of(tmp_path, [engine]) as running:
            block = await running.submit(seed=99)
            await running.until(block, Step)
            jobs = [await running.submit(seed=seed, batch_key="k") for seed in range(3)]
            engine.script = gated(inner)
            gate.set()
            await running.until(jobs[0], Step)
            await running.queue.cancel(jobs[1].id)
            inner.set()
            assert [(await running.ended(job)).state for job in jobs] == [
                State.SUCCEEDED, State.CANCELED, State.SUCCEEDED,
            ]  # fmt: skip

    async def test_one_that_does_not_listen_has_its_engine_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aborted = asyncio.Event()

        class Deaf(FakeEngine):
            async def cancel(self, job_id: str) -> None:
                """It goes on."""

            async def abort(self) -> None:
                aborted.set()

        monkeypatch.setattr("sidecar.queue.worker.ABORT_AFTER", 0.05)
        engine = Deaf()
        engine.script = lambda request: [Step(1, 4, 0), aborted, LOST]
        async with queue_of(tmp_path, [engine]) as running:
            job = await running.submit()
            await running.until(job, Step)
            await running.queue.cancel(job.id)
            assert (await running.ended(job)).state is State.CANCELED


class TestTime:
    async def test_a_deadline_that_passes_while_it_runs(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        engine.script = gated(asyncio.Event())
        async with queue_of(tmp_path, [engine]) as running:
            job = await running.ended(await running.submit(deadline=time.time() + 0.1))
            assert job.failure is not None
            assert (job.state, job.failure.code) == (State.FAILED, "DEADLINE_EXCEEDED")

    async def test_an_attempt_that_takes_too_long(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        engine.script = gated(asyncio.Event())
        async with queue_of(tmp_path, [engine], max_seconds=0.1) as running:
            job = await running.ended(await running.submit())
            assert job.failure is not None
            assert job.failure.code == "DEADLINE_EXCEEDED"
            assert "0.1 s" in job.failure.message


class TestRestart:
    async def test_what_ran_and_what_waited_is_done_by_the_next(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        engine.script = gated(asyncio.Event())
        async with queue_of(tmp_path, [engine]) as running:
            ran = await running.submit()
            await running.until(ran, Step)
            waited = await running.submit(seed=8)
        async with queue_of(tmp_path, [FakeEngine()]) as running:
            for job in (ran, waited):
                ended = await running.ended(job)
                assert (ended.state, ended.spent.compute) == (State.SUCCEEDED, 100)

    async def test_jobs_of_an_engine_that_is_gone_are_told(self, tmp_path: Path) -> None:
        engine = FakeEngine("gone")
        engine.script = gated(asyncio.Event())
        async with queue_of(tmp_path, [engine, FakeEngine()]) as running:
            jobs = [await running.submit(lane="gone", seed=seed) for seed in range(2)]
            await running.until(jobs[0], Step)
        async with queue_of(tmp_path, [FakeEngine()]) as running:
            for job in jobs:
                ended = await running.ended(job)
                assert ended.failure is not None
                assert (ended.state, ended.failure.reason, ended.failure.asked) == (
                    State.FAILED,
                    "NO_ENGINE",
                    "gone",
                )


class TestReuse:
    async def test_a_stored_result_answers_at_once_and_while_the_engine_is_down(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        async with queue_of(tmp_path, [engine, FakeEngine("builtin")]) as running:
            first = await running.ended(await running.submit(fingerprint="f"))
            again = await running.submit(fingerprint="f")
            assert (again.state, again.answered_by, again.spent.compute) == (State.SUCCEEDED, first.id, 0)
            engine.go_down()
            third = await running.submit(fingerprint="f")
            assert (third.state, third.answered_by) == (State.SUCCEEDED, first.id)
            assert len(engine.batches) == 1

    async def test_twins_get_the_result_of_the_one_that_runs(self, tmp_path: Path) -> None:
        gate = asyncio.Event()
        engine = FakeEngine()
        engine.script = gated(gate)
        async with queue_of(tmp_path, [engine, FakeEngine("builtin")]) as running:
            first = await running.submit(fingerprint="f")
            await running.until(first, Step)
            twins = [await running.submit(fingerprint="f") for _ in range(3)]
            gate.set()
            for twin in twins:
                ended = await running.ended(twin)
                assert (ended.state, ended.answered_by, ended.spent.compute) == (State.SUCCEEDED, first.id, 0)
            assert engine.batches == [[first.id]]

    async def test_a_result_whose_files_are_gone_is_made_again(self, tmp_path: Path) -> None:
        engine = FakeEngine()
        async with queue_of(tmp_path, [engine, FakeEngine("builtin")]) as running:
            await running.ended(await running.submit(fingerprint="f"))
            for file in (tmp_path / "images").glob("*/*"):
                file.unlink()
            again = await running.ended(await running.submit(fingerprint="f"))
            assert (again.state, again.answered_by) == (State.SUCCEEDED, None)
            assert len(engine.batches) == 2


class TestWatching:
    async def test_everything_that_happens_is_told_in_order(self, tmp_path: Path) -> None:
        gate = asyncio.Event()
        engine = FakeEngine()
        preview = Preview(b"jpeg", 8, 8, 0)
        engine.script = lambda request: [gate, Loading("icons"), Step(1, 4, 0), preview]
        async with queue_of(tmp_path, [engine]) as running:
            job = await running.submit()
            told: list[Any] = []

            async def follow() -> None:
                async for happening in running.queue.watch(job.id, 2):
                    told.append(happening)

            following = asyncio.create_task(follow())
            while job.id not in engine.observed:
                await settled()
            gate.set()
            await following
            kinds = [type(item).__name__ for item in told if not isinstance(item, Queued)]
            assert kinds == ["Loading", "Step", "Preview", "Step", "Job"]

    async def test_the_engine_hears_how_closely_it_is_watched(self, tmp_path: Path) -> None:
        gate = asyncio.Event()
        engine = FakeEngine()
        engine.script = gated(gate)
        async with queue_of(tmp_path, [engine]) as running:
            job = await running.submit()
            await running.until(job, Step)
            following = running.queue.watch(job.id, 3)
            assert isinstance(await anext(following), Step)
            await settled()
            ended = asyncio.create_task(anext(following))
            while engine.observed.get(job.id) != ProgressDetail(3):
                await settled()
            gate.set()
            assert isinstance(await ended, Step | Preview)

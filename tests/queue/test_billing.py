"""What other people charge for: charged once, whatever happens to the job, and never sent again."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from capabilities.budgets import SERVER, Cap, Cost, Period
from capabilities.errors import Unavailable
from sidecar.engines.api import EngineRequest
from sidecar.engines.events import CANCELED, Event, Failed, Step
from sidecar.queue.model import Job, State
from sidecar.queue.results import Results
from sidecar.queue.retry import RetryPolicy
from sidecar.testing.fake_engine import FakeEngine
from tests.queue.in_process import Running, queue_of

LOST = Failed("UNAVAILABLE", "the connection was lost", reason="UNREACHABLE", retryable=True)
PAID = {"cost": Cost(100, 1001), "owed": 1001, "lane": "pod"}


def saying(*events: Event) -> Any:
    left = list(events)

    def script(request: EngineRequest) -> Sequence[Event | asyncio.Event]:
        return [left.pop(0)] if left else ()

    return script


async def spent(running: Running) -> Cost:
    (balance,) = await running.store.budgets([Cap(SERVER, Period.DAY, None, 10**9)])
    return balance.spent


@pytest.mark.parametrize(
    ("code", "billed", "money"),
    [
        ("UNAVAILABLE", 2, 668),
        ("INTERNAL", 3, 1001),
        ("FAILED_PRECONDITION", 1, 334),
        ("CANCELLED", 0, 0),
        ("INVALID_ARGUMENT", 0, 0),
        ("RESOURCE_EXHAUSTED", None, 0),
    ],
)
async def test_the_pictures_that_are_billed_are_charged_whatever_the_code(
    tmp_path: Path, code: str, billed: int | None, money: int
) -> None:
    engine = FakeEngine("pod")
    engine.script = saying(Failed(code, "it went wrong", billed=billed))
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit(count=3, **PAID))
        assert (job.spent.money, job.failure and job.failure.billed) == (money, billed)
        assert await spent(running) == job.spent


async def test_what_is_billed_is_never_sent_again(tmp_path: Path) -> None:
    engine = FakeEngine("pod")
    engine.script = saying(dataclasses.replace(LOST, billed=1))
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit(**PAID))
        assert (job.state, job.attempts, len(engine.batches)) == (State.FAILED, 1, 1)
        assert await spent(running) == Cost(0, 1001)


async def test_what_is_not_billed_is_tried_again_and_charged_once(tmp_path: Path) -> None:
    engine = FakeEngine("pod")
    engine.script = saying(dataclasses.replace(LOST, billed=0), dataclasses.replace(LOST, billed=0))
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit(**PAID))
        assert (job.state, len(engine.batches)) == (State.SUCCEEDED, 3)
        assert await spent(running) == Cost(100, 1001)


@pytest.mark.parametrize(("billed", "money"), [(0, 0), (1, 501), (None, 1001)])
async def test_a_canceled_job_is_charged_what_its_engine_says_is_billed(
    tmp_path: Path, billed: int | None, money: int
) -> None:
    engine = FakeEngine("pod")
    gate = asyncio.Event()

    async def cancel(job_id: str) -> None:
        gate.set()

    engine.cancel = cancel  # type: ignore[method-assign]
    engine.script = lambda request: (Step(1, 10, 0), gate, dataclasses.replace(CANCELED, billed=billed))
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.submit(count=2, **PAID)
        await running.until(job, Step)
        await running.queue.cancel(job.id)
        ended = await running.ended(job)
        assert (ended.state, ended.spent.money) == (State.CANCELED, money)
        assert (await spent(running)).money == money


async def test_one_canceled_while_it_waits_to_be_tried_again_owes_nothing_that_is_not_billed(
    tmp_path: Path,
) -> None:
    engine = FakeEngine("pod")
    engine.script = saying(dataclasses.replace(LOST, billed=0))
    slow = RetryPolicy(first_backoff=1000, max_backoff=1000)
    async with queue_of(tmp_path, [engine], retry=slow) as running:
        job = await running.submit(**PAID)
        async for happening in running.queue.watch(job.id):
            if engine.batches and not isinstance(happening, Job | Step):
                await running.queue.cancel(job.id)
                break
        assert (await running.ended(job)).spent == Cost()


async def test_pictures_that_cannot_be_kept_are_paid_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine("pod")

    def busy(*_: object) -> None:
        raise Unavailable("the disk is on strike", reason="BUSY")

    monkeypatch.setattr(Results, "keep", busy)
    monkeypatch.setattr("sidecar.queue.worker.KEEP_TRIES", 1)
    async with queue_of(tmp_path, [engine]) as running:
        job = await running.ended(await running.submit(**PAID))
        assert (job.state, len(engine.batches), job.spent.money) == (State.FAILED, 1, 1001)


async def test_a_paid_job_that_ran_when_the_server_ended_is_spent_and_not_sent_again(tmp_path: Path) -> None:
    engine = FakeEngine("pod")
    engine.script = lambda request: (Step(1, 10, 0), asyncio.Event())
    async with queue_of(tmp_path, [engine]) as running:
        paid = await running.submit(**PAID)
        await running.until(paid, Step)
        waiting = await running.submit(seed=8, **PAID)
    engine.script = lambda request: ()
    async with queue_of(tmp_path, [engine]) as running:
        lost = await running.store.get(paid.id)
        assert lost.failure is not None
        assert (lost.state, lost.failure.code, lost.failure.reason) == (
            State.FAILED,
            "UNAVAILABLE",
            "MAYBE_BILLED",
        )
        assert "submit it again to pay again" in lost.failure.message
        assert lost.spent == Cost(0, 1001)
        assert (await running.ended(waiting)).state is State.SUCCEEDED
        assert [paid.id] in engine.batches
        assert engine.batches.count([paid.id]) == 1
        assert await spent(running) == Cost(100, 2002)


async def test_what_nobody_knows_the_end_of_counts_as_billed(tmp_path: Path) -> None:
    engine = FakeEngine("pod")

    def broken(request: EngineRequest) -> Sequence[Event | asyncio.Event]:
        raise KeyError("a fault of the engine's own")

    engine.script = broken
    async with queue_of(tmp_path, [engine, FakeEngine("local")]) as running:
        job = await running.ended(await running.submit(**PAID))
        assert (job.failure and job.failure.code, job.spent.money) == ("INTERNAL", 1001)
        engine.script = lambda request: ()
        assert (await running.ended(await running.submit(seed=9, lane="local"))).state is State.SUCCEEDED

"""Jobs that are there: read, listed, watched, canceled; and what budgets are left, on a fake engine."""

from __future__ import annotations

import asyncio

import pytest

from capabilities.budgets import Cost
from capabilities.errors import InvalidArgument, NotFound, PermissionDenied
from capabilities.policy import Caller
from sidecar.application.access import Call
from sidecar.engines.events import Event, Step
from sidecar.queue.model import Job, State
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess


async def _seen(here: InProcess, job_id: str) -> list[Event | Job]:
    return [happening async for happening in here.use.jobs.watch(ASKER, job_id)]


async def test_waiting_jobs_know_how_many_come_before_them(here: InProcess, engine: FakeEngine) -> None:
    go_on = asyncio.Event()
    engine.script = lambda request: [Step(2, 4, 0), go_on]
    first = await here.use.generation.submit(ASKER, here.request())
    async for happening in here.use.jobs.watch(ASKER, first.id):
        if isinstance(happening, Step):
            break
    later = [await here.use.generation.submit(ASKER, here.request()) for _ in range(3)]
    views = await here.use.jobs.page(ASKER)
    assert [(view.job.id, view.position) for view in views if view.job.state is State.QUEUED] == [
        (job.id, place) for place, job in reversed(list(enumerate(later)))
    ]
    assert (await here.use.jobs.get(ASKER, first.id)).step == 2
    go_on.set()
    for job in later:
        assert isinstance((await _seen(here, job.id))[-1], Job)


async def test_pages_go_on_and_are_filtered(here: InProcess) -> None:
    calls = [here.right(), here.right(owner=here.entity(name="Other"))]
    jobs = [await here.made(call=call) for call in calls for _ in range(3)]
    page = await here.use.jobs.page(ASKER, limit=4)
    rest = await here.use.jobs.page(ASKER, limit=4, before=page[-1].job.id)
    assert [view.job.id for view in page + rest] == [job.id for job in reversed(jobs)]
    own = await here.use.jobs.page(ASKER, owner_id=here.painter)
    assert {view.job.capability_id for view in own} == {calls[0].capability_id}
    assert len(await here.use.jobs.page(ASKER, capability_id=calls[1].capability_id)) == 3
    assert await here.use.jobs.page(ASKER, states=[State.FAILED]) == []


async def test_a_canceled_job_ends_once_whatever_it_was_doing(here: InProcess, engine: FakeEngine) -> None:
    engine.script = lambda request: [Step(2, 4, 0), asyncio.Event()]
    running = await here.use.generation.submit(ASKER, here.request())
    queued = await here.use.generation.submit(ASKER, here.request())
    async for happening in here.use.jobs.watch(ASKER, running.id):
        if isinstance(happening, Step):
            break
    assert (await here.use.jobs.cancel(ASKER, queued.id)).job.state is State.CANCELED
    await here.use.jobs.cancel(ASKER, running.id)
    ended = (await _seen(here, running.id))[-1]
    assert isinstance(ended, Job)
    assert (ended.state, ended.spent.compute) == (State.CANCELED, 2 * 128 * 128)
    assert (await here.use.jobs.cancel(ASKER, running.id)).job == ended


async def test_unknown_jobs_and_bad_intervals_are_refused(here: InProcess) -> None:
    for ask in (here.use.jobs.get, here.use.jobs.cancel, here.use.lineage.export):
        with pytest.raises(NotFound, match="no-such"):
            await ask(ASKER, "no-such")
    with pytest.raises(NotFound):
        await _seen(here, "no-such")
    job = await here.made()
    with pytest.raises(InvalidArgument, match="must not be negative"):
        async for _ in here.use.jobs.watch(ASKER, job.id, -1):
            pass


async def test_budgets_are_told_to_who_holds_the_capability(here: InProcess) -> None:
    call = here.right(compute_per_day=1.0)
    await here.made(call=call)
    (balance,) = await here.use.jobs.budgets(ASKER, call)
    assert (balance.cap.compute, balance.spent) == (1_000_000, Cost(4 * 128 * 128, 0))
    with pytest.raises(PermissionDenied):
        await here.use.jobs.budgets(ASKER, Call(call.capability_id, Caller(here.room)))

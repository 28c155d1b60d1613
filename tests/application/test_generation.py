"""Planning, submitting, waiting and estimating, on a fake engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from capabilities import imaging
from capabilities.budgets import Cost
from capabilities.call_options import CallOptions, JobOptions, Placement, Reuse
from capabilities.errors import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from sidecar.application.generation import MAX_REQUEST_ID
from sidecar.config import Budget
from sidecar.engines.api import EngineRequest
from sidecar.engines.events import Failed, Step
from sidecar.queue.model import State
from sidecar.testing.fake_engine import FakeEngine, png_of
from tests.application.in_process import ASKER, InProcess, in_process


async def test_a_picture_is_made_saved_and_its_file_answered(here: InProcess) -> None:
    save = CallOptions(save=Placement("", "", room_id=here.room))
    job = await here.use.generation.wait(ASKER, here.request(options=save))
    assert (job.state, job.spent) == (State.SUCCEEDED, Cost(4 * 128 * 128, 0))
    (image,) = job.images
    entity = (await here.use.entities.get(ASKER, int(image.entity_id or 0))).entity
    assert (entity.props["name"], entity.props["location"]) == ("a cup", here.room)
    (data,) = await here.use.generation.files(ASKER, job)
    assert imaging.probe(data).width == 128


async def test_refusals_are_spelled_as_the_surface_spells_fields(here: InProcess) -> None:
    request = here.request(here.right(max_steps=3))
    shouted = type(request)(request.call, request.method, request.arguments, spelled=str.upper)
    for ask in (here.use.generation.wait, here.use.generation.submit, here.use.generation.plan):
        with pytest.raises(PermissionDenied) as refused:
            await ask(ASKER, shouted)
        assert (refused.value.field, refused.value.limit, refused.value.asked) == ("MAX_STEPS", "3", "4")
    estimate = await here.use.generation.estimate(ASKER, shouted)
    assert estimate.refusal is not None
    assert (estimate.job, estimate.refusal.field) == (None, "MAX_STEPS")


async def test_what_is_refused_leaves_no_job_and_no_file(here: InProcess) -> None:
    picture = png_of(64, 64, "brought along")
    request = here.request(
        here.right(max_pixels=1024),
        "imageToImage", image=picture, prompt="a cup",
    )  # fmt: skip
    with pytest.raises(PermissionDenied, match="max_pixels"):
        await here.use.generation.submit(ASKER, request)
    assert await here.use.jobs.page(ASKER) == []
    assert here.assembly.blobs.size() == 0


async def test_a_method_that_only_tells_is_told_and_is_no_job(here: InProcess) -> None:
    call = here.right("controlnet.generate")
    request = here.request(call, "getAvailableTypes")
    assert "canny" in str(await here.use.generation.tell(ASKER, call, request.method))
    with pytest.raises(InvalidArgument, match="only tells something"):
        await here.use.generation.submit(ASKER, request)
    with pytest.raises(PermissionDenied):
        await here.use.generation.tell(ASKER, here.right("image.edit"), request.method)


async def test_the_same_request_id_answers_the_same_job(here: InProcess) -> None:
    call = here.right()
    first = await here.use.generation.submit(ASKER, here.request(call, request_id="once"))
    again = await here.use.generation.wait(ASKER, here.request(call, request_id="once"))
    assert (again.id, again.state) == (first.id, State.SUCCEEDED)
    with pytest.raises(InvalidArgument, match=f"at most {MAX_REQUEST_ID} characters"):
        await here.use.generation.submit(ASKER, here.request(call, request_id="x" * (MAX_REQUEST_ID + 1)))


async def test_the_same_work_is_answered_from_the_store_for_nothing(
    here: InProcess, engine: FakeEngine
) -> None:
    call = here.right()
    reused = CallOptions(job=JobOptions(reuse=Reuse.FIXED_SEED))
    first = await here.use.generation.wait(ASKER, here.request(call, options=reused))
    estimate = await here.use.generation.estimate(ASKER, here.request(call, options=reused))
    second = await here.use.generation.wait(ASKER, here.request(call, options=reused))
    assert estimate.seconds == 0.0
    assert (second.answered_by, second.spent) == (first.id, Cost(0, 0))
    assert [image.ref for image in second.images] == [image.ref for image in first.images]
    assert engine.batches == [[first.id]]


async def test_whoever_leaves_cancels_the_job_unless_it_is_kept(here: InProcess, engine: FakeEngine) -> None:
    begun = asyncio.Event()

    def script(request: EngineRequest) -> list[Step | asyncio.Event]:
        begun.set()
        return [Step(1, 4, 0), asyncio.Event()]

    engine.script = script
    states = {}
    for keep in (False, True):
        begun.clear()
        waiting = asyncio.create_task(here.use.generation.wait(ASKER, here.request(keep=keep)))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        job = (await here.use.jobs.page(ASKER))[0].job
        if not keep:
            async for _ in here.use.jobs.watch(ASKER, job.id):
                pass
        states[keep] = (await here.use.jobs.get(ASKER, job.id)).job.state
    assert states == {False: State.CANCELED, True: State.RUNNING}


async def test_a_failure_is_the_refusal_of_whoever_waits(here: InProcess, engine: FakeEngine) -> None:
    engine.script = lambda request: [Failed("UNAVAILABLE", "the graphics card fell out", reason="GONE")]
    with pytest.raises(Unavailable, match="the graphics card fell out"):
        await here.made()


async def test_an_unknown_capability_and_another_owners_are_refused(here: InProcess) -> None:
    call = here.right()
    stranger = here.entity(name="Stranger")
    with pytest.raises(PermissionDenied):
        await here.use.generation.plan(
            ASKER, here.request(type(call)(call.capability_id, type(call.caller)(stranger)))
        )
    with pytest.raises(NotFound):
        await here.use.generation.plan(ASKER, here.request(type(call)("no-such", call.caller)))


async def test_an_estimate_tells_the_cap_that_would_block(tmp_path: Path) -> None:
    cap = Budget(scope="server", period="day", compute=0.1)
    async with in_process(tmp_path, [FakeEngine()], budgets=[cap]) as here:
        estimate = await here.use.generation.estimate(ASKER, here.request(width=512, height=512))
        assert estimate.blocked is not None
        assert estimate.blocked.code == "RESOURCE_EXHAUSTED"
        with pytest.raises(ResourceExhausted):
            await here.made(width=512, height=512)
        assert (await here.use.generation.estimate(ASKER, here.request())).blocked is None
        (balance,) = (await here.use.status.read(ASKER)).budgets
        assert balance.spent == Cost(0, 0)


async def test_what_a_call_waited_for_ends_with_the_server_and_what_was_submitted_goes_on(
    tmp_path: Path,
) -> None:
    engine = FakeEngine(slots=4)
    seen: list[str] = []
    all_begun, never = asyncio.Event(), asyncio.Event()

    def hang(request: EngineRequest) -> list[asyncio.Event]:
        seen.append(request.job_id)
        if len(seen) == 4:
            all_begun.set()
        return [never]

    engine.script = hang
    async with in_process(tmp_path, [engine]) as here:
        waiting = [asyncio.create_task(here.made(seed=seed)) for seed in (1, 2)]
        submitted = await here.use.generation.submit(ASKER, here.request(seed=3))
        kept = asyncio.create_task(here.use.generation.wait(ASKER, here.request(keep=True, seed=4)))
        await asyncio.wait_for(all_begun.wait(), 30)
    for call in (*waiting, kept):
        call.cancel()
    await asyncio.gather(*waiting, kept, return_exceptions=True)
    async with in_process(tmp_path, [FakeEngine()]) as here:
        ended = {job_id: await here.assembly.queue.finished(job_id) for job_id in seen}
    states = {
        getattr(job.task, "seed", 0): (str(job.state), job.failure and job.failure.reason)
        for job in ended.values()
    }
    assert states == {
        1: ("canceled", "NOBODY_WAITS"), 2: ("canceled", "NOBODY_WAITS"), 3: ("succeeded", None), 4: ("succeeded", None),
    }  # fmt: skip
    assert ended[submitted.id].state is State.SUCCEEDED

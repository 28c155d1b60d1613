"""Jobs: queued, watched, canceled, listed, and kept when their client leaves."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from sidecar.pb.viwo.imagegen.v1 import common_pb2, job_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import refused, retry_delay
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started


async def test_a_stream_tells_queue_steps_and_end_in_order(sidecar: Sidecar) -> None:
    job = await sidecar.jobs.Submit(submission(await sidecar.context(), count=2))
    events = [event async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id))]
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[-1] == "ended"
    assert kinds.count("ended") == 1
    steps = [event.step for event in events if event.WhichOneof("event") == "step"]
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in steps} == {6}
    assert [step.image_index for step in steps] == [0, 0, 0, 1, 1, 1]
    final = events[-1].ended
    assert final.state == job_pb2.JOB_STATE_SUCCEEDED
    assert final.step == final.total_steps == 6
    assert [image.seed for image in final.images] == [7, 8]


async def test_watching_an_ended_job_gives_its_end_at_once(sidecar: Sidecar) -> None:
    job = await sidecar.jobs.Submit(submission(await sidecar.context()))
    first = await sidecar.ended(job.id)
    events = [event async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id))]
    assert [event.ended for event in events] == [first]


async def test_the_task_is_kept_whole(sidecar: Sidecar) -> None:
    job = await sidecar.jobs.Submit(submission(await sidecar.context(), "a cup"))
    task = json.loads(job.task_json)
    assert task["prompt"] == "a cup"
    assert task["model_id"] == "sd"
    assert (task["width"], task["height"], task["seed"], task["guidance_scale"]) == (64, 64, 7, 7.5)
    got = await sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id))
    assert got.task_json == job.task_json


async def test_data_and_masks_on_request(sidecar: Sidecar) -> None:
    job = await sidecar.jobs.Submit(submission(await sidecar.context()))
    await sidecar.ended(job.id)
    whole = await sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id, include_data=True))
    assert pixels(whole.images[0].data).shape == (64, 64, 3)
    request = job_pb2.GetJobRequest(id=job.id)
    request.read_mask.paths.extend(["id", "state"])
    part = await sidecar.jobs.Get(request)
    assert (part.id, part.state) == (job.id, job_pb2.JOB_STATE_SUCCEEDED)
    assert part.task_json == ""
    request.read_mask.paths.append("colour")
    assert (await refused(sidecar.jobs.Get(request))).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_running_job_is_canceled_within_a_step_and_the_next_one_runs(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    slow = await sidecar.jobs.Submit(submission(context, **SLOW))
    after = await sidecar.jobs.Submit(submission(context))
    seen = await sidecar.until(slow.id, "step")
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=slow.id))
    job = await sidecar.ended(slow.id)
    assert job.state == job_pb2.JOB_STATE_CANCELED
    assert job.failure.code == "CANCELLED"
    assert not job.images
    assert seen.step.total == 150 * 16
    assert (await sidecar.ended(after.id)).state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_queued_job_is_canceled_at_once_and_never_begun(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    slow = await sidecar.jobs.Submit(submission(context, **SLOW))
    queued = await sidecar.jobs.Submit(submission(context))
    await sidecar.until(slow.id, "step")
    canceled = await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=queued.id))
    assert (canceled.state, canceled.attempts) == (job_pb2.JOB_STATE_CANCELED, 0)
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=slow.id))
    await sidecar.ended(slow.id)


async def test_canceling_an_ended_job_changes_nothing(sidecar: Sidecar) -> None:
    job = await sidecar.jobs.Submit(submission(await sidecar.context()))
    await sidecar.ended(job.id)
    again = await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
    assert again.state == job_pb2.JOB_STATE_SUCCEEDED


async def test_positions_count_down(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    first = await sidecar.jobs.Submit(submission(context, **SLOW))
    await sidecar.until(first.id, "step")
    # Not alike, or they would be drawn together; and slow enough that each position is told.
    waiting = [await sidecar.jobs.Submit(submission(context, steps=100 + place)) for place in range(3)]
    assert [job.queue_position for job in waiting] == [0, 1, 2]
    stream = sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=waiting[2].id))
    positions = []
    async for event in stream:
        if event.WhichOneof("event") == "queued":
            positions.append(event.queued.position)
            if len(positions) == 1:
                await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=first.id))
    assert positions == sorted(positions, reverse=True)
    assert positions[0] == 2
    assert positions[-1] == 0


async def test_a_client_that_leaves_cancels_its_call(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    call = sidecar.images.TextToImage(text_to_image(context, **SLOW))
    job_id = await sidecar.only_job(context.capability_id)
    await sidecar.until(job_id, "step")
    call.cancel()
    assert (await sidecar.ended(job_id)).state == job_pb2.JOB_STATE_CANCELED


async def test_a_client_that_leaves_may_ask_to_keep_the_job(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    output = common_pb2.OutputOptions(on_disconnect=common_pb2.DISCONNECT_POLICY_KEEP)
    call = sidecar.images.TextToImage(text_to_image(context, steps=40, output=output))
    job_id = await sidecar.only_job(context.capability_id)
    await sidecar.until(job_id, "step")
    call.cancel()
    assert (await sidecar.ended(job_id)).state == job_pb2.JOB_STATE_SUCCEEDED


async def test_a_deadline_ends_the_job_too(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    call = sidecar.images.TextToImage(text_to_image(context, **SLOW), timeout=0.3)
    error = await refused(call)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    job_id = await sidecar.only_job(context.capability_id)
    assert (await sidecar.ended(job_id)).state == job_pb2.JOB_STATE_CANCELED


async def test_lists_by_state_capability_and_page(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    jobs = [await sidecar.jobs.Submit(submission(context, steps=1)) for _ in range(5)]
    for job in jobs:
        await sidecar.ended(job.id)
    found: list[str] = []
    token = ""
    while True:
        page = await sidecar.jobs.List(
            job_pb2.ListJobsRequest(
                states=[job_pb2.JOB_STATE_SUCCEEDED],
                capability_id=context.capability_id,
                page_size=2,
                page_token=token,
            )
        )
        assert len(page.jobs) <= 2
        found += [job.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert found == [job.id for job in reversed(jobs)]
    for bad in (job_pb2.ListJobsRequest(page_token="x"), job_pb2.ListJobsRequest(page_size=-1)):
        assert (await refused(sidecar.jobs.List(bad))).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_same_request_id_is_one_job(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    request = submission(context)
    request.request_id = "order-1"
    first = await sidecar.jobs.Submit(request)
    assert (await sidecar.jobs.Submit(request)).id == first.id
    other = submission(await sidecar.context())
    other.request_id = "order-1"
    assert (await sidecar.jobs.Submit(other)).id != first.id
    await sidecar.ended(first.id)


async def test_estimates_cost_and_refusal_without_a_job(sidecar: Sidecar) -> None:
    context = await sidecar.context({"max_steps": 10})
    good = await sidecar.jobs.Estimate(submission(context, steps=10, count=2))
    assert good.cost.compute == pytest.approx(64 * 64 * 20 / 1e6)
    assert not good.HasField("refusal")
    bad = await sidecar.jobs.Estimate(submission(context, steps=11))
    assert (bad.refusal.code, bad.refusal.field, bad.refusal.limit) == (
        "PERMISSION_DENIED",
        "max_steps",
        "10",
    )
    page = await sidecar.jobs.List(job_pb2.ListJobsRequest(capability_id=context.capability_id))
    assert not page.jobs


async def test_previews_come_when_asked_for(icons_sidecar: Sidecar) -> None:
    context = await icons_sidecar.context()
    job = await icons_sidecar.jobs.Submit(submission(context, model_id="icons", steps=12))
    events = [
        event async for event in icons_sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id, preview_every=3))
    ]
    previews = [event.preview for event in events if event.WhichOneof("event") == "preview"]
    assert previews
    assert pixels(previews[0].data).shape == (previews[0].height, previews[0].width, 3)


async def test_a_full_queue_is_refused_with_a_time_to_retry(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, max_queue=2, max_queue_per_owner=2) as small:
        context = await small.context()
        running = await small.jobs.Submit(submission(context, **SLOW))
        await small.until(running.id, "step")
        for _ in range(2):
            await small.jobs.Submit(submission(context))
        error = await refused(small.jobs.Submit(submission(context)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "2 jobs wait already" in (error.details() or "")
        assert retry_delay(error) == 5


async def test_unknown_jobs(sidecar: Sidecar) -> None:
    for call in (
        sidecar.jobs.Get(job_pb2.GetJobRequest(id="nothing")),
        sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id="nothing")),
        anext(aiter(sidecar.jobs.Watch(job_pb2.WatchJobRequest(id="nothing")))),
    ):
        assert (await refused(call)).code() is grpc.StatusCode.NOT_FOUND

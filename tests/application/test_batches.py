"""Batches: variations, progress, what happens at an error, cancel."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from sidecar.pb.viwo.imagegen.v1 import image_pb2, job_pb2
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar

GO_ON = job_pb2.ON_ERROR_CONTINUE


async def finished(sidecar: Sidecar, batch_id: str) -> list[job_pb2.Batch]:
    return [batch async for batch in sidecar.jobs.WatchBatch(job_pb2.GetBatchRequest(id=batch_id))]


async def test_every_prompt_with_every_seed(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    request = job_pb2.SubmitBatchRequest(
        variations=job_pb2.Variations(task=submission(context), prompts=["a cup", "a hat"], seeds=[5, 9])
    )
    batch = await sidecar.jobs.SubmitBatch(request)
    seen = await finished(sidecar, batch.id)
    last = seen[-1]
    assert (last.succeeded, last.left, last.step, last.total_steps) == (4, 0, 12, 12)
    assert [item.succeeded for item in seen] == sorted(item.succeeded for item in seen)
    tasks = [json.loads(job.task_json) for job in last.jobs]
    assert [(task["prompt"], task["seed"]) for task in tasks] == [
        ("a cup", 5), ("a cup", 9), ("a hat", 5), ("a hat", 9),
    ]  # fmt: skip
    assert {job.batch_id for job in last.jobs} == {batch.id}
    assert (await sidecar.jobs.GetBatch(job_pb2.GetBatchRequest(id=batch.id))).succeeded == 4


async def test_seeds_are_counted_up_from_the_tasks_own(sidecar: Sidecar) -> None:
    variations = job_pb2.Variations(task=submission(await sidecar.context(), seed=70), count=3)
    batch = await sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(variations=variations))
    assert [json.loads(job.task_json)["seed"] for job in batch.jobs] == [70, 71, 72]
    await finished(sidecar, batch.id)


@pytest.mark.parametrize("on_error", [job_pb2.ON_ERROR_UNSPECIFIED, GO_ON])
async def test_an_error_stops_the_rest_or_does_not(sidecar: Sidecar, on_error: Any) -> None:
    context = await sidecar.context()
    block = await sidecar.jobs.Submit(submission(context, **SLOW))
    await sidecar.until(block.id, "step")
    flawed = submission(context, steps=4)
    flawed.text_to_image.output.job.timeout.FromMilliseconds(1)
    tasks = [flawed, submission(context, steps=5), submission(context, steps=6)]
    batch = await sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(tasks=tasks, on_error=on_error))
    await sidecar.ended(batch.jobs[0].id)
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=block.id))
    last = (await finished(sidecar, batch.id))[-1]
    assert last.failed == 1
    assert (last.succeeded, last.canceled) == ((2, 0) if on_error == GO_ON else (0, 2))


async def test_cancel_ends_what_is_left(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    tasks = [submission(context, **SLOW), *(submission(context) for _ in range(3))]
    batch = await sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(tasks=tasks))
    await sidecar.until(batch.jobs[0].id, "step")
    await sidecar.jobs.CancelBatch(job_pb2.CancelBatchRequest(id=batch.id))
    last = (await finished(sidecar, batch.id))[-1]
    assert (last.canceled, last.left) == (4, 0)


async def test_a_batch_with_a_flaw_is_refused_whole_and_says_which(sidecar: Sidecar) -> None:
    context = await sidecar.context({"max_steps": 5})
    tasks = [submission(context), submission(context, steps=9)]
    error = await refused(sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(tasks=tasks)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["field"] == "tasks[1].max_steps"
    assert (error.details() or "").startswith("task 1: max_steps")
    page = await sidecar.jobs.List(job_pb2.ListJobsRequest(capability_id=context.capability_id))
    assert not page.jobs


async def test_what_is_no_batch(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    named = submission(context)
    named.request_id = "x"
    edit = job_pb2.SubmitJobRequest(invoke=image_pb2.InvokeRequest(context=context, method="textToImage"))
    painted = job_pb2.SubmitJobRequest(text_to_image=text_to_image(context))
    requests = (
        job_pb2.SubmitBatchRequest(),
        job_pb2.SubmitBatchRequest(tasks=[named]),
        job_pb2.SubmitBatchRequest(tasks=[painted], on_error=9),  # type: ignore[arg-type]
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(task=edit)),
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(task=painted, count=-1)),
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(task=painted, count=1001)),
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(task=painted, seeds=[-1])),
    )
    for request in requests:
        error = await refused(sidecar.jobs.SubmitBatch(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, request
    error = await refused(sidecar.jobs.GetBatch(job_pb2.GetBatchRequest(id="none")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_batch_that_a_budget_blocks_ends_there(sidecar: Sidecar) -> None:
    context = await sidecar.context({"compute_per_day": 2.5 * 64 * 64 * 3 / 1e6})
    tasks = [submission(context, seed=seed) for seed in range(60, 65)]
    batch = await sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(tasks=tasks))
    last = (await finished(sidecar, batch.id))[-1]
    succeeded, blocked = job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_BLOCKED_BUDGET
    canceled = job_pb2.JOB_STATE_CANCELED
    assert [job.state for job in last.jobs] == [succeeded, succeeded, blocked, canceled, canceled]
    failure = last.jobs[2].failure
    assert (failure.account, failure.field) == (f"capability:{context.capability_id}", "compute_per_day")
    assert float(failure.remaining) == pytest.approx(0.5 * 64 * 64 * 3 / 1e6)
    assert 0 < failure.retry_delay.seconds <= 24 * 3600


async def test_the_same_request_is_the_same_batch(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    tasks = [submission(context, seed=seed) for seed in (5, 6)]
    request = job_pb2.SubmitBatchRequest(tasks=tasks, request_id="once")
    batch = await sidecar.jobs.SubmitBatch(request)
    again = await sidecar.jobs.SubmitBatch(request)
    assert (again.id, [job.id for job in again.jobs]) == (batch.id, [job.id for job in batch.jobs])
    await finished(sidecar, batch.id)


async def test_a_batch_that_could_never_be_accepted_is_told_so(sidecar: Sidecar) -> None:
    context = await sidecar.context({"rate_per_minute": 2})
    tasks = [submission(context, seed=seed) for seed in range(3)]
    error = await refused(sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(tasks=tasks)))
    info = error_info(error)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (info.reason, info.metadata["field"], info.metadata["limit"]) == (
        "BATCH_TOO_LARGE",
        "rate_per_minute",
        "2",
    )

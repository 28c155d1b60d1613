"""Jobs, batches, costs and budgets as protobuf messages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from capabilities.budgets import UNITS, Cost, Tier
from capabilities.call_options import JobOptions, Reuse
from capabilities.errors import InvalidArgument
from sidecar.application.generation import Estimate
from sidecar.application.lineage import Origin
from sidecar.engines.events import Event, Failed, Loading, Preview, Queued, Step
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.queue.ledger.budgets import Balance
from sidecar.queue.model import Job, State
from sidecar.queue.store.reader import Batch
from sidecar.surfaces.proto import conversions

STATES = {
    State.QUEUED: job_pb2.JOB_STATE_QUEUED,
    State.RUNNING: job_pb2.JOB_STATE_RUNNING,
    State.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    State.FAILED: job_pb2.JOB_STATE_FAILED,
    State.CANCELED: job_pb2.JOB_STATE_CANCELED,
    State.BLOCKED_BUDGET: job_pb2.JOB_STATE_BLOCKED_BUDGET,
}


TIERS: dict[Tier, job_pb2.CostTier.ValueType] = {
    "low": job_pb2.COST_TIER_LOW,
    "medium": job_pb2.COST_TIER_MEDIUM,
    "high": job_pb2.COST_TIER_HIGH,
}

REUSES = {
    common_pb2.REUSE_UNSPECIFIED: Reuse.FIXED_SEED,
    common_pb2.REUSE_FIXED_SEED: Reuse.FIXED_SEED,
    common_pb2.REUSE_ALWAYS: Reuse.ALWAYS,
    common_pb2.REUSE_NEVER: Reuse.NEVER,
}


def job_options(options: common_pb2.JobOptions) -> JobOptions:
    """How a job is to be treated. Raises InvalidArgument for a way of reuse that there is not."""
    if options.reuse not in REUSES:
        raise InvalidArgument(
            f"'reuse' must be FIXED_SEED, ALWAYS or NEVER; got {options.reuse}",
            reason="BAD_ARGUMENT",
            field="reuse",
        )
    timeout = None
    if options.HasField("timeout"):
        timeout = options.timeout.seconds + options.timeout.nanos / 1e9
    return JobOptions(options.priority, timeout, REUSES[options.reuse])


def failure(value: Failed) -> common_pb2.Failure:
    made = common_pb2.Failure(
        code=value.code, message=value.message, reason=value.reason, field=value.field, limit=value.limit,
        asked=value.asked, account=value.account, remaining=value.remaining,
    )  # fmt: skip
    if value.retry_after is not None:
        made.retry_delay.FromMilliseconds(round(value.retry_after * 1000))
    return made


def job(value: Job, *, step: int = 0, position: int = 0, currency: str = "") -> job_pb2.Job:
    message = job_pb2.Job(
        id=value.id,
        state=STATES[value.state],
        method=value.method,
        context=common_pb2.CallContext(
            capability_id=value.capability_id, caller_id=value.caller_id, this_id=value.this_id
        ),
        task_json=value.task.model_dump_json(),
        images=[conversions.stored_image(image, has_seed=value.task.has_seed) for image in value.images],
        cost=cost(value.spent if value.state.final else value.cost, currency),
        step=value.task.total_steps if value.state is State.SUCCEEDED else step,
        total_steps=value.task.total_steps,
        queue_position=position,
        attempts=value.attempts,
        model_id=value.task.model_id,
        warnings=value.warnings,
        priority=value.priority,
        deadline=conversions.timestamp(value.deadline),
        batch_id=value.batch_id or "",
        answered_by=value.answered_by or "",
        engine=value.lane,
        create_time=conversions.timestamp(value.created),
        start_time=conversions.timestamp(value.started),
        end_time=conversions.timestamp(value.ended),
        work_seconds=value.work_seconds,
    )
    if value.failure is not None:
        message.failure.CopyFrom(failure(value.failure))
    return message


def cost(value: Cost, currency: str = "") -> common_pb2.Cost:
    return common_pb2.Cost(
        compute=value.compute / UNITS, money_micros=value.money, currency=currency if value.money else ""
    )


def budget(value: Balance, currency: str = "") -> job_pb2.Budget:
    cap = value.cap
    most = Cost(cap.compute or 0, cap.money or 0)
    left = most - value.spent
    return job_pb2.Budget(
        scope=cap.scope,
        period=cap.period,
        cap=cost(most, currency),
        spent=cost(value.spent, currency),
        reset_time=conversions.timestamp(value.reset),
        account=cap.account,
        remaining=cost(Cost(max(0, left.compute), max(0, left.money)), currency),
        caps_compute=cap.compute is not None,
        caps_money=cap.money is not None,
    )


def batch(value: Batch, steps: Callable[[str], int], currency: str = "") -> job_pb2.Batch:
    """A batch with its jobs; `steps` tells how far a running one is."""
    states = [item.state for item in value.jobs]
    messages = [job(item, step=steps(item.id), currency=currency) for item in value.jobs]
    return job_pb2.Batch(
        id=value.id,
        jobs=messages,
        succeeded=states.count(State.SUCCEEDED),
        failed=states.count(State.FAILED) + states.count(State.BLOCKED_BUDGET),
        canceled=states.count(State.CANCELED),
        left=states.count(State.QUEUED) + states.count(State.RUNNING),
        step=sum(message.step for message in messages),
        total_steps=sum(message.total_steps for message in messages),
        on_error=job_pb2.ON_ERROR_STOP if value.stop else job_pb2.ON_ERROR_CONTINUE,
        create_time=conversions.timestamp(value.created),
    )


def image_response(value: Job, data: Sequence[bytes], currency: str = "") -> image_pb2.ImageResponse:
    """The answer to a call that waited; `data` is empty where references were asked for."""
    files = data or [b""] * len(value.images)
    return image_pb2.ImageResponse(
        images=[
            conversions.stored_image(image, file, has_seed=value.task.has_seed)
            for image, file in zip(value.images, files, strict=True)
        ],
        job_id=value.id,
        cost=cost(value.spent, currency),
        model_id=value.task.model_id,
        work_seconds=value.work_seconds,
        warnings=value.warnings,
    )


def event(job_id: str, happening: Event | Job, currency: str = "") -> job_pb2.JobEvent:
    """An event of a stream."""
    message = job_pb2.JobEvent(job_id=job_id, time=conversions.timestamp(time.time()))
    match happening:
        case Job():
            message.ended.CopyFrom(job(happening, currency=currency))
        case Queued(position):
            message.queued.position = position
        case Loading(model_id, done, total):
            message.loading.CopyFrom(
                job_pb2.JobEvent.Loading(model_id=model_id, bytes_done=done, bytes_total=total)
            )
        case Step(step, total, image_index):
            message.step.CopyFrom(job_pb2.JobEvent.Step(step=step, total=total, image_index=image_index))
        case Preview(data, width, height, image_index):
            message.preview.CopyFrom(
                job_pb2.JobEvent.Preview(data=data, width=width, height=height, image_index=image_index)
            )
        case _:
            raise TypeError(f"not an event of a stream: {happening}")
    return message


def estimate(value: Estimate, currency: str = "") -> job_pb2.EstimateResponse:
    if value.refusal is not None:
        return job_pb2.EstimateResponse(refusal=failure(Failed.of(value.refusal)))
    planned = value.job
    assert planned is not None
    message = job_pb2.EstimateResponse(
        cost=cost(planned.cost, currency),
        model_id=planned.task.model_id,
        task_json=planned.task.model_dump_json(),
        tier=TIERS[value.tier],
        reused=planned.answered_by is not None,
    )
    if value.blocked is not None:
        message.blocked.CopyFrom(failure(value.blocked))
    if value.seconds is not None:
        message.work.FromNanoseconds(int(value.seconds * 1e9))
    return message


def history(origin: Origin) -> job_pb2.HistoryNode:
    return job_pb2.HistoryNode(
        ref=origin.ref,
        role=origin.role,
        job_id=origin.job_id,
        method=origin.method,
        task_json=conversions.text(json.dumps(origin.task, ensure_ascii=False)) if origin.task else "",
        create_time=conversions.timestamp(origin.created),
        sources=[history(source) for source in origin.sources],
    )

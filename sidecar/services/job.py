"""JobService: work that nobody waits for, and the stream of what happens to it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

from capabilities.errors import InvalidArgument, Refusal
from entity_store.blobs import Blobs
from sidecar.engines.events import Event, Failed, Loading, Preview, Queued, Step
from sidecar.jobs.admission import Admission
from sidecar.jobs.queue import JobQueue
from sidecar.jobs.store import Job, JobStore
from sidecar.pb.viwo.imagegen.v1 import common_pb2, job_pb2_grpc
from sidecar.pb.viwo.imagegen.v1 import job_pb2 as pb
from sidecar.services import requests, translate
from sidecar.services.gate import Context

_JOB_ID = re.compile(r"[0-9a-f]{26}")


class JobServicer(job_pb2_grpc.JobServiceServicer):
    def __init__(self, admission: Admission, queue: JobQueue, store: JobStore, blobs: Blobs) -> None:
        self._admission = admission
        self._queue = queue
        self._store = store
        self._blobs = blobs

    async def Submit(self, request: pb.SubmitJobRequest, context: Context) -> pb.Job:
        wish = requests.submitted(request)
        job = await wish.plan(self._admission, request.request_id)
        return await self._message(await self._queue.submit(job))

    async def Get(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        job = await self._store.get(request.id)
        message = await self._message(job)
        if request.include_data:
            for image in message.images:
                image.data = await asyncio.to_thread(self._blobs.get, image.ref)
        translate.masked(message, request.read_mask)
        return message

    async def List(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        size = translate.page_size(request.page_size, 50)
        if request.page_token and not _JOB_ID.fullmatch(request.page_token):
            raise translate.bad_page_token(request.page_token)
        names = {number: state for state, number in translate.STATES.items()}
        unknown = [number for number in request.states if number not in names]
        if unknown:
            raise InvalidArgument(
                f"'states' holds {unknown[0]}, which is no state", reason="BAD_ARGUMENT", field="states"
            )
        jobs = await self._store.page(
            states=[names[number] for number in request.states],
            capability_id=request.capability_id,
            owner_id=request.owner_id,
            before=request.page_token,
            limit=size + 1,
        )
        messages = [await self._message(job) for job in jobs[:size]]
        for message in messages:
            translate.masked(message, request.read_mask)
        return pb.ListJobsResponse(
            jobs=messages, next_page_token=jobs[size - 1].id if len(jobs) > size else ""
        )

    async def Watch(self, request: pb.WatchJobRequest, context: Context) -> AsyncIterator[pb.JobEvent]:
        if request.preview_every < 0:
            raise InvalidArgument(
                "'preview_every' must not be negative", reason="BAD_ARGUMENT", field="preview_every"
            )
        async for happening in self._queue.watch(request.id, request.preview_every):
            yield _event(request.id, happening)

    async def Cancel(self, request: pb.CancelJobRequest, context: Context) -> pb.Job:
        return await self._message(await self._queue.cancel(request.id))

    async def Estimate(self, request: pb.SubmitJobRequest, context: Context) -> pb.EstimateResponse:
        try:
            job = await requests.submitted(request).plan(self._admission)
        except Refusal as refusal:
            return pb.EstimateResponse(refusal=translate.failure(Failed.of(refusal)))
        return pb.EstimateResponse(
            cost=common_pb2.Cost(compute=job.task.compute),
            model_id=job.task.model_id,
            task_json=job.task.model_dump_json(),
        )

    async def _message(self, job: Job) -> pb.Job:
        step = self._queue.step(job.id)
        return translate.job(job, step=step.step if step else 0, position=await self._queue.position(job))


def _event(job_id: str, happening: Event | Job) -> pb.JobEvent:
    event = pb.JobEvent(job_id=job_id, time=translate.timestamp(time.time()))
    match happening:
        case Job():
            event.ended.CopyFrom(translate.job(happening))
        case Queued(position):
            event.queued.position = position
        case Loading(model_id):
            event.loading.model_id = model_id
        case Step(step, total, image_index):
            event.step.CopyFrom(pb.JobEvent.Step(step=step, total=total, image_index=image_index))
        case Preview(data, width, height, image_index):
            event.preview.CopyFrom(
                pb.JobEvent.Preview(data=data, width=width, height=height, image_index=image_index)
            )
        case _:
            raise TypeError(f"not an event of a stream: {happening}")
    return event

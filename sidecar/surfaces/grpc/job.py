"""JobService: work that nobody waits for, alone or in batches, and the stream of what happens to it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from google.protobuf.duration_pb2 import Duration

from capabilities.budgets import Tier
from capabilities.errors import InvalidArgument, Refusal
from entity_store.blobs import Blobs
from sidecar.application.decoding import DecodingThreads
from sidecar.application.lineage import Documents
from sidecar.application.planning import Planner
from sidecar.engines.events import Failed
from sidecar.pb.viwo.imagegen.v1 import job_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import job_pb2_grpc
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, PlannedJob, new_id
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.store.reader import Batch
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions, job_messages, requests, variations

MAX_REQUEST_ID = 100
_JOB_ID = re.compile(r"[0-9a-f]{26}")
_TIERS: dict[Tier, pb.CostTier.ValueType] = {
    "low": pb.COST_TIER_LOW,
    "medium": pb.COST_TIER_MEDIUM,
    "high": pb.COST_TIER_HIGH,
}


class JobServicer(job_pb2_grpc.JobServiceServicer):
    def __init__(
        self,
        admission: Planner,
        queue: JobQueue,
        store: JobStore,
        blobs: Blobs,
        documents: Documents,
        threads: DecodingThreads,
        currency: str = "",
    ) -> None:
        self._admission = admission
        self._queue = queue
        self._store = store
        self._blobs = blobs
        self._documents = documents
        self._threads = threads
        self._currency = currency

    async def Submit(self, request: pb.SubmitJobRequest, context: Context) -> pb.Job:
        wish = requests.submitted(request)
        order = await wish.plan(self._admission, self._threads, request.request_id)
        return await self._message(await self._queue.submit(order))

    async def Get(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        job = await self._store.get(request.id)
        message = await self._message(job)
        if request.include_data:
            for image in message.images:
                image.data = await asyncio.to_thread(self._blobs.get, image.ref)
        conversions.masked(message, request.read_mask)
        return message

    async def List(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        size = conversions.page_size(request.page_size, 50)
        if request.page_token and not _JOB_ID.fullmatch(request.page_token):
            raise conversions.bad_page_token(request.page_token)
        names = {number: state for state, number in job_messages.STATES.items()}
        unknown = [number for number in request.states if number not in names]
        if unknown:
            raise InvalidArgument(
                f"'states' holds {unknown[0]}, which is no state", reason="BAD_ARGUMENT", field="states"
            )
        jobs, positions = await self._store.page(
            states=list(dict.fromkeys(names[number] for number in request.states)),
            capability_id=request.capability_id,
            owner_id=request.owner_id,
            before=request.page_token,
            limit=size + 1,
        )
        page = [self._told(job, positions.get(job.id, 0)) for job in jobs[:size]]
        for message in page:
            conversions.masked(message, request.read_mask)
        return pb.ListJobsResponse(jobs=page, next_page_token=jobs[size - 1].id if len(jobs) > size else "")

    async def Watch(self, request: pb.WatchJobRequest, context: Context) -> AsyncIterator[pb.JobEvent]:
        if request.preview_every < 0:
            raise InvalidArgument(
                "'preview_every' must not be negative", reason="BAD_ARGUMENT", field="preview_every"
            )
        async for happening in self._queue.watch(request.id, request.preview_every):
            yield job_messages.event(request.id, happening, self._currency)

    async def Cancel(self, request: pb.CancelJobRequest, context: Context) -> pb.Job:
        return await self._message(await self._queue.cancel(request.id))

    async def Estimate(self, request: pb.SubmitJobRequest, context: Context) -> pb.EstimateResponse:
        try:
            order = await requests.submitted(request).plan(self._admission, self._threads)
        except Refusal as refusal:
            return pb.EstimateResponse(refusal=job_messages.failure(Failed.of(refusal)))
        order = await self._queue.answered(order)
        job = order.job
        response = pb.EstimateResponse(
            cost=job_messages.cost(job.cost, self._currency),
            model_id=job.task.model_id,
            task_json=job.task.model_dump_json(),
            tier=_TIERS[self._admission.tier(job.cost)],
            reused=job.answered_by is not None,
        )
        blocked = await self._store.would_block(order)
        if blocked is not None:
            response.blocked.CopyFrom(job_messages.failure(blocked))
        seconds = 0.0 if response.reused else await self._store.seconds(job)
        if seconds is not None:
            response.work.CopyFrom(Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9)))
        return response

    async def SubmitBatch(self, request: pb.SubmitBatchRequest, context: Context) -> pb.Batch:
        tasks = variations.tasks(request)
        if request.on_error not in pb.OnError.values():
            raise InvalidArgument(
                "'on_error' must be STOP or CONTINUE", reason="BAD_ARGUMENT", field="on_error"
            )
        if len(request.request_id) > MAX_REQUEST_ID:
            raise InvalidArgument(
                f"'request_id' may have {MAX_REQUEST_ID} characters; got {len(request.request_id)}",
                reason="BAD_ARGUMENT",
                field="request_id",
                limit=f"{MAX_REQUEST_ID} characters",
            )
        batch = Batch(new_id(), request.on_error != pb.ON_ERROR_CONTINUE, time.time())
        orders = [
            await self._planned(place, task, batch.id, request.request_id and f"{request.request_id}#{place}")
            for place, task in enumerate(tasks)
        ]
        jobs = await self._queue.submit_all(orders, batch)
        if jobs[0].batch_id not in (None, batch.id):
            return self._batch(await self._store.batch(str(jobs[0].batch_id)))
        return self._batch(replace(batch, jobs=tuple(jobs)))

    async def _planned(
        self, place: int, task: pb.SubmitJobRequest, batch_id: str, request_id: str
    ) -> PlannedJob:
        try:
            if task.request_id:
                raise InvalidArgument(
                    "'request_id' is for single jobs; give the batch one",
                    reason="BAD_ARGUMENT",
                    field="request_id",
                )
            order = await requests.submitted(task).plan(self._admission, self._threads, request_id)
        except Refusal as refusal:
            refusal.message = f"task {place}: {refusal.message}"
            refusal.field = f"tasks[{place}].{refusal.field}" if refusal.field else f"tasks[{place}]"
            raise
        return replace(order, job=replace(order.job, batch_id=batch_id, batch_index=place))

    async def GetBatch(self, request: pb.GetBatchRequest, context: Context) -> pb.Batch:
        return self._batch(await self._store.batch(request.id))

    async def WatchBatch(self, request: pb.GetBatchRequest, context: Context) -> AsyncIterator[pb.Batch]:
        async for batch in self._queue.watch_batch(request.id):
            yield self._batch(batch)

    async def CancelBatch(self, request: pb.CancelBatchRequest, context: Context) -> pb.Batch:
        return self._batch(await self._queue.cancel_batch(request.id))

    async def BudgetStatus(
        self, request: pb.BudgetStatusRequest, context: Context
    ) -> pb.BudgetStatusResponse:
        call = conversions.call(request.context)
        balances = await self._store.budgets(await asyncio.to_thread(self._admission.caps, call))
        return pb.BudgetStatusResponse(
            budgets=[job_messages.budget(balance, self._currency) for balance in balances]
        )

    async def Rerun(self, request: pb.RerunJobRequest, context: Context) -> pb.Job:
        job = await self._store.get(request.id)
        call = conversions.call(request.context) if request.HasField("context") else None
        order = await self._documents.again(job, call)
        return await self._message(await self._queue.submit(order))

    async def Export(self, request: pb.ExportJobRequest, context: Context) -> pb.JobDocument:
        job = await self._store.get(request.id)
        task = await self._documents.done(job)
        document = await self._threads.run(self._documents.export, job.method, task)
        return pb.JobDocument(document_json=document)

    async def Import(self, request: pb.ImportJobRequest, context: Context) -> pb.Job:
        call = conversions.call(request.context)
        order = await self._threads.run(self._documents.read, request.document_json, call)
        return await self._message(await self._queue.submit(order))

    async def History(self, request: pb.HistoryRequest, context: Context) -> pb.HistoryNode:
        kind = request.WhichOneof("picture")
        if kind is None:
            raise InvalidArgument(
                "'ref' or 'entity_id' is required", reason="MISSING_ARGUMENT", field="picture"
            )
        return job_messages.history(await self._documents.history(getattr(request, kind)))

    async def _message(self, job: Job) -> pb.Job:
        return self._told(job, (await self._store.positions([job])).get(job.id, 0))

    def _told(self, job: Job, position: int) -> pb.Job:
        return job_messages.job(job, step=self._step(job.id), position=position, currency=self._currency)

    def _batch(self, batch: Batch) -> pb.Batch:
        return job_messages.batch(batch, self._step, self._currency)

    def _step(self, job_id: str) -> int:
        step = self._queue.step(job_id)
        return step.step if step else 0

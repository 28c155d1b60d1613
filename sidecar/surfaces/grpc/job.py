"""JobService: work that nobody waits for, alone or in batches, and the stream of what happens to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from capabilities.errors import InvalidArgument
from sidecar.application.batches import Batches
from sidecar.application.generation import Generation
from sidecar.application.jobs import Jobs, JobView
from sidecar.application.lineage import Lineage
from sidecar.pb.viwo.imagegen.v1 import job_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import job_pb2_grpc
from sidecar.queue.model import Job, State
from sidecar.queue.store.reader import Batch
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions, job_messages, requests

_JOB_ID = re.compile(r"[0-9a-f]{26}")
_STATES: dict[int, State] = {number: state for state, number in job_messages.STATES.items()}


class JobServicer(job_pb2_grpc.JobServiceServicer):
    def __init__(
        self, generation: Generation, jobs: Jobs, batches: Batches, lineage: Lineage, currency: str = ""
    ) -> None:
        self._generation = generation
        self._jobs = jobs
        self._batches = batches
        self._lineage = lineage
        self._currency = currency

    async def Submit(self, request: pb.SubmitJobRequest, context: Context) -> pb.Job:
        return await self._told(await self._generation.submit(principal(), requests.submitted(request)))

    async def Get(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        view = await self._jobs.get(principal(), request.id)
        message = self._message(view)
        if request.include_data:
            files = await self._generation.files(principal(), view.job)
            for image, data in zip(message.images, files, strict=True):
                image.data = data
        conversions.masked(message, request.read_mask)
        return message

    async def List(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        size = conversions.page_size(request.page_size, 50)
        if request.page_token and not _JOB_ID.fullmatch(request.page_token):
            raise conversions.bad_page_token(request.page_token)
        views = await self._jobs.page(
            principal(),
            states=_states(request.states),
            capability_id=request.capability_id,
            owner_id=request.owner_id,
            before=request.page_token,
            limit=size + 1,
        )
        page = [self._message(view) for view in views[:size]]
        for message in page:
            conversions.masked(message, request.read_mask)
        token = views[size - 1].job.id if len(views) > size else ""
        return pb.ListJobsResponse(jobs=page, next_page_token=token)

    async def Watch(self, request: pb.WatchJobRequest, context: Context) -> AsyncIterator[pb.JobEvent]:
        async for happening in self._jobs.watch(principal(), request.id, request.preview_every):
            yield job_messages.event(request.id, happening, self._currency)

    async def Cancel(self, request: pb.CancelJobRequest, context: Context) -> pb.Job:
        return self._message(await self._jobs.cancel(principal(), request.id))

    async def Estimate(self, request: pb.SubmitJobRequest, context: Context) -> pb.EstimateResponse:
        estimate = await self._generation.estimate(principal(), requests.submitted(request))
        return job_messages.estimate(estimate, self._currency)

    async def SubmitBatch(self, request: pb.SubmitBatchRequest, context: Context) -> pb.Batch:
        if request.on_error not in pb.OnError.values():
            raise InvalidArgument(
                f"'on_error' must be STOP or CONTINUE; got {request.on_error}",
                reason="BAD_ARGUMENT",
                field="on_error",
                limit="STOP, CONTINUE",
                asked=str(request.on_error),
            )
        stop = request.on_error != pb.ON_ERROR_CONTINUE
        asked = requests.batch(request)
        return self._batch(
            await self._batches.submit(principal(), asked, stop=stop, request_id=request.request_id)
        )

    async def GetBatch(self, request: pb.GetBatchRequest, context: Context) -> pb.Batch:
        return self._batch(await self._batches.get(principal(), request.id))

    async def WatchBatch(self, request: pb.GetBatchRequest, context: Context) -> AsyncIterator[pb.Batch]:
        async for batch in self._batches.watch(principal(), request.id):
            yield self._batch(batch)

    async def CancelBatch(self, request: pb.CancelBatchRequest, context: Context) -> pb.Batch:
        return self._batch(await self._batches.cancel(principal(), request.id))

    async def BudgetStatus(
        self, request: pb.BudgetStatusRequest, context: Context
    ) -> pb.BudgetStatusResponse:
        balances = await self._jobs.budgets(principal(), conversions.call(request.context))
        budgets = [job_messages.budget(balance, self._currency) for balance in balances]
        return pb.BudgetStatusResponse(budgets=budgets)

    async def Rerun(self, request: pb.RerunJobRequest, context: Context) -> pb.Job:
        call = conversions.call(request.context) if request.HasField("context") else None
        return await self._told(await self._lineage.rerun(principal(), request.id, call))

    async def Export(self, request: pb.ExportJobRequest, context: Context) -> pb.JobDocument:
        return pb.JobDocument(document_json=await self._lineage.export(principal(), request.id))

    async def Import(self, request: pb.ImportJobRequest, context: Context) -> pb.Job:
        call = conversions.call(request.context)
        return await self._told(await self._lineage.submit_document(principal(), request.document_json, call))

    async def History(self, request: pb.HistoryRequest, context: Context) -> pb.HistoryNode:
        kind = request.WhichOneof("picture")
        if kind is None:
            raise InvalidArgument(
                "'ref' or 'entity_id' is required", reason="MISSING_ARGUMENT", field="picture"
            )
        return job_messages.history(await self._lineage.history(principal(), getattr(request, kind)))

    async def _told(self, job: Job) -> pb.Job:
        return self._message(await self._jobs.view(principal(), job))

    def _message(self, view: JobView) -> pb.Job:
        return job_messages.job(view.job, step=view.step, position=view.position, currency=self._currency)

    def _batch(self, batch: Batch) -> pb.Batch:
        return job_messages.batch(batch, self._jobs.step, self._currency)


def _states(numbers: Sequence[int]) -> list[State]:
    """Raises InvalidArgument for a number that is no state."""
    unknown = [number for number in numbers if number not in _STATES]
    if unknown:
        raise InvalidArgument(
            f"'states' holds {unknown[0]}, which is no state",
            reason="BAD_ARGUMENT",
            field="states",
            asked=str(unknown[0]),
        )
    return list(dict.fromkeys(_STATES[number] for number in numbers))

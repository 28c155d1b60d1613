"""Pictures made: a request becomes a job, is submitted, waited for, and told beforehand what it would cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from capabilities.arguments import Arguments
from capabilities.budgets import Tier
from capabilities.call_options import CallOptions
from capabilities.errors import InvalidArgument, Refusal
from capabilities.methods import Method
from capabilities.principals import Principal
from entity_store.blobs import Blobs
from sidecar.application.access import Access, Call
from sidecar.application.decoding import DecodingThreads
from sidecar.application.picture_access import PictureAccess
from sidecar.application.planning import Planner
from sidecar.engines.events import Failed
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, PlannedJob, State
from sidecar.queue.store.reader import JobReader

MAX_REQUEST_ID = 128


@dataclass(frozen=True)
class GenerationRequest:
    """What a surface asks for, in plain types.

    `keep`: the job goes on though whoever waits for it leaves. `request_id`: asked again under the same, the same job is
    answered. `spelled`: how the surface writes the path of a field, for refusals.
    """

    call: Call
    method: Method
    arguments: Arguments
    options: CallOptions = field(default_factory=CallOptions)
    request_id: str = ""
    keep: bool = False
    spelled: Callable[[str], str] = str


@dataclass(frozen=True)
class Estimate:
    """What a request would cost and how long it would take; `refusal` where it would be refused, and nothing else then."""

    job: Job | None = None
    tier: Tier = "low"
    blocked: Failed | None = None
    """The cap that would forbid it now."""
    seconds: float | None = None
    """Of work, by the jobs done so far; None where there were none."""
    refusal: Refusal | None = None


class Generation:
    """The use cases around making pictures. All methods belong to the event loop's thread."""

    def __init__(
        self,
        access: Access,
        pictures: PictureAccess,
        planner: Planner,
        queue: JobQueue,
        reader: JobReader,
        blobs: Blobs,
        threads: DecodingThreads,
    ) -> None:
        self._access = access
        self._pictures = pictures
        self._planner = planner
        self._queue = queue
        self._reader = reader
        self._blobs = blobs
        self._threads = threads
        self._cancelations: set[asyncio.Task[Job]] = set()

    async def tell(self, principal: Principal, call: Call, method: Method) -> dict[str, object]:
        """What a method answers that only tells something. Raises NotFound, PermissionDenied."""
        admitted = self._access.admit(principal, call, method.capability_type)
        return await asyncio.to_thread(self._planner.answer, admitted, method)

    async def plan(self, principal: Principal, request: GenerationRequest) -> PlannedJob:
        """The job that a request becomes, complete and allowed.

        Raises NotFound, InvalidArgument, FailedPrecondition and PermissionDenied, the fields as the surface writes them.
        """
        options = request.options
        try:
            require_request_id(request.request_id)
            if request.method.build is None:
                raise InvalidArgument(
                    f"'{request.method.name}' only tells something and is no job; call it with Invoke",
                    reason="NO_JOB",
                    field="method",
                    asked=request.method.name,
                )
            admitted = self._access.admit(principal, request.call, request.method.capability_type)
            plan, sources = self._planner.plan, request.arguments.sources
            arguments = (
                admitted, request.method, request.arguments, options.save, options.job, request.request_id,
            )  # fmt: skip
            if not sources:
                return plan(*arguments)
            await self._pictures.require_sources(principal, admitted, sources)
            # Pictures have to be read and decoded; all else is quicker done here than handed to a thread.
            return await self._threads.run(plan, *arguments)
        except Refusal as refusal:
            raise refusal.spelled(request.spelled) from None

    async def submit(self, principal: Principal, request: GenerationRequest) -> Job:
        """The job, accepted: from now on it ends in exactly one final state. Raises as `plan`, and ResourceExhausted."""
        return await self._queue.submit(await self.plan(principal, request))

    async def wait(self, principal: Principal, request: GenerationRequest) -> Job:
        """The job once it has succeeded. Raises its failure; whoever goes away cancels it unless it is to be kept."""
        planned = await self.plan(principal, request)
        if not request.keep:
            planned = replace(planned, job=replace(planned.job, awaited=True))
        try:
            job = await self._queue.submit(planned)
            ended = job if job.state.final else await self._queue.finished(job.id)
        except asyncio.CancelledError:
            if not request.keep and not self._queue.stopping:
                # This call is being torn down, so the cancelation must live outside of it.
                cancelation = asyncio.get_running_loop().create_task(self._queue.cancel(planned.job.id))
                self._cancelations.add(cancelation)
                cancelation.add_done_callback(self._cancelations.discard)
            raise
        if ended.state is not State.SUCCEEDED:
            failure = ended.failure or Failed("INTERNAL", "the job failed without saying why")
            raise failure.refusal().spelled(request.spelled)
        return ended

    async def files(self, principal: Principal, job: Job) -> list[bytes]:
        """The files of a job's pictures. Raises NotFound where one has been removed."""
        return await asyncio.to_thread(lambda: [self._blobs.get(image.ref) for image in job.images])

    async def estimate(self, principal: Principal, request: GenerationRequest) -> Estimate:
        """What it would cost, whether it would be refused or blocked now, and about how long it would take."""
        try:
            planned = await self.plan(principal, request)
        except Refusal as refusal:
            return Estimate(refusal=refusal)
        planned = await self._queue.answered(planned)
        job = planned.job
        return Estimate(
            job,
            self._planner.tier(job.cost),
            await self._reader.would_block(planned),
            0.0 if job.answered_by is not None else await self._reader.seconds(job),
        )


def require_request_id(request_id: str) -> None:
    """Raises InvalidArgument for one that is too long."""
    if len(request_id) > MAX_REQUEST_ID:
        raise InvalidArgument(
            f"'request_id' must have at most {MAX_REQUEST_ID} characters; got {len(request_id)}",
            reason="BAD_ARGUMENT",
            field="request_id",
            limit=f"at most {MAX_REQUEST_ID} characters",
            asked=f"{len(request_id)} characters",
        )

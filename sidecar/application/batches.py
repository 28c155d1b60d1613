"""Several requests submitted as one, and one request with other prompts or seeds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

from capabilities.errors import InvalidArgument, Refusal
from capabilities.methods.generation import GenerationArguments, draw_seed
from capabilities.principals import Principal
from capabilities.tasks import MAX_SEED
from sidecar.application.generation import Generation, GenerationRequest
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import PlannedJob, new_id
from sidecar.queue.store.reader import Batch, JobReader, unknown_batch

MAX_TASKS = 1000
MAX_REQUEST_ID = 100
"""Longest request id of a batch: each of its jobs gets a number behind it."""


class Batches:
    """All methods belong to the event loop's thread."""

    def __init__(self, generation: Generation, queue: JobQueue, reader: JobReader) -> None:
        self._generation = generation
        self._queue = queue
        self._reader = reader

    async def submit(
        self, principal: Principal, requests: Sequence[GenerationRequest], *, stop: bool, request_id: str = ""
    ) -> Batch:
        """All of them or none. `stop`: the rest is canceled when one fails. Asked again under the same id, the batch of
        before is answered. Raises as `Generation.plan`, naming the task, and ResourceExhausted.
        """
        require_size(len(requests))
        if len(request_id) > MAX_REQUEST_ID:
            raise InvalidArgument(
                f"'request_id' may have {MAX_REQUEST_ID} characters; got {len(request_id)}",
                reason="BAD_ARGUMENT",
                field="request_id",
                limit=f"{MAX_REQUEST_ID} characters",
                asked=f"{len(request_id)} characters",
            )
        batch = Batch(new_id(), stop, time.time())
        planned = [
            await self._planned(principal, place, request, batch.id, request_id and f"{request_id}#{place}")
            for place, request in enumerate(requests)
        ]
        jobs = await self._queue.submit_all(planned, batch)
        if jobs[0].batch_id not in (None, batch.id):
            return await self._reader.batch(str(jobs[0].batch_id))
        return replace(batch, jobs=tuple(jobs))

    async def _planned(
        self, principal: Principal, place: int, request: GenerationRequest, batch_id: str, request_id: str
    ) -> PlannedJob:
        with task_named(place):
            if request.request_id:
                raise InvalidArgument(
                    "'request_id' is for single jobs; give the batch one",
                    reason="BAD_ARGUMENT",
                    field="request_id",
                    asked=request.request_id,
                )
            planned = await self._generation.plan(principal, replace(request, request_id=request_id))
        return replace(planned, job=replace(planned.job, batch_id=batch_id, batch_index=place))

    async def get(self, principal: Principal, batch_id: str) -> Batch:
        """Raises NotFound, for another's too."""
        batch = await self._reader.batch(batch_id)
        if not principal.sees(batch.world, batch.owner_id):
            raise unknown_batch(batch_id)
        return batch

    async def watch(self, principal: Principal, batch_id: str) -> AsyncIterator[Batch]:
        """A batch as it is, and again whenever one of its jobs has ended, up to the last. Raises NotFound."""
        await self.get(principal, batch_id)
        async for batch in self._queue.watch_batch(batch_id):
            yield batch

    async def cancel(self, principal: Principal, batch_id: str) -> Batch:
        """Cancel every job of a batch that has not ended. Raises NotFound."""
        await self.get(principal, batch_id)
        return await self._queue.cancel_batch(batch_id)


@contextlib.contextmanager
def task_named(place: int) -> Iterator[None]:
    """Within it, refusals say which task of a batch they are about."""
    try:
        yield
    except Refusal as refusal:
        refusal.message = f"task {place}: {refusal.message}"
        refusal.field = f"tasks[{place}].{refusal.field}" if refusal.field else f"tasks[{place}]"
        raise


def require_size(count: int) -> None:
    """Raises InvalidArgument for a batch without tasks, or with too many."""
    if not 1 <= count <= MAX_TASKS:
        raise InvalidArgument(
            f"a batch has 1 to {MAX_TASKS} tasks; got {count}",
            reason="BAD_ARGUMENT",
            field="tasks",
            limit=f"1 to {MAX_TASKS}",
            asked=str(count),
        )


def variations(
    request: GenerationRequest, prompts: Sequence[str], seeds: Sequence[int], count: int
) -> list[GenerationRequest]:
    """A request with every prompt and every seed, prompt by prompt; without seeds, `count` from its own or a drawn one.

    Raises InvalidArgument where the method draws nothing, and for prompts and seeds that it does not take.
    """
    arguments = request.arguments
    if not isinstance(arguments, GenerationArguments):
        raise InvalidArgument(
            f"'variations.task' must be a task that draws, such as text_to_image; '{request.method.name}' has no seed. List "
            "other tasks one by one",
            reason="NO_VARIATIONS",
            field="variations.task",
            asked=request.method.name,
        )
    if count < 0:
        raise InvalidArgument("'count' must not be negative", reason="BAD_ARGUMENT", field="variations.count")
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise InvalidArgument(
                f"'seeds' must be 0 to {MAX_SEED}; got {seed}",
                reason="BAD_ARGUMENT",
                field="variations.seeds",
                limit=f"0 to {MAX_SEED}",
                asked=str(seed),
            )
    if not seeds:
        most = max(1, count)
        first = draw_seed(arguments.seed, most)
        seeds = range(first, first + most)
    given = dict(arguments)
    made: list[GenerationRequest] = []
    given_prompts: Sequence[str | None] = prompts or [None]
    for prompt in given_prompts:
        # Validated once for each prompt; the seeds are good as they are.
        varied = arguments if prompt is None else type(arguments).read(given | {"prompt": prompt})
        made += (replace(request, arguments=varied.model_copy(update={"seed": seed})) for seed in seeds)
    return made

"""Jobs that are there: read, listed, watched, canceled; and what budgets are left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from capabilities.errors import InvalidArgument
from capabilities.principals import Kind, Principal
from sidecar.application.access import Access, Call
from sidecar.engines.events import Event
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.ledger.budgets import Balance
from sidecar.queue.model import Job, State
from sidecar.queue.store.reader import JobReader, Owners, unknown_job


@dataclass(frozen=True)
class JobView:
    """A job, how many steps of it are done while it runs, and how many jobs come before it while it waits."""

    job: Job
    step: int = 0
    position: int = 0


class Jobs:
    """All methods belong to the event loop's thread."""

    def __init__(self, access: Access, queue: JobQueue, reader: JobReader) -> None:
        self._access = access
        self._queue = queue
        self._reader = reader

    async def get(self, principal: Principal, job_id: str) -> JobView:
        """Raises NotFound, for another's too."""
        return await self.view(principal, await self.own(principal, job_id))

    async def own(self, principal: Principal, job_id: str) -> Job:
        """The job's row. Raises NotFound, for another's too."""
        return await own_job(self._reader, principal, job_id)

    async def view(self, principal: Principal, job: Job) -> JobView:
        """A job as it is now."""
        if job.state.final:
            return JobView(job)
        return JobView(job, self.step(job.id), (await self._reader.positions([job])).get(job.id, 0))

    async def page(
        self,
        principal: Principal,
        *,
        states: Collection[State] = (),
        capability_id: str = "",
        owner_id: int = 0,
        before: str = "",
        limit: int = 50,
    ) -> list[JobView]:
        """Jobs, newest first; `before` is the id to go on from."""
        jobs, positions = await self._reader.page(
            states=states, capability_id=capability_id, owner_id=owner_id, before=before, limit=limit,
            seen_by=reach(principal),
        )  # fmt: skip
        return [JobView(job, self.step(job.id), positions.get(job.id, 0)) for job in jobs]

    async def watch(
        self, principal: Principal, job_id: str, preview_every: int = 0
    ) -> AsyncIterator[Event | Job]:
        """What happens to a job from now on, the ended job last. Raises NotFound, InvalidArgument."""
        if preview_every < 0:
            raise InvalidArgument(
                f"'preview_every' must not be negative; got {preview_every}",
                reason="BAD_ARGUMENT",
                field="preview_every",
                limit="0 or more",
                asked=str(preview_every),
            )
        await self.own(principal, job_id)
        async for happening in self._queue.watch(job_id, preview_every):
            yield happening

    async def cancel(self, principal: Principal, job_id: str) -> JobView:
        """A queued job ends at once, a running one within a step; one that has ended stays as it is. Raises NotFound."""
        await self.own(principal, job_id)
        return await self.view(principal, await self._queue.cancel(job_id))

    async def budgets(self, principal: Principal, call: Call) -> Sequence[Balance]:
        """The caps that hold for calls under a capability, and what is spent of each. Raises as `Access.caps`."""
        return await self._reader.budgets(await asyncio.to_thread(self._access.caps, principal, call))

    def step(self, job_id: str) -> int:
        """How many steps of a running job are done."""
        step = self._queue.step(job_id)
        return step.step if step else 0


async def own_job(reader: JobReader, principal: Principal, job_id: str) -> Job:
    """A job that is the principal's to see. Raises NotFound, for another's too."""
    job = await reader.get(job_id)
    if not principal.sees(job.world, job.owner_id):
        raise unknown_job(job_id)
    return job


def reach(principal: Principal) -> Owners | None:
    """Whose things a principal sees; None: everybody's."""
    if principal.kind is Kind.OPERATOR and principal.acts_as_any:
        return None
    return principal.world, None if principal.acts_as_any else principal.owner_ids

"""Those who wait for jobs or watch them, and what they are told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable

from sidecar.engines.api import ProgressDetail
from sidecar.engines.events import Event, Preview, Queued, Step
from sidecar.queue.model import Job, State
from sidecar.queue.store.reader import Batch, JobReader

BACKLOG = 256
"""Events kept for a watcher that reads slowly; the oldest steps and previews are dropped first."""


class _Watcher:
    """Someone who follows a job, and what they have not read yet."""

    def __init__(self, preview_every: int) -> None:
        self.preview_every = preview_every
        self.happenings: asyncio.Queue[Event | Job] = asyncio.Queue()

    def tell(self, event: Event) -> None:
        if isinstance(event, Preview) and not self.preview_every:
            return
        if self.happenings.qsize() >= BACKLOG:
            self.happenings.get_nowait()
        self.happenings.put_nowait(event)


class Notifier:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobReader,
        step: Callable[[str], Step | None],
        observe: Callable[[str, int], None],
    ) -> None:
        """`step` tells how far a running job is; `observe` hears that someone watches one, and how many steps apart
        they want previews.
        """
        self._store = store
        self._observe = observe
        self._step = step
        self._watchers: defaultdict[str, set[_Watcher]] = defaultdict(set)
        self._waiters: defaultdict[str, set[asyncio.Future[Job]]] = defaultdict(set)
        self._patient: set[asyncio.Future[Job]] = set()
        self._batches: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @property
    def watched(self) -> Iterable[str]:
        """Ids of the jobs that someone watches."""
        return list(self._watchers)

    @property
    def waited_for(self) -> Iterable[str]:
        """Ids of the jobs whose end somebody waits for on the line."""
        return [job_id for job_id, ends in self._waiters.items() if ends - self._patient]

    async def finished(self, job_id: str, *, patient: bool = False) -> Job:
        """The job once it has ended; `patient`: it may take until an engine that is down is up again. Raises NotFound."""
        end: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiters[job_id].add(end)
        if patient:
            self._patient.add(end)
        try:
            job = await self._store.get(job_id)
            return job if job.state.final else await end
        finally:
            self._waiters[job_id].discard(end)
            self._patient.discard(end)
            if not self._waiters[job_id]:
                del self._waiters[job_id]

    async def watch(self, job_id: str, preview_every: int = 0) -> AsyncGenerator[Event | Job]:
        """Where a job is and what happens to it from now on; the ended job comes last. Raises NotFound."""
        watcher = _Watcher(preview_every)
        self._watchers[job_id].add(watcher)
        try:
            job = await self._store.get(job_id)
            if job.state.final:
                yield job
                return
            if job.state is State.QUEUED:
                yield Queued((await self._store.positions([job])).get(job_id, 0))
            elif (step := self._step(job_id)) is not None:
                yield step
            self._observe(job_id, preview_every)
            while True:
                happening = await watcher.happenings.get()
                yield happening
                if isinstance(happening, Job):
                    return
        finally:
            self._watchers[job_id].discard(watcher)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    async def watch_batch(self, batch_id: str) -> AsyncGenerator[Batch]:
        """A batch as it is, and again whenever one of its jobs has ended, up to the last. Raises NotFound."""
        changed = asyncio.Event()
        self._batches[batch_id].add(changed)
        try:
            while True:
                changed.clear()
                batch = await self._store.batch(batch_id)
                yield batch
                if batch.ended:
                    return
                await changed.wait()
        finally:
            self._batches[batch_id].discard(changed)
            if not self._batches[batch_id]:
                del self._batches[batch_id]

    def detail(self, job_id: str) -> ProgressDetail | None:
        """The closest look that anyone wants at a job; None where nobody watches it."""
        wanted = [watcher.preview_every for watcher in self._watchers.get(job_id, ())]
        return ProgressDetail(min((every for every in wanted if every), default=0)) if wanted else None

    def tell(self, job_id: str, event: Event) -> None:
        for watcher in self._watchers.get(job_id, ()):
            watcher.tell(event)

    def ended(self, job: Job) -> None:
        """Tell everyone who follows it."""
        for watcher in self._watchers.get(job.id, ()):
            watcher.happenings.put_nowait(job)
        for end in self._waiters.get(job.id, ()):
            if not end.done():
                end.set_result(job)
        for changed in self._batches.get(job.batch_id or "", ()):
            changed.set()

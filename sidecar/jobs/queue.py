"""The queue: jobs are added, run one at a time on the engine (edits beside it), watched, and canceled."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from capabilities import imaging
from capabilities.errors import Canceled, InternalFault, Refusal, Unavailable
from capabilities.policy import Caller
from capabilities.tasks import Generation, Task
from entity_store.images import Images
from sidecar.engines import plain
from sidecar.engines.base import Engine
from sidecar.engines.events import Done, Event, Failed, Preview, Queued, RawImage, Step
from sidecar.jobs.store import Job, JobStore, State, StoredImage

log = logging.getLogger("viwo_imagegen.jobs")
T = TypeVar("T")

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


class JobQueue:
    """Runs what is stored. All methods belong to the event loop's thread."""

    def __init__(
        self,
        store: JobStore,
        engine: Engine,
        images: Images,
        *,
        max_waiting: int = 1000,
        max_attempts: int = 2,
    ) -> None:
        self._store = store
        self._engine = engine
        self._images = images
        self._max_waiting = max_waiting
        self._max_attempts = max_attempts
        self._wake = asyncio.Event()
        self._watchers: defaultdict[str, set[_Watcher]] = defaultdict(set)
        self._waiters: defaultdict[str, set[asyncio.Future[Job]]] = defaultdict(set)
        self._steps: dict[str, Step] = {}
        self._canceling: set[str] = set()
        self._workers: list[asyncio.Task[None]] = []
        self.stopping = False

    async def start(self) -> None:
        """Take up the work; what a dead server left unfinished comes first."""
        self._workers = [asyncio.create_task(self._work(with_model)) for with_model in (True, False)]

    async def stop(self) -> None:
        """Stop taking jobs. The running one stays recorded as running, and is queued again at the next start."""
        self.stopping = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def submit(self, job: Job) -> Job:
        """Write a planned job down; once this returns it will end in exactly one final state."""
        # Shielded: a caller that leaves meanwhile must not leave a job behind that nobody wakes the queue for.
        return await asyncio.shield(asyncio.get_running_loop().create_task(self._add(job)))

    async def _add(self, job: Job) -> Job:
        added = await self._store.add(job, max_waiting=self._max_waiting)
        log.info("job %s queued: %s under capability %s", added.id, added.method, added.capability_id)
        self._wake.set()
        return added

    def step(self, job_id: str) -> Step | None:
        """How far a running job is."""
        return self._steps.get(job_id)

    async def position(self, job: Job) -> int:
        return await self._store.position(job) if job.state is State.QUEUED else 0

    async def finished(self, job_id: str) -> Job:
        """The job once it has ended. Raises NotFound."""
        end: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiters[job_id].add(end)
        try:
            job = await self._store.get(job_id)
            return job if job.state.final else await end
        finally:
            self._waiters[job_id].discard(end)
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
                yield Queued(await self._store.position(job))
            elif (step := self._steps.get(job_id)) is not None:
                yield step
            self._engine.attend(job_id, preview_every)
            while True:
                happening = await watcher.happenings.get()
                yield happening
                if isinstance(happening, Job):
                    return
        finally:
            self._watchers[job_id].discard(watcher)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job: a queued one at once, a running one within a step. A job that has ended stays as it is."""
        failure = Failed.of(Canceled("the job was canceled", reason="CANCELED"))
        while True:
            job = await self._store.cancel_queued(job_id, failure)
            if job is not None:
                self._ended(job)
                return job
            job = await self._store.get(job_id)
            if job.state is State.RUNNING:
                self._canceling.add(job_id)
                self._engine.cancel(job_id)
            if job.state is not State.QUEUED:
                return job
            # It was put back into the queue between the two looks; look again.

    async def _work(self, with_model: bool) -> None:
        """One of the two lanes: jobs for the engine, and edits, which need not wait behind them."""
        while True:
            self._wake.clear()
            job = await _insist(partial(self._store.next, with_model=with_model))
            if job is None:
                await self._wake.wait()
                continue
            try:
                await self._run(job)
            except Exception:
                # A fault of ours must not stop the queue, nor leave the job running for ever.
                log.exception("job %s broke the queue's own code", job.id)
                fault = Failed.of(
                    InternalFault("the server failed on this job; its log says why", reason="BUG")
                )
                await _insist(partial(self._fail, job, fault))
            finally:
                self._steps.pop(job.id, None)
                self._canceling.discard(job.id)
            await self._tell_positions()

    async def _run(self, job: Job) -> None:
        try:
            outcome = await self._engine_outcome(job)
            if isinstance(outcome, Done):
                images = await asyncio.to_thread(self._keep, job, outcome.images)
                ended = await self._store.succeed(job.id, images, outcome.seconds, outcome.warnings)
                log.info("job %s succeeded in %.2f s", job.id, outcome.seconds)
                if ended is not None:
                    self._ended(ended)
                return
            failure = outcome
        except Refusal as refusal:
            failure = Failed.of(refusal)
        if failure.passing and job.attempts < self._max_attempts and job.id not in self._canceling:
            log.warning("job %s will be tried again: %s", job.id, failure.message)
            await _insist(partial(self._store.requeue, job.id))
            self._publish(job.id, Queued(0))
            return
        await _insist(partial(self._fail, job, failure))

    async def _engine_outcome(self, job: Job) -> Done | Failed:
        if job.id in self._canceling:
            raise Canceled("the job was canceled", reason="CANCELED")
        inputs = await asyncio.to_thread(self._inputs, job.task)
        if not job.task.models:
            return await asyncio.to_thread(plain.work, job.task, inputs)
        async for event in self._engine.run(job.id, job.task, inputs, lambda: self._attention(job.id)):
            if isinstance(event, Done | Failed):
                return event
            if isinstance(event, Step):
                self._steps[job.id] = event
            self._publish(job.id, event)
        raise InternalFault("the engine ended a job without a result", reason="NO_RESULT")

    def _inputs(self, task: Task) -> dict[str, RawImage]:
        """The pictures that a task begins with, decoded."""
        pictures = {
            role: imaging.decode(self._images.find_file(ref), field=role) for role, ref in task.inputs.items()
        }
        return {
            role: RawImage(imaging.to_pixels(picture), picture.width, picture.height, picture.bands, 0)
            for role, picture in pictures.items()
        }

    async def _fail(self, job: Job, failure: Failed) -> None:
        ended = await self._store.fail(job.id, failure)
        log.info("job %s ended: %s %s", job.id, failure.code, failure.reason)
        if ended is not None:
            self._ended(ended)

    def _keep(self, job: Job, images: tuple[RawImage, ...]) -> list[StoredImage]:
        """Encode and store the pictures, and make their entities; done again after a crash, it changes nothing."""
        kept = []
        for index, raw in enumerate(images):
            facts = job.task.facts(raw.seed)
            picture = imaging.from_pixels(raw.pixels, raw.width, raw.height, raw.bands)
            if isinstance(job.task, Generation) and job.task.background == "transparent":
                picture = imaging.clear_ground(picture)
            output = job.task.output
            stored = self._images.keep(
                imaging.encode(picture, output.format, quality=output.quality, metadata=facts)
            )
            entity_id = 0
            if job.save is not None:
                created = dt.datetime.fromtimestamp(job.created, dt.UTC).isoformat(timespec="seconds")
                metadata = {**facts, "job_id": job.id, "created": created}
                caller = Caller(job.caller_id, job.this_id)
                entity_id = self._images.save(stored, caller, job.save, metadata, job=(job.id, index)).id
            kept.append(
                StoredImage(
                    stored.ref, output.format, raw.width, raw.height, len(stored.data), raw.seed, entity_id
                )
            )
        return kept

    def _attention(self, job_id: str) -> int | None:
        """The closest look that anyone wants at a job: a preview each so many steps, 0 for steps only, None for nothing."""
        wanted = [watcher.preview_every for watcher in self._watchers.get(job_id, ())]
        return min((every for every in wanted if every), default=0) if wanted else None

    def _publish(self, job_id: str, event: Event) -> None:
        for watcher in self._watchers.get(job_id, ()):
            watcher.tell(event)

    def _ended(self, job: Job) -> None:
        for watcher in self._watchers.get(job.id, ()):
            watcher.happenings.put_nowait(job)
        for end in self._waiters.get(job.id, ()):
            if not end.done():
                end.set_result(job)

    async def _tell_positions(self) -> None:
        for job_id in list(self._watchers):
            if job_id not in self._steps:
                with contextlib.suppress(Refusal):
                    job = await self._store.get(job_id)
                    if job.state is State.QUEUED:
                        self._publish(job_id, Queued(await self._store.position(job)))


async def _insist(write: Callable[[], Awaitable[T]]) -> T:
    """Do what has to be written down, again and again while the database refuses: a full disk must not lose a job."""
    for delay in itertools.chain((0.1, 0.5, 1.0), itertools.repeat(5.0)):
        try:
            return await write()
        except Unavailable as error:
            log.error("%s; trying again in %s s", error.message, delay)
            await asyncio.sleep(delay)
    raise AssertionError("the delays never end")

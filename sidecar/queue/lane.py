"""The lane of an engine: takes its jobs by turns, as many at a time as the engine has slots."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial

from sidecar.engines.api import Engine, EngineState
from sidecar.queue.background import retry_until_written, run_forever
from sidecar.queue.model import Job
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store.job_store import JobStore

LET_GO_EVERY = 5.0
"""Seconds between two looks for callers who wait for an engine that is down."""


class Lane:
    """One engine's jobs. An engine that is down holds up this lane and no other."""

    def __init__(
        self,
        engine: Engine,
        store: JobStore,
        *,
        max_batch: int,
        patience: float,
        run: Callable[[Engine, Preference, Sequence[Job]], Coroutine[None, None, None]],
        let_go: Callable[[Engine], Awaitable[None]],
    ) -> None:
        """`run` does jobs that were taken as one; `let_go` tells those who wait for an engine that is down."""
        self.engine = engine
        self.preference = Preference(patience)
        self._store = store
        self._max_batch = max_batch
        self._run = run
        self._let_go = let_go
        self._wake = asyncio.Event()
        self._free = asyncio.Semaphore(engine.slots)
        # At the last look nobody waited, so there is nothing to look for before something is submitted.
        self._is_empty = False
        self._running: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Take and run jobs until canceled; what runs then is left as it is."""
        try:
            await run_forever(f"the lane '{self.engine.name}'", self._turn)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def wake(self) -> None:
        """A job of this lane may begin."""
        self._wake.set()

    def released(self) -> None:
        """Some job does not run any longer, of whatever lane: what waits here may have been held up by it."""
        if not self._is_empty:
            self._wake.set()

    async def _turn(self) -> None:
        await self._free.acquire()
        jobs: Sequence[Job] = ()
        try:
            jobs = await self._taken()
        finally:
            if not jobs:
                self._free.release()
        if jobs:
            task = asyncio.create_task(self._run(self.engine, self.preference, jobs))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free.release()

    async def _taken(self) -> Sequence[Job]:
        """The next jobs; empty where none could begin, after a rest."""
        if self._is_empty:
            await self._wake.wait()
            # From now on the end of any job counts: one that ends during the look is not seen by it.
            self._is_empty = False
        while self.engine.status().state is EngineState.DOWN:
            await self._let_go(self.engine)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LET_GO_EVERY):
                    await self.engine.wait_ready()
        self._wake.clear()
        self.preference.loaded = self.engine.status().loaded
        now = time.time()
        take = partial(self._store.take_turn, self.engine.name, self.preference, self._max_batch, now=now)
        turn = await retry_until_written(take)
        self._is_empty = turn.waiting == 0
        if not turn.jobs and turn.waiting:
            # Until something that had to wait may begin, or what holds it up has ended.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    None if turn.ready_at is None else max(0.0, turn.ready_at - time.time())
                ):
                    await self._wake.wait()
        return turn.jobs

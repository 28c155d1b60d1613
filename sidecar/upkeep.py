"""What a server does beside serving: metrics over HTTP, and the store kept in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import start_http_server

from capabilities.errors import FailedPrecondition
from entity_store.blobs import Blobs
from entity_store.world import World
from sidecar.config import Settings
from sidecar.heap import Returned
from sidecar.queue.background import run_forever
from sidecar.queue.maintenance import retention
from sidecar.queue.store.database import Database
from sidecar.telemetry import Meter

log = logging.getLogger("viwo_imagegen.upkeep")

COLLECT_EVERY = 3600.0
MEASURE_EVERY = 5.0


@asynccontextmanager
async def metrics_over_http(
    settings: Settings, meter: Meter, measure: Callable[[], Awaitable[None]]
) -> AsyncIterator[int]:
    """Prometheus metrics at http://metrics_host:metrics_port/metrics, where that is set; the port, 0 where it is not."""
    if settings.metrics_port is None:
        yield 0
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, meter.registry)
    except OSError as error:
        raise FailedPrecondition(
            f"cannot serve metrics at {settings.metrics_host}:{settings.metrics_port}: {error}; set another metrics_port",
            reason="ADDRESS_TAKEN",
            field="metrics_port",
            asked=str(settings.metrics_port),
        ) from None
    log.info("metrics at http://%s:%s/metrics", settings.metrics_host, server.server_port)
    try:
        async with duty("measuring", measure, MEASURE_EVERY):
            yield int(server.server_port)
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


@asynccontextmanager
async def kept_in_order(settings: Settings, world: World, blobs: Blobs) -> AsyncIterator[None]:
    """Every hour what need not be kept is removed, where the operator set how much is."""
    kept = retention.retention(settings)
    if kept == retention.Retention():
        yield
        return
    retention.require_own_world(settings.statement_key_file is not None)

    async def collect() -> None:
        # A connection of its own: a long look through the store must not hold up the jobs.
        own = Database(settings.jobs_database)
        try:
            removed = await asyncio.to_thread(retention.collect, own, world, blobs, kept)
        finally:
            own.close_here()
        log.info("removed %d jobs and %d pictures", removed.jobs, removed.pictures)

    async with duty("removing what need not be kept", collect, COLLECT_EVERY):
        yield


@asynccontextmanager
async def memory_given_back() -> AsyncIterator[None]:
    """Now and then what the pictures that came and went have left in the heaps."""
    give_back = Returned()
    async with duty("giving memory back", partial(asyncio.to_thread, give_back), MEASURE_EVERY):
        yield


@asynccontextmanager
async def duty(name: str, work: Callable[[], Awaitable[None]], every: float) -> AsyncIterator[None]:
    """Done at once and then every so many seconds, whatever becomes of it, until the context is left."""

    async def turn() -> None:
        try:
            await work()
        except Exception:
            await asyncio.sleep(every)
            raise
        await asyncio.sleep(every)

    task = asyncio.create_task(run_forever(name, turn))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""The server: every part built and wired in one place, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer

from entity_store.authority import Authority
from entity_store.blobs import Blobs, reference
from entity_store.images import Images
from entity_store.permissions import private_folder
from entity_store.world import World
from sidecar.application.access import Access
from sidecar.application.batches import Batches
from sidecar.application.capabilities import Capabilities
from sidecar.application.decoding import DecodingThreads
from sidecar.application.entities import Entities
from sidecar.application.generation import Generation
from sidecar.application.jobs import Jobs
from sidecar.application.lineage import Lineage
from sidecar.application.models import Models
from sidecar.application.pictures import Pictures
from sidecar.application.planning import Planner
from sidecar.application.status import Status
from sidecar.application.workflows.runs import Runs
from sidecar.application.workflows.saved_templates import SavedTemplates
from sidecar.auth import Authenticator, ensure_secret
from sidecar.config import Settings
from sidecar.engines.api import LOCAL, Engine
from sidecar.engines.builtin.engine import BuiltinEngine
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.engine import LocalEngine
from sidecar.engines.router import Router
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    blob_pb2_grpc,
    capability_pb2,
    capability_pb2_grpc,
    entity_pb2,
    entity_pb2_grpc,
    image_pb2,
    image_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    template_pb2,
    template_pb2_grpc,
)
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.ledger.operator_budgets import Budgets
from sidecar.queue.results import Results
from sidecar.queue.retry import RetryPolicy
from sidecar.queue.settings import QueueSettings
from sidecar.queue.store.database import Database, only_server
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.store.run_rows import RunRows
from sidecar.queue.store.template_rows import TemplateRows
from sidecar.stop_signals import stop_signals
from sidecar.surfaces.grpc.blob import BlobServicer
from sidecar.surfaces.grpc.capability import CapabilityServicer
from sidecar.surfaces.grpc.entity import EntityServicer
from sidecar.surfaces.grpc.image import ImageServicer
from sidecar.surfaces.grpc.interceptor import CallInterceptor
from sidecar.surfaces.grpc.job import JobServicer
from sidecar.surfaces.grpc.limits import MEGABYTE, Limits
from sidecar.surfaces.grpc.listening import OPTIONS, listen
from sidecar.surfaces.grpc.model import ModelServicer
from sidecar.surfaces.grpc.system import SystemServicer
from sidecar.surfaces.grpc.template import TemplateServicer
from sidecar.telemetry import Meter
from sidecar.upkeep import kept_in_order, memory_given_back, metrics_over_http

log = logging.getLogger("viwo_imagegen.server")

GRACE = 5.0
"""Seconds that calls get to end when the server stops."""

SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (capability_pb2, "CapabilityService"), (image_pb2, "ImageService"), (job_pb2, "JobService"),
        (entity_pb2, "EntityService"), (blob_pb2, "BlobService"), (model_pb2, "ModelService"),
        (template_pb2, "TemplateService"), (system_pb2, "SystemService"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    """A server that serves: where, and its parts for whoever looks inside."""

    address: str
    token: str
    settings: Settings
    engines: Router
    queue: JobQueue
    world: World
    metrics_port: int = 0

    @property
    def engine(self) -> LocalEngine:
        """The local engine. Raises FailedPrecondition where there is none."""
        engine = self.engines[LOCAL]
        assert isinstance(engine, LocalEngine)
        return engine


@dataclass(frozen=True)
class _Parts:
    """What the servicers are made of."""

    settings: Settings
    meter: Meter
    authority: Authority
    access: Access
    planner: Planner
    images: Images
    blobs: Blobs
    store: JobStore
    engines: Router
    workers: PictureWorkers
    queue: JobQueue
    runs: Runs
    threads: DecodingThreads
    status: Status


@asynccontextmanager
async def running(settings: Settings, engines: Sequence[Engine] | None = None) -> AsyncIterator[Running]:
    """A started server; leaving the context stops it. `engines` stand in place of those that the settings name; the
    builtin one is there in any case. Raises FailedPrecondition with what to do when it cannot start."""
    async with contextlib.AsyncExitStack() as stack:
        private_folder(settings.data_dir)
        stack.enter_context(only_server(settings.data_dir))
        token = ensure_secret(settings.token_file)
        world = World(settings.world_file, own=settings.world_is_own)
        stack.callback(world.close)
        parts = await _start(stack, settings, world, engines)
        metrics = await stack.enter_async_context(
            metrics_over_http(settings, parts.meter, parts.status.measure)
        )
        await stack.enter_async_context(kept_in_order(settings, world, parts.blobs))
        await stack.enter_async_context(memory_given_back())
        authenticator = Authenticator(token, trust_certificates=settings.tls_client_ca is not None)
        methods = CallInterceptor(authenticator, parts.meter, _limits(settings))
        health = _add_services(methods, parts)
        server = grpc.aio.server(handlers=[methods], options=OPTIONS)
        address = listen(server, settings)
        await server.start()

        async def stop() -> None:
            # Said before calls are torn down, so that a waiting call's end is not taken for its client leaving.
            parts.queue.stopping = True
            await health.enter_graceful_shutdown()
            await server.stop(GRACE)

        stack.push_async_callback(stop)
        for name in ("", *SERVICES):
            await health.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("serving at %s, world %s", address, world.path)
        yield Running(address, token, settings, parts.engines, parts.queue, world, metrics)


async def _start(
    stack: contextlib.AsyncExitStack, settings: Settings, world: World, engines: Sequence[Engine] | None
) -> _Parts:
    """Everything behind the services, working; the stack stops it in reverse."""
    meter = Meter()
    blobs = Blobs(settings.data_dir)
    blobs.discard_unfinished()
    workers = PictureWorkers(log_level=settings.log_level)
    stack.callback(workers.close)
    images = Images(world, blobs, workers)
    authority = Authority(world)
    database = Database(settings.jobs_database)
    stack.enter_context(database.alone())
    store = JobStore(database, runner=_runner(settings))
    stack.push_async_callback(store.close)
    again = await store.open()
    if again:
        log.info("%d jobs were running when the server ended; they are queued again", again)
    made = [_local_engine(settings)] if engines is None else engines
    router = Router([*made, BuiltinEngine(workers)], settings.default_model)
    for engine in router.values():
        await engine.start()
        stack.push_async_callback(engine.stop)
    key_file = settings.statement_key_file
    key = ensure_secret(key_file).encode() if key_file else None
    budgets = _budgets(settings)
    access = Access(authority, budgets, key)
    planner = Planner(access, images, router, settings.ceilings, budgets)
    queue = JobQueue(store, router, Results(images, blobs), _queue_settings(settings), meter=meter)
    await queue.start()
    stack.push_async_callback(queue.stop)
    runs = Runs(
        RunRows(database), SavedTemplates(TemplateRows(database)), store, access, planner, queue, images
    )
    await runs.start()
    stack.push_async_callback(runs.stop)
    status = Status(router, queue, store, blobs, meter, budgets.server)
    threads = DecodingThreads(settings.max_decoding)
    stack.callback(threads.close)
    return _Parts(
        settings,
        meter,
        authority,
        access,
        planner,
        images,
        blobs,
        store,
        router,
        workers,
        queue,
        runs,
        threads,
        status,
    )


def _add_services(server: Any, parts: _Parts) -> HealthServicer:
    """Every service of ours, health and reflection; `server` is what takes their methods."""
    currency = parts.settings.currency
    generation = Generation(parts.planner, parts.queue, parts.store, parts.blobs, parts.threads)
    jobs = Jobs(parts.access, parts.queue, parts.store)
    entities = Entities(parts.authority, parts.images, parts.planner, parts.workers, parts.threads)
    batches = Batches(generation, parts.queue, parts.store)
    lineage = Lineage(parts.planner, parts.queue, parts.store, parts.images, parts.blobs, parts.threads)
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    capability_pb2_grpc.add_CapabilityServiceServicer_to_server(
        CapabilityServicer(Capabilities(parts.authority, parts.access)), server
    )
    image_pb2_grpc.add_ImageServiceServicer_to_server(
        ImageServicer(generation, parts.meter, currency), server
    )
    job_pb2_grpc.add_JobServiceServicer_to_server(
        JobServicer(generation, jobs, batches, lineage, currency),
        server,
    )
    entity_pb2_grpc.add_EntityServiceServicer_to_server(EntityServicer(entities), server)
    blob_pb2_grpc.add_BlobServiceServicer_to_server(
        BlobServicer(Pictures(parts.images, parts.blobs, parts.threads)), server
    )
    model_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(Models(parts.engines)), server)
    template_pb2_grpc.add_TemplateServiceServicer_to_server(TemplateServicer(parts.runs, currency), server)
    system_pb2_grpc.add_SystemServiceServicer_to_server(SystemServicer(parts.status, currency), server)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    names = (*SERVICES, health_name, reflection.SERVICE_NAME)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(ReflectionServicer(names), server)
    return health


async def serve(
    settings: Settings, *, with_stdin: bool = False, engines: Sequence[Engine] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, or, where asked, until standard input ends; `engines` as in `running`."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    with stop_signals(lambda: _tell(loop, ended)):
        async with running(settings, engines) as server:
            print(f"viwo-imagegen serves at {server.address} (token in {settings.token_file})", flush=True)
            await ended.wait()


def _tell(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    # The loop may be closed, where a signal comes in the last moment.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(ended.set)


def _end_with_stdin() -> None:
    # From the descriptor: a buffered reader that still waits would hold up the end of the process.
    while os.read(0, 4096):
        pass
    # As a signal, which is heard whatever the server is doing.
    os.kill(os.getpid(), signal.SIGTERM)


def _runner(settings: Settings) -> str:
    """The name under which this sidecar's jobs are leased; the same after a restart, and no other's."""
    return f"{socket.gethostname()[:31]}:{reference(str(settings.data_dir.resolve()).encode())[-16:]}"


def _local_engine(settings: Settings) -> LocalEngine:
    return LocalEngine(
        Catalog(settings.model_dirs, settings.hub_models, settings.default_model),
        device=settings.device,
        threads=settings.threads,
        max_loaded=settings.max_loaded_models,
        memory_budget=int(settings.memory_budget_gib * 1024**3),
        log_level=settings.log_level,
    )


def _queue_settings(settings: Settings) -> QueueSettings:
    return QueueSettings(
        max_waiting=settings.max_queue,
        max_waiting_of_owner=settings.max_queue_per_owner or max(1, settings.max_queue // 2),
        retry=RetryPolicy(max_attempts=settings.max_attempts),
        patience=settings.model_patience,
        reuse_for=settings.reuse_hours * 3600,
        max_batch=settings.max_together,
        max_seconds=settings.max_job_seconds,
    )


def _limits(settings: Settings) -> Limits:
    return Limits.of(
        max_calls=settings.max_calls,
        max_calls_per_peer=settings.max_calls_per_peer or max(1, settings.max_calls // 2),
        budget=settings.receive_budget_mib * MEGABYTE,
        seconds=settings.receive_seconds,
        work_per_minute=settings.work_per_minute,
    )


def _budgets(settings: Settings) -> Budgets:
    caps = [budget.cap for budget in settings.budgets]
    return Budgets(
        server=tuple(cap for cap in caps if cap.scope == "server"),
        owner=tuple(cap for cap in caps if cap.scope == "owner"),
        prices={price.model: price.price for price in settings.prices},
        medium_from=settings.tier_medium.cost,
        high_from=settings.tier_high.cost,
    )

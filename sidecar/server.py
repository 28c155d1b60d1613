"""The server: the use cases behind a gRPC surface."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
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

from entity_store.permissions import private_folder
from entity_store.world import World
from sidecar.application.use_cases import UseCases
from sidecar.assembly import assembled
from sidecar.auth import Authenticator, ensure_secret
from sidecar.config import Settings
from sidecar.configuration_check import default_model_remark, remarks
from sidecar.engines.api import LOCAL, Engine
from sidecar.engines.local.engine import LocalEngine
from sidecar.engines.router import Router
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2_grpc,
    capability_pb2_grpc,
    entity_pb2_grpc,
    illustration_pb2_grpc,
    image_pb2_grpc,
    job_pb2_grpc,
    key_pb2_grpc,
    model_pb2_grpc,
    picture_pb2_grpc,
    system_pb2_grpc,
    template_pb2_grpc,
)
from sidecar.queue.job_queue import JobQueue
from sidecar.stop_signals import stop_signals
from sidecar.surfaces.grpc.blob import BlobServicer
from sidecar.surfaces.grpc.capability import CapabilityServicer
from sidecar.surfaces.grpc.entity import EntityServicer
from sidecar.surfaces.grpc.illustration import IllustrationServicer
from sidecar.surfaces.grpc.image import ImageServicer
from sidecar.surfaces.grpc.interceptor import CallInterceptor
from sidecar.surfaces.grpc.job import JobServicer
from sidecar.surfaces.grpc.key import KeyServicer
from sidecar.surfaces.grpc.limits import MEGABYTE, Limits
from sidecar.surfaces.grpc.listening import OPTIONS, listen
from sidecar.surfaces.grpc.model import ModelServicer
from sidecar.surfaces.grpc.picture import PictureServicer
from sidecar.surfaces.grpc.system import SystemServicer
from sidecar.surfaces.grpc.template import TemplateServicer
from sidecar.surfaces.permissions import RPCS
from sidecar.telemetry import Meter
from sidecar.upkeep import kept_in_order, memory_given_back, metrics_over_http

log = logging.getLogger("viwo_imagegen.server")

GRACE = 5.0
"""Seconds that calls get to end when the server stops."""

SERVICES = tuple(dict.fromkeys(f"viwo.imagegen.v1.{rpc.partition('/')[0]}" for rpc in RPCS))
"""Every service of ours by its full name: those that have rows in the table of permissions."""


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


@asynccontextmanager
async def running(settings: Settings, engines: Sequence[Engine] | None = None) -> AsyncIterator[Running]:
    """A started server; leaving the context stops it. `engines` stand in place of those that the settings name; the
    builtin one is there in any case. Raises FailedPrecondition with what to do when it cannot start."""
    async with contextlib.AsyncExitStack() as stack:
        private_folder(settings.data_dir)
        token, kernel_key = ensure_secret(settings.token_file), ensure_secret(settings.kernel_key_file)
        assembly = await stack.enter_async_context(assembled(settings, engines))
        world, queue, meter = assembly.world, assembly.queue, assembly.meter
        metrics = await stack.enter_async_context(
            metrics_over_http(settings, meter, assembly.use_cases.status.measure)
        )
        await stack.enter_async_context(kept_in_order(settings, world, assembly.blobs))
        await stack.enter_async_context(memory_given_back())
        authenticator = Authenticator(
            token,
            kernel_key=kernel_key,
            keys=assembly.use_cases.keys,
            world=world.id,
            trust_certificates=settings.tls_client_ca is not None,
        )
        methods = CallInterceptor(authenticator, meter, _limits(settings))
        health = _add_services(methods, assembly.use_cases, meter, settings.currency)
        server = grpc.aio.server(handlers=[methods], options=OPTIONS)
        address = listen(server, settings)
        await server.start()

        async def stop() -> None:
            # Said before calls are torn down, so that a waiting call's end is not taken for its client leaving.
            queue.stopping = True
            await health.enter_graceful_shutdown()
            await server.stop(GRACE)

        stack.push_async_callback(stop)
        for name in ("", *SERVICES):
            await health.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("serving at %s, world %s", address, world.path)
        yield Running(address, token, settings, assembly.engines, queue, world, metrics)


def _add_services(server: Any, use: UseCases, meter: Meter, currency: str) -> HealthServicer:
    """Every service of ours, health and reflection; `server` is what takes their methods."""
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    capability_pb2_grpc.add_CapabilityServiceServicer_to_server(CapabilityServicer(use.capabilities), server)
    image_pb2_grpc.add_ImageServiceServicer_to_server(
        ImageServicer(use.generation, use.refinement, meter, currency), server
    )
    job_pb2_grpc.add_JobServiceServicer_to_server(
        JobServicer(use.generation, use.jobs, use.batches, use.lineage, currency), server
    )
    entity_pb2_grpc.add_EntityServiceServicer_to_server(EntityServicer(use.entities), server)
    illustration_pb2_grpc.add_IllustrationServiceServicer_to_server(
        IllustrationServicer(use.illustration), server
    )
    blob_pb2_grpc.add_BlobServiceServicer_to_server(BlobServicer(use.pictures), server)
    picture_pb2_grpc.add_PictureServiceServicer_to_server(PictureServicer(use.pictures), server)
    model_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(use.models, currency), server)
    template_pb2_grpc.add_TemplateServiceServicer_to_server(TemplateServicer(use.workflows, currency), server)
    key_pb2_grpc.add_KeyServiceServicer_to_server(KeyServicer(use.keys), server)
    system_pb2_grpc.add_SystemServiceServicer_to_server(SystemServicer(use.status, currency), server)
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
            for remark in (*remarks(settings), default_model_remark(server.engines)):
                if remark is not None:
                    log.warning("%s", remark)
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


def _limits(settings: Settings) -> Limits:
    return Limits.of(
        max_calls=settings.max_calls,
        max_calls_per_peer=settings.max_calls_per_peer or max(1, settings.max_calls // 2),
        budget=settings.receive_budget_mib * MEGABYTE,
        seconds=settings.receive_seconds,
        work_per_minute=settings.work_per_minute,
    )

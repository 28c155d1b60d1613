"""A real sidecar for tests: server, engine process, world and stubs, and short ways to ask it things."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.rpc import error_details_pb2, status_pb2
from PIL import Image

from entity_store.world import SYSTEM_ID, create_entity
from sidecar import server
from sidecar.client import MESSAGE_OPTIONS
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2_grpc,
    capability_pb2,
    capability_pb2_grpc,
    common_pb2,
    entity_pb2_grpc,
    image_pb2,
    image_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    model_pb2_grpc,
    system_pb2_grpc,
    template_pb2_grpc,
)
from sidecar.surfaces.proto.conversions import to_struct

STEPS = 3


@dataclass
class Sidecar:
    """A running server, a channel to it, and an entity that may paint."""

    running: server.Running
    channel: grpc.aio.Channel
    painter: int
    room: int

    def __post_init__(self) -> None:
        self.token = (("authorization", f"Bearer {self.running.token}"),)
        channel: Any = _Authorized(self.channel, self.token)
        self.capabilities: Any = capability_pb2_grpc.CapabilityServiceStub(channel)
        self.images: Any = image_pb2_grpc.ImageServiceStub(channel)
        self.jobs: Any = job_pb2_grpc.JobServiceStub(channel)
        self.entities: Any = entity_pb2_grpc.EntityServiceStub(channel)
        self.blobs: Any = blob_pb2_grpc.BlobServiceStub(channel)
        self.models: Any = model_pb2_grpc.ModelServiceStub(channel)
        self.templates: Any = template_pb2_grpc.TemplateServiceStub(channel)
        self.system: Any = system_pb2_grpc.SystemServiceStub(channel)

    async def mint(
        self, params: dict[str, object] | None = None, *, owner: int = 0, kind: str = "diffusers.generate"
    ) -> str:
        """A new capability of the painter, or of another owner."""
        held = await self.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
        )
        made = await self.capabilities.Mint(
            capability_pb2.MintRequest(
                authority_id=held.capabilities[0].id,
                caller_id=SYSTEM_ID,
                type=kind,
                params=to_struct(params or {}),
            )
        )
        await self.capabilities.Give(
            capability_pb2.GiveRequest(id=made.id, caller_id=SYSTEM_ID, target_id=owner or self.painter)
        )
        return str(made.id)

    async def context(
        self, params: dict[str, object] | None = None, *, kind: str = "diffusers.generate", owner: int = 0
    ) -> common_pb2.CallContext:
        """The painter's right, or another owner's, freshly minted."""
        capability_id = await self.mint(params, kind=kind, owner=owner)
        by = owner or self.painter
        return common_pb2.CallContext(capability_id=capability_id, caller_id=by, this_id=by)

    def entity(self, **props: object) -> int:
        """A new plain entity in the world, as viwo would make it."""
        with self.running.world.transaction() as connection:
            return create_entity(connection, props, 2)


class _Authorized:
    """A channel whose calls carry the token."""

    def __init__(self, channel: grpc.aio.Channel, token: tuple[tuple[str, str], ...]) -> None:
        self._channel = channel
        self._token = token

    def __getattr__(self, kind: str) -> Any:
        make = getattr(self._channel, kind)

        def multicallable(*arguments: Any, **options: Any) -> Any:
            call = make(*arguments, **options)

            def with_token(*values: Any, metadata: Any = None, **more: Any) -> Any:
                return call(*values, metadata=metadata or self._token, **more)

            return with_token

        return multicallable


@asynccontextmanager
async def started(models: Path, data_dir: Path, **settings: Any) -> AsyncIterator[Sidecar]:
    """A server of its own in this process, with its own engine process."""
    values: dict[str, Any] = {
        "data_dir": data_dir, "model_dirs": [models], "default_model": "sd", "port": 0, "threads": 1, **settings,
    }  # fmt: skip
    async with server.running(Settings(**values)) as running, connected(running) as sidecar:
        yield sidecar


@asynccontextmanager
async def connected(running: server.Running) -> AsyncIterator[Sidecar]:
    async with grpc.aio.insecure_channel(running.address, options=MESSAGE_OPTIONS) as channel:
        with running.world.transaction() as connection:
            room = create_entity(connection, {"name": "Studio"}, 2)
            painter = create_entity(connection, {"name": "Painter", "location": room}, 2)
        yield Sidecar(running, channel, painter, room)


def text_to_image(
    context: common_pb2.CallContext,
    prompt: str = "a rusty sword",
    *,
    output: common_pb2.OutputOptions | None = None,
    **options: Any,
) -> image_pb2.TextToImageRequest:
    """A request that is done anew each time, unless `output` says otherwise."""
    if output is None or not output.HasField("job"):
        anew = common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=common_pb2.REUSE_NEVER))
        if output is not None:
            anew.MergeFrom(output)
        output = anew
    return image_pb2.TextToImageRequest(
        context=context,
        prompt=prompt,
        options=image_pb2.GenerationOptions(**{"steps": STEPS, "seed": 7, **options}),
        output=output,
    )


def submission(
    context: common_pb2.CallContext, prompt: str = "a rusty sword", **options: Any
) -> job_pb2.SubmitJobRequest:
    return job_pb2.SubmitJobRequest(text_to_image=text_to_image(context, prompt, **options))


async def ended(sidecar: Sidecar, job_id: str) -> job_pb2.Job:
    """The job's last state, waited for without polling."""
    async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job_id)):
        if event.WhichOneof("event") == "ended":
            job: job_pb2.Job = event.ended
            return job
    raise AssertionError("the stream ended without an end")


async def refused(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """The refusal of a call that must be refused."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"not refused: a {type(answer).__name__}")


def details(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc details that come with a refusal."""
    trailing: Any = error.trailing_metadata()
    values = [value for key, value in trailing if key == "grpc-status-details-bin"]
    assert len(values) == 1, "a refusal carries details"
    status: status_pb2.Status = status_pb2.Status.FromString(values[0])
    return status


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert details(error).details[0].Unpack(info)
    return info


def retry_delay(error: grpc.aio.AioRpcError) -> float:
    """Seconds after which to try again; 0 where none are told."""
    for detail in details(error).details:
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    return 0.0


async def in_world(
    sidecar: Sidecar, context: common_pb2.CallContext, method: str, *arguments: object
) -> dict[str, Any]:
    """What a script receives."""
    answer = await sidecar.images.Invoke(
        image_pb2.InvokeRequest(context=context, method=method, arguments_json=json.dumps(arguments))
    )
    result: dict[str, Any] = json.loads(answer.result_json)
    return result


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height x width x bands."""
    return np.asarray(Image.open(io.BytesIO(data)))

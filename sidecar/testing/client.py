"""A client of a sidecar for tests and benchmarks: every service with the token, and short ways to ask for things."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc

from entity_store.world import SYSTEM_ID
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2_grpc,
    capability_pb2,
    capability_pb2_grpc,
    common_pb2,
    entity_pb2_grpc,
    illustration_pb2_grpc,
    image_pb2,
    image_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    key_pb2_grpc,
    model_pb2_grpc,
    picture_pb2_grpc,
    system_pb2_grpc,
    template_pb2_grpc,
)
from sidecar.surfaces.proto.conversions import to_struct

GENERATE = "diffusers.generate"


class Client:
    """The services of one sidecar. `owner` is the entity that holds what is minted, where no other is named."""

    def __init__(self, channel: grpc.aio.Channel, token: str, owner: int = SYSTEM_ID) -> None:
        self.channel = channel
        self.owner = owner
        self.token = (("authorization", f"Bearer {token}"),)
        authorized: Any = _Authorized(channel, self.token)
        self.capabilities: Any = capability_pb2_grpc.CapabilityServiceStub(authorized)
        self.images: Any = image_pb2_grpc.ImageServiceStub(authorized)
        self.jobs: Any = job_pb2_grpc.JobServiceStub(authorized)
        self.entities: Any = entity_pb2_grpc.EntityServiceStub(authorized)
        self.illustrations: Any = illustration_pb2_grpc.IllustrationServiceStub(authorized)
        self.blobs: Any = blob_pb2_grpc.BlobServiceStub(authorized)
        self.models: Any = model_pb2_grpc.ModelServiceStub(authorized)
        self.pictures: Any = picture_pb2_grpc.PictureServiceStub(authorized)
        self.templates: Any = template_pb2_grpc.TemplateServiceStub(authorized)
        self.keys: Any = key_pb2_grpc.KeyServiceStub(authorized)
        self.system: Any = system_pb2_grpc.SystemServiceStub(authorized)

    async def mint(
        self, params: dict[str, object] | None = None, *, owner: int = 0, kind: str = GENERATE
    ) -> str:
        """The id of a new capability of `owner`."""
        held = await self.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
        )
        made = await self.capabilities.Mint(
            capability_pb2.MintRequest(
                authority_id=held.capabilities[0].id,
                caller_id=SYSTEM_ID,
                type=kind,
                params=to_struct(params or {}),
                target_id=owner or self.owner,
            )
        )
        return str(made.id)

    async def context(
        self, params: dict[str, object] | None = None, *, owner: int = 0, kind: str = GENERATE
    ) -> common_pb2.CallContext:
        """A call of `owner` by a capability that was minted for it."""
        capability_id = await self.mint(params, owner=owner, kind=kind)
        holder = owner or self.owner
        return common_pb2.CallContext(capability_id=capability_id, caller_id=holder, this_id=holder)

    async def only_job(self, capability_id: str) -> str:
        """The id of the job that a waiting call made; asked until it is there, each time after a full round trip."""
        async with asyncio.timeout(30):
            while True:
                page = await self.jobs.List(job_pb2.ListJobsRequest(capability_id=capability_id))
                if page.jobs:
                    return str(page.jobs[0].id)

    async def until(self, job_id: str, kind: str) -> job_pb2.JobEvent:
        """The first event of a kind ('step', 'ended', ...) that the job tells."""
        async for event in self.jobs.Watch(job_pb2.WatchJobRequest(id=job_id)):
            if event.WhichOneof("event") == kind:
                found: job_pb2.JobEvent = event
                return found
        raise AssertionError(f"the job ended without '{kind}'")

    async def ended(self, job_id: str) -> job_pb2.Job:
        """The job in its last state, waited for without polling."""
        return (await self.until(job_id, "ended")).ended

    async def in_world(
        self, context: common_pb2.CallContext, method: str, *arguments: object
    ) -> dict[str, Any]:
        """What a script receives that calls a capability method."""
        answer = await self.images.Invoke(
            image_pb2.InvokeRequest(context=context, method=method, arguments_json=json.dumps(arguments))
        )
        result: dict[str, Any] = json.loads(answer.result_json)
        return result


class _Authorized:
    """A channel whose calls carry the token, unless they bring metadata of their own."""

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

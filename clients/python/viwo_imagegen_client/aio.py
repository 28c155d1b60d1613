"""The client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import grpc

from viwo_imagegen_client import connection, dialling, requests
from viwo_imagegen_client.errors import ImagegenError, Unavailable, of_rpc
from viwo_imagegen_client.methods import AsyncMethods
from viwo_imagegen_client.pb.viwo.imagegen.v1 import (
    blob_pb2,
    blob_pb2_grpc,
    capability_pb2_grpc,
    common_pb2,
    entity_pb2_grpc,
    illustration_pb2_grpc,
    image_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    key_pb2_grpc,
    model_pb2_grpc,
    picture_pb2_grpc,
    system_pb2_grpc,
    template_pb2_grpc,
)
from viwo_imagegen_client.pictures import Picture, Progress, progress


class AsyncClient(AsyncMethods):
    """A sidecar. Finds address, key, certificate and capability by itself on the sidecar's own machine.

    `caller` and `capability` are ids of who asks and by what right; left out, a key knows both, and the operator acts
    as viwo's System with a capability of its own, which is made at its first use. `timeout` is in seconds, for calls
    that do not wait for a picture. The services of the contract are there as they are too, as `client.jobs.List(...)`.
    Raises Unauthenticated where no key is found, unless `key_needed` is False, and FailedPrecondition for a certificate
    that cannot be read.
    """

    def __init__(
        self,
        address: str = "",
        key: str = "",
        *,
        ca_file: str | Path | None = None,
        caller: int = 0,
        capability: str = "",
        timeout: float = 30.0,
        key_needed: bool = True,
    ) -> None:
        self.connection = connection.find(address, key, ca_file, key_needed=key_needed)
        self._caller, self._capability, self._timeout = caller, capability, timeout
        self._capabilities: dict[tuple[int, str], str] = {}
        self.channel = dialling.opened_aio(self.connection)
        self.capabilities = capability_pb2_grpc.CapabilityServiceStub(self.channel)
        self.images = image_pb2_grpc.ImageServiceStub(self.channel)
        self.jobs = job_pb2_grpc.JobServiceStub(self.channel)
        self.entities = entity_pb2_grpc.EntityServiceStub(self.channel)
        self.blobs = blob_pb2_grpc.BlobServiceStub(self.channel)
        self.pictures = picture_pb2_grpc.PictureServiceStub(self.channel)
        self.illustrations = illustration_pb2_grpc.IllustrationServiceStub(self.channel)
        self.models = model_pb2_grpc.ModelServiceStub(self.channel)
        self.templates = template_pb2_grpc.TemplateServiceStub(self.channel)
        self.keys = key_pb2_grpc.KeyServiceStub(self.channel)
        self.system = system_pb2_grpc.SystemServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection. Jobs that were begun go on."""
        await self.channel.close(None)

    async def reach(self) -> None:
        """Wait until the sidecar answers, a few seconds at most. Raises Unavailable, naming the cause."""
        await dialling.reach_aio(self.channel, self.connection)

    async def submit(self, method: str, capability_type: str, *arguments: object, **options: object) -> str:
        """Queue a call, as a script would make it, without waiting; the id of its job. Raises ImagegenError."""
        request = requests.submission(await self.context(capability_type), method, arguments, options)
        async with self._told():
            job = await self.jobs.Submit(request, timeout=self._timeout)
            return str(job.id)

    async def wait(
        self,
        job_id: str,
        on_progress: Callable[[Progress], object] | None = None,
        *,
        preview_every: int = 0,
        cancel: bool = False,
    ) -> Picture:
        """Follow a job to its end: its first picture, which knows the others. `preview_every`: previews wanted, at
        most one in so many steps. `cancel`: where this is interrupted, also by an exception of `on_progress`, the job
        is canceled. Raises ImagegenError; ConnectionLost where the job goes on unseen."""
        request = job_pb2.WatchJobRequest(id=job_id, preview_every=preview_every)
        try:
            async with self._told(job_id):
                async for event in self.jobs.Watch(request):
                    told = progress(event)
                    if told is not None and on_progress is not None:
                        on_progress(told)
        except BaseException as error:
            if cancel and not isinstance(error, ImagegenError):
                # What interrupted it is told, also where there is nothing to cancel any more.
                with suppress(ImagegenError):
                    await self.cancel(job_id)
            raise
        return await self._ended(job_id)

    async def cancel(self, job_id: str) -> None:
        """End a job: a queued one at once, a running one within a step. Raises ImagegenError."""
        async with self._told():
            await self.jobs.Cancel(job_pb2.CancelJobRequest(id=job_id), timeout=self._timeout)

    async def batch(
        self,
        prompts: Sequence[str],
        *,
        count: int = 1,
        stop: bool = False,
        on_progress: Callable[[job_pb2.Batch], object] | None = None,
        **options: object,
    ) -> list[Picture | ImagegenError]:
        """`textToImage` of each prompt with `count` seeds, as one batch: what became of each, in order. `stop`: one that
        fails ends the rest. Interrupted, it is canceled. Raises ImagegenError where the batch itself is refused."""
        task = requests.submission(await self.context("diffusers.generate"), "textToImage", ["-"], options)
        request = requests.batch_request(task, prompts, count, stop)
        async with self._told():
            batch = await self.jobs.SubmitBatch(request, timeout=self._timeout)
        asked = job_pb2.GetBatchRequest(id=batch.id)
        try:
            async with self._told():
                async for batch in self.jobs.WatchBatch(asked):
                    if on_progress is not None:
                        on_progress(batch)
        except BaseException as error:
            if not isinstance(error, ImagegenError):
                with suppress(ImagegenError):
                    await self._cancel_batch(batch.id)
            raise
        return [await self._outcome(job) for job in batch.jobs]

    async def upload(self, data: bytes) -> str:
        """Bring a picture into the store; its reference. Raises ImagegenError."""
        pieces = (
            blob_pb2.UploadRequest(chunk=data[start : start + requests.PIECE])
            for start in range(0, len(data), requests.PIECE)
        )
        async with self._told():
            return str((await self.blobs.Upload(pieces)).ref)

    async def download(self, ref: str) -> bytes:
        """The file of a reference. Raises ImagegenError."""
        async with self._told():
            pieces = self.blobs.Download(blob_pb2.DownloadRequest(ref=ref))
            return b"".join([piece.chunk async for piece in pieces])

    async def _make(
        self,
        method: str,
        capability_type: str,
        arguments: Sequence[object],
        options: Mapping[str, object],
        on_progress: Callable[[Progress], object] | None,
        preview_every: int,
    ) -> Picture:
        job_id = await self.submit(method, capability_type, *arguments, **options)
        return await self.wait(job_id, on_progress, preview_every=preview_every, cancel=True)

    async def _ended(self, job_id: str) -> Picture:
        async with self._told(job_id):
            job = await self.jobs.Get(job_pb2.GetJobRequest(id=job_id))
        return requests.result(await self._with_data(job))

    async def _cancel_batch(self, batch_id: str) -> None:
        async with self._told():
            await self.jobs.CancelBatch(job_pb2.CancelBatchRequest(id=batch_id), timeout=self._timeout)

    async def _outcome(self, job: job_pb2.Job) -> Picture | ImagegenError:
        """What became of one job of a batch."""
        try:
            return requests.result(await self._with_data(job))
        except ImagegenError as error:
            return error

    async def _with_data(self, job: job_pb2.Job) -> job_pb2.Job:
        # By reference: the pictures of a job may be more than a message holds.
        for image in job.images:
            image.data = await self.download(image.ref)
        return job

    async def context(
        self, capability_type: str, *, caller: int = 0, capability: str = ""
    ) -> common_pb2.CallContext:
        """Who asks and by what right: as is said here, or for the whole client, or by the key. Raises ImagegenError."""
        caller, capability = caller or self._caller, capability or self._capability
        if self.connection.is_of_an_entity and not capability:
            return common_pb2.CallContext(caller_id=caller, this_id=caller)
        caller = caller or requests.SYSTEM_ID
        capability = capability or self._capabilities.get((caller, capability_type), "")
        if not capability:
            capability = await self._own(caller, capability_type)
            self._capabilities[caller, capability_type] = capability
        return common_pb2.CallContext(capability_id=capability, caller_id=caller, this_id=caller)

    async def _own(self, owner: int, capability_type: str) -> str:
        async with self._told():
            held = await self.capabilities.List(requests.held(owner, capability_type), timeout=self._timeout)
            for found in held.capabilities:
                return found.id
            held = await self.capabilities.List(requests.held(owner, "sys.mint"), timeout=self._timeout)
            for authority in held.capabilities:
                asked = requests.minting(authority.id, owner, capability_type)
                return (await self.capabilities.Mint(asked, timeout=self._timeout)).id
        raise requests.nobody_allows(owner, capability_type)

    @asynccontextmanager
    async def _told(self, job_id: str = "") -> AsyncIterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            told = of_rpc(error, job_id)
            if isinstance(told, Unavailable) and not told.reason and not job_id:
                raise await dialling.why_not_aio(self.connection) from None
            raise told from None

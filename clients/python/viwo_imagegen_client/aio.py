"""The client for asyncio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc

from viwo_imagegen_client import channels, connection
from viwo_imagegen_client.errors import ImagegenError, Unavailable, of_rpc
from viwo_imagegen_client.methods import AsyncMethods
from viwo_imagegen_client.pb.viwo.imagegen.v1 import (
    blob_pb2,
    blob_pb2_grpc,
    capability_pb2_grpc,
    common_pb2,
    job_pb2,
    job_pb2_grpc,
)
from viwo_imagegen_client.pictures import Picture, Progress, progress


class AsyncClient(AsyncMethods):
    """A sidecar, for asyncio: as `Client`, with the same methods to await. Made where an event loop runs. Finds address, key, certificate and capability by itself on the sidecar's own machine.

    `caller` and `capability` are ids of who asks and by what right; left out, a key knows both, and the operator acts
    as viwo's System with a capability of its own, which is made at its first use. `timeout` is in seconds, for calls
    that do not wait for a picture. Raises Unauthenticated where no key is found.
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
    ) -> None:
        self._connection = connection.find(address, key, ca_file)
        self._metadata = channels.metadata(self._connection)
        self._caller, self._capability, self._timeout = caller, capability, timeout
        self._capabilities: dict[str, str] = {}
        credentials = channels.credentials(self._connection)
        self.channel = (
            grpc.aio.secure_channel(self._connection.address, credentials, options=channels.OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(self._connection.address, options=channels.OPTIONS)
        )
        self._jobs = job_pb2_grpc.JobServiceStub(self.channel)
        self._blobs = blob_pb2_grpc.BlobServiceStub(self.channel)
        self._rights = capability_pb2_grpc.CapabilityServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection. Jobs that were begun go on."""
        await self.channel.close(None)

    async def submit(self, method: str, capability_type: str, *arguments: object, **options: object) -> str:
        """Queue a call, as a script would make it, without waiting; the id of its job. Raises ImagegenError."""
        request = channels.submission(await self._context(capability_type), method, arguments, options)
        with self._told():
            job = await self._jobs.Submit(request, metadata=self._metadata, timeout=self._timeout)
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
            with self._told(job_id):
                async for event in self._jobs.Watch(request, metadata=self._metadata):
                    told = progress(event)
                    if told is not None and on_progress is not None:
                        on_progress(told)
        except BaseException as error:
            if cancel and not isinstance(error, ImagegenError):
                await self.cancel(job_id)
            raise
        return await self._ended(job_id)

    async def cancel(self, job_id: str) -> None:
        """End a job: a queued one at once, a running one within a step. Raises ImagegenError."""
        with self._told():
            await self._jobs.Cancel(
                job_pb2.CancelJobRequest(id=job_id), metadata=self._metadata, timeout=self._timeout
            )

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
        task = channels.submission(await self._context("diffusers.generate"), "textToImage", ["-"], options)
        request = channels.batch_request(task, prompts, count, stop)
        with self._told():
            batch = await self._jobs.SubmitBatch(request, metadata=self._metadata, timeout=self._timeout)
        asked = job_pb2.GetBatchRequest(id=batch.id)
        try:
            with self._told():
                async for batch in self._jobs.WatchBatch(asked, metadata=self._metadata):
                    if on_progress is not None:
                        on_progress(batch)
        except BaseException as error:
            if not isinstance(error, ImagegenError):
                await self._jobs.CancelBatch(
                    job_pb2.CancelBatchRequest(id=batch.id), metadata=self._metadata, timeout=self._timeout
                )
            raise
        return [channels.outcome(await self._with_data(job)) for job in batch.jobs]

    async def upload(self, data: bytes) -> str:
        """Bring a picture into the store; its reference. Raises ImagegenError."""
        pieces = (
            blob_pb2.UploadRequest(chunk=data[start : start + channels.PIECE])
            for start in range(0, len(data), channels.PIECE)
        )
        with self._told():
            return str((await self._blobs.Upload(pieces, metadata=self._metadata)).ref)

    async def download(self, ref: str) -> bytes:
        """The file of a reference. Raises ImagegenError."""
        with self._told():
            pieces = self._blobs.Download(blob_pb2.DownloadRequest(ref=ref), metadata=self._metadata)
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
        with self._told(job_id):
            job = await self._jobs.Get(job_pb2.GetJobRequest(id=job_id), metadata=self._metadata)
        return channels.result(await self._with_data(job))

    async def _with_data(self, job: job_pb2.Job) -> job_pb2.Job:
        # By reference: the pictures of a job may be more than a message holds.
        for image in job.images:
            image.data = await self.download(image.ref)
        return job

    async def _context(self, capability_type: str) -> common_pb2.CallContext:
        if self._connection.is_of_an_entity and not self._capability:
            return common_pb2.CallContext(caller_id=self._caller, this_id=self._caller)
        caller = self._caller or channels.SYSTEM_ID
        capability = self._capability or self._capabilities.get(capability_type)
        if not capability:
            capability = self._capabilities[capability_type] = await self._own(caller, capability_type)
        return common_pb2.CallContext(capability_id=capability, caller_id=caller, this_id=caller)

    async def _own(self, owner: int, capability_type: str) -> str:
        with self._told():
            ask: Any = {"metadata": self._metadata, "timeout": self._timeout}
            for found in (await self._rights.List(channels.held(owner, capability_type), **ask)).capabilities:
                return str(found.id)
            minters = await self._rights.List(channels.held(owner, "sys.mint"), **ask)
            for authority in minters.capabilities:
                minted = await self._rights.Mint(
                    channels.minting(authority.id, owner, capability_type), **ask
                )
                return str(minted.id)
        raise channels.nobody_allows(owner, capability_type)

    @contextmanager
    def _told(self, job_id: str = "") -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            told = of_rpc(error, job_id)
            if isinstance(told, Unavailable) and not told.reason and not job_id:
                raise channels.unreachable(self._connection.address, str(told)) from None
            raise told from None

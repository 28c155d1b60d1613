"""BlobService: pictures too large for one message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from capabilities import imaging
from capabilities.errors import InvalidArgument
from entity_store.blobs import Blobs
from entity_store.images import Images
from sidecar.application.decoding import DecodingThreads
from sidecar.pb.viwo.imagegen.v1 import blob_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import blob_pb2_grpc
from sidecar.surfaces.grpc.interceptor import Context, Malformed
from sidecar.surfaces.grpc.limits import MAX_PICTURE
from sidecar.surfaces.proto import conversions

CHUNK = 1024 * 1024


DISCARDED = 128 * 1024 * 1024
"""Bytes beyond the largest picture that are received and thrown away, so that the sender hears why."""


class BlobServicer(blob_pb2_grpc.BlobServiceServicer):
    def __init__(self, images: Images, blobs: Blobs, threads: DecodingThreads) -> None:
        self._images = images
        self._blobs = blobs
        self._threads = threads

    async def Upload(self, request_iterator: AsyncIterator[pb.UploadRequest], context: Context) -> pb.Blob:
        received, size = bytearray(), 0
        async for request in request_iterator:
            if isinstance(request, Malformed):
                raise request.refusal
            size += len(request.chunk)
            if size <= MAX_PICTURE:
                received += request.chunk
                continue
            # A client that is still sending takes a call that ends early for a fault of the server's.
            received.clear()
            if size > MAX_PICTURE + DISCARDED:
                break
        if size > MAX_PICTURE:
            raise InvalidArgument(
                f"a picture may have at most {MAX_PICTURE} bytes; got {size}; make it smaller, or save it as JPEG or WebP",
                reason="IMAGE_TOO_LARGE",
                field="chunk",
                limit=f"{MAX_PICTURE} bytes",
                asked=f"{size} bytes" if size <= MAX_PICTURE + DISCARDED else f"{size} bytes or more",
            )
        data = bytes(received)
        received.clear()
        picture = await self._threads.run(self._images.store, data, field="chunk")
        return _blob(picture.ref, len(data), picture.info)

    async def Describe(self, request: pb.DescribeBlobRequest, context: Context) -> pb.Blob:
        return await self._threads.run(self._describe, request.ref)

    def _describe(self, ref: str) -> pb.Blob:
        data = self._blobs.get(ref, field="ref")
        blob = _blob(ref, len(data), imaging.probe(data, field="ref"))
        self._blobs.touch(ref)
        blob.thumbnail = self._images.thumbnail(ref)
        return blob

    async def Download(
        self, request: pb.DownloadRequest, context: Context
    ) -> AsyncIterator[pb.DownloadResponse]:
        # Piece by piece: whoever reads slowly must not keep the whole file in memory meanwhile.
        blob: pb.Blob | None = await asyncio.to_thread(self._header, request.ref)
        path = self._blobs.path(request.ref, field="ref")
        with await asyncio.to_thread(path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield pb.DownloadResponse(blob=blob, chunk=chunk)
                blob = None

    def _header(self, ref: str) -> pb.Blob:
        data = self._blobs.get(ref, field="ref")
        return _blob(ref, len(data), imaging.probe(data, field="ref"))


def _blob(ref: str, size: int, info: imaging.ImageInfo) -> pb.Blob:
    return pb.Blob(
        ref=ref,
        size_bytes=size,
        format=conversions.FORMATS[info.format],
        width=info.width,
        height=info.height,
    )

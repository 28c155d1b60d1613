"""BlobService: pictures too large for one message."""

from __future__ import annotations

from collections.abc import AsyncIterator

from capabilities.errors import InvalidArgument
from sidecar.application.pictures import Pictures, PictureView
from sidecar.pb.viwo.imagegen.v1 import blob_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import blob_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.grpc.interceptor import Malformed
from sidecar.surfaces.grpc.limits import MAX_PICTURE
from sidecar.surfaces.proto import conversions

DISCARDED = 128 * 1024 * 1024
"""Bytes beyond the largest picture that are received and thrown away, so that the sender hears why."""


class BlobServicer(blob_pb2_grpc.BlobServiceServicer):
    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

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
        return _blob(await self._pictures.upload(principal(), data, field="chunk"))

    async def Describe(self, request: pb.DescribeBlobRequest, context: Context) -> pb.Blob:
        return _blob(await self._pictures.describe(principal(), request.ref))

    async def Download(
        self, request: pb.DownloadRequest, context: Context
    ) -> AsyncIterator[pb.DownloadResponse]:
        async for view, chunk in self._pictures.download(principal(), request.ref):
            yield pb.DownloadResponse(blob=_blob(view) if view else None, chunk=chunk)


def _blob(view: PictureView) -> pb.Blob:
    info = view.info
    return pb.Blob(
        ref=view.ref,
        size_bytes=view.size,
        format=conversions.FORMATS[info.format],
        width=info.width,
        height=info.height,
        thumbnail=view.thumbnail,
    )

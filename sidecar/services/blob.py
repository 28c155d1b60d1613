"""BlobService: pictures too large for one message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from capabilities import imaging
from capabilities.errors import InvalidArgument
from entity_store.blobs import Blobs
from entity_store.images import Images
from sidecar.pb.viwo.imagegen.v1 import blob_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import blob_pb2_grpc
from sidecar.services import translate
from sidecar.services.gate import Context, Malformed, malformed

CHUNK = 1024 * 1024
MAX_UPLOAD = 256 * 1024 * 1024


class BlobServicer(blob_pb2_grpc.BlobServiceServicer):
    def __init__(self, images: Images, blobs: Blobs) -> None:
        self._images = images
        self._blobs = blobs

    async def Upload(self, request_iterator: AsyncIterator[pb.UploadRequest], context: Context) -> pb.Blob:
        data = bytearray()
        async for request in request_iterator:
            if isinstance(request, Malformed):
                raise malformed()
            data += request.chunk
            if len(data) > MAX_UPLOAD:
                raise InvalidArgument(
                    f"a picture may have at most {MAX_UPLOAD} bytes",
                    reason="IMAGE_TOO_LARGE",
                    field="chunk",
                    limit=f"{MAX_UPLOAD} bytes",
                    asked=f"more than {MAX_UPLOAD} bytes",
                )
        picture = await asyncio.to_thread(self._images.store, bytes(data), field="chunk")
        return _blob(picture.ref, len(picture.data), picture.info)

    async def Describe(self, request: pb.DescribeBlobRequest, context: Context) -> pb.Blob:
        data = await asyncio.to_thread(self._blobs.get, request.ref, field="ref")
        blob = _blob(request.ref, len(data), imaging.probe(data, field="ref"))
        self._blobs.touch(request.ref)
        blob.thumbnail = await asyncio.to_thread(self._images.thumbnail, request.ref)
        return blob

    async def Download(
        self, request: pb.DownloadRequest, context: Context
    ) -> AsyncIterator[pb.DownloadResponse]:
        data = await asyncio.to_thread(self._blobs.get, request.ref, field="ref")
        info = imaging.probe(data, field="ref")
        for start in range(0, len(data), CHUNK):
            blob = _blob(request.ref, len(data), info) if start == 0 else None
            yield pb.DownloadResponse(blob=blob, chunk=data[start : start + CHUNK])


def _blob(ref: str, size: int, info: imaging.ImageInfo) -> pb.Blob:
    return pb.Blob(
        ref=ref, size_bytes=size, format=translate.FORMATS[info.format], width=info.width, height=info.height
    )

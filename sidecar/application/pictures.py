"""Pictures in the store, by their references: brought here, described, and read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from capabilities import imaging
from capabilities.principals import Principal
from entity_store.blobs import Blobs
from entity_store.images import Images
from sidecar.application.decoding import DecodingThreads
from sidecar.application.picture_access import PictureAccess
from sidecar.queue.store.picture_rows import PictureRows

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class PictureView:
    """A stored picture: its size in bytes, what it is, and a small one as a data URL where that was asked for."""

    ref: str
    size: int
    info: imaging.ImageInfo
    thumbnail: str = ""


class Pictures:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        access: PictureAccess,
        rows: PictureRows,
        images: Images,
        blobs: Blobs,
        threads: DecodingThreads,
    ) -> None:
        self._access = access
        self._rows = rows
        self._images = images
        self._blobs = blobs
        self._threads = threads

    async def upload(self, principal: Principal, data: bytes, *, field: str) -> PictureView:
        """Keep a file that can be read to its last pixel. Raises InvalidArgument naming `field` for any other."""
        picture = await self._threads.run(self._images.store, data, field=field)
        # Of whoever has not said for whom it is: no entity's.
        await self._rows.uploaded(picture.ref, principal.world, principal.owner_ids or {0})
        return PictureView(picture.ref, len(data), picture.info)

    async def describe(self, principal: Principal, ref: str) -> PictureView:
        """What a stored picture is, with a small one. Raises InvalidArgument, NotFound."""
        await self._access.require(principal, {"ref": ref})
        return await self._threads.run(self._describe, ref)

    async def download(
        self, principal: Principal, ref: str
    ) -> AsyncIterator[tuple[PictureView | None, bytes]]:
        """The file piece by piece, the first with what it is. Raises InvalidArgument, NotFound.

        Whoever reads slowly does not keep the whole of it in memory meanwhile.
        """
        await self._access.require(principal, {"ref": ref})
        view: PictureView | None = await asyncio.to_thread(self._view, ref)
        path = self._blobs.path(ref, field="ref")
        with await asyncio.to_thread(path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield view, chunk
                view = None

    def _describe(self, ref: str) -> PictureView:
        view = self._view(ref)
        self._blobs.touch(ref)
        return PictureView(ref, view.size, view.info, self._images.thumbnail(ref))

    def _view(self, ref: str) -> PictureView:
        size = self._blobs.path(ref, field="ref").stat().st_size
        return PictureView(ref, size, self._images.info(ref, field="ref"))

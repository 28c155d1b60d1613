"""Pictures in the store: brought here, found again, described, and read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from capabilities import imaging
from capabilities.errors import InvalidArgument, brief
from capabilities.principals import Principal
from entity_store.blobs import Blobs
from entity_store.images import THUMBNAIL_SIDES, Images
from sidecar.application.decoding import DecodingThreads
from sidecar.application.jobs import reach
from sidecar.application.picture_access import PictureAccess
from sidecar.queue.store.picture_rows import PictureFilter, PictureRows, Place, StoredPicture

CHUNK = 1024 * 1024
MAX_WORDS = 16
"""Most words of a search."""
MAX_SEARCH = 256
"""Longest search, in characters."""


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

    async def page(
        self, principal: Principal, which: PictureFilter, *, after: Place | None = None, limit: int = 50
    ) -> list[StoredPicture]:
        """Pictures that were made for the principal, the last made first; `after` is the place to go on from."""
        return await self._rows.page(which, seen_by=reach(principal), after=after, limit=limit)

    async def origin(self, principal: Principal, ref: str) -> tuple[StoredPicture, list[int]]:
        """What a stored picture is and how it was made, and the entities that show it, as far as the principal may know.

        Raises InvalidArgument, NotFound.
        """
        await self._access.require(principal, {"ref": ref})
        view = await self._threads.run(self._view, ref)
        info = view.info
        made = await self._rows.last_made(ref, reach(principal))
        file = StoredPicture(ref, info.format, info.width, info.height, view.size)
        entity_ids = await self._access.showing(principal, ref)
        return made or file, entity_ids

    async def thumbnail(self, principal: Principal, ref: str, side: int = 0) -> bytes:
        """A small WebP of a stored picture; `side` in pixels, 0 for the largest that there is.

        Raises InvalidArgument, NotFound.
        """
        side = side or max(THUMBNAIL_SIDES)
        if side not in THUMBNAIL_SIDES:
            sides = " or ".join(map(str, THUMBNAIL_SIDES))
            raise InvalidArgument(
                f"'side' must be {sides}; got {side}",
                reason="BAD_ARGUMENT",
                field="side",
                limit=sides,
                asked=str(side),
            )
        await self._access.require(principal, {"ref": ref})
        return await self._threads.run(self._images.thumbnail, ref, side)

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
        return PictureView(ref, view.size, view.info, self._images.thumbnail_url(ref))

    def _view(self, ref: str) -> PictureView:
        size = self._blobs.path(ref, field="ref").stat().st_size
        return PictureView(ref, size, self._images.info(ref, field="ref"))


def searched_words(text: str) -> Sequence[str]:
    """The words of a search. Raises InvalidArgument for too many or too long ones."""
    words = text.split()
    if len(words) > MAX_WORDS or len(text) > MAX_SEARCH:
        raise InvalidArgument(
            f"'words' may be {MAX_WORDS} words of {MAX_SEARCH} characters in all; got {len(words)} of {len(text)}",
            reason="TOO_MANY_WORDS",
            field="words",
            limit=f"{MAX_WORDS} words, {MAX_SEARCH} characters",
            asked=brief(text, 40),
        )
    return words

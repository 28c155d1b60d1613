"""The pictures of an InvokeAI: ours are lent to it, and taken away again, so that its gallery stays its owner's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from sidecar.engines.invokeai.access import Access
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.waiting import LET_GO

_IMAGES = "/api/v1/images"


class Gallery:
    """Belongs to the event loop's thread."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._removing: set[asyncio.Task[None]] = set()

    async def upload(self, picture: bytes) -> str:
        """The name that a picture has there. Raises RemoteFailure."""
        answer = await self._access.call(
            "POST",
            f"{_IMAGES}/upload",
            params={"image_category": "general", "is_intermediate": "true"},
            files=[("file", ("picture.png", picture, "image/png"))],
            # A second copy is an intermediate picture like the first, which its owner clears away.
            repeatable=True,
        )
        told = await self._access.host.json_of(answer)
        name = told.get("image_name") if isinstance(told, Mapping) else None
        if not isinstance(name, str) or not name:
            raise RemoteFailure(FailureKind.BAD_ANSWER, "it does not tell the name of an uploaded picture")
        return name

    async def fetch(self, name: str, session_id: str) -> bytes:
        """The file of a picture. Raises RemoteFailure where it is not there, or was not made in that session."""
        try:
            told = await self._access.get_json(_path(name))
            made_in = told.get("session_id") if isinstance(told, Mapping) else None
            if made_in and made_in != session_id:
                raise RemoteFailure(
                    FailureKind.BAD_ANSWER, "its answer names a picture that another drawing made"
                )
            return (await self._access.call("GET", f"{_path(name)}/full", repeatable=True)).body
        except RemoteFailure as failure:
            if failure.status != 404:
                raise
            raise RemoteFailure(
                FailureKind.BAD_ANSWER, "its answer names a picture that is not there"
            ) from None

    def remove(self, names: Iterable[str]) -> None:
        """Have pictures deleted in a while; one that stays is an intermediate picture, which its owner clears away."""
        if found := set(names):
            removing = asyncio.create_task(self._removed(found))
            self._removing.add(removing)
            removing.add_done_callback(self._removing.discard)

    async def close(self) -> None:
        """Wait for what is being deleted, as long as a server gets for that."""
        if self._removing:
            _, removing = await asyncio.wait(self._removing, timeout=LET_GO)
            for each in removing:
                each.cancel()

    async def _removed(self, names: Iterable[str]) -> None:
        for name in names:
            with contextlib.suppress(RemoteFailure):
                await self._access.call("DELETE", _path(name))


def _path(name: str) -> str:
    return f"{_IMAGES}/i/{quote(name, safe='')}"

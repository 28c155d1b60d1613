"""Draws on an InvokeAI: a graph is queued, its item says what became of it, and its picture is fetched."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.engines.invokeai import drawn_graphs
from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.drawn_graphs import NOISE, SEEDS
from sidecar.engines.invokeai.gallery import Gallery
from sidecar.engines.invokeai.graph import Graph
from sidecar.engines.invokeai.inventory import Looker
from sidecar.engines.invokeai.progress import Progress
from sidecar.engines.invokeai.session_queue import Item, SessionQueue
from sidecar.engines.remote.connector import Call, Drawing, Drawn, DrawnPicture, Inventory
from sidecar.engines.remote.failures import FailureKind, RemoteFailure, substituted
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.engines.remote.waiting import ended, happened

POLL_EVERY, LONGEST_POLL = 0.25, 1.0
"""Seconds between two looks at an item: at first, and at one that takes long."""
POLL_GROWTH = 1.05
LET_GO = 2.0
"""Seconds that sockets get to close when the engine ends."""
MISSES = 3
"""Looks in a row that may go wrong before an item is given up."""


class InvokeAIConnector:
    """Implements `Connector`."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        # Its client takes long to load, which only those who have such a server are to wait for.
        from sidecar.engines.invokeai import event_socket

        self.is_paid = settings.is_paid
        self._price = int(self.is_paid)
        """Pictures that a drawing is charged as."""
        self._settings = settings
        self._access = Access(host)
        self._looker = Looker(self._access, settings)
        self._queue = SessionQueue(self._access)
        self._gallery = Gallery(self._access)
        self._follow = event_socket.follow
        self._leaving: set[asyncio.Task[None]] = set()

    async def look(self) -> Inventory:
        return await self._looker.look()

    async def close(self) -> None:
        await self._gallery.close()
        if self._leaving:
            _, opening = await asyncio.wait(self._leaving, timeout=LET_GO)
            for following in opening:
                following.cancel()

    async def draw(self, call: Call) -> Drawn:
        wanted = call.drawing
        images: dict[bytes, str] = {}
        ours: list[str] = []
        try:
            for picture in dict.fromkeys(drawn_graphs.pictures(wanted)):
                images[picture] = await self._gallery.upload(picture)
                ours.append(images[picture])
            graph = drawn_graphs.graph(wanted, self._looker.stock, images)
            item = await self._drawn(call, graph)
            ours += item.images
            return Drawn((await self._picture(wanted, graph, item),))
        finally:
            self._gallery.remove(ours)

    async def _drawn(self, call: Call, graph: Graph) -> Item:
        """The item of a graph, when it is done. Raises RemoteFailure where it will not be."""
        batch_id = str(uuid.uuid4())
        progress = Progress(call, graph, batch_id, self._settings.id_of(call.drawing.model))
        async with self._followed(progress):
            submitting = asyncio.create_task(self._submitted(call, graph, batch_id))
            try:
                # Whether it was taken must be known before it can be taken back.
                item = await self._ended(await asyncio.shield(submitting), batch_id, progress)
            except (asyncio.CancelledError, RemoteFailure):
                await ended(self._withdrawn(call, submitting, batch_id))
                raise
        if item.has_failed or not item.has_begun:
            # It says that it has made nothing.
            call.billed -= self._price
        if item.failure is not None:
            raise item.failure
        return item

    async def _submitted(self, call: Call, graph: Graph, batch_id: str) -> int:
        """The id of the item that a graph becomes."""
        try:
            with call.at_cost(self._price):
                return await self._queue.enqueue(graph, batch_id)
        except RemoteFailure as failure:
            if failure.was_refused:
                raise
            lost = failure
        # Sent again, it might be drawn twice.
        found = await self._queue.find(batch_id)
        if found is not None:
            return found
        if lost.kind is not FailureKind.TIMEOUT:
            call.billed -= self._price
        raise lost

    @asynccontextmanager
    async def _followed(self, progress: Progress) -> AsyncIterator[None]:
        following = asyncio.create_task(
            self._follow(self._access, self._settings, progress.hear, progress.over)
        )
        try:
            yield
        finally:
            # Saying goodbye may take a moment, which the picture does not wait for.
            progress.over.set()
            self._leaving.add(following)
            following.add_done_callback(self._leaving.discard)

    async def _ended(self, id: int, batch_id: str, progress: Progress) -> Item:
        """An item once it has ended. Raises RemoteFailure where that cannot be seen any more."""
        misses, pause = 0, POLL_EVERY
        while True:
            await happened(progress.worth_a_look, pause)
            progress.worth_a_look.clear()
            try:
                item = await self._queue.item(id)
            except RemoteFailure as failure:
                misses += 1
                if misses == MISSES or not failure.is_of_the_host:
                    raise
                continue
            if item is None or item.batch_id != batch_id:
                # Ids begin anew where the server does, so that the item may be somebody else's.
                raise RemoteFailure(
                    FailureKind.SERVER_ERROR,
                    "it has forgotten the drawing: it was started anew, or somebody cleared its queue",
                )
            if item.has_ended:
                return item
            misses, pause = 0, min(LONGEST_POLL, pause * POLL_GROWTH)

    async def _withdrawn(self, call: Call, submitting: asyncio.Task[int], batch_id: str) -> None:
        """End our item, and nobody else's."""
        try:
            id = await submitting
        except RemoteFailure as failure:
            # It may have been taken, or still be.
            if not failure.was_refused:
                await self._queue.cancel_batch(batch_id)
            return
        now = await self._queue.item(id)
        if now is None or now.batch_id != batch_id or now.has_ended:
            return
        item = await self._queue.cancel(id)
        if item is not None and item.is_canceled and not item.has_begun:
            call.billed -= self._price

    async def _picture(self, wanted: Drawing, graph: Graph, item: Item) -> DrawnPicture:
        """The picture of an item. Raises RemoteFailure where it is another's, or drawn with another seed."""
        name = item.image(graph.output)
        if not name:
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer names no picture of the drawing")
        told = item.result(NOISE).get("noise")
        seed = told.get("seed") if isinstance(told, dict) else None
        asked = wanted.seed % SEEDS
        if isinstance(seed, int) and seed != asked:
            raise substituted("seed", "seed", asked, seed)
        return DrawnPicture(await self._gallery.fetch(name, item.session_id), seed)

"""Draws on a ComfyUI: a graph is sent, its history says what became of it, and its picture is fetched."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sidecar.engines.comfyui import drawn_graphs
from sidecar.engines.comfyui.graph import SAVE, Graph
from sidecar.engines.comfyui.inventory import Looker
from sidecar.engines.comfyui.progress import Progress
from sidecar.engines.comfyui.prompt_queue import Entry, PromptQueue
from sidecar.engines.remote.connector import Call, Drawing, Drawn, DrawnPicture, Inventory
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.engines.remote.waiting import LET_GO, ended, happened

SUBFOLDER = "viwo-imagegen"
"""Where pictures that are drawn from lie among the server's inputs."""
POLL_EVERY, LONGEST_POLL = 0.25, 1.0
"""Seconds between two looks at the history: at first, and of a prompt that takes long."""
POLL_GROWTH = 1.02
POLL_AFTER_END = 0.01
"""Seconds until the first look after the socket told of the end; the history is written a moment later."""
HEAD_START = 0.1
"""Seconds that the socket gets to open before a graph is sent."""
QUEUE_EVERY = 6
"""Looks at the history between two at the queue, which show whether the prompt is still there."""
MISSES = 3
"""Looks in a row that may go wrong before a prompt is given up."""
ATTEMPTS = 8
"""Ids that a drawing may have had before; a further one is made up."""
_IDS = uuid.UUID("6f0c6d3e-5d4c-4d0c-9a0b-6c2b8b2f3f0a")
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class ComfyUIConnector:
    """Implements `Connector`."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        self.is_paid = settings.is_paid
        self._price = int(self.is_paid)
        """Pictures that a drawing is charged as."""
        self._host = host
        self._settings = settings
        self._looker = Looker(host, settings)
        self._queue = PromptQueue(host)
        self._leaving: set[asyncio.Task[None]] = set()

    async def look(self) -> Inventory:
        if key := self._host.key():
            # It has no keys itself; a proxy before it may.
            self._host.headers["Authorization"] = f"Bearer {key}"
        return await self._looker.look()

    async def close(self) -> None:
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=LET_GO)

    async def draw(self, call: Call) -> Drawn:
        graph = await self._graph(call.drawing)
        digest = graph.digest()
        for attempt in range(ATTEMPTS):
            id = str(uuid.uuid5(_IDS, f"{call.drawing.job_id} {digest} {attempt}"))
            # A job that is drawn again after this sidecar died may have its picture there, or on its way. The queue first: what
            # leaves it between the two looks is in the history then.
            is_on_its_way = bool(await self._queue.place(id))
            entry = None if is_on_its_way else await self._queue.entry(id)
            if entry is None:
                return await self._drawn(call, graph, id, is_on_its_way=is_on_its_way)
            if entry.succeeded:
                call.billed += self._price
                with contextlib.suppress(RemoteFailure):
                    return await self._fetched(entry, graph, id)
        return await self._drawn(call, graph, str(uuid.uuid4()))

    async def _graph(self, drawing: Drawing) -> Graph:
        stock = self._looker.stock
        if (workflow := stock.workflows.get(drawing.model)) is not None:
            return workflow.graph(drawing, await self._uploaded(drawing))
        file = stock.file(drawing.model, "model_id")
        if drawing.kind == "upscale":
            return drawn_graphs.enlarging(drawing, file, await self._uploaded(drawing))
        if drawing.kind in ("faces", "control") or file.family is None:
            raise RemoteFailure(
                FailureKind.BAD_REQUEST,
                f"'{drawing.model}' cannot do that here; make a workflow for it",
                field="model_id",
                asked=drawing.model,
                was_sent=False,
            )
        uploads = await self._uploaded(drawing)
        return drawn_graphs.generation(drawing, file, stock.file, uploads, stock.classes)

    async def _uploaded(self, drawing: Drawing) -> dict[bytes, str]:
        """The names that the server gives to the pictures of a drawing."""
        return {picture: await self._upload(picture) for picture in set(drawn_graphs.pictures(drawing))}

    async def _upload(self, picture: bytes) -> str:
        name = f"{await asyncio.to_thread(_digest, picture)}.png"
        answer = await self._host.json_of(
            await self._host.call(
                "POST",
                "/upload/image",
                form={"type": "input", "subfolder": SUBFOLDER},
                files=[("image", (name, picture, "image/png"))],
                # The same bytes keep their name.
                repeatable=True,
            )
        )
        told = answer if isinstance(answer, dict) else {}
        given, subfolder = told.get("name"), told.get("subfolder")
        if not isinstance(given, str) or not given or not isinstance(subfolder, str):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "it does not tell the name of an uploaded picture")
        return f"{subfolder}/{given}" if subfolder else given

    async def _drawn(self, call: Call, graph: Graph, id: str, *, is_on_its_way: bool = False) -> Drawn:
        progress = Progress(call, graph, self._settings.id_of(call.drawing.model))
        progress.prompt_id = id
        client = uuid.uuid4().hex
        async with self._followed(progress, client):
            submitting = asyncio.create_task(
                self._submitted(call, graph, id, client, is_on_its_way=is_on_its_way)
            )
            try:
                # Whether it was taken must be known before it can be taken back.
                taken = progress.prompt_id = await asyncio.shield(submitting)
                entry = await self._ended(taken, progress)
            except (asyncio.CancelledError, RemoteFailure):
                await ended(self._withdrawn(call, submitting))
                raise
        if entry.failure is not None:
            raise entry.failure
        return await self._fetched(entry, graph, id)

    async def _submitted(self, call: Call, graph: Graph, id: str, client: str, *, is_on_its_way: bool) -> str:
        if is_on_its_way:
            call.billed += self._price
            return id
        with call.at_cost(self._price):
            return await self._queue.submit(graph, id, client)

    async def _withdrawn(self, call: Call, submitting: asyncio.Task[str]) -> None:
        try:
            id = await submitting
        finally:
            submitting.cancel()
        if not await self._queue.withdraw(id):
            call.billed -= self._price

    @asynccontextmanager
    async def _followed(self, progress: Progress, client: str) -> AsyncIterator[None]:
        following = asyncio.create_task(progress.follow(self._host, self._settings, client))
        try:
            # What is told before it listens is told to nobody.
            await happened(progress.opened, HEAD_START)
            yield
        finally:
            # Saying goodbye may take a moment, which the picture does not wait for.
            following.cancel()
            self._leaving.add(following)
            following.add_done_callback(self._leaving.discard)

    async def _ended(self, id: str, progress: Progress) -> Entry:
        """A prompt's entry in the history, once it is there. Raises RemoteFailure where it will not be."""
        misses, pause = 0, POLL_EVERY
        for looks in itertools.count(1):
            if progress.ended.is_set():
                await asyncio.sleep(pause)
            elif await happened(progress.ended, pause):
                pause = POLL_AFTER_END
            try:
                entry = await self._queue.entry(id)
                is_gone = entry is None and looks % QUEUE_EVERY == 0 and not await self._queue.place(id)
                if is_gone:
                    # It may have ended between the two looks.
                    entry = await self._queue.entry(id)
            except RemoteFailure as failure:
                misses += 1
                if misses == MISSES or not failure.is_of_the_host:
                    raise
                pause = max(pause, POLL_EVERY)
                continue
            if entry is not None:
                return entry
            if is_gone:
                break
            misses = 0
            pause = min(LONGEST_POLL, pause * (2 if progress.ended.is_set() else POLL_GROWTH))
        raise RemoteFailure(
            FailureKind.SERVER_ERROR,
            "it has forgotten the drawing: it was started anew, or somebody cleared its queue or its history",
        )

    async def _fetched(self, entry: Entry, graph: Graph, id: str) -> Drawn:
        """The picture of an entry. Raises RemoteFailure where it is another's, or not whole."""
        file = entry.files(graph.output)[0]
        is_saved = graph.nodes[graph.output]["class_type"] == SAVE
        if is_saved and not file["filename"].startswith(id):
            raise RemoteFailure(
                FailureKind.BAD_ANSWER,
                "its history tells of a picture that another task made",
                field="model_id",
            )
        answer = await self._host.call("GET", "/view", params=file, repeatable=True)
        picture = answer.body
        if is_saved and not (picture.startswith(_PNG) and picture.endswith(_PNG_END)):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer is not a whole picture")
        return Drawn((DrawnPicture(picture),))


def _digest(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()

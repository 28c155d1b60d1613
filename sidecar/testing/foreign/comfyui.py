"""A fake ComfyUI 0.3.64 (`server.py`, `execution.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import struct
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from sidecar.testing.foreign.comfyui_files import Files, models, system_stats
from sidecar.testing.foreign.comfyui_graph import Executor, Graph, Judge, Verdict
from sidecar.testing.foreign.comfyui_values import NODES, Interrupted
from sidecar.testing.foreign.drawing import Drawing, Pixels, encoded
from sidecar.testing.foreign.fake import DrawingFailed, Drawn, ForeignFake, Job, Options
from sidecar.testing.foreign.faults import Kind

_PREVIEW_IMAGE, _JPEG = 1, 1
_HISTORY_DELAY = 0.01
"""Seconds between the last word on the socket and the entry in the history."""


@dataclass(order=True)
class Prompt:
    """A graph in the queue."""

    number: float
    id: str = field(compare=False)
    graph: Graph = field(compare=False)
    outputs: list[str] = field(compare=False)
    client: str | None = field(compare=False)
    extra: Mapping[str, object] = field(compare=False)
    messages: list[list[object]] = field(compare=False, default_factory=list)

    def told(self) -> list[object]:
        return [self.number, self.id, self.graph, self.extra, self.outputs]


class ComfyUI(ForeignFake):
    """One prompt at a time."""

    previews_by_default = False
    stale_by_name = True

    def __init__(self, options: Options) -> None:
        self.pending: list[Prompt] = []
        self.current: Prompt | None = None
        self.node = ""
        """The node that runs."""
        self.executed: list[str] = []
        self.history: dict[str, dict[str, object]] = {}
        self.files = Files()
        self.sockets: dict[str, asyncio.Queue[str | bytes]] = {}
        self.interrupt = asyncio.Event()
        self.arrived = asyncio.Event()
        self.executor = Executor()
        self.numbers = 0
        self.freed: list[object] = []
        self.last_told: dict[str, Mapping[str, object]] = {}
        super().__init__(options)

    def routes(self) -> Sequence[BaseRoute]:
        served = [
            ("/prompt", self._enqueue, "POST"),
            ("/prompt", self._exec_info, "GET"),
            ("/queue", self._queue, "GET"),
            ("/queue", self._change_queue, "POST"),
            ("/history", self._history, "GET"),
            ("/history", self._change_history, "POST"),
            ("/history/{id}", self._history, "GET"),
            ("/interrupt", self._interrupt, "POST"),
            ("/free", self._free, "POST"),
            ("/upload/image", self.files.upload, "POST"),
            ("/upload/mask", self.files.upload, "POST"),
            ("/view", self.files.view, "GET"),
            ("/object_info", self._object_info, "GET"),
            ("/object_info/{name}", self._object_info, "GET"),
            ("/models", models, "GET"),
            ("/models/{folder}", models, "GET"),
            ("/system_stats", system_stats, "GET"),
        ]
        routes: list[BaseRoute] = []
        for prefix in ("", "/api"):
            routes += [Route(prefix + path, answer, methods=[method]) for path, answer, method in served]
            routes.append(WebSocketRoute(prefix + "/ws", self._socket))
        return routes

    def refusal(self, status: int, message: str) -> Response:
        if status == 400:
            error = {"type": "invalid_prompt", "message": message, "details": message, "extra_info": {}}
            return JSONResponse({"error": error, "node_errors": {}}, 400)
        if status == 500:
            return PlainTextResponse("500 Internal Server Error\n\nServer got itself in trouble", 500)
        return PlainTextResponse(f"{status}: {message}", status)

    def unauthorized(self, scope: Scope) -> Response | None:
        """It asks for no key of its own; a proxy before it asks for a bearer token. Other pages are not let in."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin", "")
        is_loopback = urlsplit(f"//{host}").hostname in ("127.0.0.1", "localhost", "::1")
        if origin and is_loopback and urlsplit(origin).netloc != host:
            return Response(status_code=403)
        if self.options.key and headers.get("authorization") != f"Bearer {self.options.key}":
            return PlainTextResponse("401: Unauthorized", 401)
        return None

    def background(self) -> Sequence[Coroutine[Any, Any, None]]:
        return (self._work(),)

    # The queue

    async def _enqueue(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            raise HTTPException(500) from None
        if "prompt" not in body:
            message = "No prompt provided"
            error = {"type": "no_prompt", "message": message, "details": message, "extra_info": {}}
            return JSONResponse({"error": error, "node_errors": {}}, 400)
        verdict = self._judged(body["prompt"])
        if verdict.error:
            return JSONResponse({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
        number = body.get("number", -self.numbers if body.get("front") else self.numbers)
        self.numbers += 1
        client = body.get("client_id")
        extra = {**body.get("extra_data", {}), **({"client_id": client} if client else {})}
        id = str(body.get("prompt_id") or uuid.uuid4())
        heapq.heappush(self.pending, Prompt(number, id, body["prompt"], verdict.outputs, client, extra))
        self.arrived.set()
        self._tell_status()
        return JSONResponse({"prompt_id": id, "number": number, "node_errors": verdict.node_errors})

    def _judged(self, graph: Graph) -> Verdict:
        return Judge(graph, self.files.__contains__).verdict()

    async def _exec_info(self, request: Request) -> Response:
        return JSONResponse({"exec_info": {"queue_remaining": self._remaining()}})

    async def _queue(self, request: Request) -> Response:
        running = [self.current.told()] if self.current else []
        return JSONResponse(
            {"queue_running": running, "queue_pending": [one.told() for one in sorted(self.pending)]}
        )

    async def _change_queue(self, request: Request) -> Response:
        body = await request.json()
        gone = {one.id for one in self.pending} if body.get("clear") else set(body.get("delete", []))
        self.pending = [one for one in self.pending if one.id not in gone]
        heapq.heapify(self.pending)
        self._tell_status()
        return Response()

    async def _history(self, request: Request) -> Response:
        id = request.path_params.get("id")
        if id is None:
            newest = int(request.query_params.get("max_items", len(self.history)))
            return JSONResponse(dict(list(self.history.items())[-newest:] if newest else []))
        return JSONResponse({id: self.history[id]} if id in self.history else {})

    async def _change_history(self, request: Request) -> Response:
        body = await request.json()
        for id in list(self.history) if body.get("clear") else body.get("delete", []):
            self.history.pop(id, None)
        return Response()

    async def _interrupt(self, request: Request) -> Response:
        """Of the prompt that is named, if it runs; of whatever runs where none is named. Before a start it is lost."""
        body = {}
        with contextlib.suppress(ValueError):
            body = await request.json()
        asked = body.get("prompt_id")
        hit = self.current is not None and asked in (None, self.current.id)
        self.note_interrupt(asked=asked, hit=self.current.id if self.current and hit else None)
        if hit or asked is None:
            self.interrupt.set()
        return Response()

    async def _free(self, request: Request) -> Response:
        body = await request.json()
        self.freed.append(body)
        if body.get("free_memory"):
            self.executor.forget()
        return Response()

    async def _work(self) -> None:
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            while self.pending:
                self.current = heapq.heappop(self.pending)
                await self._prompt(self.current)

    async def _prompt(self, prompt: Prompt) -> None:
        await self.until_begun("/prompt")
        self.interrupt.clear()
        self.executed = []
        outputs: Mapping[str, Mapping[str, object]] = {}
        self._tell(prompt, "execution_start", keep=True, timestamp=_now())
        cached = self.executor.cached(prompt.graph, prompt.outputs)
        self._tell(prompt, "execution_cached", keep=True, nodes=cached, timestamp=_now())
        try:
            outputs = await self.executor.run(
                prompt.graph, prompt.outputs, self,
                lambda id, executed: self._begin_node(prompt, id, executed),
                lambda id, told: self._tell(prompt, "executed", node=id, display_node=id, output=told),
            )  # fmt: skip
        except Interrupted:
            self._tell(prompt, "execution_interrupted", keep=True, **self._where(prompt))
        except Exception as wrong:
            self._tell(
                prompt, "execution_error", keep=True, **self._where(prompt), exception_message=_words(wrong),
                exception_type=type(wrong).__name__, traceback=[], current_inputs={}, current_outputs=[],
            )  # fmt: skip
        else:
            self._tell(prompt, "execution_success", keep=True, timestamp=_now())
        self._tell(prompt, "executing", node=None)
        await asyncio.sleep(_HISTORY_DELAY)
        self._write_down(prompt, outputs)
        self.current = None
        self._tell_status()

    def _write_down(self, prompt: Prompt, outputs: Mapping[str, Mapping[str, object]]) -> None:
        succeeded = prompt.messages[-1][0] == "execution_success"
        if self.faults.happens(Kind.STALE, "/prompt"):
            outputs = self.last_told
        self.last_told = dict(outputs)
        if not self.faults.happens(Kind.VANISHED, "/prompt"):
            status = {
                "status_str": "success" if succeeded else "error", "completed": succeeded, "messages": prompt.messages,
            }  # fmt: skip
            meta = {
                id: {"node_id": id, "display_node": id, "parent_node": None, "real_node_id": id}
                for id in outputs
            }
            self.history[prompt.id] = {
                "prompt": prompt.told(),
                "outputs": outputs,
                "status": status,
                "meta": meta,
            }

    def _begin_node(self, prompt: Prompt, id: str, executed: list[str]) -> None:
        self.executed = list(executed)
        if not id:
            return
        self.node = id
        if self.interrupt.is_set():
            raise Interrupted
        self._tell(prompt, "executing", node=id, display_node=id)
        state = {"value": 0.0, "max": 1.0, "state": "running", "node_id": id, "prompt_id": prompt.id}
        self._tell(prompt, "progress_state", nodes={id: state})

    def _where(self, prompt: Prompt) -> dict[str, object]:
        return {
            "node_id": self.node, "node_type": prompt.graph[self.node]["class_type"], "executed": self.executed,
            "timestamp": _now(),
        }  # fmt: skip

    # What nodes ask for

    async def sample(self, drawing: Drawing) -> Pixels:
        prompt = self.current
        assert prompt is not None
        job = Job(prompt.id, "/prompt", interrupted=self.interrupt)
        drawn: Drawn = await self.draw(job, drawing, lambda: self._tell_step(prompt, job))
        if drawn.interrupted:
            raise Interrupted
        return drawn.pixels

    def load(self, name: str) -> bytes:
        return self.files.load(name)

    def save(self, image: Pixels, prefix: str, folder: str) -> dict[str, str]:
        return self.files.save(self.file(image, "/view"), prefix, folder)

    async def _object_info(self, request: Request) -> Response:
        name = request.path_params.get("name")
        told = {kind: node.told() for kind, node in NODES.items() if name in (None, kind)}
        uploaded = self.files.uploaded()
        for kind in {"LoadImage", "LoadImageMask"} & set(told):
            required: Any = told[kind]["input"]
            required["required"]["image"] = [uploaded, {"image_upload": True}]
        return JSONResponse(told)

    # The socket

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        client = socket.query_params.get("clientId") or uuid.uuid4().hex
        messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.sockets[client] = messages
        await socket.send_json({"type": "status", "data": {**self._status(), "sid": client}})
        sending = asyncio.create_task(_send_on(socket, messages))
        try:
            while True:
                await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            sending.cancel()
            if self.sockets.get(client) is messages:
                del self.sockets[client]

    def _remaining(self) -> int:
        return len(self.pending) + (self.current is not None)

    def _status(self) -> dict[str, object]:
        return {"status": {"exec_info": {"queue_remaining": self._remaining()}}}

    def _tell_status(self) -> None:
        for client in self.sockets:
            self._send(client, json.dumps({"type": "status", "data": self._status()}))

    def _tell(self, prompt: Prompt, event: str, *, keep: bool = False, **data: object) -> None:
        """To the client of the prompt; `keep` writes it into the history as well."""
        told = {"prompt_id": prompt.id, **data}
        if keep:
            prompt.messages.append([event, told])
        self._send(prompt.client, json.dumps({"type": event, "data": told}))

    def _tell_step(self, prompt: Prompt, job: Job) -> None:
        self._tell(prompt, "progress", value=job.done, max=job.steps, node=self.node)
        preview = job.preview() if self.has_previews and prompt.client in self.sockets else None
        if preview is not None:
            self._send(prompt.client, struct.pack(">II", _PREVIEW_IMAGE, _JPEG) + encoded(preview, "JPEG"))

    def _send(self, client: str | None, message: str | bytes) -> None:
        if client in self.sockets and not self.faults.happens(Kind.SILENT_SOCKET, "/ws"):
            self.sockets[client].put_nowait(message)


async def _send_on(socket: WebSocket, messages: asyncio.Queue[str | bytes]) -> None:
    while True:
        message = await messages.get()
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)


def _now() -> int:
    return int(time.time() * 1000)


def _words(wrong: Exception) -> str:
    if isinstance(wrong, DrawingFailed):
        return "Allocation on device"
    return f"cannot identify image file: {wrong}" if isinstance(wrong, OSError) else str(wrong)

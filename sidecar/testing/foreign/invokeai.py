"""A fake InvokeAI 6.14.2 (`invokeai/app/api/routers/*.py`, `sockets.py`)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import numpy as np
import socketio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Scope

from sidecar.testing.foreign.drawing import Drawing, Pixels, encoded, to_base64
from sidecar.testing.foreign.fake import DrawingFailed, ForeignFake, Job, Options
from sidecar.testing.foreign.faults import Kind
from sidecar.testing.foreign.invokeai_files import Pictures
from sidecar.testing.foreign.invokeai_graph import Executor, Refused, judge, openapi, sessions
from sidecar.testing.foreign.invokeai_queue import (
    CANCELED,
    COMPLETED,
    FAILED,
    QUEUE,
    RUNNING,
    Item,
    Queue,
)
from sidecar.testing.foreign.invokeai_values import Canceled, Picture, UnknownModel, record, records

_QUEUE = f"/api/v1/queue/{QUEUE}"
_ENQUEUE = f"{_QUEUE}/enqueue_batch"


class InvokeAI(ForeignFake):
    """One item at a time. With a key `email:password` it is one for several users."""

    stale_by_name = True

    def __init__(self, options: Options) -> None:
        self.models = records()
        self.pictures = Pictures()
        self.made: list[Picture] = []
        self.tokens: dict[str, str] = {}
        """What each was given for: a new password ends those of the old one."""
        self.installs: dict[int, dict[str, object]] = {}
        self.executor = Executor()
        self.queue = Queue(self._emit)
        self.sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
        self.events: asyncio.Queue[tuple[str, Mapping[str, object]]] = asyncio.Queue()
        super().__init__(options)
        self.sio.on("connect", self._connect)
        self.sio.on("subscribe_queue", self._subscribe)
        self.sio.on("unsubscribe_queue", self._unsubscribe)

    def routes(self) -> Sequence[BaseRoute]:
        served: list[tuple[str, Callable[[Request], Awaitable[Response]], str]] = [
            (_ENQUEUE, self._enqueue, "POST"),
            (f"{_QUEUE}/i/{{item_id:int}}", self._item, "GET"),
            (f"{_QUEUE}/i/{{item_id:int}}/cancel", self._cancel, "PUT"),
            (f"{_QUEUE}/cancel_by_batch_ids", self._cancel_batches, "PUT"),
            (f"{_QUEUE}/clear", self._clear, "PUT"),
            (f"{_QUEUE}/status", self._status, "GET"),
            (f"{_QUEUE}/list_all", self._list, "GET"),
            (f"{_QUEUE}/current", self._current, "GET"),
            (f"{_QUEUE}/b/{{batch_id}}/status", self._batch_status, "GET"),
            ("/api/v1/images/upload", self.pictures.upload, "POST"),
            ("/api/v1/images/i/{name}", self.pictures.info, "GET"),
            ("/api/v1/images/i/{name}", self.pictures.delete, "DELETE"),
            ("/api/v1/images/i/{name}/full", self.pictures.file, "GET"),
            ("/api/v1/app/version", self._version, "GET"),
            ("/api/v1/app/invocation_cache", self._forget, "DELETE"),
            ("/api/v1/auth/login", self._login, "POST"),
            ("/api/v1/auth/status", self._auth_status, "GET"),
            ("/api/v2/models/", self._models, "GET"),
            ("/api/v2/models/i/{key}", self._model, "GET"),
            ("/api/v2/models/install", self._install, "POST"),
            ("/api/v2/models/install/{id:int}", self._installed, "GET"),
            ("/openapi.json", self._openapi, "GET"),
        ]
        return [Route(path, answer, methods=[method]) for path, answer, method in served]

    def wrapped(self, application: Starlette) -> ASGIApp:
        served: ASGIApp = socketio.ASGIApp(self.sio, application, socketio_path="/ws/socket.io")
        return served

    def refusal(self, status: int, message: str) -> Response:
        if status == 500:
            return PlainTextResponse("Internal Server Error", 500)
        return JSONResponse({"detail": message}, status)

    def unauthorized(self, scope: Scope) -> Response | None:
        is_open = scope["path"].startswith(("/api/v1/auth/", "/ws/", "/openapi.json", "/api/v1/app/version"))
        if not self.options.key or is_open:
            return None
        given = Headers(scope=scope).get("authorization", "").removeprefix("Bearer ")
        return None if self._is_valid(given) else self.refusal(401, "Missing authentication credentials")

    def background(self) -> Sequence[Coroutine[Any, Any, None]]:
        return self._work(), self._send_events()

    # The queue

    async def _enqueue(self, request: Request) -> Response:
        try:
            body = await request.json()
            batch = body["batch"]
            judge(batch["graph"])
        except Refused as wrong:
            return JSONResponse({"detail": wrong.detail}, 422)
        except (ValueError, KeyError, TypeError, AttributeError):
            detail = [{"type": "missing", "loc": ["body", "batch"], "msg": "Field required", "input": None}]
            return JSONResponse({"detail": detail}, 422)
        batch_id = batch.get("batch_id") or str(uuid.uuid4())
        asked = list(sessions(batch))
        accepted = [] if self.faults.happens(Kind.QUEUE_FULL, _ENQUEUE) else asked
        ids = []
        for graph, values in accepted:
            item = Item(
                self.queue.next_id(), batch_id, graph, values, batch.get("origin"), batch.get("destination")
            )
            self.queue.add(item, first=bool(body.get("prepend")))
            ids.append(item.item_id)
        counts = {"enqueued": len(ids), "requested": len(asked), "priority": 0}
        self._emit("batch_enqueued", {"queue_id": QUEUE, "batch_id": batch_id, **counts})
        # The latest comes first.
        told = {"queue_id": QUEUE, "batch": {**batch, "batch_id": batch_id}, "item_ids": ids[::-1], **counts}
        return JSONResponse(told)

    def _found(self, request: Request) -> Item:
        id = request.path_params["item_id"]
        if id not in self.queue.items:
            raise HTTPException(404, f"Queue item with id {id} not found in queue {QUEUE}")
        return self.queue.items[id]

    async def _item(self, request: Request) -> Response:
        return JSONResponse(self._found(request).told())

    async def _list(self, request: Request) -> Response:
        wanted = request.query_params.get("destination")
        items = self.queue.items.values()
        return JSONResponse([item.told() for item in items if wanted in (None, item.destination)])

    async def _cancel(self, request: Request) -> Response:
        item = self._found(request)
        self.note_interrupt(item=item.item_id, status=item.status)
        self.queue.cancel([item], bulk=False)
        return JSONResponse(item.told())

    async def _cancel_batches(self, request: Request) -> Response:
        asked = (await request.json())["batch_ids"]
        self.note_interrupt(batches=asked)
        items = [item for item in self.queue.items.values() if item.batch_id in asked]
        return JSONResponse({"canceled": len(self.queue.cancel(items, bulk=True))})

    async def _clear(self, request: Request) -> Response:
        self.note_interrupt(all=True)
        return JSONResponse({"deleted": self.queue.clear()})

    async def _status(self, request: Request) -> Response:
        processor = {"is_started": True, "is_processing": self.queue.current is not None}
        return JSONResponse({"queue": self.queue.told(), "processor": processor})

    async def _current(self, request: Request) -> Response:
        return JSONResponse(self.queue.current.told() if self.queue.current else None)

    async def _batch_status(self, request: Request) -> Response:
        return JSONResponse(self.queue.batch_told(request.path_params["batch_id"]))

    async def _work(self) -> None:
        while True:
            await self.queue.arrived.wait()
            self.queue.arrived.clear()
            while self.queue.order:
                await self.until_begun(_ENQUEUE)
                if self.queue.order:
                    await self._run(self.queue.order.pop(0))

    async def _run(self, item: Item) -> None:
        self.queue.current = item
        item.job = Job(str(item.item_id), _ENQUEUE)
        self.queue.change(item, RUNNING)
        failure: Exception | None = None
        node = ("", "")

        def begun(id: str, prepared: str) -> None:
            nonlocal node
            node = (id, prepared)
            if item.status == CANCELED:
                raise Canceled
            self._emit("invocation_started", self._invocation(item, *node))

        def done(id: str, prepared: str, result: Mapping[str, object]) -> None:
            self._emit("invocation_complete", {**self._invocation(item, id, prepared), "result": result})

        try:
            await self.executor.run(item.graph, self, item.results, begun, done)
        except Canceled:
            self.queue.change(item, CANCELED)
        except Exception as wrong:
            failure = wrong
            names = {DrawingFailed: "OutOfMemoryError", UnknownModel: "Exception"}
            item.error_type = names.get(type(wrong), type(wrong).__name__)
            item.error_message = str(wrong) or "CUDA out of memory"
            self.queue.change(item, FAILED)
        else:
            if self.faults.happens(Kind.STALE, _ENQUEUE) and len(self.made) > 1:
                self._make_stale(item)
            self.queue.change(item, COMPLETED)
        if failure is not None:
            error = {name: getattr(item, name) for name in ("error_type", "error_message")}
            self._emit("invocation_error", {**self._invocation(item, *node), **error, "error_traceback": ""})
        self.queue.current = None
        item.job = None
        if self.faults.happens(Kind.VANISHED, _ENQUEUE):
            self.queue.items.pop(item.item_id, None)

    def _make_stale(self, item: Item) -> None:
        for told in item.results.told.values():
            if told["type"] == "image_output":
                told["image"] = {"image_name": self.made[0].name}

    def _invocation(self, item: Item, id: str, prepared: str) -> dict[str, object]:
        invocation = {**item.graph["nodes"][id], "id": prepared}
        return item.event(invocation=invocation, invocation_source_id=id)

    # What invocations ask for

    async def sample(self, drawing: Drawing) -> Pixels:
        item = self.queue.current
        assert item is not None
        assert item.job is not None
        job = item.job
        self._tell_progress(item, f"Loading model {drawing.model} (unet)")
        drawn = await self.draw(job, drawing, lambda: self._tell_step(item, job))
        if drawn.interrupted:
            raise Canceled
        return drawn.pixels

    def model(self, given: Mapping[str, object]) -> str:
        if given["key"] not in self.models:
            raise UnknownModel(f"Unknown model {given['key']}")
        return str(self.models[str(given["key"])]["name"])

    def named(self, name: str) -> Picture:
        return self.pictures.named(name)

    def picture(self, given: Picture) -> Pixels:
        return np.asarray(self.pictures.opened(given).convert("RGB"))

    def alpha(self, given: Picture) -> Pixels:
        return np.asarray(self.pictures.opened(given).convert("RGBA").getchannel("A"))

    def save(self, pixels: Pixels) -> Picture:
        assert self.queue.current is not None
        session = self.queue.current.session_id
        made = self.pictures.add(
            self.file(pixels, "/api/v1/images"), pixels.shape[1], pixels.shape[0], session
        )
        self.made.append(made)
        return made

    # Models

    async def _models(self, request: Request) -> Response:
        asked = request.query_params
        bases, type = asked.getlist("base_models"), asked.get("model_type")
        found = [
            one
            for one in self.models.values()
            if (not bases or one["base"] in bases) and type in (None, one["type"])
        ]
        return JSONResponse({"models": found})

    async def _model(self, request: Request) -> Response:
        key = request.path_params["key"]
        if key not in self.models:
            raise HTTPException(404, f"Unknown model: {key}")
        return JSONResponse(self.models[key])

    async def _install(self, request: Request) -> Response:
        source = request.query_params.get("source", "")
        if "missing" in source or not source:
            raise HTTPException(409, f"The provided path or file does not exist: {source}")
        name = source.rstrip("/").rpartition("/")[2]
        made = record(name, "sd-1", "main", source)
        self.models[str(made["key"])] = made
        id = len(self.installs)
        self.installs[id] = {"id": id, "status": "completed", "config_out": made, "source": {"path": source}}
        return JSONResponse({**self.installs[id], "status": "waiting"}, 201)

    async def _installed(self, request: Request) -> Response:
        id = request.path_params["id"]
        if id not in self.installs:
            raise HTTPException(404, f"No job with id {id} known")
        return JSONResponse(self.installs[id])

    async def _version(self, request: Request) -> Response:
        return JSONResponse({"version": "6.14.2"})

    async def _forget(self, request: Request) -> Response:
        self.executor.forget()
        return JSONResponse(None)

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(openapi())

    # Who may

    async def _auth_status(self, request: Request) -> Response:
        return JSONResponse({"setup_required": False, "multiuser_enabled": bool(self.options.key)})

    async def _login(self, request: Request) -> Response:
        body = await request.json()
        if f"{body.get('email')}:{body.get('password')}" != self.options.key:
            raise HTTPException(401, "Incorrect email or password")
        token = uuid.uuid4().hex
        self.tokens[token] = self.options.key
        user = {"user_id": "1", "email": body["email"], "is_admin": False, "is_active": True}
        return JSONResponse({"token": token, "user": user, "expires_in": 86400})

    # The socket

    async def _connect(
        self, sid: str, environ: Mapping[str, object], auth: Mapping[str, str] | None = None
    ) -> bool:
        bearer = str(environ.get("HTTP_AUTHORIZATION", "")).removeprefix("Bearer ")
        return not self.options.key or self._is_valid((auth or {}).get("token", bearer))

    def _is_valid(self, token: str) -> bool:
        return self.tokens.get(token) == self.options.key

    async def _subscribe(self, sid: str, told: Mapping[str, str]) -> None:
        await self.sio.enter_room(sid, told["queue_id"])

    async def _unsubscribe(self, sid: str, told: Mapping[str, str]) -> None:
        await self.sio.leave_room(sid, told["queue_id"])

    def _tell_step(self, item: Item, job: Job) -> None:
        preview = job.preview() if self.has_previews else None
        image = None
        if preview is not None:
            data = f"data:image/jpeg;base64,{to_base64(encoded(preview, 'JPEG'))}"
            image = {"width": preview.shape[1], "height": preview.shape[0], "dataURL": data}
        self._tell_progress(item, "Denoising", job.fraction, image)

    def _tell_progress(
        self, item: Item, message: str, percentage: float | None = None, image: object = None
    ) -> None:
        prepared, source = next(reversed(item.results.prepared.items()))
        told = {"message": message, "percentage": percentage, "image": image, "device": None}
        self._emit("invocation_progress", {**self._invocation(item, source, prepared), **told})

    def _emit(self, event: str, told: Mapping[str, object]) -> None:
        if not self.faults.happens(Kind.SILENT_SOCKET, "/ws/socket.io"):
            self.events.put_nowait((event, told))

    async def _send_events(self) -> None:
        """One after the other, as they happened."""
        while True:
            event, told = await self.events.get()
            await self.sio.emit(event, told, room=QUEUE)

"""A fake Fooocus-API 0.5.0.1 (`fooocusapi/routes/*`)."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from PIL.PngImagePlugin import PngInfo
from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from sidecar.testing.foreign.drawing import Pixels, to_base64
from sidecar.testing.foreign.fake import DrawingFailed, ForeignFake, Job, Options
from sidecar.testing.foreign.faults import Kind
from sidecar.testing.foreign.fooocus_tasks import LORAS, MODELS, STYLES, Invalid, Task

LONGEST_QUEUE = 100
_NAMES = {
    "text-to-image": "Text to Image",
    "text-to-image-with-ip": "Text to Image",
    "image-upscale-vary": "Image Upscale or Variation",
    "image-inpaint-outpaint": "Image Inpaint or Outpaint",
    "image-prompt": "Image Prompt",
}
_SUCCESS, _CANCELED, _FULL = "SUCCESS", "USER_CANCEL", "QUEUE_IS_FULL"


class Fooocus(ForeignFake):
    """One job at a time; each picture costs."""

    reset_after_500 = True

    def __init__(self, options: Options) -> None:
        self.tasks: dict[str, Task] = {}
        self.waiting: list[Task] = []
        self.current: Task | None = None
        self.arrived = asyncio.Event()
        self.files: dict[str, bytes] = {}
        self.ended: dict[str, asyncio.Event] = {}
        super().__init__(options)

    def routes(self) -> Sequence[BaseRoute]:
        v1 = ("image-upscale-vary", "image-inpaint-outpaint", "image-prompt")
        generation = [("/v1/generation/text-to-image", self._from_json)]
        generation += [(f"/v1/generation/{name}", self._from_form) for name in v1]
        generation += [(f"/v2/generation/{name}", self._from_json) for name in ("text-to-image-with-ip", *v1)]
        served: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
            ("/v1/generation/query-job", self._query),
            ("/v1/generation/job-queue", self._queue),
            ("/v1/generation/job-history", self._history),
            ("/v1/engines/all-models", self._models),
            ("/v1/engines/styles", self._styles),
            ("/ping", self._ping),
            ("/files/{name}", self._file),
        ]
        routes = [Route(path, answer, methods=["POST"]) for path, answer in generation]
        routes += [Route(path, answer) for path, answer in served]
        return [*routes, Route("/v1/generation/stop", self._stop, methods=["POST"])]

    def refusal(self, status: int, message: str) -> Response:
        if status == 500:
            return PlainTextResponse("Internal Server Error", 500)
        return JSONResponse({"detail": message}, status)

    def unauthorized(self, scope: Scope) -> Response | None:
        given = Headers(scope=scope).get("x-api-key", "")
        return None if given == self.options.key or not self.options.key else self.refusal(403, "Forbidden")

    def background(self) -> Sequence[Coroutine[Any, Any, None]]:
        return (self._work(),)

    # Jobs

    async def _from_json(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            detail = Invalid("body", "JSON decode error").detail
            return JSONResponse(
                {"detail": detail, "body": (await request.body()).decode(errors="replace")}, 422
            )
        return await self._accept(request, body)

    async def _from_form(self, request: Request) -> Response:
        body: dict[str, Any] = {}
        for name, value in (await request.form()).multi_items():
            body[name] = await value.read() if isinstance(value, UploadFile) else value
        for flag in ("require_base64", "async_process"):
            body[flag] = str(body.get(flag, "")).lower() in ("true", "1")
        prompts = []
        for index in range(1, 5):
            if body.get(f"cn_img{index}"):
                told = {f"cn_{name}": body.get(f"cn_{name}{index}") for name in ("stop", "weight", "type")}
                prompts.append({**told, "cn_img": to_base64(body[f"cn_img{index}"])})
        return await self._accept(request, {**body, "image_prompts": prompts})

    async def _accept(self, request: Request, body: Mapping[str, Any]) -> Response:
        route = request.url.path
        kind = _NAMES[route.rpartition("/")[2]]
        as_picture = request.query_params.get("accept", request.headers.get("accept")) == "image/png"
        try:
            task = Task(str(uuid.uuid4()), route, {**body, "image_number": 1} if as_picture else body)
        except Invalid as wrong:
            if any(isinstance(value, bytes) for value in body.values()):
                # It means to repeat the body in its answer, and cannot write a file as JSON.
                return self.refusal(500, "")
            return JSONResponse({"detail": wrong.detail, "body": body}, 422)
        if len(self.waiting) >= LONGEST_QUEUE or self.faults.happens(Kind.QUEUE_FULL, route):
            return self._full(kind, bool(body.get("async_process")), as_picture)
        self.tasks[task.id] = task
        self.ended[task.id] = asyncio.Event()
        self.waiting.append(task)
        self.arrived.set()
        if body.get("async_process"):
            return JSONResponse(self._told(task))
        await self.ended[task.id].wait()
        if as_picture:
            return self._picture(task)
        return JSONResponse(self._results(task, request))

    def _full(self, kind: str, asynchronous: bool, as_picture: bool) -> Response:
        if as_picture:
            return PlainTextResponse(_FULL, 409)
        results = [{"base64": None, "url": None, "seed": "", "finish_reason": _FULL}]
        if not asynchronous:
            return JSONResponse(results)
        told = {
            "job_id": "", "job_type": kind, "job_stage": "ERROR", "job_progress": 0, "job_status": None,
            "job_step_preview": None, "job_result": results,
        }  # fmt: skip
        return JSONResponse(told)

    def _picture(self, task: Task) -> Response:
        """The first picture itself, for `Accept: image/png`."""
        if not task.results:
            return Response(status_code=500)
        first = task.results[0]
        if first["finish_reason"] == _CANCELED:
            return PlainTextResponse(_CANCELED, 400)
        return Response(self.files[str(first["name"])], media_type="image/png")

    async def _work(self) -> None:
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            while self.waiting:
                self.current = self.waiting.pop(0)
                await self.until_begun(self.current.path)
                await self._run(self.current)
                self.current = None

    async def _run(self, task: Task) -> None:
        task.started = True
        task.job = Job(task.id, task.path)
        try:
            await self._draw(task, task.job)
        except (DrawingFailed, ValueError, OSError):
            task.failed = True
            task.results = []
        task.finished = True
        if self.faults.happens(Kind.VANISHED, task.path):
            del self.tasks[task.id]
        self.ended.pop(task.id).set()

    async def _draw(self, task: Task, job: Job) -> None:
        if (enlarged := task.fast_upscale) is not None:
            await asyncio.sleep(self.options.seconds)
            self.charged += self.options.price
            self._keep(task, enlarged, {}, task.seed)
            return
        for index, drawing in enumerate(task.drawings()):

            def told(index: int = index) -> None:
                task.progress = int(100 * (index + job.fraction) / task.count)

            drawn = await self.draw(job, drawing, told)
            if drawn.interrupted:
                task.results.append({"name": None, "seed": str(drawing.seed), "finish_reason": _CANCELED})
                return
            self._keep(task, drawn.pixels, task.metadata(drawn.drawing), drawn.drawing.seed)

    def _keep(self, task: Task, pixels: Pixels, metadata: Mapping[str, object], seed: object) -> None:
        name = f"{task.id}-{len(task.results)}.png"
        chunks = PngInfo()
        if metadata and task.body.get("save_meta", True):
            chunks.add_text("parameters", json.dumps(metadata))
            chunks.add_text("fooocus_scheme", "fooocus")
        self.files[name] = self.file(pixels, task.path, pnginfo=chunks)
        task.results.append({"name": name, "seed": str(seed), "finish_reason": _SUCCESS})

    async def _stop(self, request: Request) -> Response:
        """Ends whatever is running."""
        running = self.current.job if self.current else None
        self.note_interrupt(hit=running.id if running else None)
        if running is not None:
            running.interrupted.set()
        return JSONResponse({"msg": "success"})

    # What is told

    async def _query(self, request: Request) -> Response:
        task = self.tasks.get(request.query_params.get("job_id", ""))
        if task is None:
            told = {
                "job_id": "", "job_type": "Not Found", "job_stage": "ERROR", "job_progress": 0,
                "job_status": "Job not found", "job_step_preview": None, "job_result": None,
            }  # fmt: skip
            return JSONResponse(told, 404)
        told = self._told(task)
        if task.finished and not task.failed:
            told["job_result"] = self._results(task, request)
        preview = task.job.preview() if task.job and self.has_previews and not task.finished else None
        if preview is not None and request.query_params.get("require_step_preview", "").lower() in (
            "true",
            "1",
        ):
            told["job_step_preview"] = to_base64(self.file(preview, "/preview"))
        return JSONResponse(told)

    def _told(self, task: Task) -> dict[str, object]:
        stage = "RUNNING" if task.started else "WAITING"
        if task.finished:
            stage = "ERROR" if task.failed else "SUCCESS"
        return {
            "job_id": task.id, "job_type": _NAMES[task.kind], "job_stage": stage, "job_progress": task.progress,
            "job_status": f"Sampling {task.progress}" if task.started else None, "job_step_preview": None,
            "job_result": None,
        }  # fmt: skip

    def _results(self, task: Task, request: Request) -> list[dict[str, object]]:
        results = []
        for result in task.results:
            name = result["name"]
            file = self.files[str(name)] if name else None
            results.append(
                {
                    "base64": to_base64(file) if file and task.body.get("require_base64") else None,
                    "url": f"{request.base_url}files/{name}" if name else None,
                    "seed": result["seed"], "finish_reason": result["finish_reason"],
                }
            )  # fmt: skip
        return results

    async def _queue(self, request: Request) -> Response:
        running = len(self.waiting) + (self.current is not None)
        last = next(reversed(self.tasks), None)
        finished = sum(task.finished for task in self.tasks.values())
        return JSONResponse({"running_size": running, "finished_size": finished, "last_job_id": last})

    async def _history(self, request: Request) -> Response:
        told: dict[str, list[dict[str, object]]] = {"queue": [], "history": []}
        for task in self.tasks.values():
            where = "history" if task.finished else "queue"
            told[where].append({"job_id": task.id, "is_finished": task.finished})
        return JSONResponse(told)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"model_filenames": list(MODELS), "lora_filenames": list(LORAS)})

    async def _styles(self, request: Request) -> Response:
        return JSONResponse(list(STYLES))

    async def _ping(self, request: Request) -> Response:
        return JSONResponse("pong")

    async def _file(self, request: Request) -> Response:
        found = self.files.get(request.path_params["name"])
        return self.refusal(404, "Not Found") if found is None else Response(found, media_type="image/png")

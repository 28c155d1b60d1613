"""A fake AUTOMATIC1111 WebUI (`modules/api/{api,models}.py`); `--variant forge`, `nowebui` or `sdnext` is that relative."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from sidecar.testing.foreign import a1111_catalog as catalog
from sidecar.testing.foreign.a1111_tasks import Asked, Invalid, as_asked, info
from sidecar.testing.foreign.drawing import (
    Pixels,
    decoded,
    edges,
    from_base64,
    opened,
    resized,
    restored,
    to_base64,
)
from sidecar.testing.foreign.fake import DrawingFailed, Drawn, ForeignFake, Job, Options
from sidecar.testing.foreign.faults import Kind

_BUSY = 0.01
"""The progress of a job that has just begun."""


class A1111(ForeignFake):
    """One job at a time, behind one lock."""

    reset_after_500 = True

    def __init__(self, options: Options) -> None:
        self.settings = {**catalog.OPTIONS, "sd_model_checkpoint": catalog.CHECKPOINTS[0].filename}
        self.loaded = {catalog.CHECKPOINTS[0].name}
        """The models that were loaded once."""
        self.lock = asyncio.Lock()
        self.waiting: list[str] = []
        self.finished: list[str] = []
        self.job: Job | None = None
        super().__init__(options)

    @property
    def forge(self) -> bool:
        return self.options.variant in ("forge", "nowebui")

    def routes(self) -> Sequence[BaseRoute]:
        forge = self.options.variant in ("forge", "nowebui")

        def listing(told: object) -> Callable[[Request], Awaitable[Response]]:
            async def answer(request: Request) -> Response:
                return JSONResponse(told)

            return answer

        routes = [
            Route(f"/sdapi/v1/{name}", listing(told)) for name, told in catalog.lists(forge=forge).items()
        ]
        routes += [
            Route("/sdapi/v1/txt2img", self._guarded(self._text_to_image), methods=["POST"]),
            Route("/sdapi/v1/img2img", self._guarded(self._image_to_image), methods=["POST"]),
            Route("/sdapi/v1/extra-single-image", self._guarded(self._extra), methods=["POST"]),
            Route("/sdapi/v1/progress", self._progress),
            Route("/sdapi/v1/interrupt", self._interrupt, methods=["POST"]),
            Route("/sdapi/v1/skip", self._interrupt, methods=["POST"]),
            Route("/sdapi/v1/sd-models", self._models),
            Route("/sdapi/v1/options", self._options),
            Route("/sdapi/v1/options", self._guarded(self._set_options), methods=["POST"]),
            Route("/sdapi/v1/png-info", self._guarded(self._png_info), methods=["POST"]),
            Route("/sdapi/v1/unload-checkpoint", listing({}), methods=["POST"]),
            Route("/sdapi/v1/reload-checkpoint", listing({}), methods=["POST"]),
            Route("/sdapi/v1/refresh-checkpoints", listing(None), methods=["POST"]),
            Route("/controlnet/version", listing({"version": 3})),
            Route("/controlnet/model_list", listing({"model_list": list(catalog.CONTROL_MODELS)})),
            Route("/controlnet/module_list", listing({"module_list": list(catalog.CONTROL_MODULES)})),
            Route("/controlnet/detect", self._guarded(self._detect), methods=["POST"]),
        ]
        if self.options.variant != "nowebui":
            routes += [
                Route("/internal/progress", self._task_progress, methods=["POST"]),
                Route("/internal/pending-tasks", self._pending),
            ]
        return routes

    def refusal(self, status: int, message: str) -> Response:
        return JSONResponse({"detail": message}, status)

    def refused(self, kind: Kind) -> Response:
        if kind is Kind.SERVER_ERROR:
            return self._unhandled("RuntimeError", "Internal server error")
        return super().refused(kind)

    def unauthorized(self, scope: Scope) -> Response | None:
        given = Headers(scope=scope).get("authorization", "")
        expected = "Basic " + base64.b64encode(self.options.key.encode()).decode()
        if not self.options.key or given == expected:
            return None
        refused = JSONResponse({"detail": "Incorrect username or password"}, 401)
        refused.headers["WWW-Authenticate"] = "Basic"
        return refused

    def _unhandled(self, kind: str, message: str) -> Response:
        return JSONResponse({"error": kind, "detail": "", "body": "", "message": message}, 500)

    def _guarded(
        self, answer: Callable[[dict[str, Any]], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """With a JSON object as its body, and what goes wrong as the real one words it."""

        async def guarded(request: Request) -> Response:
            try:
                body = await request.json()
            except ValueError:
                return _unprocessable("body", "JSON decode error")
            if not isinstance(body, dict):
                return _unprocessable("body", "Input should be a valid dictionary")
            try:
                return await answer(body)
            except Invalid as wrong:
                return _unprocessable(wrong.field, wrong.words)
            except DrawingFailed:
                return self._unhandled("OutOfMemoryError", "CUDA out of memory.")
            except (KeyError, RuntimeError, AssertionError, TypeError) as wrong:
                return self._unhandled(type(wrong).__name__, str(wrong))

        return guarded

    # What makes pictures

    async def _text_to_image(self, body: dict[str, Any]) -> Response:
        return await self._make(as_asked(body), "/sdapi/v1/txt2img")

    async def _image_to_image(self, body: dict[str, Any]) -> Response:
        if not body.get("init_images"):
            raise HTTPException(404, "Init image not found")
        asked = as_asked(body, init=[_picture(text) for text in body["init_images"]])
        if body.get("mask"):
            asked.mask = _picture(body["mask"])[..., 0]
            if body.get("inpainting_mask_invert"):
                asked.mask = 255 - asked.mask
        return await self._make(asked, "/sdapi/v1/img2img")

    async def _make(self, asked: Asked, path: str) -> Response:
        found = catalog.sampler(asked.sampler, asked.scheduler)
        if found is None and self.options.variant == "sdnext":
            raise HTTPException(404, "Sampler not found")
        first = next(iter(catalog.SAMPLERS))
        asked.sampler, asked.scheduler = found or (first, catalog.used_scheduler(first, asked.scheduler))
        for name in asked.scripts:
            if name.lower() not in catalog.SCRIPTS:
                raise HTTPException(422, f"Script '{name}' not found")
        for key in asked.override:
            if key not in self.settings:
                raise KeyError(key)
        if self.forge and asked.enlarged != 1 and asked.body.get("hr_additional_modules") is None:
            raise TypeError("argument of type 'NoneType' is not iterable")
        controls = asked.controls(_picture)
        task = asked.task_id or f"task({random.randrange(36**12):x})"
        self.waiting.append(task)
        async with self.lock:
            self.waiting.remove(task)
            await self.until_begun(path)
            job = Job(task, path)
            self.job = job
            try:
                model = self._use(asked)
                drawn = [await self.draw(job, drawing) for drawing in asked.drawings(model, controls)]
            finally:
                self.job = None
                self.finished.append(task)
        return JSONResponse(self._answer(asked, drawn, path))

    def _answer(self, asked: Asked, drawn: list[Drawn], path: str) -> dict[str, object]:
        told = info(asked, drawn)
        pictures = [one.pixels for one in drawn]
        if asked.has_grid:
            width = sum(picture.shape[1] for picture in pictures)
            pictures.insert(0, resized(pictures[0], width, pictures[0].shape[0]))
        if asked.body.get("save_images"):
            # What is saved as a file too comes with an alpha channel.
            pictures = [np.dstack([one, np.full(one.shape[:2], 255, np.uint8)]) for one in pictures]
        # ControlNet hands its maps back after the pictures.
        pictures += asked.control_maps
        images = [to_base64(self.file(picture, path)) for picture in pictures] if asked.send_images else []
        return {"images": images, "parameters": asked.body, "info": json.dumps(told)}

    def _use(self, asked: Asked) -> str:
        """The model that draws: an unknown one in the request is not minded."""
        chosen = catalog.checkpoint(asked.override.get("sd_model_checkpoint"))
        if chosen is None:
            chosen = catalog.checkpoint(self.settings["sd_model_checkpoint"])
        elif not asked.restores:
            self.settings["sd_model_checkpoint"] = chosen.filename
        assert chosen is not None
        self.loaded.add(chosen.name)
        return chosen.name

    async def _extra(self, body: dict[str, Any]) -> Response:
        path = "/sdapi/v1/extra-single-image"
        picture = _picture(body.get("image") or "")
        name = body.get("upscaler_1", "None")
        if name not in catalog.UPSCALERS:
            raise AssertionError(f"could not find upscaler named {name}")
        height, width = picture.shape[:2]
        scale = float(body.get("upscaling_resize", 2))
        size = (round(width * scale), round(height * scale))
        if body.get("resize_mode") == 1:
            size = (int(body.get("upscaling_resize_w", 512)), int(body.get("upscaling_resize_h", 512)))
        async with self.lock:
            await asyncio.sleep(self.options.seconds)
            made = picture if name == "None" else resized(picture, *size)
            for restorer in ("gfpgan", "codeformer"):
                made = restored(made, float(body.get(f"{restorer}_visibility", 0)))
        html = f"<p>Postprocess upscale by: {scale:g}, Postprocess upscaler: {name}</p>"
        return JSONResponse({"html_info": html, "image": to_base64(self.file(made, path))})

    async def _detect(self, body: dict[str, Any]) -> Response:
        module = body.get("controlnet_module", "none")
        pictures = [_picture(text) for text in body.get("controlnet_input_images", [])]
        if module not in catalog.CONTROL_MODULES:
            raise HTTPException(422, "Module not available")
        if not pictures:
            raise HTTPException(422, "No image selected")
        side = int(body.get("controlnet_processor_res", 512))
        pictures = [_with_short_side(picture, side) for picture in pictures]
        made = [edges(picture) if module == "canny" else picture for picture in pictures]
        files = [to_base64(self.file(picture, "/controlnet/detect")) for picture in made]
        return JSONResponse({"images": files, "info": "Success"})

    # What tells of the running job

    async def _progress(self, request: Request) -> Response:
        job = self.job
        state = {
            "skipped": False, "interrupted": bool(job and job.interrupted.is_set()), "stopping_generation": False,
            "job": f"scripts_{job.path.rpartition('/')[2]}" if job else "", "job_count": int(job is not None), "job_timestamp": "20260101000000",
            "job_no": 0, "sampling_step": job.done if job else 0, "sampling_steps": job.steps if job else 0,
        }  # fmt: skip
        told: dict[str, object] = {
            "progress": 0.0, "eta_relative": 0.0, "state": state, "current_image": None, "textinfo": None,
        }  # fmt: skip
        if job:
            progress = min(_BUSY + job.fraction, 1.0)
            told |= {"progress": progress, "eta_relative": self.options.seconds * (1 - job.fraction)}
            if request.query_params.get("skip_current_image", "").lower() not in ("true", "1"):
                told["current_image"] = self._preview(job)
        return JSONResponse(told)

    async def _task_progress(self, request: Request) -> Response:
        task = (await request.json())["id_task"]
        active = self.job is not None and self.job.id == task
        told: dict[str, object] = {
            "active": active, "queued": task in self.waiting, "completed": task in self.finished,
            "progress": None, "eta": None, "live_preview": None, "id_live_preview": -1, "textinfo": "Waiting...",
        }  # fmt: skip
        if self.job is not None and active:
            preview = self._preview(self.job)
            told |= {
                "progress": self.job.fraction, "eta": self.options.seconds, "id_live_preview": self.job.done,
                "live_preview": f"data:image/png;base64,{preview}" if preview else None, "textinfo": None,
            }  # fmt: skip
        return JSONResponse(told)

    async def _pending(self, request: Request) -> Response:
        return JSONResponse({"size": len(self.waiting), "tasks": self.waiting})

    def _preview(self, job: Job) -> str | None:
        preview = job.preview() if self.has_previews else None
        return None if preview is None else to_base64(self.file(preview, "/preview"))

    async def _interrupt(self, request: Request) -> Response:
        """Ends whatever is running. One that waits for its turn begins afterwards, as if nothing had been said."""
        self.note_interrupt(path=request.url.path, hit=self.job.id if self.job else None)
        if self.job is not None:
            self.job.interrupted.set()
        return Response(status_code=204) if self.options.variant == "sdnext" else JSONResponse({})

    # Lists and settings

    async def _models(self, request: Request) -> Response:
        return JSONResponse([found.listing(found.name in self.loaded) for found in catalog.CHECKPOINTS])

    async def _options(self, request: Request) -> Response:
        # Forge tells itself apart by this.
        return JSONResponse(self.settings | ({"forge_preset": "sd"} if self.forge else {}))

    async def _set_options(self, body: dict[str, Any]) -> Response:
        chosen = catalog.checkpoint(body.get("sd_model_checkpoint"))
        if "sd_model_checkpoint" in body and chosen is None:
            raise RuntimeError(f"model {body['sd_model_checkpoint']!r} not found")
        if unknown := set(body) - set(self.settings):
            raise KeyError(sorted(unknown)[0])
        self.settings |= body
        if chosen is not None:
            self.settings["sd_model_checkpoint"] = chosen.filename
            self.loaded.add(chosen.name)
        return JSONResponse(None)

    async def _png_info(self, body: dict[str, Any]) -> Response:
        try:
            told = opened(from_base64(body.get("image") or "")).info.get("parameters", "")
        except (OSError, ValueError):
            raise HTTPException(500, "Invalid encoded image") from None
        return JSONResponse({"info": told, "items": {}, "parameters": {}})


def _picture(text: object) -> Pixels:
    try:
        return decoded(from_base64(str(text)))
    except (OSError, ValueError):
        raise HTTPException(500, "Invalid encoded image") from None


def _with_short_side(picture: Pixels, side: int) -> Pixels:
    height, width = picture.shape[:2]
    factor = side / min(height, width)
    return resized(picture, round(width * factor), round(height * factor))


def _unprocessable(where: str, words: str) -> Response:
    location = ["body"] if where == "body" else ["body", where]
    return JSONResponse(
        {"detail": [{"type": "value_error", "loc": location, "msg": words, "input": None}]}, 422
    )

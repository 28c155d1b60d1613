"""A fake server of OpenAI's images and chat; `--variant loose` takes any size and the older fields, as local servers do."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import numpy as np
from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from sidecar.testing.foreign.drawing import Drawing, Pixels, decoded, lossy, opened, paint, partial, to_base64
from sidecar.testing.foreign.fake import DrawingFailed, Drawn, ForeignFake, Job, Options
from sidecar.testing.foreign.faults import Kind

NEW, OLD, WRITER = "picture-2", "picture-1", "writer-1"
"""A model that always answers base64, one that takes `response_format` and `style`, and one that writes."""
SIZES = {
    NEW: ("1024x1024", "1536x1024", "1024x1536"),
    OLD: ("256x256", "512x512", "1024x1024"),
}
_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
_OLDER_FIELDS = ("response_format", "style")
_GENERATION, _EDIT, _VARIATION = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"


class Refused(Exception):
    """An answer of a status, in OpenAI's shape."""

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        self.body = {"error": error}


class OpenAI(ForeignFake):
    """Any number of drawings at a time. There is no cancel: who hangs up pays as well."""

    def __init__(self, options: Options) -> None:
        self.files: dict[str, bytes] = {}
        super().__init__(options)

    @property
    def loose(self) -> bool:
        return self.options.variant == "loose"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/models", self._models),
            Route(_GENERATION, self._generations, methods=["POST"]),
            Route(_EDIT, self._edits, methods=["POST"]),
            Route(_VARIATION, self._variations, methods=["POST"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/files/{name}", self._file),
        ]

    def refusal(self, status: int, message: str) -> Response:
        kind = {
            401: "invalid_request_error",
            404: "invalid_request_error",
            429: "requests",
            500: "server_error",
        }
        error = {
            "message": message,
            "type": kind.get(status, "invalid_request_error"),
            "param": None,
            "code": None,
        }
        return JSONResponse({"error": error}, status)

    def refused(self, kind: Kind) -> Response:
        words = {
            Kind.UNAUTHORIZED: ("invalid_request_error", "invalid_api_key"),
            Kind.QUOTA: ("insufficient_quota", "insufficient_quota"),
            Kind.QUOTA_FORBIDDEN: ("insufficient_quota", "insufficient_quota"),
            Kind.PAYMENT_REQUIRED: ("billing_error", "billing_hard_limit_reached"),
            Kind.RATE_LIMITED: ("requests", "rate_limit_exceeded"),
            Kind.RATE_LIMITED_DATE: ("requests", "rate_limit_exceeded"),
            Kind.CONTENT_REFUSED: ("image_generation_user_error", "moderation_blocked"),
            Kind.MODEL_MISSING: ("invalid_request_error", "model_not_found"),
        }
        answer = super().refused(kind)
        if kind not in words:
            return answer
        told = json.loads(bytes(answer.body))["error"]
        return JSONResponse(
            {"error": told | dict(zip(("type", "code"), words[kind], strict=True))}, answer.status_code
        )

    def unauthorized(self, scope: Scope) -> Response | None:
        given = Headers(scope=scope).get("authorization", "")
        if (
            not self.options.key
            or given == f"Bearer {self.options.key}"
            or scope["path"].startswith("/files/")
        ):
            return None
        return self.refused(Kind.UNAUTHORIZED)

    # Pictures

    async def _generations(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return self.refusal(400, "We could not parse the JSON body of your request.")
        return await self._answer(request, body)

    async def _edits(self, request: Request) -> Response:
        body, pictures, mask = await _form(request)
        return await self._answer(request, body, pictures, mask)

    async def _variations(self, request: Request) -> Response:
        body, pictures, _ = await _form(request)
        return await self._answer(request, {**body, "prompt": "a variation"}, pictures)

    async def _answer(
        self,
        request: Request,
        body: Mapping[str, Any],
        pictures: Sequence[bytes] = (),
        mask: bytes | None = None,
    ) -> Response:
        path = request.url.path
        try:
            drawings = list(self._drawings(path, body, pictures, mask))
        except Refused as wrong:
            return JSONResponse(wrong.body, wrong.status)
        if _is_true(body.get("stream")):
            events = self._stream(path, body, drawings[0])
            return StreamingResponse(events, media_type="text/event-stream")
        jobs = [self._draw(path, drawing) for drawing in drawings]
        try:
            drawn = await asyncio.gather(*jobs)
        except DrawingFailed:
            return self.refused(Kind.SERVER_ERROR)
        data = [self._told(request, body, one) for one in drawn]
        return JSONResponse({"created": int(time.time()), "data": data, **_usage(len(data)), **_echo(body)})

    def _drawings(
        self, path: str, body: Mapping[str, Any], pictures: Sequence[bytes], mask: bytes | None
    ) -> list[Drawing]:
        """Raises Refused."""
        model = str(body.get("model") or NEW)
        prompt = body.get("prompt")
        if model not in SIZES:
            raise Refused(f"The model '{model}' does not exist.", None, "model_not_found", 404)
        if not isinstance(prompt, str) or not prompt:
            raise Refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
        for name in _OLDER_FIELDS:
            if name in body and model == NEW and not self.loose:
                raise Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        count = int(body.get("n") or 1)
        if not 1 <= count <= 10:
            raise Refused(
                f"Invalid 'n': expected a value between 1 and 10, got {count}.", "n", "invalid_value"
            )
        width, height = self._size(model, str(body.get("size") or "auto"))
        init, area = _pictures(path, pictures, mask)
        notes = {name: body[name] for name in ("quality", "background", "style", "user") if name in body}
        seed = int(body.get("seed") or 0)
        return [
            Drawing(
                prompt, str(body.get("negative_prompt") or ""), seed + index, model, width, height, init=init,
                mask=area, strength=0.5 if path == _VARIATION else 1.0, notes={**notes, "pictures": len(pictures)},
            )
            for index in range(count)
        ]  # fmt: skip

    def _size(self, model: str, asked: str) -> tuple[int, int]:
        if asked == "auto":
            asked = SIZES[model][-1]
        width, _, height = asked.partition("x")
        if asked not in SIZES[model] and not (self.loose and width.isdigit() and height.isdigit()):
            allowed = ", ".join(f"'{size}'" for size in SIZES[model])
            words = f"Invalid value: '{asked}'. Supported values are: {allowed}, and 'auto'."
            raise Refused(words, "size", "invalid_value")
        return int(width), int(height)

    async def _draw(self, path: str, drawing: Drawing, told: Callable[[Job], None] | None = None) -> Drawn:
        job = Job(uuid.uuid4().hex, path)
        return await self.draw(job, drawing, (lambda: told(job)) if told else None)

    def _told(self, request: Request, body: Mapping[str, Any], drawn: Drawn) -> dict[str, object]:
        path = request.url.path
        # The newer model makes the whole picture again: also what was not to be changed comes out a little different.
        is_new = drawn.drawing.model == NEW and path == _EDIT
        data = self._file_of(body, lossy(drawn.pixels) if is_new else drawn.pixels, path)
        told: dict[str, object] = {}
        if body.get("model") == OLD:
            told["revised_prompt"] = f"{drawn.drawing.prompt}, in detail"
        if body.get("response_format", "url" if body.get("model") == OLD else "b64_json") != "url":
            return {"b64_json": to_base64(data), **told}
        name = f"{uuid.uuid4().hex}.png"
        self.files[name] = data
        return {"url": f"{request.base_url}files/{name}", **told}

    def _file_of(self, body: Mapping[str, Any], pixels: Pixels, path: str) -> bytes:
        format = _FORMATS[str(body.get("output_format") or "png")]
        if body.get("background") == "transparent" and format != "JPEG":
            opaque = np.full(pixels.shape[:2], 255, np.uint8)
            opaque[: len(opaque) // 6] = 0
            pixels = np.dstack([pixels, opaque])
        quality = {"quality": int(body["output_compression"])} if body.get("output_compression") else {}
        return self.file(pixels, path, format, **({} if format == "PNG" else quality))

    async def _stream(self, path: str, body: Mapping[str, Any], drawing: Drawing) -> AsyncIterator[str]:
        """Partial pictures, as many as were asked for, then the whole one."""
        name = "image_edit" if path == _EDIT else "image_generation"
        wanted = int(body.get("partial_images") or 0)
        events: asyncio.Queue[dict[str, object] | None] = asyncio.Queue()
        sent = 0

        def step(job: Job) -> None:
            nonlocal sent
            if sent < wanted and job.drawing and job.done * (wanted + 1) >= job.steps * (sent + 1):
                pixels = partial(paint(job.drawing), job.fraction)
                picture = to_base64(self._file_of(body, pixels, "/partial"))
                events.put_nowait(
                    {
                        "type": f"{name}.partial_image",
                        "partial_image_index": sent,
                        "b64_json": picture,
                        **_echo(body),
                    }
                )
                sent += 1

        async def drawing_task() -> Drawn:
            try:
                return await self._draw(path, drawing, step)
            finally:
                events.put_nowait(None)

        task = asyncio.create_task(drawing_task())
        while (event := await events.get()) is not None:
            yield _sse(event, str(event["type"]))
        try:
            drawn = await task
        except DrawingFailed:
            error = {"type": "server_error", "message": "The server had an error.", "code": "server_error"}
            yield _sse({"type": "error", "error": error}, "error")
            return
        picture = to_base64(self._file_of(body, drawn.pixels, path))
        completed = f"{name}.completed"
        yield _sse({"type": completed, "b64_json": picture, **_usage(1), **_echo(body)}, completed)

    async def _file(self, request: Request) -> Response:
        found = self.files.get(request.path_params["name"])
        return self.refusal(404, "Not found") if found is None else Response(found, media_type="image/png")

    # Text

    async def _models(self, request: Request) -> Response:
        listed = [
            {"id": name, "object": "model", "created": 1, "owned_by": "fake"} for name in (NEW, OLD, WRITER)
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        if body.get("model") != WRITER:
            return JSONResponse(Refused("The model does not exist.", "model", "model_not_found").body, 404)
        said = [message for message in body.get("messages", []) if message.get("role") == "user"]
        if not said:
            return self.refusal(400, "Invalid 'messages': empty array.")
        text = f"{said[-1]['content']}, in soft light, highly detailed"
        self.charged += self.options.price
        self.drawn.append(
            {"job": uuid.uuid4().hex, "path": request.url.path, "text": text, "charged": self.options.price}
        )
        told = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": WRITER}
        usage = {
            "prompt_tokens": 10,
            "completion_tokens": len(text.split()),
            "total_tokens": 10 + len(text.split()),
        }
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return JSONResponse({**told, "object": "chat.completion", "choices": [choice], "usage": usage})
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(
            self._words(told, text, usage if with_usage else None), media_type="text/event-stream"
        )

    async def _words(
        self, told: Mapping[str, object], text: str, usage: Mapping[str, int] | None
    ) -> AsyncIterator[str]:
        told = {**told, "object": "chat.completion.chunk"}
        words = text.split(" ")
        for index, word in enumerate(words):
            delta = {"content": word if index == 0 else f" {word}"} | (
                {"role": "assistant"} if index == 0 else {}
            )
            yield _sse({**told, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            await asyncio.sleep(self.options.seconds / len(words))
        yield _sse({**told, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if usage is not None:
            yield _sse({**told, "choices": [], "usage": usage})
        yield "data: [DONE]\n\n"


async def _form(request: Request) -> tuple[dict[str, Any], list[bytes], bytes | None]:
    """The fields, the pictures (`image`, or `image[]` repeated) and the mask of a form."""
    fields: dict[str, Any] = {}
    files: dict[str, list[bytes]] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile):
            files.setdefault(name.removesuffix("[]"), []).append(await value.read())
        else:
            fields[name] = value
    return fields, files.get("image", []), next(iter(files.get("mask", [])), None)


def _pictures(
    path: str, pictures: Sequence[bytes], mask: bytes | None
) -> tuple[Pixels | None, Pixels | None]:
    """The initial picture, and what of it is drawn: where the mask is transparent. Raises Refused."""
    if path == _GENERATION:
        return None, None
    if not pictures:
        raise Refused("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    try:
        init = decoded(pictures[0])
        area = None if mask is None else opened(mask)
    except (OSError, ValueError):
        raise Refused("Invalid image file or mode for image 1.", "image", "invalid_image_file") from None
    if area is None:
        return init, None
    if "A" not in area.getbands():
        raise Refused(
            "Invalid mask image format - mask image missing alpha channel.", "mask", "invalid_image_format"
        )
    if area.size != (init.shape[1], init.shape[0]):
        raise Refused(
            "Invalid mask image size - mask and image must be the same size.", "mask", "invalid_image_size"
        )
    return init, 255 - np.asarray(area.getchannel("A"))


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _echo(body: Mapping[str, Any]) -> dict[str, object]:
    return {name: body[name] for name in ("size", "quality", "background", "output_format") if body.get(name)}


def _usage(count: int) -> dict[str, object]:
    return {"usage": {"input_tokens": 10, "output_tokens": 100 * count, "total_tokens": 10 + 100 * count}}


def _sse(event: Mapping[str, object], name: str = "") -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(event)}\n\n"

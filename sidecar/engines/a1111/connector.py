"""Draws on an A1111 server: `/sdapi/v1/*`, with the progress of our own task and never of another's."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sidecar.engines.a1111 import inventory
from sidecar.engines.a1111.payloads import extras, image_to_image, text_to_image
from sidecar.engines.events import Preview
from sidecar.engines.remote.answers import picture_of, share, text_of
from sidecar.engines.remote.connector import Call, Drawing, Drawn, DrawnPicture, Inventory
from sidecar.engines.remote.failures import FailureKind, RemoteFailure, substituted
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import MAX_ANSWER, Host
from sidecar.engines.remote.waiting import ended

log = logging.getLogger("viwo_imagegen.engines")

POLL_EVERY = 0.25
"""Seconds between two looks at how far the server is."""


@dataclass(frozen=True)
class _Task:
    """A drawing as the server knows it. `is_told`: what it tells of whatever it draws is of this one."""

    id: str
    is_told: bool


class A1111Connector:
    """Implements `Connector`."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        self.is_paid = settings.is_paid
        self._host = host
        self._settings = settings
        self._has_task_progress = True
        """Whether it tells the progress of one task; without its page it does not."""
        self._drawing = 0
        """Drawings of ours that it has not answered."""

    async def look(self) -> Inventory:
        if key := self._host.key():
            self._host.headers["Authorization"] = f"Basic {base64.b64encode(key.encode()).decode()}"
        found = await inventory.look(self._host, self._settings)
        self._has_task_progress = await inventory.has_task_progress(self._host)
        return found

    async def close(self) -> None:
        """The connection is the host's."""

    async def draw(self, call: Call) -> Drawn:
        wanted = call.drawing
        match wanted.kind:
            case "upscale" | "faces":
                return await self._extra(call)
            case "control":
                return await self._control(call)
            case "text":
                return await self._generated(call, "txt2img", text_to_image(wanted))
            case "image" | "masked":
                return await self._generated(call, "img2img", image_to_image(wanted))

    async def _generated(self, call: Call, route: str, payload: dict[str, Any]) -> Drawn:
        wanted = call.drawing
        # A name of its own: what was asked under the same one before may still be going on.
        task_id = f"task({uuid.uuid4().hex})"
        payload["force_task_id"] = task_id
        task = _Task(task_id, is_told=self._has_task_progress or await self._is_idle())
        self._drawing += 1
        try:
            async with self._followed(call, task):
                answer = await self._answer(call, f"/sdapi/v1/{route}", payload)
        except asyncio.CancelledError:
            await ended(self._interrupted(task))
            raise
        finally:
            self._drawing -= 1
        info = _info(answer)
        _require_asked(wanted, info)
        first = info.get("index_of_first_image")
        images = (await _images(answer))[first if isinstance(first, int) else 0 :][: wanted.count]
        return Drawn(tuple(DrawnPicture(data, wanted.seed + place) for place, data in enumerate(images)))

    async def _extra(self, call: Call) -> Drawn:
        answer = await self._answer(call, "/sdapi/v1/extra-single-image", extras(call.drawing))
        found = answer.get("image") if isinstance(answer, Mapping) else None
        return Drawn((DrawnPicture(await picture_of(found)),))

    async def _control(self, call: Call) -> Drawn:
        wanted = call.drawing
        body = {
            "controlnet_module": wanted.model,
            "controlnet_input_images": [text_of(wanted.image)],
            "controlnet_processor_res": min(wanted.width, wanted.height),
        }
        return Drawn(
            (DrawnPicture((await _images(await self._answer(call, "/controlnet/detect", body)))[0]),)
        )

    async def _answer(self, call: Call, path: str, body: Mapping[str, Any]) -> Any:
        # It resets the connection that follows a fault, so each drawing has its own.
        try:
            with call.at_cost(call.drawing.count if self.is_paid else 0):
                answer = await self._host.call(
                    "POST", path, body=body, draws=True, most=MAX_ANSWER, close=True
                )
        except RemoteFailure as failure:
            raise _explained(failure) from None
        return await self._host.json_of(answer)

    @asynccontextmanager
    async def _followed(self, call: Call, task: _Task) -> AsyncIterator[None]:
        """Tell how far a task is while it is drawn."""
        following = asyncio.create_task(self._follow(call, task))
        try:
            yield
        finally:
            following.cancel()
            try:
                await following
            except asyncio.CancelledError:
                pass
            except Exception:
                # How far it was, is not worth a picture that is there.
                log.exception("what %s told of its progress cannot be understood", self._host.url)

    async def _follow(self, call: Call, task: _Task) -> None:
        last_preview = -1
        while True:
            await asyncio.sleep(POLL_EVERY)
            try:
                told = await self._progress(task, call.wants_previews, last_preview)
            except RemoteFailure:
                # How far it is, is not worth a job.
                continue
            if told is None:
                continue
            if (done := share(told.get("progress"))) is not None:
                call.tell(done)
            number = told.get("id_live_preview")
            last_preview = number if isinstance(number, int) else last_preview
            if call.wants_previews and (preview := await _preview(told)) is not None:
                call.tell(preview)

    async def _progress(
        self, task: _Task, previews: bool = False, last_preview: int = -1
    ) -> Mapping[str, Any] | None:
        """What the server tells of our task; None where it is not its turn, or nothing is told of it alone."""
        if self._has_task_progress:
            told = await self._task_state(task, last_preview, previews)
            return told if told.get("active") else None
        if not task.is_told:
            return None
        params = {"skip_current_image": "false" if previews else "true"}
        answer = await self._host.get_json("/sdapi/v1/progress", params=params)
        if not isinstance(answer, Mapping) or not _is_drawing(answer):
            return None
        return {"progress": answer.get("progress"), "live_preview": answer.get("current_image")}

    async def _task_state(
        self, task: _Task, last_preview: int = -1, previews: bool = False
    ) -> Mapping[str, Any]:
        body = {"id_task": task.id, "id_live_preview": last_preview, "live_preview": previews}
        told = await self._host.post_json("/internal/progress", body, repeatable=True)
        return told if isinstance(told, Mapping) else {}

    async def _is_idle(self) -> bool:
        """Whether nothing is drawn there, so that what is drawn next is ours: for servers that name no task."""
        if self._drawing:
            return False
        try:
            answer = await self._host.get_json("/sdapi/v1/progress", params={"skip_current_image": "true"})
        except RemoteFailure:
            return False
        return isinstance(answer, Mapping) and not _is_drawing(answer)

    async def _interrupted(self, task: _Task) -> None:
        """Interrupt our own task: the command is for whatever is being drawn, so it is sent only while that is ours.

        Where the server names no task and drew another's before, it is left to end by itself.
        """
        while await self._progress(task) is None:
            if not self._has_task_progress:
                return
            state = await self._task_state(task)
            if state.get("completed") or not (state.get("queued") or state.get("active")):
                return
            await asyncio.sleep(POLL_EVERY)
        # It waits for the end of the step.
        await self._host.call("POST", "/sdapi/v1/interrupt", repeatable=True)


def _is_drawing(told: Mapping[str, Any]) -> bool:
    """Whether anything is drawn, by what `/sdapi/v1/progress` says."""
    state = told.get("state")
    return bool(told.get("progress")) or (isinstance(state, Mapping) and bool(state.get("job_count")))


def _require_asked(wanted: Drawing, info: Mapping[str, Any]) -> None:
    """Raises RemoteFailure where the server drew something else than it was asked, and did not say so."""
    told_model = str(info.get("sd_model_name") or "")
    if told_model and inventory.name_of(told_model) != inventory.name_of(wanted.model):
        raise substituted("model_id", "model", wanted.model, told_model)
    seed = info.get("seed")
    if isinstance(seed, int) and seed != wanted.seed:
        raise substituted("seed", "seed", wanted.seed, seed)
    sampler, _, _ = wanted.scheduler.partition("|")
    told_sampler = str(info.get("sampler_name") or "")
    if sampler and told_sampler and not told_sampler.startswith(sampler):
        raise substituted("scheduler", "sampler", sampler, told_sampler)


def _info(answer: Any) -> Mapping[str, Any]:
    """What the server says of a drawing; JSON within a text."""
    text = answer.get("info") if isinstance(answer, Mapping) else None
    try:
        info = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, Mapping):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer does not say how the picture was made")
    return info


async def _images(answer: Any) -> list[bytes]:
    found = answer.get("images") if isinstance(answer, Mapping) else None
    if not isinstance(found, list) or not found:
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer holds no picture")
    return [await picture_of(item) for item in found]


async def _preview(told: Mapping[str, Any]) -> Preview | None:
    text = told.get("live_preview")
    if not isinstance(text, str) or not text:
        return None
    try:
        return Preview(await picture_of(text), 0, 0, 0)
    except RemoteFailure:
        return None


def _explained(failure: RemoteFailure) -> RemoteFailure:
    """A refusal of the server's in terms of the task."""
    words = failure.message.lower()
    if failure.status in (404, 422) and "controlnet" in words:
        failure.kind, failure.field = FailureKind.BAD_REQUEST, "type"
    elif failure.status == 404 and "sampler" in words:
        failure.kind, failure.field = FailureKind.BAD_REQUEST, "scheduler"
    elif failure.status == 500 and "override" in words:
        failure.kind, failure.field = FailureKind.MODEL_MISSING, "model_id"
    return failure

"""An engine that does as it is told: for tests of what is above engines, and for what a job costs beside the drawing."""

from __future__ import annotations

import asyncio
import dataclasses
import struct
import zlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import cache

from capabilities import imaging
from capabilities.errors import FailedPrecondition, Refusal
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, ModelFacts
from capabilities.tasks import Task
from sidecar.engines.api import (
    EngineRequest,
    EngineState,
    EngineStatus,
    ModelListing,
    ModelProblem,
    ProgressDetail,
    engine_down,
)
from sidecar.engines.events import CANCELED, Done, EncodedImage, Event, Failed, Step

_IEND = 12
"""Bytes of the chunk that ends a PNG."""

Script = Callable[[EngineRequest], Sequence[Event | asyncio.Event]]
"""What happens to a job: events that are told, and asyncio events that are waited for. Done is told at the end of a
script that tells neither Done nor Failed."""


def _nothing(request: EngineRequest) -> Sequence[Event | asyncio.Event]:
    return ()


class FakeEngine:
    """Answers each task at once with a grey picture of its size; a script makes it do otherwise."""

    def __init__(
        self, name: str = "local", *, slots: int = 1, models: Sequence[str | ModelFacts] = ("icons",)
    ) -> None:
        self.name = name
        self.slots = slots
        self.script: Script = _nothing
        self.batches: list[list[str]] = []
        """The jobs of each call of `run`, by their ids."""
        self.observed: dict[str, ProgressDetail] = {}
        self.aborted = 0
        self.build: str | None = "fake"
        self.batch_by: Callable[[Task], str | None] = lambda task: None
        known = [_model(model) if isinstance(model, str) else model for model in models]
        self._facts = {facts.id: facts for facts in known}
        self._status = EngineStatus(EngineState.READY, device="fake")
        self._up = asyncio.Event()
        self._up.set()
        self._canceled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def go_down(self, reason: str = "told so") -> None:
        """From now on it is down."""
        self._status = EngineStatus(EngineState.DOWN, reason)
        self._up.clear()

    def come_up(self) -> None:
        """It is ready again."""
        self._status = EngineStatus(EngineState.READY, device="fake")
        self._up.set()

    def hold(self, *model_ids: str) -> None:
        """These models are in memory."""
        self._status = dataclasses.replace(self._status, loaded=frozenset(model_ids))

    async def start(self) -> None:
        """It is there already."""

    async def stop(self) -> None:
        """Nothing belongs to it."""

    def status(self) -> EngineStatus:
        return self._status

    async def wait_ready(self) -> None:
        await self._up.wait()

    def models(self) -> Sequence[ModelListing]:
        return [
            ModelListing(
                facts, "a fake", "fake", self.name, 0, facts.revision, model_id in self._status.loaded
            )
            for model_id, facts in self._facts.items()
        ]

    def problems(self) -> Sequence[ModelProblem]:
        return ()

    def supports(self, task: Task) -> Refusal | None:
        if task.model_id in self._facts:
            return None
        return FailedPrecondition(
            f"the engine '{self.name}' has no model '{task.model_id}'",
            reason="ENGINE_CANNOT",
            field="model_id",
            asked=task.model_id,
        )

    def batch_key(self, task: Task) -> str | None:
        return self.batch_by(task)

    def build_id(self, task: Task) -> str | None:
        return self.build

    async def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        if self._status.state is EngineState.DOWN:
            raise engine_down(self.name)
        self.batches.append([request.job_id for request in requests])
        for request in requests:
            if request.detail is not None:
                self.observed[request.job_id] = request.detail
            async for event in self._events(request):
                yield request.job_id, event

    async def _events(self, request: EngineRequest) -> AsyncGenerator[Event]:
        for item in self.script(request):
            if self._canceled[request.job_id].is_set():
                break
            if isinstance(item, asyncio.Event):
                await self._either(item, self._canceled[request.job_id])
                continue
            yield item
            if isinstance(item, Done | Failed):
                return
        if self._canceled.pop(request.job_id, asyncio.Event()).is_set():
            yield CANCELED
            return
        yield Step(request.task.total_steps, request.task.total_steps, request.task.count - 1)
        yield Done(pictures(request), 0.0)

    async def _either(self, *events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def cancel(self, job_id: str) -> None:
        self._canceled[job_id].set()

    async def abort(self) -> None:
        self.aborted += 1
        for canceled in self._canceled.values():
            canceled.set()

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        self.observed[job_id] = detail


def pictures(request: EngineRequest) -> tuple[EncodedImage, ...]:
    """Grey pictures for a request, which differ from all others by a comment in the file, so each is stored by itself."""
    task = request.task
    return tuple(
        EncodedImage(
            png_of(task.width, task.height, f"{request.job_id} {index}"),
            task.width,
            task.height,
            seed,
            thumbnail=_thumbnail(task.width, task.height, request.thumbnail_side)
            if request.thumbnail_side
            else b"",
        )
        for index, seed in enumerate(task.seeds)
    )


def png_of(width: int, height: int, comment: str) -> bytes:
    """A grey PNG with a comment."""
    text = b"tEXtComment\0" + comment.encode("latin-1")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    whole = _grey(width, height)
    end = len(whole) - _IEND
    return whole[:end] + chunk + whole[end:]


@cache
def _grey(width: int, height: int) -> bytes:
    return imaging.encode(imaging.from_pixels(bytes([128]) * (width * height * 3), width, height, 3), "png")


@cache
def _thumbnail(width: int, height: int, side: int) -> bytes:
    return imaging.thumbnail(_grey(width, height), side)


def _model(model_id: str) -> ModelFacts:
    return ModelFacts(
        model_id,
        steps=4,
        guidance_scale=5.0,
        width=128,
        height=128,
        methods=GENERATION | IMAGE_TO_IMAGE,
        revision="1",
    )

"""Chooses a drawing for a prompt and colours it. Needs no weights, no torch and no GPU, and takes some ten milliseconds."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from capabilities.errors import FailedPrecondition, InvalidArgument, Refusal, Unavailable
from capabilities.methods.text_to_image import TextToImage
from capabilities.models import GENERATION, ModelFacts
from capabilities.tasks import Task
from sidecar.engines.api import (
    EngineRequest,
    EngineState,
    EngineStatus,
    ModelListing,
    ModelProblem,
    ProgressDetail,
)
from sidecar.engines.builds import build_id
from sidecar.engines.events import CANCELED, Event, Failed
from sidecar.engines.glyphs.drawings import folder
from sidecar.engines.glyphs.messages import FRAMING, Draw
from sidecar.engines.worker_pool import WorkerPool

GLYPHS = "glyphs"
MODEL = f"{GLYPHS}:game-icons"
SIDE, MOST_SIDE = 512, 2048
"""Pixels a side where nothing is asked for, and at most."""
IGNORES = frozenset({
    "steps", "guidance_scale", "negative_prompt", "negative_prompt_2", "prompt_2", "scheduler", "prompt_weights",
})  # fmt: skip
VERSION = 1
"""Raised when the same task comes to other pixels."""
WORKERS = 2
DESCRIPTION = (
    "Chooses one of 4,600 drawings (game-icons.net, Fluent Emoji) by the name of the thing and colours it by material, colour and "
    "wear; nothing is generated. Crisp up to 2048 px, with exact alpha, in some ten milliseconds"
)


class GlyphsEngine:
    """Text to image by drawings that come with the package."""

    name = GLYPHS
    slots = WORKERS

    def __init__(self, *, log_level: str = "info") -> None:
        self._pool = WorkerPool("sidecar.engines.glyphs.worker", FRAMING, WORKERS, log_level=log_level)
        self._threads = ThreadPoolExecutor(WORKERS, GLYPHS)
        self._canceled: set[str] = set()
        self._running: set[str] = set()

    @property
    def _archive(self) -> Path:
        return folder() / "drawings.zip"

    @cached_property
    def _listing(self) -> ModelListing:
        data = self._archive.read_bytes()
        revision = hashlib.sha256(data).hexdigest()[:16]
        facts = ModelFacts(
            MODEL,
            steps=1,
            guidance_scale=0.0,
            width=SIDE,
            height=SIDE,
            granularity=1,
            methods=GENERATION,
            plain_ground=True,
            side=SIDE,
            revision=revision,
            ignores=IGNORES,
        )
        # Drawings take none of the memory that models share, so this is never one of those that are loaded.
        return ModelListing(
            facts,
            DESCRIPTION,
            "drawings",
            GLYPHS,
            len(data),
            revision,
            license="CC BY 3.0 (game-icons.net) and MIT (Fluent Emoji)",
            told_by="this program",
        )

    async def start(self) -> None:
        """Processes are started when they are needed."""

    async def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    def status(self) -> EngineStatus:
        return EngineStatus(EngineState.READY, device="cpu")

    async def wait_ready(self) -> None:
        return

    def models(self) -> Sequence[ModelListing]:
        return (self._listing,)

    def problems(self) -> Sequence[ModelProblem]:
        return ()

    def supports(self, task: Task) -> Refusal | None:
        if not isinstance(task, TextToImage):
            return self._cannot(task.kind, "modelId", "draws from words only; use another model for that")
        if max(task.width, task.height) > MOST_SIDE:
            side = "width" if task.width > MOST_SIDE else "height"
            return InvalidArgument(
                f"'{side}' is {getattr(task, side)}; {MODEL} draws up to {MOST_SIDE} px",
                reason="BAD_ARGUMENT",
                field=side,
                limit=f"at most {MOST_SIDE}",
                asked=str(getattr(task, side)),
            )
        for field in ("loras", "embeddings", "vae", "tiling", "clip_skip", "refine"):
            if getattr(task, field):
                return self._cannot(field, field, f"takes no {field}; leave it out, or use another model")
        return None

    def _cannot(self, asked: str, field: str, words: str) -> FailedPrecondition:
        return FailedPrecondition(
            f"the model '{MODEL}' chooses drawings: it {words}",
            reason="MODEL_CANNOT",
            field=field,
            asked=asked,
        )

    def batch_key(self, task: Task) -> str | None:
        return None

    def build_id(self, task: Task) -> str | None:
        return f"glyphs {VERSION}, {build_id()}"

    async def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        for request in requests:
            self._running.add(request.job_id)
            try:
                yield request.job_id, await self._outcome(request)
            finally:
                self._running.discard(request.job_id)
                self._canceled.discard(request.job_id)

    async def _outcome(self, request: EngineRequest) -> Event:
        """The result, encoded. What is canceled meanwhile is done to its end, which is near, and then not told."""
        assert isinstance(request.task, TextToImage)
        draw = Draw(request.task, dict(request.metadata), request.thumbnail_side)
        try:
            done: Event = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._pool.ask, draw, "prompt"
            )
        except Refusal as refusal:
            return Failed.of(refusal, retryable=isinstance(refusal, Unavailable))
        return CANCELED if request.job_id in self._canceled else done

    async def cancel(self, job_id: str) -> None:
        if job_id in self._running:
            self._canceled.add(job_id)

    async def abort(self) -> None:
        """A process that takes too long is ended by its own clock."""

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        """There is nothing to tell on the way."""

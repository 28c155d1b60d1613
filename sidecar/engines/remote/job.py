"""One job on somebody else's server: prepared, drawn part by part, and finished."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from capabilities.errors import Refusal
from capabilities.methods.apply import Apply
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.tasks import PictureTask, Task
from sidecar.engines.api import EngineRequest, ProgressDetail
from sidecar.engines.events import Done, EncodedImage, Event, Failed, Loading, Preview, Step
from sidecar.engines.remote import drawings, support
from sidecar.engines.remote.connector import Call, Drawing, DrawnPicture, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.messages import Canvas, Finish, Glimpse, Prepare, Prepared
from sidecar.engines.remote.server import Server
from sidecar.engines.remote.settings import EngineSettings

Ask = Callable[[object, str], Awaitable[Any]]

UNWATCHED_EVERY = 0.25
"""Seconds between two steps that are told of a job that nobody watches."""


class RemoteJob:
    """All methods belong to the event loop's thread."""

    def __init__(
        self,
        request: EngineRequest,
        listing: RemoteListing,
        server: Server,
        settings: EngineSettings,
        ask: Ask,
    ) -> None:
        self.request = request
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        """What happens on the way; None when that is over."""
        self.task: asyncio.Task[Event] | None = None
        self.is_abandoned = False
        self.billed = 0
        """Drawings that have been charged for, or may have been."""
        self._listing = listing
        self._server = server
        self._settings = settings
        self._ask = ask
        self._detail = request.detail
        self._call: Call | None = None
        self._warnings: dict[str, None] = dict.fromkeys(support.warnings(request.task, listing))
        self._drawings = 0
        self._told = 0.0
        self._glimpse: asyncio.Task[None] | None = None
        """A preview that is being made."""

    def cancel(self) -> None:
        """End it; the server is told to end its part first."""
        if self.task is not None:
            self.task.cancel()

    def abandon(self) -> None:
        """End it at once, whatever the server does, and whether or not anybody canceled it."""
        self.is_abandoned = True
        if self.task is not None:
            self.task.cancel()
            self.task.cancel()

    def observe(self, detail: ProgressDetail) -> None:
        """Someone watches from now on."""
        self._detail = detail
        if self._call is not None:
            self._call.detail = detail

    def ended(self, failure: Failed) -> Failed:
        """A bad end, with what is known of its being charged."""
        return dataclasses.replace(failure, billed=self.billed) if self._server.connector.is_paid else failure

    async def make(self) -> Done:
        """All pictures of the task. Raises RemoteFailure, Refusal and CancelledError."""
        task = self.request.task
        started = time.perf_counter()
        images: list[EncodedImage] = []
        try:
            while len(images) < task.count:
                index = len(images)
                images += await self._pictures(task, index, min(self._most_at_once(task), task.count - index))
        finally:
            if self._glimpse is not None:
                self._glimpse.cancel()
        return Done(tuple(images), time.perf_counter() - started, tuple(self._warnings))

    def _most_at_once(self, task: Task) -> int:
        several = isinstance(task, PictureTask | UpscaleImg2Img) or self._is_in_two_passes(task)
        return 1 if several else self._listing.most_images

    @staticmethod
    def _is_in_two_passes(task: Task) -> bool:
        return isinstance(task, TextToImage) and task.refine is not None

    async def _pictures(self, task: Task, index: int, count: int) -> list[EncodedImage]:
        """The pictures of a task from `index` on."""
        files: Mapping[str, bytes] = self.request.inputs
        made_of: Task = task
        if isinstance(task, TextToImage) and task.refine is not None:
            draft = drawings.first_pass(task)
            (first,) = (await self._drawn(draft, files, index, 1, passes=2))[0]
            made_of, files = drawings.second_pass(task), {"image": first.data}
        if method := drawings.enlarger(made_of):
            files = {**files, "image": await self._enlarged(method, files["image"])}
        groups = await self._drawn(made_of, files, index, count, passes=2 if made_of is not task else 1)
        finished = []
        for place in range(count):
            parts = [group[place] for group in groups]
            finished.append(await self._finished(task, made_of, files, index + place, parts))
        return finished

    async def _drawn(
        self, task: Task, files: Mapping[str, bytes], index: int, count: int, *, passes: int
    ) -> list[tuple[DrawnPicture, ...]]:
        """For each part of a task, `count` pictures."""
        seed = task.seed + index
        prepared = await self._ask(Prepare(task, dict(files), seed, self._canvas), "image")
        assert isinstance(prepared, Prepared)
        drawn = []
        for part in prepared.parts:
            wanted = drawings.drawing(
                task, self._listing, part, seed=seed, count=count, job_id=self.request.job_id
            )
            drawn.append(
                await self._draw(wanted, index, len(prepared.parts) * passes * self.request.task.count)
            )
        return drawn

    @property
    def _canvas(self) -> Canvas:
        listing = self._listing
        sizes = tuple(listing.sizes)
        return Canvas(max(1, listing.facts.granularity), sizes, listing.has_clear_masks)

    async def _enlarged(self, method: str, image: bytes) -> bytes:
        listing = None if self._server.inventory is None else self._server.inventory.named(method)
        if listing is None:
            raise RemoteFailure(
                FailureKind.MODEL_MISSING,
                f"the upscaler '{method}' is not there",
                field="method",
                asked=method,
            )
        wanted = drawings.enlarging(method, image, factor=listing.facts.factor, job_id=self.request.job_id)
        (picture,) = await self._draw(wanted, 0, 0)
        return picture.data

    async def _draw(self, wanted: Drawing, index: int, of: int) -> tuple[DrawnPicture, ...]:
        """One call of the server. `of`: how many the job takes; 0: this one counts for nothing."""
        async with self._server.free:
            call = Call(wanted, lambda happened: self._tell(happened, index, of), self._detail)
            self._call = call
            try:
                async with asyncio.timeout(self._settings.timeouts.draw):
                    drawn = await self._server.connector.draw(call)
            except TimeoutError:
                raise RemoteFailure(
                    FailureKind.TIMEOUT,
                    f"{self._server.url} did not draw within {self._settings.timeouts.draw:g} s",
                    limit=f"{self._settings.timeouts.draw:g} s",
                ) from None
            finally:
                self.billed += call.billed
                self._call = None
        self._warnings |= dict.fromkeys(drawn.warnings)
        if len(drawn.pictures) != wanted.count:
            raise RemoteFailure(
                FailureKind.BAD_ANSWER,
                f"{self._server.url} answers {len(drawn.pictures)} pictures where {wanted.count} were asked for",
            )
        self._drawings += bool(of)
        self._tell(0.0, index, of)
        return drawn.pictures

    def _tell(self, happened: Loading | Preview | float, index: int, of: int) -> None:
        """Pass on what a connector tells: as steps of the whole job, and not too many."""
        if isinstance(happened, Loading):
            self.events.put_nowait(happened)
        elif isinstance(happened, Preview):
            # One at a time: what comes meanwhile is overtaken anyway.
            if self._glimpse is None or self._glimpse.done():
                self._glimpse = asyncio.create_task(self._preview(Glimpse(happened.data, index)))
        elif of:
            total = self.request.task.total_steps
            done = min(1.0, (self._drawings + happened) / of)
            now = time.monotonic()
            if self._detail is not None or now - self._told >= UNWATCHED_EVERY:
                self._told = now
                self.events.put_nowait(Step(min(total, int(done * total)), total, index))

    async def _preview(self, glimpse: Glimpse) -> None:
        """Tell a preview; one that cannot be made is not worth a job."""
        with contextlib.suppress(Refusal):
            self.events.put_nowait(await self._ask(glimpse, "preview"))

    async def _finished(
        self, task: Task, made_of: Task, files: Mapping[str, bytes], index: int, parts: list[DrawnPicture]
    ) -> EncodedImage:
        takes_seed = task.has_seed and "seed" in self._listing.abilities
        seed = task.seed + index if takes_seed else 0
        told = task.facts(seed)
        if not takes_seed:
            told.pop("seed", None)
        output = {"output": task.output}
        finished = await self._ask(
            Finish(
                made_of.model_copy(update=output),
                dict(files),
                task.seed + index,
                self._canvas,
                tuple(picture.data for picture in parts),
                self._settings.fit,
                {
                    **told,
                    **(parts[0].told if parts else {}),
                    "engine": self._settings.name,
                    **self.request.metadata,
                },
                self.request.thumbnail_side,
                transparent=_keeps_alpha(task, self._listing),
                from_words=isinstance(task, TextToImage) or (isinstance(task, Apply) and not task.image),
            ),
            "image",
        )
        assert isinstance(finished, EncodedImage)
        return dataclasses.replace(finished, seed=seed)


def _keeps_alpha(task: Task, listing: RemoteListing) -> bool:
    return getattr(task, "background", "") == "transparent" and "transparent" in listing.abilities

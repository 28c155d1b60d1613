"""What the fakes of all image servers share: drawing step by step, what is counted, and the test's own routes."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Scope

from sidecar.testing.foreign.drawing import Drawing, Pixels, encoded, paint, partial
from sidecar.testing.foreign.faults import Faults, Kind
from sidecar.testing.foreign.gate import Gate

OTHER_MODEL = "another-model"
OTHER_PROMPT = "a picture that someone else asked for"
_SHOWN_PREVIEW = 64
_COMMANDS = frozenset({"clear", "release", "set"})


@dataclass
class Options:
    """How a fake behaves; the test may change it while it runs."""

    seconds: float = 0.02
    """What a drawing takes."""
    start_delay: float = 0.0
    """Seconds before a job begins, also on an idle server."""
    previews: bool | None = None
    """Whether there are pictures of unfinished drawings; None: as the real one has it unless told otherwise."""
    key: str = ""
    """What is asked of callers; a name and a password have a colon between them."""
    variant: str = ""
    """A relative of the server, by its name."""
    price: float = 0.0
    """What a picture costs."""


@dataclass
class Job:
    """A drawing on its way. `done` steps of `steps`."""

    id: str
    path: str
    """The route that asked for it."""
    steps: int = 0
    done: int = 0
    drawing: Drawing | None = None
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def fraction(self) -> float:
        return self.done / self.steps if self.steps else 0.0

    def preview(self) -> Pixels | None:
        """The drawing as far as it is, small."""
        if self.drawing is None or not self.done:
            return None
        side = {"width": _SHOWN_PREVIEW, "height": _SHOWN_PREVIEW, "init": None, "mask": None}
        return partial(paint(replace(self.drawing, **side)), self.fraction)  # type: ignore[arg-type]


class DrawingFailed(Exception):
    """The fault `fails`; each server words it in its own way."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and what it was really drawn from."""

    pixels: Pixels
    drawing: Drawing
    interrupted: bool


class ForeignFake(ABC):
    """A fake image server. Subclasses have the routes and the words of theirs."""

    reset_after_500 = False
    previews_by_default = True
    stale_by_name = False
    """Whether a stale picture is another file's name; otherwise it is a drawing of another prompt."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = Faults()
        self.running: dict[str, Job] = {}
        self.held: list[Kind] = []
        """What waits to be released."""
        self.drawn: list[dict[str, object]] = []
        self.interrupts: list[dict[str, object]] = []
        self.charged = 0.0
        self.redirected = 0
        self.gate = Gate(
            self._application(),
            self.faults,
            refusal=self.refused,
            unauthorized=self.unauthorized,
            reset_after_500=self.reset_after_500,
        )

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """What the real server serves."""

    @abstractmethod
    def refusal(self, status: int, message: str) -> Response:
        """A refusal in this server's shape."""

    def unauthorized(self, scope: Scope) -> Response | None:
        """The refusal of a caller without the key."""
        return None

    @property
    def has_previews(self) -> bool:
        return self.previews_by_default if self.options.previews is None else self.options.previews

    def refused(self, kind: Kind) -> Response:
        """The answer of a fault."""
        status, message = _REFUSALS[kind]
        return self.refusal(status, message)

    def wrapped(self, application: Starlette) -> ASGIApp:
        """What else than routes there is to serve."""
        return application

    def background(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs beside the requests."""
        return ()

    async def draw(self, job: Job, drawing: Drawing, told: Callable[[], None] | None = None) -> Drawn:
        """Draws, and tells of each step. The steps that an interrupt leaves out are grey.

        Raises DrawingFailed.
        """
        drawing = self._mistaken(drawing, job.path)
        job.steps, job.done, job.drawing = max(1, drawing.steps), 0, drawing
        self.running[job.id] = job
        try:
            await self._steps(job, told)
        finally:
            del self.running[job.id]
        pixels = paint(drawing)
        if self.faults.happens(Kind.BLACK, job.path):
            pixels = np.zeros_like(pixels)
        interrupted = job.interrupted.is_set()
        if interrupted:
            pixels = partial(pixels, job.fraction)
        self.charged += self.options.price
        self.drawn.append(
            {"job": job.id, "path": job.path, "done": job.fraction, "charged": self.options.price}
            | drawing.summary()
        )
        return Drawn(pixels, drawing, interrupted)

    def file(self, pixels: Pixels, path: str, format: str = "PNG", **options: Any) -> bytes:
        """A picture's file, as it leaves the server."""
        data = encoded(pixels, format, **options)
        if self.faults.happens(Kind.TRUNCATED_PICTURE, path):
            return data[: len(data) // 2]
        if self.faults.happens(Kind.GARBAGE_PICTURE, path):
            return b"no picture at all" * 8
        return data

    async def until_begun(self, path: str) -> None:
        """Between taking a job and beginning it."""
        await asyncio.sleep(self.options.start_delay)
        if self.faults.happens(Kind.HOLD_START, path):
            await self._hold(Kind.HOLD_START)

    def note_interrupt(self, **told: object) -> None:
        """Write down that someone asked for one."""
        self.interrupts.append(told)

    def _mistaken(self, drawing: Drawing, path: str) -> Drawing:
        if not self.stale_by_name and self.faults.happens(Kind.STALE, path):
            drawing = replace(drawing, prompt=OTHER_PROMPT)
        if self.faults.happens(Kind.WRONG_SIZE, path):
            drawing = replace(drawing, width=drawing.width + 8, height=drawing.height + 8)
        if self.faults.happens(Kind.OTHER_MODEL, path):
            drawing = replace(drawing, model=OTHER_MODEL)
        if self.faults.happens(Kind.OTHER_SEED, path):
            drawing = replace(drawing, seed=int(drawing.seed) + 1000)
        return drawing

    async def _steps(self, job: Job, told: Callable[[], None] | None) -> None:
        half = job.steps // 2
        for step in range(job.steps):
            if job.interrupted.is_set():
                return
            if step == half:
                await self._half_way(job)
            await asyncio.sleep(self.options.seconds / job.steps)
            if job.interrupted.is_set():
                return
            job.done = step + 1
            if told is not None:
                told()

    async def _half_way(self, job: Job) -> None:
        if self.faults.happens(Kind.DIES, job.path):
            os._exit(1)
        if self.faults.happens(Kind.FAILS, job.path):
            raise DrawingFailed
        if self.faults.happens(Kind.STUCK, job.path):
            await self._hold(Kind.STUCK, job.interrupted)

    async def _hold(self, kind: Kind, *ends: asyncio.Event) -> None:
        """Until it is released, or one of these events happens."""
        self.held.append(kind)
        waits = [asyncio.ensure_future(event.wait()) for event in (self.gate.released, *ends)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        self.held.remove(kind)

    def _application(self) -> ASGIApp:
        async def refused(request: Request, problem: Exception) -> Response:
            assert isinstance(problem, HTTPException)
            return self.refusal(problem.status_code, problem.detail)

        own = [
            Route("/_control", self._control, methods=["POST"]),
            Route("/_state", self._state),
            Route("/_redirected", self._redirected, methods=["GET", "POST", "PUT"]),
        ]
        application = Starlette(routes=[*own, *self.routes()], exception_handlers={HTTPException: refused})
        return self.wrapped(application)

    async def _control(self, request: Request) -> Response:
        """`{"fault": name, ...}`, `{"clear": true}`, `{"release": true}`, `{"set": {option: value}}`."""
        told = await request.json()
        names = {option.name for option in fields(Options)}
        if unknown := set(told.get("set", {})) - names:
            return JSONResponse({"error": f"no options: {sorted(unknown)}; there are {sorted(names)}"}, 400)
        try:
            if "fault" in told:
                self.faults.add({name: value for name, value in told.items() if name not in _COMMANDS})
        except (TypeError, ValueError) as wrong:
            return JSONResponse({"error": str(wrong)}, 400)
        if told.get("clear"):
            self.faults.clear()
        if told.get("release"):
            # Those that wait go on; those that come later wait for the next release.
            self.gate.released.set()
            self.gate.released = asyncio.Event()
        for name, value in told.get("set", {}).items():
            setattr(self.options, name, value)
        return JSONResponse(self.state())

    async def _state(self, request: Request) -> Response:
        return JSONResponse(self.state())

    def state(self) -> dict[str, object]:
        """What the test can see of this server."""
        return {
            "requests": self.gate.requests,
            "drawn": self.drawn,
            "running": [
                {"job": job.id, "path": job.path, "done": job.done, "steps": job.steps}
                for job in self.running.values()
            ],
            "held": self.held,
            "interrupts": self.interrupts,
            "charged": self.charged,
            "redirected": self.redirected,
            "endless_bytes": self.gate.endless_bytes,
            "faults": self.faults.summary(),
        }

    async def _redirected(self, request: Request) -> Response:
        self.redirected += 1
        return self.refusal(404, "nobody should come here")


_REFUSALS = {
    Kind.UNAUTHORIZED: (401, "Not authenticated"),
    Kind.FORBIDDEN: (403, "Forbidden"),
    Kind.PAYMENT_REQUIRED: (402, "Payment required"),
    Kind.QUOTA_FORBIDDEN: (
        403,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Kind.QUOTA: (429, "You exceeded your current quota, please check your plan and billing details."),
    Kind.RATE_LIMITED: (429, "Rate limit reached, please try again later."),
    Kind.RATE_LIMITED_DATE: (429, "Rate limit reached, please try again later."),
    Kind.CONTENT_REFUSED: (400, "Your request was rejected by the safety system."),
    Kind.MODEL_MISSING: (404, "The model does not exist."),
    Kind.BAD_REQUEST: (400, "Bad request"),
    Kind.SERVER_ERROR: (500, "Internal server error"),
}

"""The interface of an engine: tasks in, events out. Implemented by every folder here, and by the fake in `sidecar.testing`."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from capabilities.errors import Refusal, Unavailable
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from sidecar.engines.events import Event, Failed

LOCAL = "local"
"""The engine that a model id without the name of one belongs to."""
BUILTIN = "builtin"
"""The engine of work that needs no model; a job that is answered from the store waits in its lane too."""
ENGINE_DOWN = "ENGINE_DOWN"
"""Reason of a refusal: the engine does not come up."""


class EngineState(enum.StrEnum):
    """Whether an engine can take work."""

    STARTING = "starting"
    """Not yet; what it is given waits in it."""
    READY = "ready"
    DOWN = "down"
    """It has tried to come up several times, and could not. It goes on trying."""


@dataclass(frozen=True)
class EngineStatus:
    """How an engine is doing; what is not known is empty or 0. Memory in bytes."""

    state: EngineState
    reason: str = ""
    """Why it is down, or what it waits for."""
    device: str = ""
    pid: int = 0
    starts: int = 0
    """How often its process was started."""
    loaded: frozenset[str] = frozenset()
    """Ids of the models in memory."""
    device_memory: int = 0
    breakers: Mapping[str, str] = field(default_factory=dict)
    """Of an engine whose servers are others': the state of each one's circuit breaker (closed, half_open, open) by its address
    without a scheme.
    """


@dataclass(frozen=True)
class ModelListing:
    """A model as an engine lists it. `size` in bytes, 0 while unknown; `revision` identifies the exact weights."""

    facts: ModelFacts
    description: str
    family: str
    engine: str
    size: int
    revision: str
    loaded: bool = False
    downloaded: bool = True
    """Its weights are on this machine."""
    origin: str = ""
    """The hub's repository and, where it is known, the commit; empty where it is from no hub."""
    license: str = ""
    """Of its weights, where that is known."""
    told_by: str = ""
    """Who says what is known of it: files of the model, the operator, or this program."""


@dataclass(frozen=True)
class ModelProblem:
    """A file that is left out, and why. `of` is the id of the model that it belongs to, where it is known."""

    file: str
    reason: str
    of: str = ""


@dataclass(frozen=True)
class ProgressDetail:
    """How closely a job is watched: each of its steps, and a preview each so many (0: none)."""

    preview_every: int = 0


@dataclass(frozen=True)
class EngineRequest:
    """A job as an engine sees it; `inputs` are the files of the task's pictures by their roles."""

    job_id: str
    task: Task
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    """What goes into the file of each picture, which adds the seed that it was made with."""
    thumbnail_side: int = 0
    """Longest side of the thumbnail that is wanted beside each picture, in pixels; 0: none."""
    detail: ProgressDetail | None = None
    """How closely it is watched when it begins; None: by nobody."""


class Engine(Protocol):
    """Makes pictures. All methods belong to the event loop's thread, unless they say otherwise."""

    @property
    def name(self) -> str:
        """Its lane; a job's row stores it. At most 64 characters, without a colon."""
        ...

    @property
    def slots(self) -> int:
        """How many calls of `run` it takes at a time; the caller keeps to that."""
        ...

    async def start(self) -> None:
        """Begin to come up; work may be given at once, and waits."""
        ...

    async def stop(self) -> None:
        """End what belongs to it."""
        ...

    def status(self) -> EngineStatus: ...

    async def wait_ready(self) -> None:
        """Until it is ready."""
        ...

    def models(self) -> Sequence[ModelListing]:
        """What it can run, by the ids that callers use: those of every engine but the local one begin with its name and a
        colon.
        """
        ...

    def problems(self) -> Sequence[ModelProblem]:
        """What it cannot run, though it lies where its models do."""
        ...

    def supports(self, task: Task) -> Refusal | None:
        """Why it cannot do a task, in words; None where it can."""
        ...

    def batch_key(self, task: Task) -> str | None:
        """Tasks with equal keys may run as one batch; None: alone."""
        ...

    def build_id(self, task: Task) -> str | None:
        """What besides task and weights decides the pixels; None: not reproducible, so never answered from the store."""
        ...

    def run(self, requests: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        """Events of jobs by their ids, for each job the last of them Done, with encoded pictures, or Failed.

        Several requests have equal batch keys; they run as one batch where that is faster and comes out the same. Raises
        Unavailable with ENGINE_DOWN where none of them has been begun.
        """
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask a running job to end within a step; its last event is then Failed with CANCELLED."""
        ...

    async def abort(self) -> None:
        """End whatever is being done by force: a job that was canceled did not end."""
        ...

    def observe(self, job_id: str, detail: ProgressDetail) -> None:
        """Someone watches a job from now on. One that nobody watches tells its steps a few times a second."""
        ...


@runtime_checkable
class ModelFinder(Protocol):
    """An engine whose models change while it runs: it looks for one when it is asked for. Called from any thread."""

    def find(self, model_id: str) -> ModelFacts:
        """A model by its id; may look on a disk for a second.

        Raises NotFound with the nearest ids, FailedPrecondition where it must not be used, Unavailable where that is
        not known yet.
        """
        ...

    def able(self, method: str) -> list[ModelFacts]:
        """The models that can do a method, by its in-world name."""
        ...

    def refresh(self) -> None:
        """Look again at what there is. Blocks for a second at most."""
        ...


@runtime_checkable
class ModelLoader(Protocol):
    """An engine whose models are loaded and unloaded on demand."""

    async def load(self, model_id: str) -> None:
        """Bring a model into memory. Raises NotFound, Unavailable, FailedPrecondition."""
        ...

    async def unload(self, model_id: str) -> None:
        """Take a model out of memory; nothing happens where it is not in it."""
        ...


@runtime_checkable
class PromptRefiner(Engine, Protocol):
    """An engine that may have a chat model."""

    @property
    def refiner(self) -> str:
        """Id of its chat model; empty where it has none."""
        ...

    def refine(self, prompt: str, longest: int) -> AsyncGenerator[str | Failed]:
        """A fuller prompt of at most `longest` characters, piece by piece as it is written.

        The last is Failed where it could not be written, with `billed` 1 where it has to be paid for all the same.
        """
        ...


@dataclass(frozen=True)
class DownloadProgress:
    """How far the download of a model is, in bytes; commits are the hub's, empty where there is none."""

    done: int
    total: int
    commit: str = ""
    previous_commit: str = ""


@runtime_checkable
class ModelDownloader(Protocol):
    """An engine whose models may come from a hub."""

    def pull(
        self, model_id: str, *, revision: str = "", variant: str = "", dry_run: bool = False
    ) -> AsyncGenerator[DownloadProgress]:
        """Download a model, or its newest revision; closing the generator ends the download.

        `revision`, `variant`: in the place of those that are configured. `dry_run`: only look what there is to download.

        Raises NotFound, FailedPrecondition, ResourceExhausted, Unavailable.
        """
        ...


def engine_down(name: str = LOCAL, why: str = "") -> Unavailable:
    """The refusal for work of an engine that is down; `why` is what its status says."""
    words = "the engine does not start; the server's log says why (is the 'local' extra installed?)"
    if name != LOCAL:
        words = (
            f"the engine '{name}' is down: {why}"
            if why
            else f"the engine '{name}' is down; the server's log says why"
        )
    return Unavailable(words, reason=ENGINE_DOWN, asked=name, retry_after=30)

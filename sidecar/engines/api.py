"""The interface of an engine: tasks in, events out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from capabilities.errors import Unavailable
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from sidecar.engines.events import Event

ENGINE_DOWN = "ENGINE_DOWN"
"""Reason of a refusal: the engine does not come up."""


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


@dataclass(frozen=True)
class ModelProblem:
    """A file that is left out, and why. `of` is the id of the model that it belongs to, where it is known."""

    file: str
    reason: str
    of: str = ""


Attention = Callable[[], int | None]
"""How closely a job is watched when it begins: a preview each so many steps, 0 for steps only, None by nobody."""


@dataclass(frozen=True)
class EngineRequest:
    """A job as an engine sees it; `inputs` are the files of the task's pictures by their roles."""

    job_id: str
    task: Task
    inputs: Mapping[str, bytes]
    attention: Attention


class Engine(Protocol):
    """Makes pictures. One call of `run` at a time; the caller sees to that."""

    @property
    def loaded(self) -> frozenset[str]:
        """Ids of the models in memory."""
        ...

    @property
    def device(self) -> str:
        """What it works on; empty while that is not known."""
        ...

    @property
    def down(self) -> bool:
        """Whether it has tried to come up several times, and could not. It goes on trying."""
        ...

    async def up(self) -> None:
        """Until it is no longer down."""
        ...

    def run(self, works: Sequence[EngineRequest]) -> AsyncGenerator[tuple[str, Event]]:
        """Events of jobs by their ids, for each job the last of them Done or Failed.

        Several jobs must have equal batch keys; they run as one batch where that is faster and comes out the same. Raises
        Unavailable with ENGINE_DOWN where none of them has been begun.
        """
        ...

    def cancel(self, job_id: str) -> None:
        """Ask a running job to end within a step; its last event is then Failed with CANCELLED."""
        ...

    def kill(self) -> None:
        """End whatever is being done by force: a job that was canceled did not end."""
        ...

    def attend(self, job_id: str, preview_every: int) -> None:
        """Someone watches a job: from now on tell each of its steps, and show a preview each so many (0: none).

        A job that nobody watches tells its steps a few times a second, since telling takes time from the work.
        """
        ...

    async def load(self, model_id: str) -> None:
        """Bring a model into memory. Raises NotFound, Unavailable, FailedPrecondition."""
        ...

    async def unload(self, model_id: str) -> None:
        """Take a model out of memory; nothing happens where it is not in it."""
        ...

    def models(self) -> list[ModelListing]:
        """What it can run."""
        ...

    def problems(self) -> Sequence[ModelProblem]:
        """What it cannot run, though it lies where its models do."""
        ...

    def refresh(self) -> None:
        """Look again at what there is. Blocks for a second at most."""
        ...


def engine_down() -> Unavailable:
    return Unavailable(
        "the engine does not start; the server's log says why (is the 'local' extra installed?)",
        reason=ENGINE_DOWN,
        retry_after=30,
    )

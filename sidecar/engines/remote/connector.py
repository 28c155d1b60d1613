"""The interface of a connector: what a kind of server must say and do to be an engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from capabilities.models import ModelFacts
from sidecar.engines.api import ModelProblem, ProgressDetail
from sidecar.engines.events import Loading, Preview
from sidecar.engines.remote.failures import RemoteFailure

Ability = Literal[
    "negative_prompt",
    "guidance_scale",
    "steps",
    "seed",
    "scheduler",
    "loras",
    "embeddings",
    "clip_skip",
    "vae",
    "tiling",
    "prompt_2",
    "controls",
    "control_preprocessing",
    "transparent",
]
"""What of a task a server may or may not be able to do, beside its methods."""


@dataclass(frozen=True)
class RemoteListing:
    """A model as a server has it: `name` in its own words, `facts` with the id that callers use."""

    name: str
    facts: ModelFacts
    description: str = ""
    family: str = ""
    abilities: frozenset[Ability] = frozenset()
    """What of a task it does; of the rest, what is in `ignores` is warned of, and anything else is refused. Of schedulers it
    does those in `schedulers`.
    """
    ignores: frozenset[Ability] = frozenset()
    schedulers: Mapping[str, str] = field(default_factory=dict)
    """Our names of the schedulers that it has, and its own for each; "default" needs no entry."""
    sizes: Sequence[tuple[int, int]] = ()
    """Width and height of the pictures that it draws, in pixels; none: any that its granularity divides."""
    most_images: int = 1
    """Pictures that it draws in one call."""
    has_clear_masks: bool = False
    """Its masks are clear where it is to draw; where they are read without transparency they are white there."""


@dataclass(frozen=True)
class Inventory:
    """What a server is and has, as of one look."""

    version: str
    models: tuple[RemoteListing, ...]
    device: str = ""
    device_memory: int = 0
    """Bytes in use."""
    loaded: frozenset[str] = frozenset()
    """Ids of models in its memory."""
    problems: tuple[ModelProblem, ...] = ()
    """What is left out of the models, and why."""

    def named(self, model_id: str) -> RemoteListing | None:
        return next((listing for listing in self.models if listing.facts.id == model_id), None)


@dataclass(frozen=True)
class LoraPart:
    """A LoRA by the server's name for it."""

    name: str
    weight: float


@dataclass(frozen=True)
class ControlPart:
    """A control: a PNG of the drawing's size, the server's name of the network, its type, and when it acts (0 to 1)."""

    picture: bytes
    model: str
    type: str
    strength: float
    start: float
    end: float
    preprocess: bool


@dataclass(frozen=True)
class Drawing:
    """What a server is to do in one call, in words that every connector understands.

    "text": from words; "image": from a picture (PNG, RGB) and words; "masked": of a picture, what is white in the mask (PNG,
    grey); "upscale": a picture `factor` times larger; "faces": a picture with its faces restored as far as `strength` says;
    "control": the control picture of `control_type`. Sizes in pixels, of what comes of it.
    """

    kind: Literal["text", "image", "masked", "upscale", "faces", "control"]
    model: str
    """The server's own name."""
    width: int
    height: int
    count: int = 1
    seed: int = 0
    prompt: str = ""
    negative_prompt: str = ""
    prompt_2: str = ""
    negative_prompt_2: str = ""
    steps: int = 1
    guidance_scale: float = 0.0
    scheduler: str = ""
    """The server's own name; empty: its default."""
    image: bytes = b""
    mask: bytes = b""
    strength: float = 1.0
    controls: tuple[ControlPart, ...] = ()
    loras: tuple[LoraPart, ...] = ()
    embeddings: Mapping[str, str] = field(default_factory=dict)
    """Textual inversions: as the prompt names them, and the server's own name."""
    vae: str = ""
    clip_skip: int = 0
    tiling: bool = False
    transparent: bool = False
    factor: int = 1
    control_type: str = ""
    job_id: str = ""


@dataclass(frozen=True)
class DrawnPicture:
    """A picture as the server sent it. `seed`: the one it tells; None where it tells none.

    `told`: what else it says of how it made it, for the picture's metadata.
    """

    data: bytes
    seed: int | None = None
    told: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """The pictures of a drawing, in order."""

    pictures: tuple[DrawnPicture, ...]
    warnings: tuple[str, ...] = ()


@dataclass(eq=False)
class Call:
    """One drawing that is being made: what the connector tells of it on the way, and what it is charged."""

    drawing: Drawing
    tell: Callable[[Loading | Preview | float], None]
    """A number is how much is done, 0 to 1."""
    detail: ProgressDetail | None = None
    """How closely it is watched; may change while it is made."""
    billed: int = 0
    """Pictures that have been charged for, or may have been."""

    @contextmanager
    def at_cost(self, pictures: int) -> Iterator[None]:
        """A request for which the server may charge so many pictures: they count as charged unless it refuses to draw."""
        self.billed += pictures
        try:
            yield
        except RemoteFailure as failure:
            if failure.was_refused:
                self.billed -= pictures
            raise

    @property
    def wants_previews(self) -> bool:
        return self.detail is not None and self.detail.preview_every > 0


class Connector(Protocol):
    """Speaks to one server. Belongs to the event loop's thread. All methods raise RemoteFailure."""

    is_paid: bool
    """Whether a call may be charged for though it ends badly."""

    async def look(self) -> Inventory:
        """What the server is and has now."""
        ...

    async def draw(self, call: Call) -> Drawn:
        """Make the pictures of a drawing.

        Where it is canceled it ends the work there, as far as the server can, before it lets go: what is asked next must
        not meet the rest of it. What comes back is checked against what was asked: another model, seed or size than was
        asked for, or another task's picture, raises RemoteFailure.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Writer(Protocol):
    """A connector to a server with chat models."""

    def refine(self, prompt: str, longest: int) -> AsyncGenerator[str]:
        """A fuller prompt, piece by piece as it is written, of no more characters than `longest`. Raises RemoteFailure."""
        ...

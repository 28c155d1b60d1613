"""Messages between the server and the engine's child process."""

from __future__ import annotations

import dataclasses

from sidecar.engines.api import EngineRequest, ProgressDetail
from sidecar.engines.events import Done, EncodedImage, Event, Failed, Loading, Preview, Queued, Step
from sidecar.engines.framing import LENGTHS, Framing

__all__ = ["LENGTHS", "decode", "encode"]


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """Where the child finds a model: a folder or file on disk."""

    id: str
    location: str
    kind: str
    """"folder", "file", "package" for weights that a Python package carries, or "hub" for one that is still to be
    downloaded, which never gets to the child."""
    role: str = "base"
    """"base", "upscaler", "controlnet", "annotator", "lora", "vae", "embedding", "restorer" or "matting"."""
    pipeline: str = ""
    """Pipeline class for a single file, found by its contents."""
    revision: str = ""
    size: tuple[int, int] | None = None
    """Width and height in pixels that the model draws at, where it draws at no other."""
    granularity: int = 8
    """Pixels that its width and height must divide by."""
    side: int = 512
    """Pixels a side that it was trained on."""
    parameters: int = 0
    """How many numbers its weights hold; 0 while unknown."""
    fills: bool = True
    """Whether what it draws into a part of a picture, or beyond its edges, goes together with the rest."""
    empty_prompt: str = ""
    """What a model draws that has nothing for an empty prompt."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Jobs with equal batch keys, or a single one."""

    requests: list[EngineRequest]
    sources: dict[str, ModelSource]


@dataclasses.dataclass(frozen=True)
class Cancel:
    job_id: str


@dataclasses.dataclass(frozen=True)
class Observe:
    """Someone watches a job: tell every step of it, and the previews that are wanted."""

    job_id: str
    detail: ProgressDetail


@dataclasses.dataclass(frozen=True)
class Load:
    job_id: str
    source: ModelSource


@dataclasses.dataclass(frozen=True)
class Unload:
    job_id: str
    model_id: str


@dataclasses.dataclass(frozen=True)
class Ready:
    """First message of a child: what it runs on."""

    device: str
    pid: int


@dataclasses.dataclass(frozen=True)
class Memory:
    """Which models are in the child's memory now, and how much of the device's is in use, in bytes."""

    loaded: list[str]
    device: int = 0


@dataclasses.dataclass(frozen=True)
class Alive:
    """Sent every few seconds, whatever the child is doing."""


@dataclasses.dataclass(frozen=True)
class Happened:
    """An event of a job."""

    job_id: str
    event: Event


Command = Run | Cancel | Observe | Load | Unload
Report = Ready | Memory | Alive | Happened
Message = Command | Report

_FRAMING = Framing(
    Run, EngineRequest, ProgressDetail, Cancel, Observe, Load, Unload, Ready, Memory, Alive, Happened,
    Queued, Loading, Step, Preview, Done, Failed, EncodedImage, ModelSource,
)  # fmt: skip


def encode(message: Message) -> bytes:
    """One frame."""
    return _FRAMING.encode(message)


def decode(header: bytes, payload: bytes) -> Message:
    """The message of a frame's two halves. Raises ValueError for anything else."""
    message = _FRAMING.decode(header, payload)
    if not isinstance(message, Message):
        raise ValueError(f"not a message: {type(message).__name__}")
    return message

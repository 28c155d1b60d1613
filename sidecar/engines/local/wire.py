"""Messages between the server and the engine's child process, and how they are framed on a pipe.

A frame is two big-endian 32-bit lengths, a JSON header, and the binary parts that the header names one after another.
No pickle: neither side can make the other run anything.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any

from sidecar.engines.events import Done, Event, Failed, Loading, Preview, Queued, RawImage, Step

LENGTHS = struct.Struct(">II")


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """Where the child finds a model: a folder or file on disk, or a hub id."""

    id: str
    location: str
    kind: str
    """"folder", "file", "hub", or "package" for weights that a Python package carries."""
    role: str = "base"
    """"base", "upscaler", "controlnet", "annotator", "lora", "vae" or "restorer"."""
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
    empty_prompt: str = ""
    """What a model draws that has nothing for an empty prompt."""


@dataclasses.dataclass(frozen=True)
class Order:
    """A job for the child: its task, and the pictures that it begins with."""

    job_id: str
    task: dict[str, Any]
    inputs: dict[str, RawImage]
    attended: bool
    preview_every: int


@dataclasses.dataclass(frozen=True)
class Run:
    """Jobs that are alike, or a single one."""

    orders: list[Order]
    sources: dict[str, ModelSource]


@dataclasses.dataclass(frozen=True)
class Cancel:
    job_id: str


@dataclasses.dataclass(frozen=True)
class Attend:
    """Tell every step of a job, and show a preview each so many steps (0: none)."""

    job_id: str
    preview_every: int


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


Command = Run | Cancel | Attend | Load | Unload
Report = Ready | Memory | Alive | Happened
Message = Command | Report

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (Run, Order, Cancel, Attend, Load, Unload, Ready, Memory, Alive, Happened,
                 Queued, Loading, Step, Preview, Done, Failed, RawImage, ModelSource)
}  # fmt: skip


def encode(message: Message) -> bytes:
    """One frame."""
    parts: list[bytes] = []
    header = json.dumps(_pack(message, parts)).encode()
    return b"".join([LENGTHS.pack(len(header), sum(map(len, parts))), header, *parts])


def decode(header: bytes, payload: bytes) -> Message:
    """The message of a frame's two halves. Raises ValueError for anything else."""
    message = _unpack(json.loads(header), memoryview(payload))
    if not isinstance(message, Message):
        raise ValueError(f"not a message: {type(message).__name__}")
    return message


def _pack(value: object, parts: list[bytes]) -> object:
    if isinstance(value, bytes):
        start = sum(map(len, parts))
        parts.append(value)
        return {"!": "bytes", "start": start, "length": len(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _pack(getattr(value, field.name), parts) for field in dataclasses.fields(value)}
        return {"!": type(value).__name__, **fields}
    if isinstance(value, list):
        return [_pack(item, parts) for item in value]
    if isinstance(value, tuple):
        return {"!": "tuple", "items": [_pack(item, parts) for item in value]}
    if isinstance(value, dict):
        return {name: _pack(item, parts) for name, item in value.items()}
    return value


def _unpack(value: object, payload: memoryview) -> Any:
    if isinstance(value, list):
        return [_unpack(item, payload) for item in value]
    if not isinstance(value, dict):
        return value
    if "!" not in value:
        return {name: _unpack(item, payload) for name, item in value.items()}
    kind = value["!"]
    if kind == "bytes":
        return bytes(payload[value["start"] : value["start"] + value["length"]])
    if kind == "tuple":
        return tuple(_unpack(item, payload) for item in value["items"])
    if kind not in _KINDS:
        raise ValueError(f"unknown message kind {kind!r}")
    return _KINDS[kind](**{name: _unpack(item, payload) for name, item in value.items() if name != "!"})

"""What the process of a download tells the server."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.engines.events import Failed
from sidecar.engines.framing import Framing


@dataclass(frozen=True)
class Progress:
    """So many bytes of so many are there, of this commit."""

    done: int
    total: int
    commit: str


@dataclass(frozen=True)
class Fetched:
    """All of it is there."""

    commit: str


Message = Progress | Fetched | Failed
_FRAMING = Framing(Progress, Fetched, Failed)


def encode(message: Message) -> bytes:
    """One frame."""
    return _FRAMING.encode(message)


def decode(header: bytes, payload: bytes) -> Message:
    """The message of a frame's two halves. Raises ValueError for anything else."""
    message = _FRAMING.decode(header, payload)
    if not isinstance(message, Message):
        raise ValueError(f"not a message: {type(message).__name__}")
    return message

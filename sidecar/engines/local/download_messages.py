"""What the process of a download tells the server: a line of JSON each."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from sidecar.engines.events import Failed


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
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Progress, Fetched, Failed)}


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps([type(message).__name__, dataclasses.asdict(message)]).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises ValueError for anything else."""
    try:
        kind, fields = json.loads(line)
        return _KINDS[kind](**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a message: {error}") from None

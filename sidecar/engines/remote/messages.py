"""Messages between the server and a process that makes pictures ready for other servers, and takes in what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capabilities.tasks import Task
from sidecar.engines.events import EncodedImage, Failed
from sidecar.engines.framing import Framing


@dataclass(frozen=True)
class Prepare:
    """What of a task's pictures a server is to be sent. `files` by role; `granularity` in pixels."""

    task: Task
    files: dict[str, bytes]
    seed: int
    granularity: int


@dataclass(frozen=True)
class Part:
    """One drawing of those that make a picture: PNGs of width x height pixels; empty where it begins with none."""

    width: int
    height: int
    image: bytes = b""
    mask: bytes = b""
    controls: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """Nothing to draw where there are no parts: the picture stays as it is."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Finish:
    """Make a task's picture of what was drawn for its parts, check it and encode it.

    `fit`: what becomes of a drawing of another size than its part: "refuse", "scale" or "crop". `metadata` goes into the file.
    """

    task: Task
    files: dict[str, bytes]
    seed: int
    granularity: int
    drawn: tuple[bytes, ...]
    fit: str
    metadata: dict[str, Any]
    thumbnail_side: int
    transparent: bool = False
    """Whether what was drawn is to keep its transparency."""
    from_words: bool = False
    """Whether it was drawn from words alone, also where that was an earlier pass."""


FRAMING = Framing(Prepare, Prepared, Part, Finish, EncodedImage, Failed)

"""Messages between the server and a process that makes pictures ready for other servers, and takes in what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capabilities.tasks import Task
from sidecar.engines.events import EncodedImage, Failed, Preview
from sidecar.engines.framing import Framing


@dataclass(frozen=True)
class Canvas:
    """On what a model draws. `granularity` in pixels; `sizes`, width and height, where it draws at these only.

    `has_clear_masks`: what is to be drawn is clear in a mask, as well as white.
    """

    granularity: int = 1
    sizes: tuple[tuple[int, int], ...] = ()
    has_clear_masks: bool = False


@dataclass(frozen=True)
class Prepare:
    """What of a task's pictures a server is to be sent. `files` by role."""

    task: Task
    files: dict[str, bytes]
    seed: int
    canvas: Canvas


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

    `fit`: what becomes of a drawing of another size than it was to have: "refuse", "scale" or "crop". `metadata` goes into the file.
    """

    task: Task
    files: dict[str, bytes]
    seed: int
    canvas: Canvas
    drawn: tuple[bytes, ...]
    fit: str
    metadata: dict[str, Any]
    thumbnail_side: int
    transparent: bool = False
    """Whether what was drawn is to keep its transparency."""
    from_words: bool = False
    """Whether it was drawn from words alone, also where that was an earlier pass."""


@dataclass(frozen=True)
class Glimpse:
    """Make a preview of an unfinished picture as a server sent it, of the picture with that index."""

    data: bytes
    image_index: int


FRAMING = Framing(Canvas, Prepare, Prepared, Part, Finish, Glimpse, EncodedImage, Preview, Failed)

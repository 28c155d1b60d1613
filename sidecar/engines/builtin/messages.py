"""Messages between the server and a picture worker; one answer for each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capabilities.tasks import Task
from sidecar.engines.events import Done, EncodedImage, Failed
from sidecar.engines.framing import Framing


@dataclass(frozen=True)
class Inspect:
    """Decode a file to its last pixel, and say what it is."""

    data: bytes
    field: str


@dataclass(frozen=True)
class Inspected:
    """What the file is; sizes in pixels, as shown."""

    format: str
    width: int
    height: int
    has_alpha: bool


@dataclass(frozen=True)
class Thumbnail:
    """Make a small WebP with the longest side at most `side` pixels."""

    data: bytes
    side: int


@dataclass(frozen=True)
class Small:
    data: bytes


@dataclass(frozen=True)
class Edit:
    """Do a task without a model; `metadata` None keeps what the first picture's file has."""

    task: Task
    files: dict[str, bytes]
    metadata: dict[str, Any] | None
    thumbnail_side: int


Request = Inspect | Thumbnail | Edit
Answer = Inspected | Small | Done | Failed

FRAMING = Framing(Inspect, Inspected, Thumbnail, Small, Edit, Done, EncodedImage, Failed)

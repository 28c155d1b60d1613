"""Messages between the server and a process that draws glyphs; one answer for each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capabilities.methods.text_to_image import TextToImage
from sidecar.engines.events import Done, EncodedImage, Failed
from sidecar.engines.framing import Framing


@dataclass(frozen=True)
class Draw:
    """Make all pictures of a task; `metadata` goes into their files."""

    task: TextToImage
    metadata: dict[str, Any]
    thumbnail_side: int


FRAMING = Framing(Draw, Done, EncodedImage, Failed)

"""Picture files and their pixels, written and read by another library than the sidecar's own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height x width x bands of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(data)))


def png(array: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """A file of height x width, or height x width x bands."""
    return _file(Image.fromarray(array), "PNG")


def plain(
    width: int, height: int, format: str = "PNG", *, mode: str = "RGB", color: str | int = 0, **options: Any
) -> bytes:
    """A file of one colour, black unless told; `options` are Pillow's of the format."""
    return _file(Image.new(mode, (width, height), color), format, **options)


def _file(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()

"""Small pictures for the tests of this folder."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image as Pillow

from capabilities import imaging

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def noise(width: int, height: int, bands: int = 3, seed: int = 1) -> Pixels:
    """Height x width x bands random bytes."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)


@functools.cache
def encoded(name: str) -> bytes:
    """A 48 x 32 file, written by another library than the one under test."""
    buffer = io.BytesIO()
    Pillow.fromarray(noise(48, 32)).save(buffer, name)
    return buffer.getvalue()


def image_of(pixels: Pixels) -> imaging.Image:
    height, width, bands = pixels.shape
    return imaging.from_pixels(pixels.tobytes(), width, height, bands)


def pixels_of(image: imaging.Image) -> Pixels:
    shape = (image.height, image.width, image.bands)
    return np.frombuffer(imaging.to_pixels(image), np.uint8).reshape(shape)

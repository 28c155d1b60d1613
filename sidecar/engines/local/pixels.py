"""Between the pixels of events, arrays, and what pipelines answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sidecar.engines.events import RawImage

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Height x width x bands bytes."""


def as_array(image: RawImage) -> Pixels:
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, image.bands)


def as_raw(pixels: Pixels, seed: int) -> RawImage:
    return RawImage(pixels.tobytes(), pixels.shape[1], pixels.shape[0], pixels.shape[2], seed)


def to_bytes(image: Any) -> Pixels:
    """Bytes from floats in 0 to 1; what is not a number becomes black."""
    scaled: np.ndarray[Any, np.dtype[Any]] = np.nan_to_num(np.clip(image, 0, 1)) * 255
    return scaled.round().astype(np.uint8)


def resized(pixels: Pixels, width: int, height: int, mode: str = "bicubic") -> Pixels:
    """Scaled to a size, with antialiasing."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    tensor = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    antialias = mode in ("bicubic", "bilinear")
    made = functional.interpolate(tensor, (height, width), mode=mode, antialias=antialias)
    return made[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy()


def on_white(pixels: Pixels) -> Pixels:
    """Without transparency, laid on white."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255
    return (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)


def centred(pixels: Pixels, width: int, height: int) -> Pixels:
    """In the middle of a white area."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    ground = np.full((height, width, pixels.shape[2]), 255, np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    ground[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return ground

"""Between the pixels of events, arrays, and what pipelines answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from capabilities.errors import FailedPrecondition
from sidecar.engines.events import RawImage

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Height x width x bands bytes."""


def as_array(image: RawImage) -> Pixels:
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, image.bands)


def as_raw(pixels: Pixels, seed: int) -> RawImage:
    return RawImage(pixels.tobytes(), pixels.shape[1], pixels.shape[0], pixels.shape[2], seed)


def to_bytes(image: Any) -> Pixels:
    """Bytes from floats in 0 to 1. Raises FailedPrecondition where a value is no number: it would be shown as black."""
    if not np.isfinite(image).all():
        raise FailedPrecondition(
            "the model came to values that are not numbers, so there is no picture; try another scheduler, a lower "
            "guidance scale or fewer LoRAs, and if it goes on, the model's weights are damaged or need float32",
            reason="NOT_A_NUMBER",
            field="model_id",
        )
    scaled: np.ndarray[Any, np.dtype[Any]] = np.clip(image, 0, 1) * 255
    return scaled.round().astype(np.uint8)


def resized(pixels: Pixels, width: int, height: int, mode: str = "bicubic") -> Pixels:
    """Scaled to a size, with antialiasing; colours count by their opacity, so that what does not show is not mixed in."""
    if (pixels.shape[1], pixels.shape[0]) == (width, height):
        return pixels
    if pixels.shape[2] == 4 and not mode.startswith("nearest"):
        alpha = resized(pixels[..., 3:], width, height, mode)
        return np.concatenate([resized(spread(pixels), width, height, mode), alpha], axis=2)
    tensor = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    antialias = mode in ("bicubic", "bilinear")
    made = functional.interpolate(tensor, (height, width), mode=mode, antialias=antialias)
    return made[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy()


def spread(pixels: Pixels) -> Pixels:
    """The colours of a picture (h x w x 4 bytes), those of clear pixels being taken from what shows around them.

    What a clear pixel's own colour is makes no difference then, whatever looks at it next.
    """
    shown = torch.from_numpy(pixels[..., 3].astype(np.float32))[None, None] / 255
    colours = torch.from_numpy(pixels[..., :3].astype(np.float32)).permute(2, 0, 1)[None]
    if bool((shown > 0).all()):
        return np.ascontiguousarray(pixels[..., :3])
    levels = [(colours * shown, shown)]
    while max(levels[-1][1].shape[2:]) > 1 and bool((levels[-1][1] == 0).any()):
        sums, weights = levels[-1]
        levels.append(
            (
                functional.avg_pool2d(sums, 2, ceil_mode=True),
                functional.avg_pool2d(weights, 2, ceil_mode=True),
            )
        )
    sums, weights = levels.pop()
    filled = sums / weights.clamp(min=1e-6)
    while levels:
        sums, weights = levels.pop()
        above = functional.interpolate(filled, weights.shape[2:], mode="bilinear")
        filled = torch.where(weights > 0, sums / weights.clamp(min=1e-6), above)
    made = torch.where(shown > 0, colours, filled)[0].permute(1, 2, 0)
    return made.clamp(0, 255).round().byte().numpy()


def off_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """What lies on white (h x w x 3 bytes), with its transparency (h x w x 1) again: the reverse of `on_white`."""
    share = alpha.astype(np.float32) / 255
    colours = (pixels - 255 * (1 - share)) / np.maximum(share, 1 / 255)
    return np.concatenate([colours.clip(0, 255).round().astype(np.uint8), alpha], axis=2)


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

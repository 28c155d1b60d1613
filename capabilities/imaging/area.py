"""Another size by true averages: each pixel the mean of the area that it stands for, also where that begins within one.

As OpenCV's INTER_AREA does it where it shrinks, by whole and by broken factors.
"""

from __future__ import annotations

from typing import Any

CHUNK = 4_000_000
"""Numbers that are summed at a time."""

Array = Any
"""A numpy array."""


def averaged(pixels: Array, width: int, height: int) -> Array:
    """Height x width x bands numbers to float32 of another height and width."""
    import numpy as np

    columns = _along_rows(np, pixels, height)
    return np.ascontiguousarray(_along_rows(np, columns.swapaxes(0, 1), width).swapaxes(0, 1))


def _along_rows(np: Any, pixels: Array, length: int) -> Array:
    """The first axis averaged to another length."""
    before = pixels.shape[0]
    if before == length:
        return pixels.astype(np.float32)
    flat = pixels.reshape(before, -1)
    # The sum of all before each edge; within a pixel it grows evenly.
    edges = np.arange(length + 1) * (before / length)
    whole = np.minimum(edges.astype(np.int64), before - 1)
    rest = (edges - whole)[:, None]
    made = np.empty((length, flat.shape[1]), np.float32)
    step = max(1, CHUNK // before)
    for left in range(0, flat.shape[1], step):
        part = flat[:, left : left + step].astype(np.float64)
        sums = np.concatenate([np.zeros((1, part.shape[1])), np.cumsum(part, axis=0)])
        until = sums[whole] + part[whole] * rest
        made[:, left : left + step] = (until[1:] - until[:-1]) * (length / before)
    return made.reshape(length, *pixels.shape[1:])

"""One picture over another, to the last level: the W3C formula (Compositing and Blending Level 1) in whole numbers.

The same integers give the same bytes in every program that uses them: colours and alpha are straight, 0 to 255; a
product of two of them is divided by 255 and rounded to the nearest; shares of the result are whole numbers, and its
colour is rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BLENDS = ("normal", "multiply", "screen", "overlay", "darken", "lighten", "add", "difference")
ROWS = 64
"""Rows that are worked on at a time: the whole numbers take many times the room of the bytes."""

Array = Any
"""A numpy array."""


def over(backdrop: Array, source: Array, blend: str) -> Array:
    """Both height x width x 4 bytes, straight alpha; the same of the result. A colour where nothing is seen is 0."""
    import numpy as np

    made = np.empty_like(backdrop)
    for top in range(0, len(backdrop), ROWS):
        rows = slice(top, top + ROWS)
        made[rows] = _over(np, backdrop[rows], source[rows], blend)
    return made


def over_opaque(backdrop: Array, source: Array) -> Array:
    """The same for "normal" on a picture without alpha: `backdrop` and the result are height x width x 3 bytes."""
    import numpy as np

    alpha = source[..., 3:].astype(np.uint16)
    # At most 255 * 255, so it stays within 16 bits, and this is the rounded 255th of it.
    mixed = source[..., :3] * alpha
    mixed += backdrop * (255 - alpha)
    mixed += 128
    mixed += mixed >> 8
    return (mixed >> 8).astype(np.uint8)


def _over(np: Any, backdrop: Array, source: Array, blend: str) -> Array:
    below, above = backdrop.astype(np.int32), source.astype(np.int32)
    da, sa = below[..., 3:], above[..., 3:]
    d, c = below[..., :3], above[..., :3]
    keep = _div255(da * (255 - sa))
    alpha = sa + keep
    both = _div255(sa * da)
    mixed = c if blend == "normal" else _MIXES[blend](np, d, c)
    colour = both * mixed + (sa - both) * c + keep * d
    whole = np.maximum(alpha, 1)
    colour = np.where(alpha > 0, (2 * colour + whole) // (2 * whole), 0)
    return np.concatenate([colour, alpha], axis=-1).astype(np.uint8)


def _div255(value: Array) -> Array:
    """A 255th, rounded to the nearest: exact up to 65 535."""
    value = value + 128
    return (value + (value >> 8)) >> 8


def _multiply(np: Any, d: Array, c: Array) -> Array:
    return _div255(d * c)


def _screen(np: Any, d: Array, c: Array) -> Array:
    return d + c - _div255(d * c)


def _overlay(np: Any, d: Array, c: Array) -> Array:
    # Twice a product goes beyond 65 535, so it is divided as it is.
    dark = (4 * d * c + 255) // 510
    light = 255 - (4 * (255 - d) * (255 - c) + 255) // 510
    return np.where(2 * d <= 255, dark, light)


def _darken(np: Any, d: Array, c: Array) -> Array:
    return np.minimum(d, c)


def _lighten(np: Any, d: Array, c: Array) -> Array:
    return np.maximum(d, c)


def _add(np: Any, d: Array, c: Array) -> Array:
    return np.minimum(d + c, 255)


def _difference(np: Any, d: Array, c: Array) -> Array:
    return np.abs(d - c)


_MIXES: dict[str, Callable[[Any, Array, Array], Array]] = {
    "multiply": _multiply, "screen": _screen, "overlay": _overlay, "darken": _darken, "lighten": _lighten,
    "add": _add, "difference": _difference,
}  # fmt: skip

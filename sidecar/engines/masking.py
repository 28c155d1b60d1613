"""Which part of a picture is regenerated: masks, soft edges and regions, for every engine that changes a part of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from capabilities.methods.outpaint import Outpaint

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Height x width x bands bytes."""
Weights = np.ndarray[Any, np.dtype[np.float32]]
"""Height x width in 0 to 1: how much of the new picture a pixel gets."""

SEED_NOISE = 0.08
"""Deviation of the noise laid over an extended edge (of 1): without it the new area repeats the edge as stripes."""


def mask_weights(pixels: Pixels, threshold: int) -> Weights:
    """Brightness times alpha; 0 keeps, 1 is regenerated. Up to `threshold`, of 255, counts as 0."""
    grey = pixels[..., :3].astype(np.float32).mean(axis=2) / 255
    if pixels.shape[2] == 4:
        grey = grey * (pixels[..., 3].astype(np.float32) / 255)
    weights: Weights = np.asarray(np.where(grey * 255 > threshold + 0.5, grey, 0), np.float32)
    return weights


def feathered(mask: Weights, feather: int) -> Weights:
    """The mask with a soft edge that reaches exactly `feather` pixels out of it and falls off along a line."""
    weights = grown = mask
    for distance in range(1, feather + 1):
        grown = _grown(grown)
        share = np.float32(1 - distance / (feather + 1))
        weights = np.maximum(weights, grown * share)
    return weights


def _grown(mask: Weights) -> Weights:
    """The largest of each pixel and its eight neighbours."""
    for axis in (0, 1):
        before, after = np.roll(mask, 1, axis), np.roll(mask, -1, axis)
        first, last = (0, slice(None)), (-1, slice(None))
        before[first if axis == 0 else first[::-1]] = 0
        after[last if axis == 0 else last[::-1]] = 0
        mask = np.maximum(mask, np.maximum(before, after))
    return mask


def extended(task: Outpaint, picture: Pixels, seed: int) -> tuple[Pixels, Weights]:
    """The picture on a larger canvas whose new parts continue its edge, with noise, and the mask of what is new."""
    around = ((task.top, task.bottom), (task.left, task.right))
    canvas = np.pad(picture, (*around, (0, 0)), mode="edge")
    mask = np.pad(np.zeros(picture.shape[:2], np.float32), around, constant_values=1.0)
    noise = np.random.default_rng(seed).normal(0, SEED_NOISE * 255, (*mask.shape, 3))
    noisy = (canvas[..., :3] + noise).clip(0, 255).round()
    canvas[..., :3] = np.where(mask[..., None] > 0, noisy, canvas[..., :3]).astype(np.uint8)
    return canvas, mask


def region(weights: Weights, padding: int) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of what is to be regenerated, with padding."""
    rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    height, width = weights.shape
    return (
        max(0, int(rows[0]) - padding),
        max(0, int(columns[0]) - padding),
        min(height, int(rows[-1]) + 1 + padding),
        min(width, int(columns[-1]) + 1 + padding),
    )


def laid_over(below: Pixels, above: Pixels, weights: Weights) -> Pixels:
    """`above` (RGB) over `below` (RGB or RGBA) by weight; where the weight is 0 the bytes below are returned."""
    share = weights[..., None]
    if below.shape[2] == 3:
        colours = below * (1 - share) + above * share
        return np.where(share > 0, colours.round(), below).astype(np.uint8)
    # Colours weighted by their opacity, so that a colour that does not show is not mixed in.
    shown = below[..., 3:] * (1 - share)
    alpha = shown + 255 * share
    colours = (below[..., :3] * shown + above * (255 * share)) / np.maximum(alpha, 1e-6)
    made = np.where(share > 0, colours.round(), below[..., :3]).astype(np.uint8)
    return np.concatenate([made, np.where(share > 0, alpha.round(), below[..., 3:]).astype(np.uint8)], axis=2)


def fading(height: int, width: int, overlap: int) -> Weights:
    """Weights, height x width x 1, that fall off within `overlap` pixels of every edge, smoothly at both ends, but never to
    nothing.
    """

    def ramp(length: int) -> Weights:
        if not overlap:
            return np.ones(length, np.float32)
        near = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
        return (np.sin(np.minimum(1, near / overlap) * np.pi / 2) ** 2).astype(np.float32)

    return (ramp(height)[:, None] * ramp(width)[None, :])[..., None]

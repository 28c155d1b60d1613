"""Pictures that begin with a picture: image to image, inpainting and outpainting on any diffusers pipeline, controlled or not.

The pipeline only ever proposes pixels. What is kept of the original is decided here, by laying the proposal over it with
a soft mask, so that every pixel outside the mask stays bit for bit, whatever the autoencoder does to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from capabilities.methods.apply import Apply
from capabilities.methods.initial_image import InitialImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.outpaint import Outpaint
from capabilities.methods.upscale_img2img import UpscaleImg2Img, starts
from sidecar.engines.events import RawImage
from sidecar.engines.local.cancellation import CancellationToken, Emit
from sidecar.engines.local.controls import Controls, Region
from sidecar.engines.local.diffusion import Loaded, Part, fitted, run
from sidecar.engines.local.pixels import Pixels, as_array, as_raw, off_white, on_white, resized
from sidecar.engines.local.upscalers import Upscaler, enlarged

Weights = np.ndarray[Any, np.dtype[np.float32]]
"""Height x width in 0 to 1: how much of the new picture a pixel gets."""

SEED_NOISE = 0.08
"""Deviation of the noise laid over an extended edge (of 1): without it the new area repeats the edge as stripes."""


def inpaint(
    task: InitialImage | Apply,
    index: int,
    loaded: Loaded,
    inputs: Mapping[str, RawImage],
    enlarger: list[Upscaler] | None,
    emit: Emit,
    token: CancellationToken,
    controls: Controls | None = None,
) -> RawImage:
    """One picture of the batch; `controls` steer it."""
    seed = task.seed + index
    picture = as_array(inputs["image"])
    run_task = _Run(task, index, loaded, enlarger, emit, token, controls)
    match task:
        case Inpaint() | Apply(mask=str(_)) if "mask" in inputs:
            mask = _mask(as_array(inputs["mask"]), task.width, task.height, task.mask_threshold)
            made = _inpaint_masked(run_task, task, picture, mask)
        case Outpaint():
            canvas, mask = _extended(task, picture, seed)
            made = _inpaint_masked(run_task, task, canvas, mask)
        case UpscaleImg2Img():
            larger = enlarged(on_white(picture), task.width, task.height, task.method, enlarger)
            made = larger if task.steps_taken == 0 else _tile_by_tile(run_task, task, larger)
            if picture.shape[2] == 4:
                made = off_white(made, resized(picture[..., 3:], task.width, task.height))
        case _:
            picture = resized(on_white(picture), task.width, task.height)
            made = picture if task.steps_taken == 0 else run_task.whole(picture, None)
    return as_raw(made, seed)


@dataclass(frozen=True)
class _Run:
    """Runs the task's pipeline on pictures of any size."""

    task: InitialImage | Apply
    index: int
    loaded: Loaded
    enlarger: list[Upscaler] | None
    emit: Emit
    token: CancellationToken
    controls: Controls | None = None

    @property
    def _strength(self) -> float:
        return self.task.denoise_strength if isinstance(self.task, Apply) else self.task.strength

    def whole(
        self, picture: Pixels, mask: Weights | None, part: Part | None = None, at: Region | None = None
    ) -> Pixels:
        """The pipeline's proposal for a picture (RGB), of the same size; `mask` above 0 is to be regenerated.

        `at`: which part of the task's whole picture it is; left out: all of it.
        """
        height, width = picture.shape[:2]
        work_width, work_height = self.loaded.size or (
            _up(width, self.loaded.granularity),
            _up(height, self.loaded.granularity),
        )
        shown = _boxed(picture, work_width, work_height) if self.loaded.size else picture
        special: dict[str, Any] = {
            "image": Image.fromarray(resized(shown, work_width, work_height)),
            "strength": self._strength,
            "width": work_width,
            "height": work_height,
        }
        kind = "Image2Image"
        if mask is not None:
            wanted = ((mask > 0) * np.uint8(255))[..., None]
            if self.loaded.size:
                wanted = _boxed(wanted, work_width, work_height, ground=0)
            area = (resized(wanted, work_width, work_height)[..., 0] > 0) * np.uint8(255)
            special["mask_image"] = Image.fromarray(area)
            kind = "Inpainting"
        pipeline = self.loaded.pipeline(kind)
        if self.controls is not None:
            shape = (self.task.height, self.task.width)
            special |= self.controls.options(shape, at or (0, 0, *shape), (work_width, work_height))
            pipeline = self.loaded.controlled(kind, self.controls.networks)
        made = run(
            self.task,
            self.index,
            self.loaded,
            pipeline,
            special,
            self.emit,
            self.token,
            part,
        )
        if self.loaded.size:
            side = max(width, height)
            made = fitted(made, side, side, self.enlarger)
            top, left = (side - height) // 2, (side - width) // 2
            return made[top : top + height, left : left + width]
        return resized(made, width, height)


def _inpaint_masked(runner: _Run, task: Inpaint | Outpaint | Apply, picture: Pixels, mask: Weights) -> Pixels:
    """The picture with the masked part regenerated; pixels that mask and feather do not reach stay as they are."""
    weights = feathered(mask, task.feather)
    if task.steps_taken == 0 or not weights.any():
        return picture
    top, left, bottom, right = 0, 0, picture.shape[0], picture.shape[1]
    scale = 1.0
    if not isinstance(task, Outpaint) and task.crop_padding is not None:
        top, left, bottom, right = _region(weights, task.crop_padding)
        loaded = runner.loaded
        side = task.crop_side or (max(loaded.size) if loaded.size else loaded.side)
        # A small region is enlarged, so that the model draws it at the size that it was trained on.
        scale = max(1.0, side / max(bottom - top, right - left))
    part, wanted = picture[top:bottom, left:right], weights[top:bottom, left:right]
    height, width = round((bottom - top) * scale), round((right - left) * scale)
    large_mask = resized((wanted[..., None] * 255).round().astype(np.uint8), width, height)[..., 0] / 255
    shown = resized(on_white(part), width, height)
    proposal = runner.whole(shown, large_mask.astype(np.float32), at=(top, left, bottom, right))
    proposal = resized(proposal, right - left, bottom - top)
    result = picture.copy()
    result[top:bottom, left:right] = laid_over(part, proposal, wanted)
    return result


def _tile_by_tile(runner: _Run, task: UpscaleImg2Img, picture: Pixels) -> Pixels:
    """The picture with each tile's detail regenerated; where tiles share pixels they fade into one another.

    Only one tile at a time is in the model, so memory does not grow with the picture.
    """
    height, width = picture.shape[:2]
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width, 1), np.float32)
    corners = [
        (top, left)
        for top in starts(height, task.tile, task.overlap)
        for left in starts(width, task.tile, task.overlap)
    ]
    steps = max(1, task.steps_taken)
    for number, (top, left) in enumerate(corners):
        here = (slice(top, min(height, top + task.tile)), slice(left, min(width, left + task.tile)))
        made = runner.whole(picture[here], None, Part(number, number * steps, steps))
        share = _fading(made.shape[0], made.shape[1], task.overlap)
        total[here] += made * share
        weight[here] += share
    return (total / weight).round().clip(0, 255).astype(np.uint8)


def _fading(height: int, width: int, overlap: int) -> Weights:
    """Weights that fall off within `overlap` pixels of every edge, smoothly at both ends, but never to nothing."""

    def ramp(length: int) -> Weights:
        near = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
        return (np.sin(np.minimum(1, near / overlap if overlap else 1) * np.pi / 2) ** 2).astype(np.float32)

    return (ramp(height)[:, None] * ramp(width)[None, :])[..., None]


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


def feathered(mask: Weights, feather: int) -> Weights:
    """The mask with a soft edge that reaches exactly `feather` pixels out of it and falls off along a line."""
    weights = torch.from_numpy(mask)[None, None]
    grown = weights
    for distance in range(1, feather + 1):
        grown = functional.max_pool2d(grown, 3, 1, 1)
        weights = torch.maximum(weights, grown * (1 - distance / (feather + 1)))
    soft: Weights = weights[0, 0].numpy()
    return soft


def _mask(pixels: Pixels, width: int, height: int, threshold: int) -> Weights:
    """Brightness times alpha, at the picture's size; 0 keeps, 1 is inpainted. Up to `threshold`, of 255, counts as 0."""
    pixels = resized(pixels, width, height)
    grey = pixels[..., :3].astype(np.float32).mean(axis=2) / 255
    if pixels.shape[2] == 4:
        grey = grey * (pixels[..., 3].astype(np.float32) / 255)
    weights: Weights = np.asarray(np.where(grey * 255 > threshold + 0.5, grey, 0), np.float32)
    return weights


def _extended(task: Outpaint, picture: Pixels, seed: int) -> tuple[Pixels, Weights]:
    """The picture on a larger canvas whose new parts continue its edge, with noise, and the mask of what is new."""
    around = ((task.top, task.bottom), (task.left, task.right))
    canvas = np.pad(picture, (*around, (0, 0)), mode="edge")
    mask = np.pad(np.zeros(picture.shape[:2], np.float32), around, constant_values=1.0)
    noise = np.random.default_rng(seed).normal(0, SEED_NOISE * 255, (*mask.shape, 3))
    noisy = (canvas[..., :3] + noise).clip(0, 255).round()
    canvas[..., :3] = np.where(mask[..., None] > 0, noisy, canvas[..., :3]).astype(np.uint8)
    return canvas, mask


def _region(weights: Weights, padding: int) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of what is to be regenerated, with padding."""
    rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    height, width = weights.shape
    return (
        max(0, int(rows[0]) - padding),
        max(0, int(columns[0]) - padding),
        min(height, int(rows[-1]) + 1 + padding),
        min(width, int(columns[-1]) + 1 + padding),
    )


def _boxed(pixels: Pixels, width: int, height: int, ground: int = 255) -> Pixels:
    """Padded to the proportions of another size, so that nothing is stretched."""
    side_height = max(pixels.shape[0], round(pixels.shape[1] * height / width))
    side_width = max(pixels.shape[1], round(pixels.shape[0] * width / height))
    more_rows, more_columns = side_height - pixels.shape[0], side_width - pixels.shape[1]
    around = (
        (more_rows // 2, more_rows - more_rows // 2),
        (more_columns // 2, more_columns - more_columns // 2),
        (0, 0),
    )
    return np.pad(pixels, around, constant_values=ground)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step

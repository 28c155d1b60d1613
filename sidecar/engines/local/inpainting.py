"""Pictures that begin with a picture: image to image, inpainting and outpainting on any diffusers pipeline, controlled or not.

The pipeline only ever proposes pixels. What is kept of the original is decided here, by laying the proposal over it with
a soft mask, so that every pixel outside the mask stays bit for bit, whatever the autoencoder does to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

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
from sidecar.engines.masking import Weights, extended, fading, feathered, laid_over, mask_weights, region


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
            given = resized(as_array(inputs["mask"]), task.width, task.height)
            mask = mask_weights(given, task.mask_threshold)
            made = _inpaint_masked(run_task, task, picture, mask)
        case Outpaint():
            canvas, mask = extended(task, picture, seed)
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
        top, left, bottom, right = region(weights, task.crop_padding)
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
        share = fading(made.shape[0], made.shape[1], task.overlap)
        total[here] += made * share
        weight[here] += share
    return (total / weight).round().clip(0, 255).astype(np.uint8)


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

"""The pictures of a task, made ready for a server that knows none of its terms, and what comes back made into its result.

A server only ever proposes pixels. What is kept of the original is decided here, by laying the proposal over it with a soft
mask, so that every pixel outside the mask stays bit for bit, whatever the server's autoencoder does to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyvips

from capabilities import imaging
from capabilities.errors import FailedPrecondition, InvalidArgument, Refusal, Unavailable
from capabilities.methods.apply import Apply
from capabilities.methods.generation import Generation
from capabilities.methods.initial_image import InitialImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.outpaint import Outpaint
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale_img2img import UpscaleImg2Img, starts
from capabilities.methods.upscalers import DEFAULT_FILTER
from capabilities.operations import RESAMPLES, Resize
from capabilities.tasks import PictureTask, Task
from sidecar.engines.encoding import encode_picture
from sidecar.engines.events import EncodedImage, Preview
from sidecar.engines.masking import (
    Pixels,
    Weights,
    extended,
    fading,
    feathered,
    laid_over,
    mask_weights,
    region,
)
from sidecar.engines.remote.messages import Canvas, Finish, Glimpse, Part, Prepare, Prepared

SUBSTITUTED = "ENGINE_SUBSTITUTED"
BAD_ANSWER = "ENGINE_BAD_ANSWER"
PREVIEW_SIDE = 256
"""Longest side of a preview, in pixels."""

Box = tuple[int, int, int, int]
"""Top, left, bottom and right of a part of a picture, in pixels."""


@dataclass(frozen=True)
class _Region:
    """A part of a task's picture that one drawing is for; `size`: width and height at which it is drawn, in pixels."""

    box: Box
    size: tuple[int, int]
    weights: Weights | None = None
    """Of the box: how much of the drawing each pixel gets; None: all."""
    clear: Weights | None = None
    """Of the box: where there is nothing yet, and the server is shown nothing; None: nowhere."""


@dataclass(frozen=True)
class _Plan:
    """How a task's picture comes about: what is there before, and the regions that are drawn."""

    ground: Pixels | None
    regions: tuple[_Region, ...]


def prepare(request: Prepare) -> Prepared:
    """What a server is to be sent. Raises InvalidArgument for a picture that cannot be read."""
    task, files = request.task, request.files
    if isinstance(task, PictureTask):
        return Prepared((Part(task.width, task.height, _png(_read(files, "image"))),))
    plan = _plan(task, files, request.seed, request.canvas)
    return Prepared(tuple(_part(task, files, plan, each, request.canvas) for each in plan.regions))


def finish(request: Finish) -> EncodedImage:
    """The task's picture. Raises Unavailable for what is no picture, FailedPrecondition for what was not asked for."""
    task = request.task
    if isinstance(task, PictureTask):
        # Whatever the server enlarged it to, the result has the size that was promised.
        made = _drawn(request.drawn[0])
        size = (task.width, task.height)
        whole = _vips(made) if (made.shape[1], made.shape[0]) == size else _scaled(_vips(made), *size)
        return encode_picture(task, whole, request.seed, request.metadata, request.thumbnail_side)
    plan = _plan(task, request.files, request.seed, request.canvas)
    drawings = [
        _of_size(_drawn(data, keep_alpha=request.transparent), each.size, request.fit)
        for data, each in zip(request.drawn, plan.regions, strict=True)
    ]
    if plan.ground is None and request.canvas.sizes and request.fit == "crop":
        drawings = [_covering(drawing, task.width, task.height) for drawing in drawings]
    pixels = _merged(task, plan, drawings)
    if request.from_words and not request.transparent and not pixels[..., :3].any():
        raise FailedPrecondition(
            "the server's picture is black throughout, as when its model comes to values that are not numbers; try another "
            "scheduler or a lower guidance scale, or have it compute in full precision",
            reason="NOT_A_NUMBER",
            field="model_id",
        )
    picture = _vips(pixels)
    if isinstance(task, Generation) and task.background == "transparent" and not request.transparent:
        picture = imaging.clear_ground(picture)
    return encode_picture(task, picture, request.seed, request.metadata, request.thumbnail_side)


def glimpse(request: Glimpse) -> Preview:
    """A small JPEG of what a server sent on the way, whatever it is. Raises Unavailable for what is no picture."""
    whole = _vips(_drawn(request.data))
    scale = min(1.0, PREVIEW_SIDE / max(whole.width, whole.height))
    small = _scaled(whole, max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    data = bytes(small.jpegsave_buffer(Q=75, keep="none"))
    return Preview(data, small.width, small.height, request.image_index)


def _plan(task: Task, files: Mapping[str, bytes], seed: int, canvas: Canvas) -> _Plan:
    match task:
        case UpscaleImg2Img():
            return _tiles(task, files, canvas)
        case Outpaint():
            ground, mask = extended(task, _array(_read(files, "image")), seed)
            return _masked(task, ground, mask, canvas, clear=mask)
        case Inpaint() | Apply(mask=str(_)) if "mask" in files:
            given = _array(_scaled(_read(files, "mask"), task.width, task.height))
            wanted = mask_weights(given, task.mask_threshold)
            return _masked(task, _array(_read(files, "image")), wanted, canvas)
        case InitialImage() | Apply() if "image" in files:
            ground = _array(_scaled(_on_white(_read(files, "image")), task.width, task.height))
            return _Plan(ground, _whole(task.width, task.height, canvas) if task.steps_taken else ())
        case TextToImage(refine=refine) if refine is not None:
            return _Plan(None, _whole(task.width, task.height, Canvas()))
        case _:
            return _Plan(None, _whole(task.width, task.height, canvas))


def _whole(width: int, height: int, canvas: Canvas) -> tuple[_Region, ...]:
    return (_Region((0, 0, height, width), _size(width, height, canvas)),)


def _size(width: int, height: int, canvas: Canvas) -> tuple[int, int]:
    """The size to draw something of a size at: the nearest in shape and not smaller, where there is one."""
    size = _up(width, canvas.granularity), _up(height, canvas.granularity)
    if not canvas.sizes or size in canvas.sizes:
        return size
    shape = width / height

    def distance(offered: tuple[int, int]) -> tuple[float, bool, int]:
        ratio = offered[0] / offered[1]
        return max(ratio / shape, shape / ratio), offered[0] < width, offered[0] * offered[1]

    return min(canvas.sizes, key=distance)


def _masked(
    task: Inpaint | Outpaint | Apply,
    ground: Pixels,
    mask: Weights,
    canvas: Canvas,
    *,
    clear: Weights | None = None,
) -> _Plan:
    weights = feathered(mask, task.feather)
    if task.steps_taken == 0 or not weights.any():
        return _Plan(ground, ())
    box, scale = (0, 0, ground.shape[0], ground.shape[1]), 1.0
    if not isinstance(task, Outpaint) and task.crop_padding is not None:
        box = region(weights, task.crop_padding)
        # A small region is enlarged, so that the model draws it at the size that it was trained on.
        scale = max(1.0, (task.crop_side or 0) / max(box[2] - box[0], box[3] - box[1]))
    top, left, bottom, right = box
    size = _size(round((right - left) * scale), round((bottom - top) * scale), canvas)
    shown = clear if canvas.has_clear_masks else None
    return _Plan(ground, (_Region(box, size, weights[top:bottom, left:right], shown),))


def _tiles(task: UpscaleImg2Img, files: Mapping[str, bytes], canvas: Canvas) -> _Plan:
    # Where a trained upscaler enlarges, it has done so before; what is left is to meet the size.
    method = task.method if task.method in RESAMPLES else DEFAULT_FILTER
    resize = Resize.model_validate({"width": task.width, "height": task.height, "method": method})
    larger = resize.apply(_on_white(_read(files, "image")), _nothing_else)
    if not task.steps_taken:
        return _Plan(_array(larger), ())
    regions = []
    for top in starts(task.height, task.tile, task.overlap):
        for left in starts(task.width, task.tile, task.overlap):
            bottom, right = min(task.height, top + task.tile), min(task.width, left + task.tile)
            size = _size(right - left, bottom - top, canvas)
            regions.append(_Region((top, left, bottom, right), size))
    return _Plan(_array(larger), tuple(regions))


def _part(task: Task, files: Mapping[str, bytes], plan: _Plan, each: _Region, canvas: Canvas) -> Part:
    """The pictures of one drawing, each at the size that it is drawn at."""
    top, left, bottom, right = each.box
    width, height = each.size
    image = mask = b""
    if plan.ground is not None:
        shown = _scaled(_on_white(_vips(plan.ground[top:bottom, left:right])), width, height)
        image = _png(shown if each.clear is None else _cleared(shown, each.clear))
    if each.weights is not None:
        wanted = np.repeat(((each.weights > 0) * np.uint8(255))[..., None], 3, axis=2)
        area = _array(_scaled(_vips(wanted), width, height))
        white = (area > 0) * np.uint8(255)
        # Programs that read a mask without its transparency find it white where it is clear.
        clear = np.dstack([white, 255 - white[..., :1]])
        mask = _png(_vips(clear) if canvas.has_clear_masks else _vips(white).extract_band(0))
    return Part(width, height, image, mask, tuple(_control_pictures(task, files, each)))


def _cleared(picture: pyvips.Image, clear: Weights) -> pyvips.Image:
    """A picture that is clear where there is nothing yet."""
    opaque = np.repeat(((clear == 0) * np.uint8(255))[..., None], 3, axis=2)
    alpha = _array(_scaled(_vips(opaque), picture.width, picture.height))
    return _vips(np.dstack([_array(picture), (alpha[..., :1] == 255) * np.uint8(255)]))


def _control_pictures(task: Task, files: Mapping[str, bytes], each: _Region) -> Iterator[bytes]:
    if not isinstance(task, Apply):
        return
    top, left, bottom, right = each.box
    for place in range(len(task.controls)):
        whole = _scaled(_on_white(_read(files, f"control_{place}")), task.width, task.height)
        part = imaging.crop(whole, left, top, right - left, bottom - top)
        yield _png(_scaled(part, *each.size))


def _merged(task: Task, plan: _Plan, drawings: list[Pixels]) -> Pixels:
    """The result: drawings laid where they belong."""
    if plan.ground is None:
        return _back(drawings[0], plan.regions[0])
    if not drawings:
        return plan.ground
    if isinstance(task, UpscaleImg2Img):
        return _blended(task, plan, drawings)
    result = plan.ground.copy()
    for drawing, each in zip(drawings, plan.regions, strict=True):
        top, left, bottom, right = each.box
        proposal = _back(drawing, each)
        below = result[top:bottom, left:right]
        result[top:bottom, left:right] = (
            proposal if each.weights is None else laid_over(below, proposal, each.weights)
        )
    return result


def _blended(task: UpscaleImg2Img, plan: _Plan, drawings: list[Pixels]) -> Pixels:
    """Tiles that fade into one another where they share pixels."""
    total = np.zeros((task.height, task.width, 3), np.float32)
    weight = np.zeros((task.height, task.width, 1), np.float32)
    for drawing, each in zip(drawings, plan.regions, strict=True):
        top, left, bottom, right = each.box
        share = fading(bottom - top, right - left, task.overlap)
        total[top:bottom, left:right] += _back(drawing, each) * share
        weight[top:bottom, left:right] += share
    made: Pixels = (total / weight).round().clip(0, 255).astype(np.uint8)
    return made


def _back(drawing: Pixels, each: _Region) -> Pixels:
    """A drawing at the size of what it is for."""
    top, left, bottom, right = each.box
    return _array(_scaled(_vips(drawing), right - left, bottom - top))


def _of_size(drawing: Pixels, size: tuple[int, int], fit: str) -> Pixels:
    """A drawing of the size that was asked for. Raises FailedPrecondition where it has another that may not be fitted."""
    width, height = drawing.shape[1], drawing.shape[0]
    if (width, height) == size:
        return drawing
    if fit == "refuse":
        raise FailedPrecondition(
            f"the server drew {width} x {height} pixels where {size[0]} x {size[1]} were asked for; ask for a size that it "
            "draws, or let the operator set fit for this engine",
            reason=SUBSTITUTED,
            field="width",
            limit=f"{size[0]} x {size[1]}",
            asked=f"{width} x {height}",
        )
    return _covering(drawing, *size) if fit == "crop" else _array(_scaled(_vips(drawing), *size))


def _covering(drawing: Pixels, width: int, height: int) -> Pixels:
    """A drawing at the least size that covers one, its middle cut out."""
    scale = max(width / drawing.shape[1], height / drawing.shape[0])
    across, down = max(width, round(drawing.shape[1] * scale)), max(height, round(drawing.shape[0] * scale))
    whole = _scaled(_vips(drawing), across, down)
    return _array(imaging.crop(whole, (across - width) // 2, (down - height) // 2, width, height))


def _drawn(data: bytes, *, keep_alpha: bool = False) -> Pixels:
    """What a server sent, decoded to its last pixel. Raises Unavailable where it is no whole picture."""
    try:
        picture = imaging.decode(data)
    except InvalidArgument as refusal:
        raise _not_whole(refusal) from None
    return _array(picture if keep_alpha else _on_white(picture))


def _not_whole(refusal: Refusal) -> Unavailable:
    return Unavailable(
        f"the server's answer is not a whole picture: {refusal.message}",
        reason=BAD_ANSWER,
        asked=refusal.asked,
    )


def _read(files: Mapping[str, bytes], role: str) -> pyvips.Image:
    return imaging.decode(files[role], field=role)


def _on_white(picture: pyvips.Image) -> pyvips.Image:
    return picture.flatten(background=255) if picture.hasalpha() else picture


def _scaled(picture: pyvips.Image, width: int, height: int) -> pyvips.Image:
    if (picture.width, picture.height) == (width, height):
        return picture
    return imaging.resize(picture, width, height)


def _array(picture: pyvips.Image) -> Pixels:
    """Three bands, and a fourth for what is not opaque everywhere."""
    if picture.bands < 3:
        picture = picture.colourspace("srgb")
    pixels: Pixels = np.ascontiguousarray(picture.numpy())
    return pixels


def _vips(pixels: Pixels) -> pyvips.Image:
    return imaging.from_pixels(pixels.tobytes(), pixels.shape[1], pixels.shape[0], pixels.shape[2])


def _nothing_else(ref: str) -> pyvips.Image:
    raise KeyError(ref)


def _png(picture: pyvips.Image) -> bytes:
    # For a server beside this one: speed counts, size does not.
    return bytes(picture.pngsave_buffer(compression=1, keep="none"))


def _up(value: int, step: int) -> int:
    return -(-value // step) * step

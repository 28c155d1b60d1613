"""Work on pictures that needs no model; run in a child process, so that what a stranger sends is decoded there alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext

import pyvips

from capabilities import imaging
from capabilities.imaging.edges import canny
from capabilities.methods.edit import Edit
from capabilities.methods.preprocess import Preprocess
from capabilities.methods.upscale_traditional import UpscaleTraditional
from capabilities.operations import Filter, RemoveBackground, Transform, perform
from capabilities.tasks import Task
from sidecar.engines.encoding import encode_picture
from sidecar.engines.events import Done

UNSURE = "the picture's ground is not plain, so some of it may be left, or some of the subject be gone"


def edit(
    task: Task, files: Mapping[str, bytes], metadata: Mapping[str, object] | None, thumbnail_side: int = 0
) -> Done:
    """The result of a task without a model, encoded as it says; `files` are its pictures by their roles.

    `thumbnail_side` in pixels, 0 for no thumbnail. `metadata` goes into the file; None keeps what the first picture's file has. Raises InvalidArgument where an operation
    cannot be done on this picture.
    """
    started = time.perf_counter()
    roles = {ref: role for role, ref in task.inputs.items()}

    def read(ref: str) -> imaging.Image:
        # Decoded when its turn comes, and forgotten after: not all overlays of an edit at once.
        return imaging.decode(files[roles[ref]], field=roles[ref])

    warnings: tuple[str, ...] = ()
    streams = False
    match task:
        case Edit() | UpscaleTraditional():
            streams = isinstance(task, Edit) and not thumbnail_side and _goes_once_through(task)
            given = imaging.opened(files["image"]) if streams else read(task.image)
            if any(
                isinstance(each, RemoveBackground) and not has_plain(given, each) for each in task.operations
            ):
                warnings = (UNSURE,)
            with imaging.streamed() if streams or _is_last_step(task, thumbnail_side) else nullcontext():
                made = perform(tuple(task.operations), given, read)
        case Preprocess():
            made = _preprocessed(task, read(task.image))
        case _:
            raise TypeError(f"not a task without a model: {task.kind}")
    kept = isinstance(task, Edit) and task.keeps_metadata
    if metadata is None or kept:
        # What is known of the picture counts for more than that it was converted.
        metadata = {**(metadata or {}), **(imaging.read_metadata(files["image"]) or {})} or None
    try:
        picture = encode_picture(task, made, 0, metadata, thumbnail_side)
    except pyvips.Error as error:
        # Of a picture that is only read now.
        raise imaging.unreadable("image", error) from None
    return Done((picture,), time.perf_counter() - started, warnings)


def _is_last_step(task: Edit | UpscaleTraditional, thumbnail_side: int) -> bool:
    """Whether what the one operation makes is used once, by the encoder."""
    return len(task.operations) == 1 and not thumbnail_side


def _goes_once_through(task: Edit) -> bool:
    """Whether the picture is read once, from the top: then it need not be in memory at all."""
    match task.operations:
        case (Filter(),):
            return True
        case (Transform(rotation=rotation),):
            return rotation == 0
    return False


def has_plain(image: imaging.Image, operation: RemoveBackground) -> bool:
    return imaging.has_plain_ground(image, operation.tolerance)


def _preprocessed(task: Preprocess, image: imaging.Image) -> imaging.Image:
    """The control pictures that need no model: canny edges, and tile (the picture without its fine detail)."""
    flat = image.flatten(background=255) if image.hasalpha() else image
    if task.type == "canny":
        edges = canny(flat.numpy(), task.low, task.high)
        return imaging.from_pixels(edges.tobytes(), flat.width, flat.height, 3)
    small = imaging.resize(flat, max(1, flat.width // task.blur), max(1, flat.height // task.blur))
    return imaging.resize(small, flat.width, flat.height, "cubic")

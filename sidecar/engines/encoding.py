"""Finished pixels become files here: in an engine's own process, so that the server only stores them."""

from __future__ import annotations

from collections.abc import Mapping

from capabilities import imaging
from capabilities.methods.generation import Generation
from capabilities.tasks import Task
from sidecar.engines.events import EncodedImage, RawImage


def encode(task: Task, raw: RawImage, metadata: Mapping[str, object], thumbnail_side: int) -> EncodedImage:
    """A picture of a task as a file, with what made it in its metadata; its ground cleared where the task says so.

    `thumbnail_side` in pixels, 0 for no thumbnail.
    """
    picture = imaging.from_pixels(raw.pixels, raw.width, raw.height, raw.bands)
    if isinstance(task, Generation) and task.background == "transparent":
        picture = imaging.clear_ground(picture)
    return encode_picture(task, picture, raw.seed, {**task.facts(raw.seed), **metadata}, thumbnail_side)


def encode_picture(
    task: Task, picture: imaging.Image, seed: int, metadata: Mapping[str, object] | None, thumbnail_side: int
) -> EncodedImage:
    """The same for a picture that is finished; `metadata` is all that goes into the file."""
    output = task.output
    data = imaging.encode(
        picture,
        output.format,
        quality=output.quality,
        background_color=output.background_color,
        metadata=metadata,
    )
    return EncodedImage(
        data,
        picture.width,
        picture.height,
        seed,
        has_alpha=bool(picture.hasalpha()) and output.format != "jpeg",
        thumbnail=imaging.thumbnail(picture, thumbnail_side) if thumbnail_side else b"",
    )

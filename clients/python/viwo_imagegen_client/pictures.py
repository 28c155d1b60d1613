"""What a call answers, what it takes for a picture, and what it tells on the way."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from viwo_imagegen_client.errors import ImagegenError
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2, job_pb2

MEDIA_TYPES = {
    common_pb2.IMAGE_FORMAT_PNG: "image/png",
    common_pb2.IMAGE_FORMAT_JPEG: "image/jpeg",
    common_pb2.IMAGE_FORMAT_WEBP: "image/webp",
}


@dataclass(frozen=True)
class Picture:
    """A picture that was made.

    `data` is the file, `width` and `height` are pixels, `ref` its name in the store, `seed` what makes it again (None
    where nothing is random), `entity_id` what it was saved as (0: nothing). `compute` (megapixel-steps), `seconds` of
    work, `warnings` and `model_id` are of its whole job, and `all` are all of the job's pictures, this one too.
    """

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    ref: str
    seed: int | None
    entity_id: int
    job_id: str
    model_id: str
    compute: float
    seconds: float
    warnings: tuple[str, ...]
    all: tuple[Picture, ...] = field(default=(), repr=False, compare=False)

    def save(self, path: str | Path) -> Path:
        """Write the file as it is; its format is not changed by the name. Raises OSError."""
        path = Path(path)
        path.write_bytes(self.data)
        return path


ImageInput: TypeAlias = Picture | bytes | Path | str | int
"""A picture that was made, a file's bytes, a file's path, a reference ("sha256:..."), or the id of an image entity."""


@dataclass(frozen=True)
class Progress:
    """What happens to a job: `state` is "queued" (`position` jobs before it), "loading" (a model, which may be
    downloaded first: `bytes_done` of `bytes_total`), or "drawing" (`step` of `total`, and a `preview` as a small JPEG where
    previews are asked for)."""

    job_id: str
    state: str
    step: int = 0
    total: int = 0
    position: int = 0
    preview: bytes | None = field(default=None, repr=False)
    bytes_done: int = 0
    bytes_total: int = 0


def encoded(image: object) -> object:
    """A picture as `Invoke` takes it; anything else stays as it is. Raises OSError for a path that cannot be read."""
    if isinstance(image, Picture):
        return image.ref
    if isinstance(image, bytes):
        return base64.b64encode(image).decode("ascii")
    if isinstance(image, Path):
        return base64.b64encode(image.read_bytes()).decode("ascii")
    if isinstance(image, list | tuple):
        return [encoded(item) for item in image]
    return image


def pictures(job: job_pb2.Job) -> Picture:
    """The first picture of a job that succeeded, which knows the others. Raises ImagegenError where there is none."""
    if not job.images:
        raise ImagegenError(f"job {job.id} made no picture", reason="NO_PICTURE", job_id=job.id)
    made: list[Picture] = []
    for image in job.images:
        picture = Picture(
            data=image.data,
            media_type=MEDIA_TYPES.get(image.format, "application/octet-stream"),
            width=image.width,
            height=image.height,
            ref=image.ref,
            seed=image.seed if image.HasField("seed") else None,
            entity_id=image.entity_id,
            job_id=job.id,
            model_id=job.model_id,
            compute=job.cost.compute,
            seconds=job.work_seconds,
            warnings=tuple(job.warnings),
        )
        made.append(picture)
    for picture in made:
        # Frozen for its users; here it is still being made.
        object.__setattr__(picture, "all", tuple(made))
    return made[0]


def progress(event: job_pb2.JobEvent) -> Progress | None:
    """What an event tells; None for the end of a job."""
    kind = event.WhichOneof("event")
    if kind == "queued":
        return Progress(event.job_id, "queued", position=event.queued.position)
    if kind == "loading":
        told = event.loading
        return Progress(event.job_id, "loading", bytes_done=told.bytes_done, bytes_total=told.bytes_total)
    if kind == "step":
        return Progress(event.job_id, "drawing", event.step.step, event.step.total)
    if kind == "preview":
        return Progress(event.job_id, "drawing", preview=event.preview.data)
    return None

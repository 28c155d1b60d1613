"""What goes into a job and what comes out: pictures read from the store, kept in it, and made into entities."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence

from capabilities import imaging
from capabilities.budgets import UNITS
from capabilities.errors import Refusal
from capabilities.imaging import ImageInfo
from capabilities.methods.edit import Edit
from capabilities.policy import Caller
from entity_store.blobs import Blobs
from entity_store.images import THUMBNAIL_SIDE, Images, Picture
from sidecar.engines.api import EngineRequest
from sidecar.engines.events import EncodedImage, RawImage
from sidecar.queue.model import Job, StoredImage

MAX_ORIGIN = 40_000
"""Characters of what is told of where a picture came from: all of its metadata must fit beside it."""


class Results:
    """Synchronous and slow: to be called in a thread. Done again after a crash, nothing changes."""

    def __init__(self, images: Images, blobs: Blobs) -> None:
        self._images = images
        self._blobs = blobs

    def request(self, job: Job) -> EngineRequest:
        """A job as an engine sees it. Raises NotFound where a picture that it begins with has been removed."""
        files = {role: self._blobs.get(ref, field=role) for role, ref in job.task.inputs.items()}
        side = 0 if job.save is None else THUMBNAIL_SIDE
        return EngineRequest(job.id, job.task, files, {"cost": _cost(job), **_origin(job, files)}, side)

    def keep(self, job: Job, images: Sequence[RawImage | EncodedImage]) -> list[StoredImage]:
        """Store the pictures that a job made, and make their entities."""
        kept = []
        for index, made in enumerate(images):
            if not isinstance(made, EncodedImage):
                raise TypeError("an engine answered pixels instead of a file")
            name = job.task.output.format
            info = ImageInfo(name, made.width, made.height, made.has_alpha)
            stored = self._images.keep(made.data, info, made.thumbnail)
            image = StoredImage(stored.ref, name, made.width, made.height, len(made.data), made.seed)
            kept.append(self._placed(job, index, image, stored))
        return kept

    def are_there(self, job: Job) -> bool:
        """Whether the files of a job's pictures can still be read."""
        try:
            for image in job.images:
                self._blobs.touch(image.ref)
        except Refusal:
            return False
        return bool(job.images)

    def place_again(self, job: Job, source: Job) -> list[StoredImage]:
        """The pictures that another job made, as a job's own, with entities of their own."""
        return [
            self._placed(job, index, dataclasses.replace(image, entity_id=0), None)
            for index, image in enumerate(source.images)
        ]

    def _placed(self, job: Job, index: int, image: StoredImage, picture: Picture | None) -> StoredImage:
        """The picture with the entity that the job asks for, if it does."""
        if job.save is None:
            return image
        created = dt.datetime.fromtimestamp(job.created, dt.UTC).isoformat(timespec="seconds")
        facts = job.task.facts(image.seed) | {"cost": _cost(job)}
        caller = Caller(job.caller_id, job.this_id)
        stored = picture or self._images.keep(self._blobs.get(image.ref))
        if job.task.inputs:
            known = imaging.read_metadata(stored.data) or {}
            keeps = isinstance(job.task, Edit) and job.task.keeps_metadata
            facts |= known if keeps else {name: known[name] for name in ("from",) if name in known}
        metadata = {**facts, "job_id": job.id, "created": created}
        entity = self._images.save(stored, caller, job.save, metadata, job=(job.id, index))
        return dataclasses.replace(image, entity_id=entity.id)


def _origin(job: Job, files: Mapping[str, bytes]) -> dict[str, object]:
    """What is known of the picture that a job begins with, and of what that was made of: its metadata, under "from"."""
    if not files:
        return {}
    role = next(iter(files))
    known = {"ref": job.task.inputs[role], **(imaging.read_metadata(files[role]) or {})}
    if len(json.dumps(known)) > MAX_ORIGIN:
        known = {"ref": known["ref"]}
    return {"from": known}


def _cost(job: Job) -> float:
    """What is kept with a picture of a job: its share of what the work took, in megapixel-steps."""
    # A job that is answered from the store costs nothing.
    compute = job.cost.compute / UNITS or job.task.compute
    return compute / job.task.count

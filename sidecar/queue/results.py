"""What goes into a job and what comes out: pictures read from the store, kept in it, and made into entities."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol

from capabilities import imaging
from capabilities.budgets import UNITS
from capabilities.errors import Refusal
from capabilities.methods.generation import Generation
from capabilities.policy import Caller
from capabilities.tasks import Task
from entity_store.blobs import Blobs
from entity_store.images import Images, Picture
from sidecar.engines.builtin import edits
from sidecar.engines.events import Done, EncodedImage, RawImage
from sidecar.queue.model import Job, StoredImage


class Editor(Protocol):
    """Does tasks that need no model: here, or in a process of its own, as a server must."""

    def edit(self, task: Task, files: Mapping[str, bytes], metadata: Mapping[str, object] | None) -> Done:
        """As `sidecar.engines.builtin.edits.edit`."""
        ...


class Results:
    """Synchronous and slow: to be called in a thread. Done again after a crash, nothing changes."""

    def __init__(self, images: Images, blobs: Blobs, editor: Editor = edits) -> None:
        self._images = images
        self._blobs = blobs
        self._editor = editor

    def inputs(self, task: Task) -> dict[str, bytes]:
        """The files of the pictures that a task begins with, by their roles."""
        return {role: self._images.find_file(ref) for role, ref in task.inputs.items()}

    def edit(self, job: Job) -> Done:
        """The result of a job that needs no model. Raises InvalidArgument, ResourceExhausted, Unavailable."""
        return self._editor.edit(job.task, self.inputs(job.task), _facts(job, 0))

    def keep(self, job: Job, images: Sequence[RawImage | EncodedImage]) -> list[StoredImage]:
        """Store the pictures that a job made, encoded where they are not yet, and make their entities."""
        kept = []
        for index, made in enumerate(images):
            data = made.data if isinstance(made, EncodedImage) else _encoded(job, made)
            stored = self._images.keep(data)
            image = StoredImage(
                stored.ref, job.task.output.format, made.width, made.height, len(stored.data), made.seed
            )
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
        metadata = {**_facts(job, image.seed), "job_id": job.id, "created": created}
        caller = Caller(job.caller_id, job.this_id)
        stored = picture or self._images.keep(self._blobs.get(image.ref))
        entity = self._images.save(stored, caller, job.save, metadata, job=(job.id, index))
        return dataclasses.replace(image, entity_id=entity.id)


def _facts(job: Job, seed: int) -> dict[str, object]:
    """What is kept with a picture of a job; its cost is its share of what drawing it took, in megapixel-steps."""
    # A job that is answered from the store costs nothing.
    compute = job.cost.compute / UNITS or job.task.compute
    return job.task.facts(seed) | {"cost": compute / job.task.count}


def _encoded(job: Job, raw: RawImage) -> bytes:
    picture = imaging.from_pixels(raw.pixels, raw.width, raw.height, raw.bands)
    if isinstance(job.task, Generation) and job.task.background == "transparent":
        picture = imaging.clear_ground(picture)
    output = job.task.output
    return imaging.encode(picture, output.format, quality=output.quality, metadata=_facts(job, raw.seed))

"""What goes into a job and what comes out: pictures read from the store, kept in it, and made into entities."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

from capabilities import imaging
from capabilities.errors import Refusal
from capabilities.policy import Caller
from capabilities.tasks import Generation, Task
from entity_store.blobs import Blobs
from entity_store.images import Images, Picture
from sidecar.engines.events import RawImage
from sidecar.jobs.records import Job, StoredImage


class Results:
    """Synchronous and slow: to be called in a thread. Done again after a crash, nothing changes."""

    def __init__(self, images: Images, blobs: Blobs) -> None:
        self._images = images
        self._blobs = blobs

    def inputs(self, task: Task) -> dict[str, RawImage]:
        """The pictures that a task begins with, decoded."""
        pictures = {
            role: imaging.decode(self._images.find_file(ref), field=role) for role, ref in task.inputs.items()
        }
        return {
            role: RawImage(imaging.to_pixels(picture), picture.width, picture.height, picture.bands, 0)
            for role, picture in pictures.items()
        }

    def keep(self, job: Job, images: Sequence[RawImage]) -> list[StoredImage]:
        """Encode and store the pictures that a job made, and make their entities."""
        kept = []
        for index, raw in enumerate(images):
            picture = imaging.from_pixels(raw.pixels, raw.width, raw.height, raw.bands)
            if isinstance(job.task, Generation) and job.task.background == "transparent":
                picture = imaging.clear_ground(picture)
            output = job.task.output
            facts = job.task.facts(raw.seed)
            stored = self._images.keep(
                imaging.encode(picture, output.format, quality=output.quality, metadata=facts)
            )
            image = StoredImage(stored.ref, output.format, raw.width, raw.height, len(stored.data), raw.seed)
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
        metadata = {**job.task.facts(image.seed), "job_id": job.id, "created": created}
        caller = Caller(job.caller_id, job.this_id)
        stored = picture or self._images.keep(self._blobs.get(image.ref))
        entity = self._images.save(stored, caller, job.save, metadata, job=(job.id, index))
        return dataclasses.replace(image, entity_id=entity.id)

"""Jobs done again, carried to another server, and the way back from a picture to what it was made from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import ValidationError

from capabilities import strict_json
from capabilities.call_options import JobOptions, Reuse
from capabilities.errors import InvalidArgument, NotFound, brief
from capabilities.methods import method_of_job, read_task
from capabilities.principals import Principal
from capabilities.tasks import Task
from entity_store.blobs import Blobs, reference
from entity_store.images import Images
from sidecar.application.access import Access, Admitted, Call, admitted_for
from sidecar.application.decoding import DecodingThreads
from sidecar.application.jobs import own_job
from sidecar.application.picture_access import PictureAccess
from sidecar.application.planning import Planner
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, PlannedJob
from sidecar.queue.store.reader import JobReader, Made

FORMAT = "viwo-job/1"
MAX_DEPTH = 64
"""Generations that a history goes back."""

MAX_NODES = 2000


@dataclass(frozen=True)
class Origin:
    """A picture, the task that made it, and the pictures which that began with."""

    ref: str
    role: str = ""
    job_id: str = ""
    method: str = ""
    task: Mapping[str, Any] = field(default_factory=dict)
    created: float | None = None
    sources: tuple[Origin, ...] = ()


class Lineage:
    """What is done with jobs that have been, and with the pictures that they made."""

    def __init__(
        self,
        access: Access,
        pictures: PictureAccess,
        planner: Planner,
        queue: JobQueue,
        reader: JobReader,
        images: Images,
        blobs: Blobs,
        threads: DecodingThreads,
    ) -> None:
        self._access = access
        self._pictures = pictures
        self._planner = planner
        self._queue = queue
        self._reader = reader
        self._images = images
        self._blobs = blobs
        self._threads = threads

    async def rerun(self, principal: Principal, job_id: str, call: Call | None) -> Job:
        """A job's task done again, as it is, by its own right or another.

        Raises NotFound where the job or an input has been removed, and what the capability of today refuses.
        """
        job = await own_job(self._reader, principal, job_id)
        task = await self._done(job)
        if call is None:
            admitted = self._access.renewed(admitted_for(job))
        else:
            admitted = self._access.admit(principal, call, method_of_job(job.method).capability_type)
        plan = partial(self._planned, admitted, job.method, task, repeated=call is None)
        return await self._queue.submit(await self._threads.run(plan))

    async def export(self, principal: Principal, job_id: str) -> str:
        """A job's task as a document, with the pictures that it begins with. Raises NotFound where one is gone."""
        job = await own_job(self._reader, principal, job_id)
        return await self._threads.run(self._document, job.method, await self._done(job))

    async def submit_document(self, principal: Principal, text: str, call: Call) -> Job:
        """The job of a document, submitted.

        Raises InvalidArgument for what is not one, or carries other pictures than it says, and what the capability refuses.
        """
        method, task, files = await self._threads.run(self._read, text)
        admitted = self._access.admit(principal, call, method_of_job(method).capability_type)
        # What does not come along is in the store, perhaps as somebody else's.
        missing = {role: ref for role, ref in task.inputs.items() if ref not in files}
        await self._pictures.require_sources(principal, admitted, missing)
        plan = partial(self._planned, admitted, method, task, files=files)
        return await self._queue.submit(await self._threads.run(plan))

    async def _done(self, job: Job) -> Task:
        """The task whose result a job has: another's, with another seed perhaps, where it was answered by that."""
        try:
            return job.task if job.answered_by is None else (await self._reader.get(job.answered_by)).task
        except NotFound:
            return job.task

    def _document(self, method: str, task: Task) -> str:
        files = {ref: self._blobs.get(ref, field=role) for role, ref in task.inputs.items()}
        document = {
            "format": FORMAT,
            "method": method,
            "task": task.model_dump(mode="json"),
            "inputs": {ref: base64.b64encode(data).decode("ascii") for ref, data in files.items()},
        }
        return json.dumps(document, indent=2, ensure_ascii=False)

    def _read(self, text: str) -> tuple[str, Task, dict[str, bytes]]:
        try:
            document = strict_json.loads(text)
        except ValueError as error:
            raise _bad(f"it is not JSON: {error}", text) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise _bad(f"its \"format\" is not '{FORMAT}'", text)
        inputs = document.get("inputs", {})
        if not isinstance(document.get("method"), str) or not isinstance(inputs, dict):
            raise _bad('it needs a "method" and "inputs"', text)
        try:
            task = read_task(document.get("task") or {})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in ("task", *first["loc"][1:]))
            raise InvalidArgument(
                f"this is no job document: its {brief(place, 80)} is not one of this version: {first['msg']}",
                reason="BAD_DOCUMENT",
                field=brief(place, 80),
                asked=brief(first["input"], 60),
            ) from None
        except (TypeError, ValueError) as error:
            raise _bad(f"its task is not one of this version: {brief(str(error), 200)}", text) from None
        files = {}
        for ref in task.inputs.values():
            if ref in inputs:
                files[ref] = self._images.find_file(str(inputs[ref]), field=f"inputs.{brief(ref, 20)}")
                if reference(files[ref]) != ref:
                    raise _bad(f"the picture {brief(ref, 20)} is another one", text)
        return document["method"], task, files

    def _planned(
        self,
        admitted: Admitted,
        method: str,
        task: Task,
        *,
        files: Mapping[str, bytes] | None = None,
        repeated: bool = False,
    ) -> PlannedJob:
        handling = JobOptions(reuse=Reuse.NEVER)
        return self._planner.plan_task(
            admitted, method_of_job(method), task, handling, files=files, repeated=repeated
        )

    async def history(self, principal: Principal, picture: str | int) -> Origin:
        """How a picture came to be, back to what was brought here. Raises NotFound for an unknown one."""
        if isinstance(picture, int):
            self._access.require_own_world(principal)
            if not principal.acts_as_any:
                self._images.require_seen(principal.owner_ids, picture)
            entity = self._images.get(picture)
            ref = str(entity.props["image_ref"])
            versions = {item.ref: item for item in self._images.history(picture)}
            made = await self._reader.made([ref, *versions])
            # Verbs change an entity without a job; where there is one, it knows more.
            made |= {
                item.ref: Made("", f"{item.verb} (verb)", {"arguments": item.arguments}, {"image": item.derived_from},
                               item.created.timestamp())
                for item in versions.values() if item.derived_from and item.ref not in made
            }  # fmt: skip
        else:
            self._blobs.path(picture, field="ref")
            await self._pictures.require(principal, {"ref": picture})
            ref, made = picture, await self._reader.made([picture])
        unknown = [source for item in made.values() for source in item.inputs.values()]
        for _ in range(MAX_DEPTH):
            unknown = [item for item in dict.fromkeys(unknown) if item not in made]
            if not unknown or len(made) > MAX_NODES:
                break
            found = await self._reader.made(unknown)
            made |= found
            unknown = [source for item in found.values() for source in item.inputs.values()]
        return _tree(ref, "", made, set(), 0)


def _tree(ref: str, role: str, made: Mapping[str, Made], told: set[str], depth: int) -> Origin:
    """Each picture's origin is told once: where it stands again, it is a leaf, so the tree stays as small as the graph."""
    origin = made.get(ref)
    if origin is None or ref in told or depth >= MAX_DEPTH:
        return Origin(ref, role)
    told.add(ref)
    sources = tuple(
        _tree(source, name, made, told, depth + 1) for name, source in sorted(origin.inputs.items())
    )
    return Origin(ref, role, origin.job_id, origin.method, origin.task, origin.created, sources)


def _bad(why: str, text: str) -> InvalidArgument:
    return InvalidArgument(
        f"this is no job document: {why}", reason="BAD_DOCUMENT", field="document_json", asked=brief(text, 40)
    )

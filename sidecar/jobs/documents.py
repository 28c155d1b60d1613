"""Jobs done again, carried to another server, and the way back from a picture to what it was made from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from capabilities import methods
from capabilities.errors import InvalidArgument, brief
from capabilities.policy import Caller
from capabilities.tasks import Task, read_task
from entity_store.blobs import Blobs, reference
from entity_store.images import Images
from sidecar.jobs.admission import Admission, Call, Handling, Reuse
from sidecar.jobs.reader import JobReader, Made
from sidecar.jobs.records import Job, Order

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


class Documents:
    """What is done with jobs that have been."""

    def __init__(self, admission: Admission, store: JobReader, images: Images, blobs: Blobs) -> None:
        self._admission = admission
        self._store = store
        self._images = images
        self._blobs = blobs

    def again(self, job: Job, call: Call | None) -> Order:
        """The order to do a job's task anew, as it is, by its own right or another.

        Raises NotFound where an input has been removed, and what the capability of today refuses.
        """
        call = call or Call(job.capability_id, Caller(job.caller_id, job.this_id))
        return self._order(call, job.method, job.task)

    def export(self, job: Job) -> str:
        """A job as JSON: method, task, and the pictures that it begins with. Raises NotFound where one is gone."""
        files = {ref: self._blobs.get(ref, field=role) for role, ref in job.task.inputs.items()}
        document = {
            "format": FORMAT,
            "method": job.method,
            "task": job.task.model_dump(mode="json"),
            "inputs": {ref: base64.b64encode(data).decode("ascii") for ref, data in files.items()},
        }
        return json.dumps(document, indent=2, ensure_ascii=False)

    def read(self, text: str, call: Call) -> Order:
        """The order of a document. Raises InvalidArgument for what is none, or carries other pictures than it says."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _bad(f"it is not JSON: {error}", text) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise _bad(f"its \"format\" is not '{FORMAT}'", text)
        inputs = document.get("inputs", {})
        if not isinstance(document.get("method"), str) or not isinstance(inputs, dict):
            raise _bad('it needs a "method" and "inputs"', text)
        try:
            task = read_task(document.get("task") or {})
        except (ValidationError, TypeError, ValueError) as error:
            raise _bad(f"its task is none of this version: {str(error)[:200]}", text) from None
        for ref in task.inputs.values():
            if ref in inputs:
                data = self._images.find_file(str(inputs[ref]), field=f"inputs.{brief(ref, 20)}")
                if reference(data) != ref:
                    raise _bad(f"the picture {brief(ref, 20)} is another one", text)
                self._images.store(data, field="inputs")
        return self._order(call, document["method"], task)

    def _order(self, call: Call, method: str, task: Task) -> Order:
        found = methods.EDIT if method == methods.EDIT.name else methods.find(method)
        for role, ref in task.inputs.items():
            self._blobs.path(ref, field=role)
        return self._admission.plan_task(call, found, task, None, Handling(reuse=Reuse.NEVER))

    async def history(self, picture: str | int) -> Origin:
        """How a picture came to be, back to what was brought here. Raises NotFound for an unknown one."""
        if isinstance(picture, int):
            entity = self._images.get(picture)
            ref = str(entity.props["image_ref"])
            versions = {item.ref: item for item in self._images.history(picture)}
            made = await self._store.made([ref, *versions])
            # Verbs change an entity without a job; where there is one, it knows more.
            made |= {
                item.ref: Made("", f"{item.verb} (verb)", {"arguments": item.arguments}, {"image": item.derived_from},
                               item.created.timestamp())
                for item in versions.values() if item.derived_from and item.ref not in made
            }  # fmt: skip
        else:
            self._blobs.path(picture, field="ref")
            ref, made = picture, await self._store.made([picture])
        unknown = [source for item in made.values() for source in item.inputs.values()]
        for _ in range(MAX_DEPTH):
            unknown = [item for item in dict.fromkeys(unknown) if item not in made]
            if not unknown or len(made) > MAX_NODES:
                break
            found = await self._store.made(unknown)
            made |= found
            unknown = [source for item in found.values() for source in item.inputs.values()]
        return _tree(ref, "", made, ())


def _tree(ref: str, role: str, made: Mapping[str, Made], above: Sequence[str]) -> Origin:
    origin = made.get(ref)
    # A picture that is its own ancestor (an edit that changed nothing) ends the branch.
    if origin is None or ref in above or len(above) >= MAX_DEPTH:
        return Origin(ref, role)
    sources = tuple(
        _tree(source, name, made, (*above, ref)) for name, source in sorted(origin.inputs.items())
    )
    return Origin(ref, role, origin.job_id, origin.method, origin.task, origin.created, sources)


def _bad(why: str, text: str) -> InvalidArgument:
    return InvalidArgument(
        f"this is no job document: {why}", reason="BAD_DOCUMENT", field="document_json", asked=brief(text, 40)
    )

"""What the shell may complete an argument with. What only a server knows is left out where none answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from google.protobuf import field_mask_pb2

from capabilities import methods
from capabilities.schedulers import NAMES
from sidecar.cli.references import names_picture, short
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import (
    capability_pb2,
    job_pb2,
    key_pb2,
    model_pb2,
    picture_pb2,
    template_pb2,
)

AT_ONCE = 0.5
"""Seconds that whoever presses the tab key waits for a server."""
MOST_TOLD = 200
"""Newest jobs, pictures and the like among which is chosen."""
_MOST_WORDS = 40
"""Characters of what is told beside a value, in shells that do."""

Candidates = Iterable[tuple[str, str]]
"""Values, each with a few words about it."""


def method_names() -> list[str]:
    return [method.name for method in methods.METHODS]


def schedulers() -> list[str]:
    return list(NAMES)


def capability_types() -> list[str]:
    return sorted(methods.TYPES)


def _asked(ask: Callable[[Client, str], Candidates]) -> Callable[[str], list[tuple[str, str]]]:
    """What a server tells, from which typer takes what begins as it is written so far; nothing where anything is in the way."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        try:
            with Client(key_needed=False) as sidecar:
                return [(value, words[:_MOST_WORDS]) for value, words in ask(sidecar, incomplete)]
        except Exception:
            # Whatever it is, a line that is being written is no place to tell it.
            return []

    return complete


def _models(sidecar: Client, _: str) -> Candidates:
    answer = sidecar.models.List(model_pb2.ListModelsRequest(page_size=1000), timeout=AT_ONCE)
    return [(model.id, model.description) for model in answer.models]


def _newest_jobs(sidecar: Client) -> Iterator[tuple[job_pb2.Job, str]]:
    mask = field_mask_pb2.FieldMask(paths=["id", "batch_id", "state", "method"])
    request = job_pb2.ListJobsRequest(page_size=MOST_TOLD, read_mask=mask)
    for job in sidecar.jobs.List(request, timeout=AT_ONCE).jobs:
        state = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
        yield job, f"{job.method} {state}"


def _jobs(sidecar: Client, _: str) -> Candidates:
    return [(job.id, words) for job, words in _newest_jobs(sidecar)]


def _batches(sidecar: Client, _: str) -> Candidates:
    return dict.fromkeys((job.batch_id, "") for job, _ in _newest_jobs(sidecar) if job.batch_id)


def _pictures(sidecar: Client, incomplete: str) -> Candidates:
    prefix = incomplete if names_picture(incomplete) else ""
    request = picture_pb2.ListPicturesRequest(page_size=MOST_TOLD, ref_prefix=prefix)
    for picture in sidecar.pictures.List(request, timeout=AT_ONCE).pictures:
        # Shells take a colon for the end of a word, so the digits alone are told where they will do.
        digits = short(picture.ref)
        whole = digits if digits.startswith(incomplete) else picture.ref
        if not whole.startswith(incomplete):
            whole = picture.ref.removeprefix("sha256:")
        yield whole, picture.prompt or picture.method


def _pictures_beside_files(sidecar: Client, incomplete: str) -> Candidates:
    """Where a file may stand as well, shells complete those unless there is something else."""
    return _pictures(sidecar, incomplete) if names_picture(incomplete) else ()


def _templates(sidecar: Client, _: str) -> Candidates:
    answer = sidecar.templates.List(template_pb2.ListTemplatesRequest(page_size=1000), timeout=AT_ONCE)
    return [(template.name, "") for template in answer.templates]


def _capabilities(sidecar: Client, _: str) -> Candidates:
    request = capability_pb2.ListCapabilitiesRequest(page_size=MOST_TOLD)
    answer = sidecar.capabilities.List(request, timeout=AT_ONCE)
    return [(one.id, f"{one.type} of {one.owner_id}") for one in answer.capabilities]


def _keys(sidecar: Client, _: str) -> Candidates:
    answer = sidecar.keys.List(key_pb2.ListKeysRequest(page_size=MOST_TOLD), timeout=AT_ONCE)
    return [(key.id, key.label) for key in answer.keys]


models = _asked(_models)
jobs = _asked(_jobs)
batches = _asked(_batches)
pictures = _asked(_pictures)
pictures_beside_files = _asked(_pictures_beside_files)
templates = _asked(_templates)
capabilities = _asked(_capabilities)
keys = _asked(_keys)

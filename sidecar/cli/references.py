"""What parts of ids and references mean: jobs and batches by the beginning or end of theirs, pictures by the beginning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import field_mask_pb2
from google.protobuf.message import Message

from capabilities.errors import InvalidArgument, NotFound
from entity_store.blobs import REFERENCE
from sidecar.cli.output import pages
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2, job_pb2, picture_pb2

ID_LENGTH = 26
MOST_LOOKED_AT = 5000
"""Newest jobs among which the beginning or the end of an id is looked for."""
MOST_NAMED = 5
"""Most of several that are named where one was meant."""
SHORT_LENGTH = 12
"""Hexadecimal digits of a reference that are shown to people."""
_PART = re.compile(r"sha256:[0-9a-f]{1,64}|[0-9a-f]{4,64}")


def whole_job(sidecar: Client, text: str) -> str:
    """The id that a part of one means. Raises NotFound, and InvalidArgument where several jobs have it."""
    return _whole_id(sidecar, text, "job", "jobs", lambda job: job.id)


def whole_batch(sidecar: Client, text: str) -> str:
    """The same of a batch, by the jobs that it has."""
    return _whole_id(sidecar, text, "batch", "batches", lambda job: job.batch_id)


def _whole_id(sidecar: Client, text: str, noun: str, plural: str, id_of: Callable[[job_pb2.Job], str]) -> str:
    if len(text) >= ID_LENGTH:
        return text
    ids = (id_of(job) for job in newest_jobs(sidecar, MOST_LOOKED_AT))
    found = list(dict.fromkeys(one for one in ids if one.startswith(text) or one.endswith(text)))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"there is no {noun} '{text}', nor one whose id begins or ends so; 'viwo-imagegen jobs list' shows them",
            reason=f"UNKNOWN_{noun.upper()}",
            field=f"{noun}_id",
            asked=text,
        )
    raise InvalidArgument(
        f"{len(found)} {plural} have '{text}' in their ids: {', '.join(found[:MOST_NAMED])}; give more of it",
        reason="AMBIGUOUS",
        field=f"{noun}_id",
        asked=text,
    )


def newest_jobs(sidecar: Client, most: int) -> Iterator[job_pb2.Job]:
    """Ids of the newest jobs, and of their batches."""
    mask = field_mask_pb2.FieldMask(paths=["id", "batch_id"])
    seen = 0
    size = min(most, 1000)
    for page in pages(
        lambda token: sidecar.jobs.List(
            job_pb2.ListJobsRequest(page_size=size, page_token=token, read_mask=mask)
        )
    ):
        yield from page.jobs
        seen += len(page.jobs)
        if seen >= most:
            return


def names_picture(text: str) -> bool:
    """Whether a text may be a picture's reference, or the beginning of one."""
    return _PART.fullmatch(text) is not None


def whole_picture(sidecar: Client, text: str, field: str = "picture") -> str:
    """The reference that its beginning means, "sha256:" or not.

    Raises NotFound, and InvalidArgument where several pictures have it, or none could.
    """
    if REFERENCE.fullmatch(text):
        return text
    if not names_picture(text):
        raise InvalidArgument(
            f"'{text}' is not a picture reference, nor the beginning of one: 4 to 64 hexadecimal digits; "
            "'viwo-imagegen pictures list' shows them",
            reason="BAD_REFERENCE",
            field=field,
            limit="4 to 64 hexadecimal digits",
            asked=text,
        )
    request = picture_pb2.ListPicturesRequest(ref_prefix=text, page_size=MOST_NAMED + 1)
    found = [picture.ref for picture in sidecar.pictures.List(request).pictures]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            f"there is no picture whose reference begins with '{text}'; 'viwo-imagegen pictures list' shows those that "
            "were made here, and one that was brought here needs its whole reference",
            reason="UNKNOWN_PICTURE",
            field=field,
            asked=text,
        )
    count = str(len(found)) if len(found) <= MOST_NAMED else f"more than {MOST_NAMED}"
    named = ", ".join(short(ref) for ref in found[:MOST_NAMED])
    raise InvalidArgument(
        f"{count} pictures begin with '{text}': {named}; give more of it",
        reason="AMBIGUOUS",
        field=field,
        asked=text,
    )


def short(ref: str) -> str:
    """A reference as people are shown it."""
    return ref.removeprefix("sha256:")[:SHORT_LENGTH]


def with_whole_pictures(sidecar: Client, message: Message) -> None:
    """Put whole references in the place of beginnings, wherever a request names a picture. Raises as `whole_picture`."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in (value,) if isinstance(value, Message) else value:
            if isinstance(one, common_pb2.ImageSource) and one.ref:
                one.ref = whole_picture(sidecar, one.ref, field.name)
            elif isinstance(one, Message):
                with_whole_pictures(sidecar, one)


def with_whole_references(sidecar: Client, value: Any) -> Any:
    """The same in the arguments of a script's call: texts that are the beginning of a reference with "sha256:"."""
    if isinstance(value, list):
        return [with_whole_references(sidecar, one) for one in value]
    if isinstance(value, dict):
        return {name: with_whole_references(sidecar, one) for name, one in value.items()}
    if isinstance(value, str) and value.startswith("sha256:") and names_picture(value):
        return whole_picture(sidecar, value)
    return value

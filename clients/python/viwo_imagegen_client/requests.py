"""What both clients ask, and what they make of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from viwo_imagegen_client.errors import NotFound, of_failure
from viwo_imagegen_client.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, image_pb2, job_pb2
from viwo_imagegen_client.pictures import Picture, encoded, pictures

SYSTEM_ID = 3
"""viwo's System entity, for which the operator acts unless told otherwise."""
PIECE = 1024 * 1024
"""Bytes of an upload that are sent at a time."""


def submission(
    context: common_pb2.CallContext, method: str, arguments: Sequence[object], options: Mapping[str, object]
) -> job_pb2.SubmitJobRequest:
    """A call as a script would make it, as a job."""
    values: list[Any] = [encoded(value) for value in arguments]
    values.append({name: encoded(value) for name, value in options.items()})
    return job_pb2.SubmitJobRequest(
        invoke=image_pb2.InvokeRequest(context=context, method=method, arguments_json=json.dumps(values))
    )


def result(job: job_pb2.Job) -> Picture:
    """The pictures of an ended job. Raises ImagegenError where it did not succeed."""
    if job.state != job_pb2.JOB_STATE_SUCCEEDED:
        raise of_failure(job.failure, job.id)
    return pictures(job)


def held(owner: int, capability_type: str) -> capability_pb2.ListCapabilitiesRequest:
    return capability_pb2.ListCapabilitiesRequest(owner_id=owner, type=capability_type, page_size=1)


def minting(authority: str, owner: int, capability_type: str) -> capability_pb2.MintRequest:
    request = capability_pb2.MintRequest(authority_id=authority, caller_id=owner, type=capability_type)
    request.params.update({"*": True})
    return request


def nobody_allows(owner: int, capability_type: str) -> NotFound:
    return NotFound(
        f"entity {owner} holds no capability of type {capability_type} and no sys.mint to make one by; name a capability, or act "
        "as another entity",
        code="NOT_FOUND",
        reason="NO_CAPABILITY",
        field="capability",
    )


def batch_request(
    task: job_pb2.SubmitJobRequest, prompts: Sequence[str], count: int, stop: bool
) -> job_pb2.SubmitBatchRequest:
    """One task with each of the prompts, and `count` seeds of each."""
    return job_pb2.SubmitBatchRequest(
        variations=job_pb2.Variations(task=task, prompts=prompts, count=count),
        on_error=job_pb2.ON_ERROR_STOP if stop else job_pb2.ON_ERROR_CONTINUE,
    )

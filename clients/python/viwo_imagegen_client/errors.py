"""What a sidecar refuses, as exceptions with the fields of the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory

from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2


class ImagegenError(Exception):
    """A refusal or failure.

    `code` is the name of the gRPC status, `reason` a constant for programs, `field` what is at fault, `limit` what is
    allowed, `asked` what was asked, `retry_after` the seconds after which to try again, where that can help, and
    `job_id` the job that failed, where there is one. `str()` is for people: what happened and what to do.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        reason: str = "",
        field: str = "",
        limit: str = "",
        asked: str = "",
        retry_after: float | None = None,
        job_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.field = code, reason, field
        self.limit, self.asked, self.retry_after, self.job_id = limit, asked, retry_after, job_id


class InvalidArgument(ImagegenError):
    """The request is wrong."""


class PermissionDenied(ImagegenError):
    """The capability does not allow it."""


class Unauthenticated(ImagegenError):
    """There is no credential, or a wrong one."""


class NotFound(ImagegenError):
    """No such capability, model, job, entity or picture."""


class FailedPrecondition(ImagegenError):
    """A model that cannot be loaded or cannot do it, or a world that is not ready."""


class ResourceExhausted(ImagegenError):
    """A budget is spent, the queue or the disk is full, or memory ran out."""


class Unavailable(ImagegenError):
    """No sidecar answers, or its engine does not."""


class ConnectionLost(Unavailable):
    """The connection broke while a job was followed. The job goes on: `client.wait(error.job_id)` follows it again."""


class Canceled(ImagegenError):
    """The job was canceled."""


KINDS: Mapping[str, type[ImagegenError]] = {
    "INVALID_ARGUMENT": InvalidArgument,
    "PERMISSION_DENIED": PermissionDenied,
    "UNAUTHENTICATED": Unauthenticated,
    "NOT_FOUND": NotFound,
    "FAILED_PRECONDITION": FailedPrecondition,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "UNAVAILABLE": Unavailable,
    "CANCELLED": Canceled,
}


def of_failure(failure: common_pb2.Failure, job_id: str) -> ImagegenError:
    """The exception of a job that did not succeed."""
    return KINDS.get(failure.code, ImagegenError)(
        failure.message,
        code=failure.code,
        reason=failure.reason,
        field=failure.field,
        limit=failure.limit,
        asked=failure.asked,
        retry_after=failure.retry_delay.ToTimedelta().total_seconds()
        if failure.HasField("retry_delay")
        else None,
        job_id=job_id,
    )


def of_rpc(error: grpc.RpcError, job_id: str = "") -> ImagegenError:
    """The exception of a call that was refused; `job_id`: of the job that was followed when it broke."""
    call: Any = error
    code = call.code().name
    reason, facts, retry_after = "", {}, None
    for key, value in call.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in _Status.FromString(value).details:
            kind = detail.type_url.rpartition("/")[2]
            if kind == "google.rpc.ErrorInfo":
                info = _ErrorInfo.FromString(detail.value)
                reason, facts = info.reason, {entry.key: entry.value for entry in info.metadata}
            elif kind == "google.rpc.RetryInfo":
                delay = _RetryInfo.FromString(detail.value).retry_delay
                retry_after = delay.ToTimedelta().total_seconds()
    words = call.details() or code
    if job_id and code == "UNAVAILABLE":
        return ConnectionLost(
            f"the connection was lost ({words}); job {job_id} goes on, and wait('{job_id}') follows it again",
            code=code,
            reason=reason,
            job_id=job_id,
        )
    return KINDS.get(code, ImagegenError)(
        words,
        code=code,
        reason=reason,
        field=facts.get("field", ""),
        limit=facts.get("limit", ""),
        asked=facts.get("asked", ""),
        retry_after=retry_after,
        job_id=job_id,
    )


def _rich_errors() -> tuple[Any, Any, Any]:
    """Messages with the wire format of google.rpc's Status, ErrorInfo and RetryInfo (google/rpc/status.proto,
    error_details.proto), under names of our own: so another version of googleapis-common-protos may be loaded beside."""
    optional, repeated = (
        descriptor_pb2.FieldDescriptorProto.Label.Value(f"LABEL_{name}") for name in ("OPTIONAL", "REPEATED")
    )
    text, message = (
        descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{name}") for name in ("STRING", "MESSAGE")
    )
    package = "viwo_imagegen_client.rich_errors"
    file = descriptor_pb2.FileDescriptorProto(
        name="viwo_imagegen_client/rich_errors.proto",
        package=package,
        syntax="proto3",
        dependency=[any_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name],
    )
    fields = {
        "Status": (("details", 3, repeated, message, ".google.protobuf.Any"),),
        "Entry": (("key", 1, optional, text, ""), ("value", 2, optional, text, "")),
        "ErrorInfo": (
            ("reason", 1, optional, text, ""),
            # A map is, on the wire, a list of entries.
            ("metadata", 3, repeated, message, f".{package}.Entry"),
        ),
        "RetryInfo": (("retry_delay", 1, optional, message, ".google.protobuf.Duration"),),
    }
    for name, members in fields.items():
        made = file.message_type.add(name=name)
        for field, number, label, kind, type_name in members:
            made.field.add(name=field, number=number, label=label, type=kind, type_name=type_name or None)
    pool = descriptor_pool.Default()
    pool.Add(file)
    status, info, retry = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in ("Status", "ErrorInfo", "RetryInfo")
    )
    return status, info, retry


_Status, _ErrorInfo, _RetryInfo = _rich_errors()

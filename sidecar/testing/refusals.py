"""What a refused call says: its status and the google.rpc details."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2


async def refused(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """The refusal of a call that must be refused."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"not refused: a {type(answer).__name__}")


def details(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc details that come with a refusal."""
    trailing: Any = error.trailing_metadata()
    values = [value for key, value in trailing if key == "grpc-status-details-bin"]
    assert len(values) == 1, "a refusal carries details"
    status: status_pb2.Status = status_pb2.Status.FromString(values[0])
    return status


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Reason, and the field, limit and asked value in its metadata."""
    info = error_details_pb2.ErrorInfo()
    assert details(error).details[0].Unpack(info)
    return info


def retry_delay(error: grpc.aio.AioRpcError) -> float:
    """Seconds after which to try again; 0 where none are told."""
    for detail in details(error).details:
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    return 0.0

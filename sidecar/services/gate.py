"""What happens around every call: the door, and refusals turned into statuses with details."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.trace import SpanKind

from capabilities.errors import InternalFault, InvalidArgument, Refusal, ResourceExhausted, Unimplemented
from sidecar.auth import Door
from sidecar.telemetry import TRACER, Meter, caller_context

log = logging.getLogger("viwo_imagegen.grpc")

DOMAIN = "viwo-imagegen"
OPEN_METHODS = "/grpc.health.v1.Health/"
"""Health may be asked by anyone who reaches the server: it tells nothing but that it serves."""

_CODES = {code.name: code for code in grpc.StatusCode}
if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Context, Interceptor = grpc.aio.ServicerContext, grpc.aio.ServerInterceptor


class Malformed:
    """Stands for a request whose bytes are no message of its type."""


class Gate(Interceptor):
    """Wraps every method once; the wrapped handlers are kept, since building them for each call costs time."""

    def __init__(self, door: Door, meter: Meter) -> None:
        self._door = door
        self._meter = meter
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        # gRPC hands over None for a method that nobody serves, and answers UNIMPLEMENTED itself.
        if handler is None or method.startswith(OPEN_METHODS):
            return handler
        wrapped: grpc.RpcMethodHandler[Any, Any] = self._wrap(handler, method)
        self._handlers[method] = wrapped
        return wrapped

    def _wrap(self, handler: Any, method: str) -> Any:
        deserialize = _forgiving(handler.request_deserializer)
        if handler.response_streaming:
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            behaviour: Any = self._streaming(handler.stream_stream or handler.unary_stream, method)
        else:
            make = (
                grpc.stream_unary_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_unary_rpc_method_handler
            )
            behaviour = self._unary(handler.stream_unary or handler.unary_unary, method)
        return make(
            behaviour, request_deserializer=deserialize, response_serializer=handler.response_serializer
        )

    def _unary(self, behaviour: Any, method: str) -> Any:
        async def call(request: Any, context: Context) -> Any:
            with TRACER.start_as_current_span(
                method, context=caller_context(context.invocation_metadata() or ()), kind=SpanKind.SERVER
            ):
                try:
                    self._admit(request, context)
                    answer = behaviour(request, context)
                    return await answer if inspect.isawaitable(answer) else answer
                except Exception as error:
                    await self._abort(context, error, method)

        return call

    def _streaming(self, behaviour: Any, method: str) -> Any:
        async def call(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                self._admit(request, context)
                answers = behaviour(request, context)
                if not hasattr(answers, "__aiter__"):
                    raise NotImplementedError(method)
                async for answer in answers:
                    yield answer
            except Exception as error:
                await self._abort(context, error, method)

        return call

    async def _abort(self, context: Context, error: Exception, method: str) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        refusal = _refusal(error, method)
        self._meter.refused.labels(refusal.code.value, refusal.reason).inc()
        context.set_trailing_metadata((("grpc-status-details-bin", details(refusal).SerializeToString()),))
        await context.abort(_CODES[refusal.code.value], refusal.message)

    def _admit(self, request: Any, context: Context) -> None:
        authorization = ""
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                authorization = value if isinstance(value, str) else value.decode("latin-1")
        auth_context = context.auth_context()
        certificate = "x509_common_name" in auth_context or "x509_pem_cert" in auth_context
        self._door.admit(peer=context.peer(), authorization=authorization, certificate=certificate)
        if isinstance(request, Malformed):
            raise malformed()


def malformed() -> InvalidArgument:
    return InvalidArgument(
        "the request's bytes are no message of this method; use the .proto files of this version",
        reason="MALFORMED_MESSAGE",
        field="request",
    )


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Bytes that are no message become Malformed, which is refused with words; gRPC itself would say INTERNAL."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except (DecodeError, ValueError):
            return Malformed()

    return read


def _refusal(error: Exception, method: str) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, NotImplementedError):
        return Unimplemented(
            f"{method} is not built in this version; DescribeMethods tells what is",
            reason="NOT_BUILT",
            field="method",
        )
    if isinstance(error, MemoryError):
        return ResourceExhausted(
            "the server has no memory for this now; try again later", reason="OUT_OF_MEMORY"
        )
    log.exception("%s failed", method, exc_info=error)
    return InternalFault("the server failed on this call; its log says why", reason="BUG")


def details(refusal: Refusal) -> status_pb2.Status:
    """The google.rpc status of a refusal: ErrorInfo always, and BadRequest, RetryInfo, QuotaFailure where they fit."""
    facts = {"field": refusal.field, "limit": refusal.limit, "asked": refusal.asked}
    parts: list[Any] = [
        error_details_pb2.ErrorInfo(
            reason=refusal.reason,
            domain=DOMAIN,
            metadata={key: value for key, value in facts.items() if value},
        )
    ]
    if isinstance(refusal, InvalidArgument) and refusal.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=refusal.field, description=refusal.message
        )
        parts.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(refusal, ResourceExhausted):
        quota = error_details_pb2.QuotaFailure.Violation(subject=refusal.field, description=refusal.message)
        parts.append(error_details_pb2.QuotaFailure(violations=[quota]))
    if refusal.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(refusal.retry_after * 1e9))
        parts.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=_CODES[refusal.code.value].value[0], message=refusal.message)
    for part in parts:
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    return status

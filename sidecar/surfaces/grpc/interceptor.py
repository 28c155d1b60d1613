"""What happens around every call: the door, and refusals turned into statuses with details."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.trace import SpanKind

from capabilities.errors import (
    InternalFault,
    InvalidArgument,
    Refusal,
    ResourceExhausted,
    Unauthenticated,
    Unimplemented,
    brief_bytes,
)
from sidecar.auth import Authenticator
from sidecar.surfaces.grpc.caller import Context, Metadata, admit
from sidecar.surfaces.grpc.limits import OPEN_SECONDS, WORK, Limits, caller_of, host_of, next_message
from sidecar.surfaces.proto.field_count import MOST_FIELDS, has_too_many_fields
from sidecar.telemetry import TRACER, Meter, caller_context, is_tracing

log = logging.getLogger("viwo_imagegen.grpc")

DOMAIN = "viwo-imagegen"
OPEN_METHODS = "/grpc.health.v1.Health/"
"""Health may be asked by anyone who reaches the server: it tells nothing but that it serves."""

MAX_WORDS = 1000
"""Bytes of a refusal's message: it is sent twice or thrice in the trailing metadata, which clients take up to 8 KiB of."""
MAX_FACT = 300
"""Bytes of each fact about a refusal: the field, its limit, what was asked."""

_CODES = {code.name: code for code in grpc.StatusCode}
if TYPE_CHECKING:
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    GenericHandler, Handler = grpc.GenericRpcHandler, grpc.RpcMethodHandler


class Malformed:
    """Stands for a request whose bytes are no message of its type, or one of too many fields."""

    def __init__(self, refusal: InvalidArgument) -> None:
        self.refusal = refusal


@dataclass(slots=True)
class Received:
    """What a call sent: its message, or an iterator over its messages; `let_go` when the call is over."""

    request: Any
    let_go: Callable[[], None]


Receive = Callable[[str, Context, Metadata], Awaitable[Received]]


class CallInterceptor(GenericHandler):
    """All methods of the server, each wrapped once: what gRPC looks a call's method up in.

    An interceptor in gRPC's own sense is a coroutine more for each call, and each method that is registered with gRPC
    has a call of its own pending, which are looked through at every call: with sixty methods, a tenth of a millisecond.

    Every method is served as one with a stream of requests, which looks the same on the wire: gRPC receives the body
    of any other before it runs a line of ours, and whoever is refused at the door must not have sent one.
    """

    def __init__(self, authenticator: Authenticator, meter: Meter, limits: Limits) -> None:
        self._authenticator = authenticator
        self._meter = meter
        self._limits = limits
        self._services: list[GenericHandler] = []
        self._handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[GenericHandler]) -> None:
        """Take the methods of a service, as generated code adds them to a server."""
        self._services += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """The same methods once more, to be registered one by one: they are found by their names instead."""

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """The wrapped handler of a call; None for a method that nobody serves, which gRPC answers by itself."""
        method = details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        for service in self._services:
            handler = service.service(details)
            if handler is not None:
                wrapped: Handler = self._wrap(handler, method)
                self._handlers[method] = wrapped
                return wrapped
        return None

    def _wrap(self, handler: Any, method: str) -> Any:
        behaviour = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )
        receive: Receive
        if method.startswith(OPEN_METHODS):
            receive = self._open_message
        else:
            receive = self._messages if handler.request_streaming else self._message
        if handler.response_streaming:
            make, serve = grpc.stream_stream_rpc_method_handler, self._streaming(behaviour, method, receive)
        else:
            make, serve = grpc.stream_unary_rpc_method_handler, self._unary(behaviour, method, receive)
        return make(
            serve,
            request_deserializer=_forgiving(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _unary(self, behaviour: Any, method: str, receive: Receive) -> Any:
        is_coroutine = inspect.iscoroutinefunction(behaviour)

        async def call(_: Any, context: Context) -> Any:
            metadata = context.invocation_metadata() or ()
            if not is_tracing():
                return await answer(context, metadata)
            with TRACER.start_as_current_span(method, context=caller_context(metadata), kind=SpanKind.SERVER):
                return await answer(context, metadata)

        async def answer(context: Context, metadata: Metadata) -> Any:
            received = None
            try:
                received = await receive(method, context, metadata)
                made = behaviour(received.request, context)
                return await made if is_coroutine or inspect.isawaitable(made) else made
            except Exception as error:
                await self._abort(context, error, method)
            finally:
                if received is not None:
                    received.let_go()

        return call

    def _streaming(self, behaviour: Any, method: str, receive: Receive) -> Any:
        async def call(_: Any, context: Context) -> AsyncIterator[Any]:
            received = None
            try:
                received = await receive(method, context, context.invocation_metadata() or ())
                answers = behaviour(received.request, context)
                if inspect.isawaitable(answers):
                    # It writes its answers itself.
                    await answers
                    return
                if not hasattr(answers, "__aiter__"):
                    raise NotImplementedError(method)
                async for answer in answers:
                    yield answer
            except Exception as error:
                await self._abort(context, error, method)
            finally:
                if received is not None:
                    received.let_go()

        return call

    async def _message(self, method: str, context: Context, metadata: Metadata) -> Received:
        """The one message of a call."""
        peer = context.peer()
        admit(self._authenticator, method, context, peer, metadata)
        host, limits = host_of(peer), self._limits
        limits.calls.enter(host)
        size = 0
        try:
            size, request = await limits.bodies.one(context, peer)
            if isinstance(request, Malformed):
                raise request.refusal
            if method in WORK:
                limits.rates.count(caller_of(request, host), method)
        except BaseException:
            limits.bodies.let_go(size)
            limits.calls.leave(host)
            raise

        def let_go() -> None:
            limits.bodies.let_go(size)
            limits.calls.leave(host)

        return Received(request, let_go)

    async def _messages(self, method: str, context: Context, metadata: Metadata) -> Received:
        """The messages of a call that sends several."""
        peer = context.peer()
        admit(self._authenticator, method, context, peer, metadata)
        host, limits = host_of(peer), self._limits
        if method in WORK:
            limits.rates.count(caller_of(None, host), method)
        limits.calls.enter(host)
        try:
            await limits.bodies.streams.take(peer)
        except BaseException:
            limits.calls.leave(host)
            raise
        held = 0

        def count(size: int) -> None:
            nonlocal held
            held += size

        def let_go() -> None:
            limits.bodies.let_go(held)
            limits.bodies.streams.give_back(peer)
            limits.calls.leave(host)

        return Received(limits.bodies.several(context, count), let_go)

    async def _open_message(self, method: str, context: Context, metadata: Metadata) -> Received:
        """The message of a call that needs no token; there are few of them at a time, and they must be quick.

        Who has a token is not kept out by those who have none.
        """
        with contextlib.suppress(Unauthenticated):
            return await self._message(method, context, metadata)
        peer = context.peer()
        host, limits = host_of(peer), self._limits
        # Those that last must not keep those out that only ask.
        open_calls = limits.open_watches if method.endswith("/Watch") else limits.open_calls
        open_calls.enter(host)
        try:
            await limits.open_turns.take(peer)
            try:
                _, request = await next_message(context, OPEN_SECONDS)
            finally:
                limits.open_turns.give_back(peer)
            if isinstance(request, Malformed):
                raise request.refusal
        except BaseException:
            open_calls.leave(host)
            raise
        return Received(request, partial(open_calls.leave, host))

    async def _abort(self, context: Context, error: Exception, method: str) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        refusal = _refusal(error, method)
        self._meter.refused.labels(refusal.code.value, refusal.reason).inc()
        context.set_trailing_metadata((("grpc-status-details-bin", details(refusal).SerializeToString()),))
        await context.abort(_CODES[refusal.code.value], brief_bytes(refusal.message, MAX_WORDS))


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], tuple[int, Any]]:
    """The size of a message, and it; bytes that are no message become Malformed, for which gRPC would say INTERNAL."""
    descriptor = getattr(getattr(deserialize, "__self__", None), "DESCRIPTOR", None)

    def read(data: bytes) -> tuple[int, Any]:
        if has_too_many_fields(data, descriptor):
            return len(data), Malformed(_too_many_fields())
        try:
            return len(data), deserialize(data)
        except (DecodeError, ValueError):
            return len(data), Malformed(_malformed())

    return read


def _malformed() -> InvalidArgument:
    return InvalidArgument(
        "the request's bytes are no message of this method; use the .proto files of this version",
        reason="MALFORMED_MESSAGE",
        field="request",
    )


def _too_many_fields() -> InvalidArgument:
    return InvalidArgument(
        f"the request has more than {MOST_FIELDS} fields; send fewer items in a call",
        reason="TOO_MANY_FIELDS",
        field="request",
        limit=f"{MOST_FIELDS} fields",
    )


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
    message = brief_bytes(refusal.message, MAX_WORDS)
    facts = {"field": refusal.field, "limit": refusal.limit, "asked": refusal.asked}
    facts = {name: brief_bytes(value, MAX_FACT) for name, value in facts.items()}
    parts: list[Any] = [
        error_details_pb2.ErrorInfo(
            reason=refusal.reason,
            domain=DOMAIN,
            metadata={key: value for key, value in facts.items() if value},
        )
    ]
    if isinstance(refusal, InvalidArgument) and refusal.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=facts["field"], description=message)
        parts.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(refusal, ResourceExhausted):
        quota = error_details_pb2.QuotaFailure.Violation(subject=facts["field"], description=message)
        parts.append(error_details_pb2.QuotaFailure(violations=[quota]))
    if refusal.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(refusal.retry_after * 1e9))
        parts.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=_CODES[refusal.code.value].value[0], message=message)
    for part in parts:
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    return status

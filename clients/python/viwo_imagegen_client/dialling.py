"""Channels to a sidecar, which carry the key, and why none comes about."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from viwo_imagegen_client.connection import Connection
from viwo_imagegen_client.errors import Unavailable

MAX_MESSAGE = 64 * 1024 * 1024
OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
CONNECT_TIMEOUT = 5.0
"""Seconds to reach a sidecar before saying that it is not there."""

if TYPE_CHECKING:
    UnaryUnary = grpc.UnaryUnaryClientInterceptor[Any, Any]
    UnaryStream = grpc.UnaryStreamClientInterceptor[Any, Any]
    StreamUnary = grpc.StreamUnaryClientInterceptor[Any, Any]
    AioUnaryUnary = grpc.aio.UnaryUnaryClientInterceptor[Any, Any]
    AioUnaryStream = grpc.aio.UnaryStreamClientInterceptor[Any, Any]
    AioStreamUnary = grpc.aio.StreamUnaryClientInterceptor[Any, Any]
else:
    UnaryUnary, UnaryStream = grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor
    StreamUnary = grpc.StreamUnaryClientInterceptor
    AioUnaryUnary, AioUnaryStream = (
        grpc.aio.UnaryUnaryClientInterceptor,
        grpc.aio.UnaryStreamClientInterceptor,
    )
    AioStreamUnary = grpc.aio.StreamUnaryClientInterceptor


class _WithKey:
    """Adds the key to a call, in metadata of this type."""

    def __init__(self, key: str, metadata: Callable[..., Any]) -> None:
        self._entries = (("authorization", f"Bearer {key}"),) if key else ()
        self._metadata = metadata

    def __call__(self, details: Any) -> Any:
        return details._replace(metadata=self._metadata(*(details.metadata or ()), *self._entries))


class _Keyed(UnaryUnary, UnaryStream, StreamUnary):
    def __init__(self, key: str) -> None:
        self._with_key = _WithKey(key, lambda *entries: list(entries))

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._with_key(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._with_key(client_call_details), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return continuation(self._with_key(client_call_details), request_iterator)


def _aio_keyed(key: str) -> list[Any]:
    """One interceptor for each shape of call: grpc.aio takes an object as of one shape only."""
    with_key = _WithKey(key, grpc.aio.Metadata)

    class Unary(AioUnaryUnary):
        async def intercept_unary_unary(
            self, continuation: Any, client_call_details: Any, request: Any
        ) -> Any:
            return await continuation(with_key(client_call_details), request)

    class Answers(AioUnaryStream):
        async def intercept_unary_stream(
            self, continuation: Any, client_call_details: Any, request: Any
        ) -> Any:
            return await continuation(with_key(client_call_details), request)

    class Uploads(AioStreamUnary):
        async def intercept_stream_unary(
            self, continuation: Any, client_call_details: Any, request_iterator: Any
        ) -> Any:
            return await continuation(with_key(client_call_details), request_iterator)

    return [Unary(), Answers(), Uploads()]


def opened(connection: Connection) -> grpc.Channel:
    """A channel whose calls carry the key."""
    credentials = _credentials(connection)
    channel = (
        grpc.secure_channel(connection.address, credentials, options=OPTIONS)
        if credentials
        else grpc.insecure_channel(connection.address, options=OPTIONS)
    )
    return grpc.intercept_channel(channel, _Keyed(connection.key))


def opened_aio(connection: Connection) -> grpc.aio.Channel:
    """The same for asyncio."""
    credentials, interceptors = _credentials(connection), _aio_keyed(connection.key)
    if credentials:
        return grpc.aio.secure_channel(
            connection.address, credentials, options=OPTIONS, interceptors=interceptors
        )
    return grpc.aio.insecure_channel(connection.address, options=OPTIONS, interceptors=interceptors)


def _credentials(connection: Connection) -> grpc.ChannelCredentials | None:
    """None without TLS."""
    if connection.certificate is None or connection.address.startswith("unix:"):
        return None
    return grpc.ssl_channel_credentials(connection.certificate)


def reach(channel: grpc.Channel, connection: Connection) -> None:
    """Wait for the sidecar. Raises Unavailable, naming the cause, where none answers."""
    if _nobody_listens(connection.address):
        raise _no_server(connection.address)
    try:
        grpc.channel_ready_future(channel).result(timeout=CONNECT_TIMEOUT)
    except grpc.FutureTimeoutError:
        raise why_not(connection) from None


async def reach_aio(channel: grpc.aio.Channel, connection: Connection) -> None:
    """The same for asyncio."""
    if await asyncio.to_thread(_nobody_listens, connection.address):
        raise _no_server(connection.address)
    try:
        await asyncio.wait_for(channel.channel_ready(), CONNECT_TIMEOUT)
    except TimeoutError:
        raise await why_not_aio(connection) from None


def _nobody_listens(address: str) -> bool:
    """Whether the machine says at once that there is no server, which gRPC goes on asking about."""
    if address.startswith("unix:"):
        return not os.path.exists(address.removeprefix("unix:"))
    try:
        with _plain(address):
            return False
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False


def _plain(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT)


def _no_server(address: str) -> Unavailable:
    return Unavailable(
        f"no sidecar answers at {address}; start one with 'viwo-imagegen serve', or set VIWO_IMAGEGEN_ADDRESS to where one is",
        code="UNAVAILABLE",
        reason="NO_SERVER",
        asked=address,
    )


def why_not(connection: Connection) -> Unavailable:
    """Whether nobody is there, or somebody who cannot be spoken to in this way."""
    address = connection.address
    try:
        plain = _plain(address)
    except (OSError, ValueError):
        return _no_server(address)
    trusted = connection.certificate.decode("ascii", errors="replace") if connection.certificate else None
    encrypted, problem = True, ""
    try:
        context = ssl.create_default_context(cadata=trusted)
        # The server's own certificate may be what is trusted, as gRPC takes it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        with plain, context.wrap_socket(plain, server_hostname=address.rpartition(":")[0].strip("[]")):
            pass
    except ssl.SSLCertVerificationError as error:
        problem = error.verify_message
    except OSError:
        encrypted = False
    if trusted is None:
        words = (
            "the server there speaks TLS; set tls_cert to its certificate, as the server has it, or VIWO_IMAGEGEN_CA_FILE to a "
            "copy of it"
            if encrypted
            else "something listens there that is no sidecar, or a sidecar that is starting or ending; see port"
        )
    elif encrypted and problem:
        words = f"the certificate of the server there does not fit tls_cert ({connection.certificate_file}): {problem}"
    elif encrypted:
        words = "the server there speaks TLS and does not accept this client; where it asks for certificates, use its unix_socket"
    else:
        words = "what listens there speaks no TLS, and tls_cert is set"
    return Unavailable(
        f"no connection to {address}: {words}", code="UNAVAILABLE", reason="NO_CONNECTION", asked=address
    )


async def why_not_aio(connection: Connection) -> Unavailable:
    """The same for asyncio."""
    return await asyncio.to_thread(why_not, connection)

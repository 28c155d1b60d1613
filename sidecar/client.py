"""A client's connection to a sidecar: address, token and certificate from the same settings as the server's."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from capabilities.errors import Unavailable
from sidecar.auth import SCHEME, read_secret
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2_grpc,
    capability_pb2_grpc,
    entity_pb2_grpc,
    illustration_pb2_grpc,
    image_pb2_grpc,
    job_pb2_grpc,
    key_pb2_grpc,
    model_pb2_grpc,
    picture_pb2_grpc,
    system_pb2_grpc,
    template_pb2_grpc,
)

MAX_MESSAGE = 64 * 1024 * 1024
MESSAGE_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
)
CONNECT_TIMEOUT = 5.0
"""Seconds to reach the server before saying that it is not there."""


if TYPE_CHECKING:
    UnaryUnary = grpc.UnaryUnaryClientInterceptor[Any, Any]
    UnaryStream = grpc.UnaryStreamClientInterceptor[Any, Any]
else:
    UnaryUnary, UnaryStream = grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor


class _Bearer(UnaryUnary, UnaryStream):
    """Adds the token to every call."""

    def __init__(self, token: str) -> None:
        self._entry = ("authorization", f"{SCHEME}{token}")

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self.with_token(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self.with_token(details), request)

    def with_token(self, details: Any, kind: Callable[..., Any] = lambda *entries: list(entries)) -> Any:
        return details._replace(metadata=kind(*(details.metadata or ()), self._entry))


def async_bearer(token: str) -> list[Any]:
    """The same for a grpc.aio channel: interceptors that add the token to calls of either shape."""
    bearer = _Bearer(token)

    class Unary(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
        async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            return await continuation(bearer.with_token(details, grpc.aio.Metadata), request)

    class Streaming(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
        async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
            return await continuation(bearer.with_token(details, grpc.aio.Metadata), request)

    return [Unary(), Streaming()]


class Client:
    """The services of one sidecar."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.capabilities = capability_pb2_grpc.CapabilityServiceStub(channel)
        self.images = image_pb2_grpc.ImageServiceStub(channel)
        self.jobs = job_pb2_grpc.JobServiceStub(channel)
        self.entities = entity_pb2_grpc.EntityServiceStub(channel)
        self.illustrations = illustration_pb2_grpc.IllustrationServiceStub(channel)
        self.blobs = blob_pb2_grpc.BlobServiceStub(channel)
        self.models = model_pb2_grpc.ModelServiceStub(channel)
        self.pictures = picture_pb2_grpc.PictureServiceStub(channel)
        self.templates = template_pb2_grpc.TemplateServiceStub(channel)
        self.keys = key_pb2_grpc.KeyServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)


@contextmanager
def connected(
    settings: Settings, *, address: str = "", token: str = "", waits: bool = True
) -> Iterator[Client]:
    """A client, connected. Raises Unavailable, saying how to start a sidecar, where none answers.

    Where it does not wait for the connection, a call tells that there is none; give each a timeout then.
    """
    address = address or settings.address
    if not token and settings.token_file.is_file():
        token = read_secret(settings.token_file)
    with _channel(settings, address) as bare:
        if waits:
            _await(settings, address, bare)
        yield Client(grpc.intercept_channel(bare, _Bearer(token)))


def _await(settings: Settings, address: str, channel: grpc.Channel) -> None:
    """Wait for a connection. Raises Unavailable with the reason where none comes."""
    if _nobody_listens(address):
        raise _no_server(address)
    try:
        grpc.channel_ready_future(channel).result(timeout=CONNECT_TIMEOUT)
    except grpc.FutureTimeoutError:
        raise _why_not(settings, address) from None


def _nobody_listens(address: str) -> bool:
    """Whether the machine says at once that there is no server, which gRPC goes on asking about."""
    host, _, port = address.rpartition(":")
    if address.startswith("unix:"):
        return not os.path.exists(address.removeprefix("unix:"))
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT):
            return False
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False


def _no_server(address: str) -> Unavailable:
    return Unavailable(
        f"no sidecar answers at {address}; start one with 'viwo-imagegen serve'", reason="NO_SERVER"
    )


def _why_not(settings: Settings, address: str) -> Unavailable:
    """Whether nobody is there, or somebody who cannot be spoken to in this way."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        plain = socket.create_connection((host, int(port)), CONNECT_TIMEOUT)
    except (OSError, ValueError):
        return _no_server(address)
    context = ssl.create_default_context(cafile=str(settings.tls_cert) if settings.tls_cert else None)
    # The server's own certificate may be what is trusted, as gRPC takes it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    encrypted, problem = True, ""
    try:
        with plain, context.wrap_socket(plain, server_hostname=host):
            pass
    except ssl.SSLCertVerificationError as error:
        problem = error.verify_message
    except OSError:
        encrypted = False
    if settings.tls_cert is None:
        words = (
            "the server there speaks TLS; set tls_cert to its certificate, as the server has it"
            if encrypted
            else "something listens there that is no sidecar, or a sidecar that is starting or ending; see port"
        )
    elif encrypted and problem:
        words = f"the certificate of the server there does not fit tls_cert ({settings.tls_cert}): {problem}"
    elif encrypted:
        words = "the server there speaks TLS and does not accept this client; where it asks for certificates, use its unix_socket"
    else:
        words = "what listens there speaks no TLS, and tls_cert is set"
    return Unavailable(f"no connection to {address}: {words}", reason="NO_CONNECTION", asked=address)


def _channel(settings: Settings, address: str) -> grpc.Channel:
    options: Sequence[tuple[str, Any]] = MESSAGE_OPTIONS
    if settings.tls_cert is None or address.startswith("unix:"):
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(
        address, grpc.ssl_channel_credentials(settings.tls_cert.read_bytes()), options=options
    )

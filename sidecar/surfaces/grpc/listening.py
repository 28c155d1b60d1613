"""Where the gRPC server listens, and what it takes from a connection before a line of ours runs."""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from pathlib import Path

import grpc

from capabilities.errors import FailedPrecondition
from sidecar.config import Settings, dialled
from sidecar.surfaces.grpc.limits import MAX_MESSAGE

log = logging.getLogger("viwo_imagegen.server")

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer, which may hold several pictures."""
OPTIONS = (
    # What is received ends at a picture.
    ("grpc.max_send_message_length", MAX_ANSWER),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # A token and a few headers; above the first a client is told, above the second the call ends.
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # No guessing at what the line can take: a body that nobody asks for yet would be received in advance by megabytes.
    # One that is asked for comes at full speed all the same, since the window then opens to its length.
    ("grpc.http2.bdp_probe", 0),
    # Each stream costs memory before a line of ours runs. A client waits by itself for one to end.
    ("grpc.max_concurrent_streams", 1000),
    # Half of the 1024 files that a process may usually have open.
    ("grpc.max_allowed_incoming_connections", 512),
    # A connection that never says what it wants, one that nobody uses (clients connect again by themselves), and one
    # whose other end is gone.
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 15 * 60_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Clients that watch from another machine ask now and then whether this one is still there.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    # Two servers on one port would share its calls at random; refuse to start instead.
    ("grpc.so_reuseport", 0),
)


def listen(server: grpc.aio.Server, settings: Settings) -> str:
    """Bind, and answer the address that clients on this machine use.

    Raises FailedPrecondition where the address is taken, or a certificate or key cannot be used.
    """
    address = settings.listening_address
    credentials = _credentials(settings) if settings.unix_socket is None else None
    try:
        if settings.unix_socket is not None:
            settings.unix_socket.unlink(missing_ok=True)
            # The socket is made by gRPC, readable by its owner only.
            mask = os.umask(0o177)
            try:
                server.add_insecure_port(address)
            finally:
                os.umask(mask)
            return address
        _require_free(settings)
        if credentials is not None:
            port = server.add_secure_port(address, credentials)
        else:
            port = server.add_insecure_port(address)
    except (RuntimeError, OSError) as error:
        raise FailedPrecondition(
            f"cannot listen at {address}: {_words_of(error)}",
            reason="ADDRESS_TAKEN",
            field="port",
            asked=address,
        ) from None
    return dialled(address.rsplit(":", 1)[0] + f":{port}")


def _require_free(settings: Settings) -> None:
    """Raises OSError, saying why, where nothing can listen there: gRPC itself says only that it failed."""
    host = settings.host.strip("[]")
    for family, kind, _, _, place in socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            if os.name != "nt":
                # As gRPC does: a server that ended a moment ago is in nobody's way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)


def _words_of(error: Exception) -> str:
    """Why an address cannot be had, and what to do."""
    why = getattr(error, "strerror", "") or str(error)
    if isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
        return f"{why}; set host to an address of this machine"
    if isinstance(error, PermissionError):
        return f"{why}; set a port above 1023"
    return f"{why}; is another server there? Set another port, or end it"


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """None without TLS. Raises FailedPrecondition, naming the setting, for what is no certificate or no key of it."""
    certificate, key, authority = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if certificate is None or key is None:
        return None
    pair = _pem(key, "tls_key"), _pem(certificate, "tls_cert")
    trusted = _pem(authority, "tls_client_ca") if authority else None
    if key.stat().st_mode & 0o007:
        log.warning("%s can be read by every user of this machine: chmod 600", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise _unusable(
            "tls_cert",
            certificate,
            f"and {key} are no certificate chain and its key without a password, both in PEM: {error.reason or error}",
        ) from None
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError as error:
            raise _unusable(
                "tls_client_ca", authority, f"holds no CA in PEM: {error.reason or error}"
            ) from None
    return grpc.ssl_server_credentials([pair], trusted, require_client_auth=trusted is not None)


def _pem(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(setting, path, f"cannot be read: {error.strerror}") from None


def _unusable(setting: str, path: Path, words: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"{setting}: {path} {words}", reason="BAD_CERTIFICATE", field=setting, asked=str(path)
    )

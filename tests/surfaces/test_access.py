"""Who may connect: token, Unix socket, TLS, client certificates, and what refuses to start."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import ValidationError

from sidecar import server
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, capability_pb2_grpc
from sidecar.testing.certificates import certificate
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar


def listing(channel: grpc.aio.Channel, token: str = "") -> Any:
    stub: Any = capability_pb2_grpc.CapabilityServiceStub(channel)
    metadata = (("authorization", f"Bearer {token}"),) if token else None
    return stub.List(capability_pb2.ListCapabilitiesRequest(), metadata=metadata)


async def test_the_token_opens_and_nothing_else_does(sidecar: Sidecar) -> None:
    assert (await listing(sidecar.channel, sidecar.running.token)).capabilities
    for token, reason in (
        ("", "NO_TOKEN"),
        ("wrong", "BAD_TOKEN"),
        (sidecar.running.token + "x", "BAD_TOKEN"),
    ):
        error = await refused(listing(sidecar.channel, token))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert error_info(error).reason == reason
        assert sidecar.running.token not in (error.details() or "")


async def test_the_token_file_is_its_owners_alone_and_stays(sidecar: Sidecar, tmp_path: Path) -> None:
    file = sidecar.running.settings.token_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = Settings(data_dir=tmp_path, port=0)
    async with server.running(settings) as first:
        token = first.token
    async with server.running(settings) as second:
        assert second.token == token


async def test_health_is_open_and_reflection_is_not(sidecar: Sidecar) -> None:
    health: Any = health_pb2_grpc.HealthStub(sidecar.channel)
    for name in ("", *server.SERVICES):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(sidecar.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    error = await refused(anext(aiter(stub.ServerReflectionInfo(iter([request])))))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    answer = await anext(aiter(stub.ServerReflectionInfo(iter([request]), metadata=sidecar.token)))
    assert set(server.SERVICES) <= {item.name for item in answer.list_services_response.service}


async def test_a_unix_socket_needs_no_token_and_is_its_owners_alone(tmp_path: Path) -> None:
    socket = tmp_path / "s.sock"
    async with server.running(Settings(data_dir=tmp_path / "data", unix_socket=socket)) as running:
        assert stat.S_IMODE(socket.stat().st_mode) & 0o077 == 0
        async with grpc.aio.insecure_channel(running.address) as channel:
            assert (await listing(channel)).capabilities


async def test_tls_needs_the_token_too(tmp_path: Path) -> None:
    ca = trustme.CA()
    settings = Settings(data_dir=tmp_path / "data", port=0, **certificate(ca, tmp_path))
    async with server.running(settings) as running:
        async with secure(running.address, ca) as channel:
            assert (await listing(channel, running.token)).capabilities
            assert (await refused(listing(channel))).code() is grpc.StatusCode.UNAUTHENTICATED
        async with grpc.aio.insecure_channel(running.address) as channel:
            assert (await refused(listing(channel, running.token))).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_certificate_is_enough_and_needed_with_mutual_tls(tmp_path: Path) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    (tmp_path / "ca.pem").write_bytes(ca.cert_pem.bytes())
    settings = Settings(
        data_dir=tmp_path / "data", port=0, tls_client_ca=tmp_path / "ca.pem", **certificate(ca, tmp_path)
    )
    async with server.running(settings) as running:
        async with secure(running.address, ca, ca.issue_cert("viwo@localhost")) as channel:
            assert (await listing(channel)).capabilities
        for client in (None, stranger.issue_cert("viwo@localhost")):
            async with secure(running.address, ca, client) as channel:
                error = await refused(listing(channel, running.token))
                assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_a_public_address_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="TLS is required"):
        Settings(host="0.0.0.0")  # noqa: S104
    with pytest.raises(ValidationError, match="belong together"):
        Settings(tls_cert=Path("cert.pem"))


async def test_a_taken_port_is_said(sidecar: Sidecar, tmp_path: Path) -> None:
    port = int(sidecar.running.address.rsplit(":", 1)[1])
    with pytest.raises(Exception, match="is another server there"):
        async with server.running(Settings(data_dir=tmp_path, port=port)):
            pass


async def test_a_world_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="there is no viwo world at"):
        async with server.running(Settings(data_dir=tmp_path, port=0, world_path=tmp_path / "none.sqlite")):
            pass


def secure(address: str, ca: trustme.CA, client: trustme.LeafCert | None = None) -> grpc.aio.Channel:
    key = client.private_key_pem.bytes() if client else None
    chain = client.cert_chain_pems[0].bytes() if client else None
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca.cert_pem.bytes(), key, chain))

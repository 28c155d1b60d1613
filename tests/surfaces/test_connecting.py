"""Why a server does not start or cannot be reached: the cause that is named is the true one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme

from capabilities.errors import FailedPrecondition
from sidecar import server
from sidecar.config import Settings
from sidecar.testing.certificates import certificate
from viwo_imagegen_client import AsyncClient, Client, Unavailable
from viwo_imagegen_client.pb.viwo.imagegen.v1 import system_pb2


def told(settings: Settings, address: str) -> str:
    """What a client with these settings is told, who tries for a second."""
    with (
        pytest.raises(Unavailable) as refused,
        Client(address, ca_file=settings.tls_cert, key_needed=False) as client,
    ):
        client.reach()
    return str(refused.value)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viwo_imagegen_client.dialling.CONNECT_TIMEOUT", 1.0)


@pytest.mark.parametrize(
    ("spoil", "setting", "words"),
    [
        (lambda paths: paths["tls_cert"].unlink(), "tls_cert", "cannot be read: No such file"),
        (lambda paths: paths["tls_key"].unlink(), "tls_key", "cannot be read: No such file"),
        (lambda paths: paths["tls_cert"].write_text("none"), "tls_cert", "no certificate chain"),
        (lambda paths: paths["tls_key"].write_text("none"), "tls_cert", "no certificate chain"),
        (
            lambda paths: paths["tls_key"].write_bytes(trustme.CA().issue_cert("a").private_key_pem.bytes()),
            "tls_cert",
            "KEY_VALUES_MISMATCH",
        ),
        (lambda paths: paths["tls_client_ca"].write_text("none"), "tls_client_ca", "no CA"),
    ],
)
async def test_a_certificate_that_cannot_be_used_is_no_taken_port(
    tmp_path: Path, spoil: Any, setting: str, words: str
) -> None:
    ca = trustme.CA()
    paths = {**certificate(ca, tmp_path / "tls"), "tls_client_ca": tmp_path / "ca.pem"}
    paths["tls_client_ca"].write_bytes(ca.cert_pem.bytes())
    spoil(paths)
    with pytest.raises(FailedPrecondition) as refused:
        async with server.running(Settings(data_dir=tmp_path / "data", port=0, **paths), []):
            pass
    assert (refused.value.reason, refused.value.field) == ("BAD_CERTIFICATE", setting)
    assert words in refused.value.message
    assert "another server" not in refused.value.message


async def test_a_client_that_has_the_servers_settings_reaches_it_on_all_addresses(tmp_path: Path) -> None:
    tls = certificate(trustme.CA(), tmp_path / "tls")
    settings = Settings(data_dir=tmp_path / "data", host="0.0.0.0", port=0, **tls)  # noqa: S104
    async with server.running(settings, []) as running:
        assert running.address.startswith("127.0.0.1:")

        def ask() -> int:
            with Client(running.address, running.token, ca_file=settings.tls_cert) as client:
                client.reach()
                return len(client.system.Status(system_pb2.StatusRequest()).engines)

        assert await asyncio.to_thread(ask) == 1


async def test_what_does_not_fit_between_client_and_server_is_told(tmp_path: Path) -> None:
    ca = trustme.CA()
    data, own = tmp_path / "data", certificate(ca, tmp_path / "tls")
    other = certificate(trustme.CA(), tmp_path / "other")
    elsewhere = certificate(ca, tmp_path / "elsewhere", "world.example")
    async with server.running(Settings(data_dir=data, port=0, **own), []) as running:
        plain = await asyncio.to_thread(told, Settings(data_dir=data), running.address)
        assert "speaks TLS; set tls_cert" in plain
        strange = await asyncio.to_thread(told, Settings(data_dir=data, **other), running.address)
        assert "does not fit tls_cert" in strange
        assert str(other["tls_cert"]) in strange
    async with server.running(Settings(data_dir=data, port=0, **elsewhere), []) as running:
        named = await asyncio.to_thread(told, Settings(data_dir=data, **elsewhere), running.address)
        assert "127.0.0.1" in named
    async with server.running(Settings(data_dir=data, port=0), []) as running:
        silent = await asyncio.to_thread(told, Settings(data_dir=data, **own), running.address)
        assert "speaks no TLS" in silent
        async with AsyncClient(running.address, running.token) as client:
            await client.reach()
        async with AsyncClient(running.address, running.token, ca_file=own["tls_cert"]) as client:
            with pytest.raises(Unavailable, match="speaks no TLS"):
                await client.reach()
            with pytest.raises(Unavailable, match="speaks no TLS"):
                await client.text_to_image("a cup")


async def test_somebody_else_at_the_port_is_no_missing_server(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as other:
        address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        words = await asyncio.to_thread(told, Settings(data_dir=tmp_path), address)
        assert "something listens there that is no sidecar" in words
    nobody = await asyncio.to_thread(told, Settings(data_dir=tmp_path), address)
    assert "no sidecar answers" in nobody

"""Where the sidecar is, and who asks: found in the environment and in the sidecar's own files on this machine."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viwo_imagegen_client.errors import FailedPrecondition, Unauthenticated

PREFIX = "VIWO_IMAGEGEN_"
DEFAULT_PORT = 50061
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Every address of a machine, to listen on, and what a client on it dials."""


@dataclass(frozen=True)
class Connection:
    """`address`: host:port, or unix:/path. `key`: what goes into `authorization`; empty over a Unix socket.
    `certificate`: PEM to trust, from `certificate_file`; None without TLS."""

    address: str
    key: str = field(repr=False)
    certificate: bytes | None = field(repr=False)
    certificate_file: Path | None = field(default=None, compare=False)

    @property
    def is_of_an_entity(self) -> bool:
        """Whether the key is bound to an entity, so that a call need not say who asks and by what right."""
        return self.key.startswith("vk_")


def find(
    address: str = "",
    key: str = "",
    ca_file: str | Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    key_needed: bool = True,
) -> Connection:
    """What is given, else VIWO_IMAGEGEN_ADDRESS, _KEY, _KEY_FILE and _CA_FILE, else as the sidecar of this user is set.

    Raises Unauthenticated where a key is needed, and none is given or can be read; FailedPrecondition for a
    certificate that cannot be read.
    """
    settings = _settings(environment)
    address = address or environment.get(f"{PREFIX}ADDRESS", "")
    certificate = ca_file or environment.get(f"{PREFIX}CA_FILE")
    is_here = not address or _is_here(address)
    if not address:
        address = _own_address(settings)
        if not address.startswith("unix:"):
            certificate = certificate or settings.get("tls_cert")
    key = key or environment.get(f"{PREFIX}KEY", "")
    if not key:
        file = environment.get(f"{PREFIX}KEY_FILE") or (
            Path(settings["data_dir"]) / "token" if is_here else None
        )
        try:
            key = _read_key(address, file)
        except Unauthenticated:
            if key_needed and not address.startswith("unix:"):
                raise
    if not certificate:
        return Connection(address, key, None)
    certificate = Path(certificate)
    return Connection(address, key, _read(certificate), certificate)


def _is_here(address: str) -> bool:
    """Whether it is an address of this machine only; another machine is not sent the token of this one's sidecar."""
    if address.startswith("unix:"):
        return True
    host, colon, _ = address.rpartition(":")
    host = host.strip("[]") if colon else address
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        # Any other name, also one that begins like an address here, may be of another machine.
        return False


def _read_key(address: str, file: str | Path | None) -> str:
    cure = f"set {PREFIX}KEY to a key of 'viwo-imagegen key create'"
    problem = f"{address} is another machine; {cure}"
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            problem = f"{file} is not text; {cure}"
        except OSError as error:
            problem = f"{file} cannot be read ({error.strerror}); start the sidecar once, or {cure}"
    raise Unauthenticated(f"no key: {problem}", code="UNAUTHENTICATED", reason="NO_KEY") from None


def _read(certificate: Path) -> bytes:
    try:
        return certificate.read_bytes()
    except OSError as error:
        raise FailedPrecondition(
            f"the certificate {certificate} cannot be read ({error.strerror}); set tls_cert or {PREFIX}CA_FILE to the server's",
            code="FAILED_PRECONDITION",
            reason="BAD_CERTIFICATE",
            field="tls_cert",
            asked=str(certificate),
        ) from None


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_DATA_HOME") or environment.get("LOCALAPPDATA") or "~/.local/share"
    return Path(base).expanduser() / "viwo-imagegen"


def _settings(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """The sidecar's settings that tell where it listens and where its token is: variables over its file."""
    data = environment.get(f"{PREFIX}DATA_DIR") or _default_data_dir(environment)
    file = Path(environment.get(f"{PREFIX}CONFIG") or Path(data) / "config.toml")
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    for name in ("data_dir", "host", "port", "unix_socket", "tls_cert"):
        if value := environment.get(f"{PREFIX}{name.upper()}"):
            settings[name] = value
    if not isinstance(settings.get("data_dir"), str):
        settings["data_dir"] = data
    return settings


def _own_address(settings: Mapping[str, Any]) -> str:
    if settings.get("unix_socket"):
        return f"unix:{settings['unix_socket']}"
    host = str(settings.get("host", "127.0.0.1"))
    host = EVERYWHERE.get(host, host)
    return f"{f'[{host}]' if ':' in host else host}:{settings.get('port', DEFAULT_PORT)}"

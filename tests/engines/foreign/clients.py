"""A plain HTTP client of a fake, as a script would be one."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2

from sidecar.testing.foreign.server import ForeignServer


def client_of(server: ForeignServer, **options: Any) -> httpx2.AsyncClient:
    """Reads no certificates: nothing here is encrypted, and they take longer than a test."""
    return httpx2.AsyncClient(base_url=server.url, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **options)

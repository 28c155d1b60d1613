"""Addresses in a server's answers: only its own are asked, so that it cannot send us to another."""

from __future__ import annotations

import httpx2

from sidecar.engines.remote.transport import Host


def own_address(url: object, host: Host) -> str | None:
    """An address of the server itself, whole; None for any other, and for what is no address."""
    if not isinstance(url, str) or not url:
        return None
    try:
        base = httpx2.URL(host.url)
        found = base.join(url)
    except (httpx2.InvalidURL, ValueError):
        return None
    is_own = (found.scheme, found.host, found.port) == (base.scheme, base.host, base.port)
    return str(found) if is_own else None

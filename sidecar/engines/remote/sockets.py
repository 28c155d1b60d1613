"""WebSockets of somebody else's image server: what it tells on them is a hint, so whatever breaks ends them quietly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host, is_loopback

MAX_MESSAGE = 16 * 1024**2
"""Most bytes of a message: a preview at full size."""
LET_GO = 0.5
"""Seconds that a server gets to answer a goodbye."""


class _Connect(connect):
    """Goes where it was sent, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def messages(
    host: Host, settings: EngineSettings, path: str, params: Mapping[str, str]
) -> AsyncIterator[str | bytes]:
    """What the server tells on a socket until that ends; it ends at once where it cannot be opened."""
    address = httpx2.URL(f"{host.url}{path}")
    scheme = "wss" if address.scheme == "https" else "ws"
    url = f"{address.copy_with(scheme=scheme)}?{urlencode(params)}"
    try:
        async with _Connect(
            url,
            ssl=host.tls if scheme == "wss" else None,
            additional_headers=dict(host.headers),
            user_agent_header="viwo-imagegen",
            proxy=None if is_loopback(host.url) else True,
            open_timeout=settings.timeouts.connect,
            close_timeout=LET_GO,
            # It has its own word for being there; a server that is busy drawing answers no ping in time.
            ping_interval=None,
            max_size=MAX_MESSAGE,
            compression=None,
        ) as socket:
            async for message in socket:
                yield message
    except (OSError, TimeoutError, WebSocketException):
        return

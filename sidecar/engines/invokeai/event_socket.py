"""The socket of an InvokeAI, on which it tells what happens in its queue. Whatever breaks it ends it quietly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.session_queue import QUEUE
from sidecar.engines.remote.settings import EngineSettings

MAX_MESSAGE = 16 * 1024**2
"""Most bytes of a message: a preview at full size."""
LET_GO = 0.5
"""Seconds that a server gets to answer a goodbye."""

Hear = Callable[[str, object], Awaitable[None]]


class _RedirectedError(aiohttp.ClientConnectionError):
    """It points somewhere else, where nobody goes."""


async def follow(access: Access, settings: EngineSettings, hear: Hear) -> None:
    """Tell of each event by its name, until the socket ends; it ends at once where it cannot be opened."""
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)
    connector = aiohttp.TCPConnector(ssl=access.host.tls)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[tracing]) as session:
        client = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            http_session=session,
            request_timeout=LET_GO,
            websocket_extra_options={"max_msg_size": MAX_MESSAGE},
        )
        client.on("*", hear)
        try:
            await client.connect(
                access.host.url,
                headers=dict(access.host.headers),
                auth={"token": access.token} if access.token else None,
                transports=["websocket"],
                socketio_path=f"{urlsplit(access.host.url).path}/ws/socket.io",
                wait_timeout=settings.timeouts.connect,
            )
            await client.emit("subscribe_queue", {"queue_id": QUEUE})
            await client.wait()
        except (SocketIOError, aiohttp.ClientError, OSError, ValueError):
            return
        finally:
            await asyncio.shield(client.disconnect())


async def _refuse_redirect(
    session: aiohttp.ClientSession, context: object, params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise _RedirectedError("redirected")

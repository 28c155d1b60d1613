"""The socket of an InvokeAI, on which it tells what happens in its queue. Whatever breaks it ends it quietly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
import socketio

from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.session_queue import QUEUE
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import is_loopback

MAX_MESSAGE = 16 * 1024**2
"""Most bytes of a message: a preview at full size."""
LET_GO = 0.5
"""Seconds that a server gets to answer a goodbye."""

Hear = Callable[[str, object], Awaitable[None]]


class _RedirectedError(aiohttp.ClientConnectionError):
    """It points somewhere else, where nobody goes."""


async def follow(access: Access, settings: EngineSettings, hear: Hear, over: asyncio.Event) -> None:
    """Tell of each event by its name, until it is over or the socket ends; that is at once where it cannot be opened.

    Not to be canceled once it is open: the client's tasks would outlive it.
    """
    opening = settings.timeouts.connect
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=access.host.tls),
        timeout=aiohttp.ClientTimeout(connect=opening, sock_read=opening),
        trace_configs=[tracing],
        trust_env=not is_loopback(access.host.url),
    ) as session:
        client = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            http_session=session,
            request_timeout=LET_GO,
            websocket_extra_options={"max_msg_size": MAX_MESSAGE},
        )
        client.on("*", hear)
        client.on("disconnect", lambda *_: over.set())
        # Whatever goes wrong in somebody else's protocol, the drawing goes on.
        with contextlib.suppress(Exception):
            try:
                # The client has no limit of its own for the server's first word.
                async with asyncio.timeout(2 * opening):
                    await client.connect(
                        access.host.url,
                        headers=dict(access.host.headers),
                        auth={"token": access.token} if access.token else None,
                        transports=["websocket"],
                        socketio_path=f"{urlsplit(access.host.url).path}/ws/socket.io",
                        wait_timeout=opening,
                    )
                await client.emit("subscribe_queue", {"queue_id": QUEUE})
                await over.wait()
            finally:
                await client.disconnect()


async def _refuse_redirect(
    session: aiohttp.ClientSession, context: object, params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise _RedirectedError("redirected")

"""What every request to a fake goes through: it is written down, judged, and perhaps spoiled."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from weakref import WeakSet

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sidecar.testing.foreign.faults import ANSWERED, AT_CONNECTION, Fault, Faults, Kind

LONGEST_ENDLESS = 1 << 30
"""Bytes after which an endless answer ends after all."""
_PIECE = 1 << 16
_PIECES = 10
_LONG_TEXT = 200
_BASE64 = re.compile(r"^(data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=\s]+$")

_connections: dict[tuple[str, int], asyncio.Transport] = {}


class Connection(H11Protocol):
    """A connection that can be found again by its client's address, and ended in ways that HTTP does not know."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _connections[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _connections.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class Gate:
    """Around a fake's application. `/_...` are the test's own routes, and pass."""

    def __init__(
        self,
        application: ASGIApp,
        faults: Faults,
        *,
        refusal: Callable[[Kind], Response],
        unauthorized: Callable[[Scope], Response | None],
        reset_after_500: bool,
    ) -> None:
        self.application = application
        self.faults = faults
        self.refusal = refusal
        self.unauthorized = unauthorized
        self.reset_after_500 = reset_after_500
        self.requests: list[dict[str, object]] = []
        self.released = asyncio.Event()
        self.endless_bytes = 0
        self._spoiled: WeakSet[asyncio.Transport] = WeakSet()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"].startswith("/_"):
            await self.application(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append(_told(scope, b""))
        fault = self.faults.take(ANSWERED | AT_CONNECTION, scope["path"], "GET")
        if fault is None:
            await self.application(scope, receive, send)
        elif fault.fault is Kind.HANG:
            await self.released.wait()
            await self.application(scope, receive, send)
        else:
            await _reset(scope, receive)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _connections[tuple(scope["client"])] in self._spoiled:
            await _reset(scope, receive)
            return
        body = await _whole_body(receive)
        told = _told(scope, body)
        self.requests.append(told)
        again = _replayed(body, receive)
        sending = self._spoiling(scope, send, told) if self.reset_after_500 else _noting(send, told)
        fault = self.faults.take(ANSWERED | AT_CONNECTION, scope["path"], scope["method"])
        if fault is not None:
            told["fault"] = fault.fault.value
        if fault is not None and fault.fault in ANSWERED:
            await self._answer(fault)(scope, again, sending)
        elif fault is not None:
            await self._spoil(fault, scope, again, sending)
        elif refused := self.unauthorized(scope):
            await refused(scope, again, sending)
        else:
            await self.application(scope, again, sending)

    def _answer(self, fault: Fault) -> Response:
        match fault.fault:
            case Kind.BAD_GATEWAY:
                return HTMLResponse("<html><h1>502 Bad Gateway</h1></html>", 502)
            case Kind.UNAVAILABLE:
                return HTMLResponse("<html><h1>503 Service Unavailable</h1></html>", 503)
        answer = self.refusal(fault.fault)
        if fault.fault is Kind.RATE_LIMITED:
            answer.headers["Retry-After"] = str(max(1, round(fault.seconds)))
        elif fault.fault is Kind.RATE_LIMITED_DATE:
            moment = datetime.now(UTC) + timedelta(seconds=max(1.0, fault.seconds))
            answer.headers["Retry-After"] = format_datetime(moment, usegmt=True)
        return answer

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.fault:
            case Kind.HANG:
                await self.released.wait()
                await self.application(scope, receive, send)
            case Kind.DROP_BEFORE:
                await _reset(scope, receive)
            case Kind.REDIRECT:
                where = f"http://localhost:{scope['server'][1]}/_redirected"
                await Response(status_code=307, headers={"Location": where})(scope, receive, send)
            case Kind.ENDLESS:
                await self._endless(scope, send)
            case _:
                start, body = await self._made(scope, receive)
                await _spoiled(fault, start, body, scope, receive, send)

    async def _made(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.application(scope, receive, keep)
        return start, b"".join(parts)

    async def _endless(self, scope: Scope, send: Send) -> None:
        transport = _connections[tuple(scope["client"])]
        await send(_start({"status": 200}, {"content-type": "application/json"}))
        piece = b'{"images": ["' + b"A" * _PIECE
        while self.endless_bytes < LONGEST_ENDLESS and not transport.is_closing():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self.endless_bytes += len(piece)
            piece = b"A" * _PIECE
            await asyncio.sleep(0)
        transport.abort()

    def _spoiling(self, scope: Scope, send: Send, told: dict[str, object]) -> Send:
        """After a 500 the connection is no good, unless it was to be closed anyway."""
        noting = _noting(send, told)

        async def sending(message: Message) -> None:
            closes = Headers(scope=scope).get("connection", "").lower() == "close"
            if message.get("status") == 500 and not closes:
                self._spoiled.add(_connections[tuple(scope["client"])])
            await noting(message)

        return sending


async def _spoiled(
    fault: Fault, start: Message, body: bytes, scope: Scope, receive: Receive, send: Send
) -> None:
    if fault.fault is Kind.DROP_AFTER:
        await _reset(scope, receive)
        return
    if fault.fault is Kind.GARBAGE:
        body = b"\x00\xff<garbage>" * 8
    elif fault.fault is Kind.TRUNCATED_JSON:
        body = body[: len(body) // 2]
    await send(_start(start, {"content-length": str(len(body))}))
    if fault.fault is Kind.TRUNCATED_BODY:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _connections[tuple(scope["client"])].close()
        await _until_gone(receive)
        return
    if fault.fault is Kind.SLOW_BODY:
        size = max(1, len(body) // _PIECES)
        while len(body) > size:
            await send({"type": "http.response.body", "body": body[:size], "more_body": True})
            body = body[size:]
            await asyncio.sleep(fault.seconds)
    await send({"type": "http.response.body", "body": body})


async def _reset(scope: Scope, receive: Receive) -> None:
    transport = _connections.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    with contextlib.suppress(Exception):
        while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
            pass


def _start(start: Mapping[str, Any], headers: Mapping[str, str]) -> Message:
    named = {name.encode(): value.encode() for name, value in headers.items()}
    kept = [(name, value) for name, value in start.get("headers", ()) if name.lower() not in named]
    return {"type": "http.response.start", "status": start["status"], "headers": [*kept, *named.items()]}


def _noting(send: Send, told: dict[str, object]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            told["status"] = message["status"]
        await send(message)

    return sending


async def _whole_body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return first.pop() if first else await receive()

    return receiving


def _told(scope: Scope, body: bytes) -> dict[str, object]:
    """A request as JSON, with the size of a picture in its place."""
    headers = Headers(scope=scope)
    seen: object = f"<{len(body)} bytes>" if body else None
    if body and headers.get("content-type", "").startswith("multipart/form-data"):
        seen = re.findall(r'name="([^"]+)"', body.decode("latin-1"))
    elif body:
        with contextlib.suppress(ValueError):
            seen = _without_pictures(json.loads(body))
    return {
        "method": scope.get("method", "WEBSOCKET"), "path": scope["path"],
        "query": scope["query_string"].decode(), "headers": dict(headers), "body": seen,
    }  # fmt: skip


def _without_pictures(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_pictures(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_pictures(part) for part in value]
    if isinstance(value, str) and len(value) > _LONG_TEXT and _BASE64.match(value):
        return f"<{len(value)} characters>"
    return value

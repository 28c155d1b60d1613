"""Calls of one InvokeAI, which a server with several users answers only to somebody who has logged in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.transport import MAX_LISTING, Answer, Host

_HEADER = "Authorization"


class Access:
    """Logs in when a server asks for it, and anew when it does so again: tokens end after a day."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._logging_in = asyncio.Lock()

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """As `Host.call`. What is refused for want of a login was not done, so it is sent once more after it."""
        shown = self.host.headers.get(_HEADER)
        try:
            return await self.host.call(method, path, **options)
        except RemoteFailure as failure:
            if failure.status != 401:
                raise
            key = self.host.key()
            if not key:
                raise RemoteFailure(
                    FailureKind.UNAUTHORIZED,
                    f"{failure.message}; put an e-mail address and a password into key_file, as email:password",
                    field="key_file",
                    status=failure.status,
                ) from None
        await self._log_in(key, instead_of=shown)
        return await self.host.call(method, path, **options)

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """As `Host.get_json`."""
        answer = await self.call("GET", path, params=params, repeatable=True, most=MAX_LISTING)
        return await self.host.json_of(answer)

    @property
    def token(self) -> str:
        """What a login gave; empty where none was asked for."""
        return self.host.headers.get(_HEADER, "").removeprefix("Bearer ")

    async def _log_in(self, key: str, *, instead_of: str | None) -> None:
        async with self._logging_in:
            if self.host.headers.get(_HEADER) != instead_of:
                return
            email, _, password = key.partition(":")
            if not email or not password:
                raise RemoteFailure(
                    FailureKind.UNAUTHORIZED,
                    "its key_file must hold an e-mail address and a password with a colon between them",
                    field="key_file",
                )
            self.host.headers.pop(_HEADER, None)
            told = await self.host.post_json(
                "/api/v1/auth/login", {"email": email, "password": password}, repeatable=True
            )
            token = told.get("token") if isinstance(told, Mapping) else None
            if not isinstance(token, str) or not token.isprintable() or not token.isascii():
                raise RemoteFailure(FailureKind.BAD_ANSWER, "its login gives no token")
            self.host.headers[_HEADER] = f"Bearer {token}"

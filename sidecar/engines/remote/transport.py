"""HTTP to somebody else's image server: the only place where an engine opens a connection.

Each phase of a conversation has its time, an answer has its most bytes, redirects are refused, TLS is verified. A request is
sent again only where that cannot draw or cost anything twice. A server that is broken is left alone for a while (`breaker`).
Neither a key nor a body is ever logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from sidecar.engines.remote.breaker import Breaker, BreakerState
from sidecar.engines.remote.connection_faults import failure_of
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.refusals import retry_after, words_of
from sidecar.engines.remote.settings import EngineSettings

log = logging.getLogger("viwo_imagegen.engines")

MAX_ANSWER = 256 * 1024**2
"""Most bytes of an answer: a few pictures of 32 MiB in base64."""
MAX_LISTING = 32 * 1024**2
"""Most bytes of an answer that holds no picture."""
MAX_TOLD = 64 * 1024
"""Bytes of a refusal that are read."""
ON_A_THREAD = 256 * 1024
"""JSON of more bytes is parsed on a thread: the loop must not wait for it."""
TRIES = 3
FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 5.0
"""Seconds between two tries; each is twice the one before, times a random part."""
LONGEST_WAIT = 10.0
"""Seconds of a Retry-After that a single call waits; a longer one ends the job's attempt, and the queue waits."""
BUSY = frozenset({429, 502, 503, 504})
"""Statuses after which a call that may be repeated is."""
MAX_KEY = 8192

Files = list[tuple[str, tuple[str, bytes, str]]]
"""Of a form: the name of the field, and the file's own name, content and media type."""


@dataclass(frozen=True)
class Answer:
    """A whole answer with a status of 2xx."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Host:
    """One server of an engine."""

    def __init__(self, url: str, settings: EngineSettings) -> None:
        """Raises OSError where the certificates cannot be read."""
        self.url = url
        self.breaker = Breaker()
        self._last_fault = ""
        self.tls = _trusted(settings.ca_file)
        self._settings = settings
        times = settings.timeouts
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=httpx2.Timeout(times.read, connect=times.connect),
            follow_redirects=False,
            verify=self.tls,
            limits=httpx2.Limits(max_connections=8 + 4 * settings.slots, max_keepalive_connections=8),
            headers={"User-Agent": "viwo-imagegen"},
            # A proxy of the environment is for other machines.
            trust_env=not is_loopback(url),
        )
        self.headers: dict[str, str] = {}
        """Sent with every call: the connector's way to show the key."""

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def why_left_alone(self) -> str:
        """Why nothing is sent there for a while; empty where calls go through."""
        if self.breaker.state is not BreakerState.OPEN:
            return ""
        return f"{self._last_fault}; it has failed several times in a row and is left alone for a while"

    def key(self) -> str:
        """What the key file holds; empty where none is named. Raises RemoteFailure for a file that cannot be read."""
        file = self._settings.key_file
        if file is None:
            return ""
        try:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(MAX_KEY + 1).strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RemoteFailure(
                FailureKind.UNAUTHORIZED, f"its key_file {file} cannot be read: {why}", field="key_file"
            ) from None
        if len(text) > MAX_KEY or not text.isprintable():
            raise RemoteFailure(
                FailureKind.UNAUTHORIZED,
                f"its key_file {file} does not hold one line of text",
                field="key_file",
            )
        return text

    def _words(self, body: bytes) -> str:
        """What a body says in a few words, without what was sent along as a key: some servers say it back."""
        told = words_of(body, ": ")
        for header in self.headers.values():
            for secret in {header, header.rpartition(" ")[2]}:
                told = told.replace(secret, "***") if len(secret) > 3 else told
        return told

    async def get_json(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """What a GET answers, as JSON. Repeated where the server is busy. Raises RemoteFailure."""
        return await self.json_of(
            await self.call("GET", path, params=params, repeatable=True, most=MAX_LISTING)
        )

    async def post_json(
        self,
        path: str,
        body: object,
        *,
        repeatable: bool = False,
        draws: bool = False,
        most: int = MAX_LISTING,
    ) -> Any:
        """What a POST of JSON answers, as JSON; None where that is nothing. Raises RemoteFailure.

        `repeatable`: sending it twice does no harm. `draws`: it waits for a picture.
        """
        answer = await self.call("POST", path, body=body, repeatable=repeatable, draws=draws, most=most)
        return await self.json_of(answer) if answer.body else None

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        files: Files | None = None,
        repeatable: bool = False,
        draws: bool = False,
        most: int = MAX_ANSWER,
        close: bool = False,
    ) -> Answer:
        """A whole answer. Raises RemoteFailure for every other status than 2xx, and for none.

        `close`: on a connection of its own, which some servers break after a fault.
        """
        content = None if body is None else await _dumped(body)
        headers = dict(self.headers)
        if content is not None:
            headers["Content-Type"] = "application/json"
        if close:
            headers["Connection"] = "close"
        for tried in range(1, TRIES + 1):
            try:
                async with self._sent(
                    method,
                    path,
                    draws=draws,
                    params=params,
                    content=content,
                    data=form,
                    files=files,
                    headers=headers,
                ) as response:
                    return Answer(response.status_code, response.headers, await self._read(response, most))
            except RemoteFailure as failed:
                pause = self._pause_before_another(failed, tried, repeatable=repeatable)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        form: Mapping[str, str] | None = None,
        files: Files | None = None,
        draws: bool = True,
        most: int = MAX_ANSWER,
    ) -> AsyncIterator[AsyncGenerator[bytes]]:
        """The lines of an answer as they come, without their ends; never sent again. Raises RemoteFailure."""
        content = None if body is None else await _dumped(body)
        headers = self.headers if body is None else {**self.headers, "Content-Type": "application/json"}
        request = {"content": content, "data": form, "files": files, "headers": headers}
        async with self._sent(method, path, draws=draws, **request) as response:
            lines = self._lines(response, most)
            async with contextlib.aclosing(lines):
                yield lines

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, *, draws: bool = False, **request: Any
    ) -> AsyncIterator[httpx2.Response]:
        """An answer with a status of 2xx, not yet read."""
        if not self.breaker.enter():
            raise RemoteFailure(
                FailureKind.UNREACHABLE,
                self.why_left_alone or f"{self.url} is being tried again; others wait for what comes of it",
                retry_after=max(1.0, self.breaker.opens_in),
                was_sent=False,
            )
        times = self._settings.timeouts
        request["timeout"] = httpx2.Timeout(times.draw if draws else times.read, connect=times.connect)
        try:
            async with self._client.stream(method, path, **request) as response:
                if not response.is_success:
                    raise await self._refused(response)
                yield response
        except RemoteFailure as failed:
            self._count(failed)
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeEncodeError) as error:
            failure = failure_of(error, self.url)
            self._count(failure)
            raise failure from None
        except BaseException:
            self.breaker.gave_up()
            raise
        self.breaker.succeeded()

    def _count(self, failure: RemoteFailure) -> None:
        if failure.is_of_the_host:
            self._last_fault = failure.message
            self.breaker.failed()
        else:
            self.breaker.succeeded()

    async def _read(self, response: httpx2.Response, most: int) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > most:
                raise RemoteFailure(
                    FailureKind.BAD_ANSWER,
                    f"{self.url} answers with more than {most // 1024**2} MiB",
                    limit=f"{most} bytes",
                )
            parts.append(part)
        return b"".join(parts)

    async def _lines(self, response: httpx2.Response, most: int) -> AsyncGenerator[bytes]:
        rest, size = bytearray(), 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > most:
                raise RemoteFailure(
                    FailureKind.BAD_ANSWER, f"{self.url} answers with more than {most // 1024**2} MiB"
                )
            # A picture in base64 is one long line, so what has been searched is not searched again.
            *lines, last = part.split(b"\n")
            for line in lines:
                yield bytes(rest + line).rstrip(b"\r")
                rest.clear()
            rest += last
        if rest:
            yield bytes(rest)

    async def _refused(self, response: httpx2.Response) -> RemoteFailure:
        """What a status says. The words of the server are kept short; they may be a page of HTML."""
        status = response.status_code
        told = b""
        with contextlib.suppress(httpx2.HTTPError):
            async for part in response.aiter_bytes():
                told += part[: MAX_TOLD - len(told)]
                if len(told) >= MAX_TOLD:
                    break
        if response.is_redirect:
            return RemoteFailure(
                FailureKind.BAD_ANSWER,
                f"{self.url} redirects to another address, which is not followed; configure the address it really has",
                field="urls",
                status=status,
            )
        kind = _KINDS.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.BAD_REQUEST)
        cure = ""
        if kind is FailureKind.UNAUTHORIZED:
            named = self._settings.key_file is not None
            cure = (
                "; see whether the key in key_file is right"
                if named
                else "; put its key into a file that key_file names"
            )
        return RemoteFailure(
            kind,
            f"{self.url} answers {status}{self._words(told)}{cure}",
            retry_after=retry_after(response.headers.get("retry-after")),
            status=status,
            answer=told,
        )

    def _pause_before_another(self, failure: RemoteFailure, tried: int, *, repeatable: bool) -> float | None:
        """Seconds until another try; None where there is to be none."""
        if tried == TRIES:
            return None
        busy = failure.status in BUSY or (failure.status == 0 and failure.is_of_the_host)
        if failure.was_sent and not (repeatable and busy):
            return None
        wait = failure.retry_after
        if wait is not None:
            return wait if wait <= LONGEST_WAIT else None
        backoff: float = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (tried - 1))
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311

    async def json_of(self, answer: Answer) -> Any:
        """An answer as JSON. Raises RemoteFailure where it is none."""
        try:
            if len(answer.body) > ON_A_THREAD:
                return await asyncio.to_thread(json.loads, answer.body)
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            kind = answer.media_type or "something without a type"
            raise RemoteFailure(
                FailureKind.BAD_ANSWER,
                f"{self.url} answers {answer.status} with {kind} that is not JSON{self._words(answer.body[:200])}",
                status=answer.status,
            ) from None


_KINDS = {
    401: FailureKind.UNAUTHORIZED,
    402: FailureKind.QUOTA,
    403: FailureKind.UNAUTHORIZED,
    407: FailureKind.UNREACHABLE,
    408: FailureKind.TIMEOUT,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.TIMEOUT,
}


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    return httpx2.URL(url).host in ("localhost", "127.0.0.1", "::1")


async def _dumped(body: object) -> bytes:
    # Pictures in base64 make it long.
    text = await asyncio.to_thread(json.dumps, body)
    return text.encode()

"""HTTP to foreign servers: what is sent again, what is not, and when a server is left alone."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines.remote.breaker import FIRST_PAUSE, LONGEST_PAUSE, TRIES, Breaker, BreakerState
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.png_text import texts
from sidecar.engines.remote.refusals import retry_after, words_of
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def server(*answers: bytes | None, **settings: Any) -> AsyncIterator[tuple[Host, list[bytes]]]:
    """A host whose connections are answered in turn, the last answer again and again; None: closed without one."""
    heard: list[bytes] = []
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        given = left.pop(0) if len(left) > 1 else left[0]
        if given is not None:
            writer.write(given.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    values = {"name": "far", "kind": "a1111", "urls": [f"http://127.0.0.1:{port}"], **settings}
    host = Host(f"http://127.0.0.1:{port}", EngineSettings.model_validate(values))
    try:
        yield host, heard
    finally:
        await host.close()
        listening.close()


async def refused(call: Any) -> RemoteFailure:
    with pytest.raises(RemoteFailure) as caught:
        await call
    return caught.value


async def test_what_may_be_repeated_is_where_the_server_is_busy() -> None:
    async with server(BUSY, None, OK) as (host, heard):
        assert await host.get_json("/models") == {}
        assert len(heard) == 3


async def test_what_draws_is_sent_once() -> None:
    for answer in (BUSY, None):
        async with server(answer, OK) as (host, heard):
            failure = await refused(host.post_json("/draw", {}, draws=True))
            assert failure.is_of_the_host
            assert len(heard) == 1


async def test_what_was_never_sent_is_tried_again_and_told() -> None:
    async with server(OK) as (host, _):
        url = host.url
    failure = await refused(
        Host(url, EngineSettings(name="far", kind="a1111", urls=(url,))).post_json("/draw", {})
    )
    assert (failure.kind, failure.was_sent, failure.was_refused) == (FailureKind.UNREACHABLE, False, True)
    assert url in failure.message


async def test_a_long_retry_after_is_left_to_the_queue() -> None:
    wait = b"HTTP/1.1 429 Slow\r\nRetry-After: 300\r\nContent-Length: 0\r\n\r\n"
    async with server(wait) as (host, heard):
        failure = await refused(host.get_json("/models"))
        assert (failure.kind, failure.retry_after, len(heard)) == (FailureKind.RATE_LIMITED, 300, 1)


async def test_a_redirect_is_not_followed() -> None:
    there = b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with server(there) as (host, _):
        failure = await refused(host.post_json("/draw", {}))
        assert (failure.kind, failure.field) == (FailureKind.BAD_ANSWER, "urls")


async def test_an_answer_has_its_most_bytes() -> None:
    long = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5000
    async with server(long) as (host, _):
        failure = await refused(host.call("GET", "/models", most=4096))
        assert failure.kind is FailureKind.BAD_ANSWER
        assert "4096 bytes" in failure.limit


@pytest.mark.parametrize("body", [b"<html>", b"[", b"\xff\xfe", b"[" * 5000])
async def test_what_is_not_json_is_told(body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with server(head + body) as (host, _):
        assert (await refused(host.get_json("/models"))).kind is FailureKind.BAD_ANSWER


async def test_a_server_that_is_broken_is_left_alone() -> None:
    async with server(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") as (host, heard):
        host.breaker = Breaker(lambda: 0.0)
        for _ in range(TRIES):
            await refused(host.post_json("/draw", {}))
        failure = await refused(host.post_json("/draw", {}))
        assert host.breaker.state is BreakerState.OPEN
        assert failure.retry_after
        assert failure.was_refused
        assert len(heard) == TRIES


async def test_refusals_of_tasks_do_not_open_the_breaker() -> None:
    async with server(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n") as (host, _):
        for _ in range(TRIES + 1):
            await refused(host.post_json("/draw", {}))
        assert host.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("content", [None, "\n".join(["two", "lines"]), "x" * 9000, b"\xff\xfe"])
async def test_a_key_file_that_holds_no_key_is_told_without_it(
    tmp_path: Path, content: str | bytes | None
) -> None:
    file = tmp_path / "key"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.write_text(content)
    async with server(OK, key_file=file) as (host, _):
        with pytest.raises(RemoteFailure) as caught:
            host.key()
    assert caught.value.kind is FailureKind.UNAUTHORIZED
    assert str(file) in caught.value.message
    assert "two" not in caught.value.message


async def test_what_no_header_and_no_address_can_hold_is_told() -> None:
    async with server(OK) as (host, heard):
        host.headers["Authorization"] = "Bearer schlüssel"
        failure = await refused(host.get_json("/models"))
        assert (failure.kind, failure.field) == (FailureKind.UNAUTHORIZED, "key_file")
        host.headers.clear()
        assert (await refused(host.call("GET", "/a\x7f.png"))).kind is FailureKind.BAD_ANSWER
        assert not heard


@given(st.lists(st.sampled_from(["good", "bad", "left", "later"]), max_size=60))
def test_a_breaker_lets_one_through_after_each_pause(happenings: list[str]) -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    inside = 0
    for happening in happenings:
        if happening == "later":
            now[0] += LONGEST_PAUSE
            continue
        state = breaker.state
        let_through = breaker.enter()
        assert let_through == (state is not BreakerState.OPEN)
        if not let_through:
            assert 0 < breaker.opens_in <= LONGEST_PAUSE
            continue
        inside += 1
        if state is BreakerState.HALF_OPEN:
            assert not breaker.enter()
        {"good": breaker.succeeded, "bad": breaker.failed, "left": breaker.gave_up}[happening]()
        if happening == "good":
            assert breaker.state is BreakerState.CLOSED


def test_pauses_of_a_breaker_double_up_to_the_longest() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(TRIES):
        assert breaker.enter()
        breaker.failed()
    pauses = []
    for _ in range(8):
        pauses.append(breaker.opens_in)
        now[0] += breaker.opens_in
        assert breaker.enter()
        breaker.failed()
    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE, FIRST_PAUSE * 2]
    assert max(pauses) == LONGEST_PAUSE


def test_a_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("7") == 7
    assert retry_after("-3") == 0
    assert retry_after("nonsense") is None
    assert retry_after(None) is None
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 55 < (retry_after(in_a_minute) or 0) <= 60


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "Not Found"}', ": Not Found"),
        (b'{"error": {"message": "no such model", "type": "x"}}', ": no such model"),
        (b'{"detail": [{"loc": ["body", "steps"], "msg": "too many"}]}', ": body.steps: too many"),
        (b"<html><h1>502</h1>", ""),
        (b"", ""),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_what_a_server_says_is_told_in_a_few_words(body: bytes, words: str) -> None:
    assert words_of(body, ": ") == words


@given(st.binary(max_size=400))
def test_no_file_breaks_the_reader_of_texts(data: bytes) -> None:
    assert isinstance(texts(b"\x89PNG\r\n\x1a\n" + data), dict)
    assert texts(data[:7]) == {}

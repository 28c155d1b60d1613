"""The fake image servers go wrong as they are told to, and tell what they have seen."""

from __future__ import annotations

import asyncio
import email.utils
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest

from sidecar import child_process
from sidecar.testing.foreign.drawing import Drawing, decoded, from_base64, paint, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

DRAW = "/sdapi/v1/txt2img"
BODY = {"prompt": "a red apple", "seed": 5, "steps": 4, "width": 64, "height": 64}


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("a1111", price=0.5) as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server) as made:
        yield made
    await server.control(clear=True, release=True)


def picture(answer: httpx2.Response) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return decoded(from_base64(answer.json()["images"][0]))


def test_a_picture_shows_what_it_was_drawn_from() -> None:
    drawn = paint(Drawing("a red apple", "blur", 5, "tiny", 96, 64))
    assert drawn.shape == (64, 96, 3)
    assert shows(drawn, prompt="a red apple", negative="blur", seed=5, model="tiny")
    for other in ({"prompt": "a red pear"}, {"negative": ""}, {"seed": 6}, {"model": "other"}):
        assert not shows(drawn, **other)


def test_a_mask_keeps_what_is_not_white() -> None:
    init = np.full((64, 64, 3), 90, np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    drawn = paint(Drawing("a red apple", init=init, mask=mask))
    whole = paint(Drawing("a red apple"))
    assert (drawn[:, :32] == 90).all()
    assert (drawn[:, 32:] == whole[:, 32:]).all()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("unauthorized", 401), ("forbidden", 403), ("payment_required", 402), ("quota_forbidden", 403), ("quota", 429),
        ("rate_limited", 429), ("content_refused", 400), ("model_missing", 404), ("bad_request", 400),
        ("server_error", 500), ("bad_gateway", 502), ("unavailable", 503), ("redirect", 307),
    ],
)  # fmt: skip
async def test_a_refusal_happens_once_and_nothing_is_drawn(
    server: ForeignServer, client: httpx2.AsyncClient, fault: str, status: int
) -> None:
    before = len((await server.control(fault=fault))["drawn"])
    answer = await client.post(DRAW, json=BODY, headers={"Connection": "close"})
    assert answer.status_code == status
    state = await server.state()
    assert len(state["drawn"]) == before
    assert state["redirected"] == 0
    assert state["requests"][-1]["fault"] == fault
    assert (await client.post(DRAW, json=BODY)).status_code == 200


async def test_retry_after_is_seconds_or_a_date(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(fault="rate_limited", seconds=7)
    assert (await client.post(DRAW, json=BODY)).headers["Retry-After"] == "7"
    await server.control(fault="rate_limited_date", seconds=7)
    told = (await client.post(DRAW, json=BODY)).headers["Retry-After"]
    assert email.utils.parsedate_to_datetime(told).tzinfo is not None


@pytest.mark.parametrize(
    ("fault", "drawn"), [("drop_before", 0), ("drop_after", 1), ("truncated_body", 1)]
)  # fmt: skip
async def test_a_lost_connection_costs_when_the_work_was_done(
    server: ForeignServer, client: httpx2.AsyncClient, fault: str, drawn: int
) -> None:
    before = await server.control(fault=fault)
    with pytest.raises(httpx2.TransportError):
        await client.post(DRAW, json=BODY)
    after = await server.state()
    assert len(after["drawn"]) - len(before["drawn"]) == drawn
    assert after["charged"] - before["charged"] == 0.5 * drawn


async def test_bodies_that_are_no_answer(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(fault="garbage")
    await server.control(fault="truncated_json")
    for _ in range(2):
        answer = await client.post(DRAW, json=BODY)
        assert answer.status_code == 200
        with pytest.raises(ValueError):
            answer.json()
    await server.control(fault="slow_body", seconds=0.001)
    assert shows(picture(await client.post(DRAW, json=BODY)), prompt="a red apple")


async def test_an_endless_answer_goes_on_until_the_reader_leaves(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    await server.control(fault="endless")
    async with client.stream("GET", "/sdapi/v1/options") as answer:
        size = 0
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > 1 << 20:
                break
    assert (await server.state())["endless_bytes"] > 1 << 20


async def test_what_hangs_goes_on_when_it_is_released(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    await server.control(fault="hang")
    asking = asyncio.create_task(client.post(DRAW, json=BODY))
    await server.wait_until(lambda state: state["requests"][-1].get("fault") == "hang")
    assert not asking.done()
    await server.control(release=True)
    assert (await asking).status_code == 200


@pytest.mark.parametrize("fault", ["truncated_picture", "garbage_picture"])
async def test_a_picture_that_is_none(server: ForeignServer, client: httpx2.AsyncClient, fault: str) -> None:
    await server.control(fault=fault, route=DRAW)
    answer = await client.post(DRAW, json=BODY)
    with pytest.raises((OSError, ValueError)):
        picture(answer)


async def test_a_picture_that_is_another(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    async def drawn(fault: str) -> tuple[Any, dict[str, Any]]:
        await server.control(fault=fault, route=DRAW)
        answer = await client.post(DRAW, json=BODY)
        return picture(answer), json.loads(answer.json()["info"])

    pixels, _ = await drawn("wrong_size")
    assert pixels.shape == (72, 72, 3)
    pixels, told = await drawn("other_model")
    assert not shows(pixels, model="tiny-sd15")
    assert told["sd_model_name"] == "another-model"
    pixels, told = await drawn("other_seed")
    assert told["seed"] == 1005
    assert shows(pixels, seed=1005)
    pixels, _ = await drawn("stale")
    assert not shows(pixels, prompt="a red apple")
    pixels, _ = await drawn("black")
    assert not pixels.any()


async def test_faults_wait_for_their_route_and_their_turn(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    await server.control(fault="forbidden", route="/sdapi/v1/sd-models", after=1, times=2)
    statuses = [(await client.get("/sdapi/v1/options")).status_code]
    statuses += [(await client.get("/sdapi/v1/sd-models")).status_code for _ in range(4)]
    assert statuses == [200, 200, 403, 403, 200]
    await server.control(fault="forbidden", times=0)
    assert [(await client.get("/sdapi/v1/options")).status_code for _ in range(2)] == [403, 403]
    with pytest.raises(AssertionError, match="no such"):
        await server.control(fault="no such")


async def test_requests_are_kept_without_their_pictures(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    images = (await client.post(DRAW, json=BODY)).json()["images"]
    await client.post(
        "/sdapi/v1/img2img", json={**BODY, "init_images": images}, headers={"Authorization": "Basic x"}
    )
    seen = (await server.state())["requests"][-1]
    assert (seen["method"], seen["path"], seen["status"]) == ("POST", "/sdapi/v1/img2img", 200)
    assert seen["headers"]["authorization"] == "Basic x"
    assert seen["body"]["prompt"] == "a red apple"
    assert seen["body"]["init_images"] == [f"<{len(images[0])} characters>"]


async def test_it_dies_in_the_middle_and_comes_back_at_the_same_place() -> None:
    async with ForeignServer("a1111") as server, client_of(server) as client:
        url = server.url
        await server.control(fault="dies")
        with pytest.raises(httpx2.TransportError):
            await client.post(DRAW, json=BODY)
        assert await server.ended() == 1
        await server.start()
        assert server.url == url
        assert (await client.post(DRAW, json=BODY)).status_code == 200
        await server.kill()
        assert await server.ended() == -9


async def test_it_ends_with_its_parent() -> None:
    process = await asyncio.create_subprocess_exec(
        *child_process.command("sidecar.testing.foreign", ["openai"]),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"http://127.0.0.1:")
    process.stdin.close()
    assert await process.wait() == 0

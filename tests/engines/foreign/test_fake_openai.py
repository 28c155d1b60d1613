"""The fake OpenAI-compatible server speaks as its model does."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest

from sidecar.testing.foreign.drawing import decoded, encoded, from_base64, opened, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

DRAW = "/v1/images/generations"
EDIT = "/v1/images/edits"
NEW = {"model": "picture-2", "prompt": "a red apple"}
OLD = {"model": "picture-1", "prompt": "a red apple", "size": "256x256"}
GREY = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("openai", price=0.04, key="secret") as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server, headers={"Authorization": "Bearer secret"}) as made:
        yield made
    await server.control(clear=True, release=True, set={"variant": ""})


async def refused(
    client: httpx2.AsyncClient, body: dict[str, Any], path: str = DRAW
) -> tuple[int, str | None, str]:
    answer = await client.post(path, json=body)
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["param"], error["code"]


async def test_generations(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    before = (await server.state())["charged"]
    told = (await client.post(DRAW, json={**NEW, "size": "1536x1024"})).json()
    assert set(told["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}
    picture = decoded(from_base64(told["data"][0]["b64_json"]))
    assert picture.shape == (1024, 1536, 3)
    assert shows(picture, prompt="a red apple", model="picture-2")
    told = (await client.post(DRAW, json={**OLD, "n": 2})).json()
    assert len(told["data"]) == 2
    assert told["data"][0]["revised_prompt"]
    assert decoded((await client.get(told["data"][0]["url"])).content).shape == (256, 256, 3)
    assert (await server.state())["charged"] == pytest.approx(before + 0.12)
    told = (
        await client.post(DRAW, json={**OLD, "response_format": "b64_json", "output_format": "webp"})
    ).json()
    assert opened(from_base64(told["data"][0]["b64_json"])).format == "WEBP"


async def test_refusals(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    assert await refused(client, {**NEW, "size": "64x64"}) == (400, "size", "invalid_value")
    for name in ("response_format", "style"):
        assert await refused(client, {**NEW, name: "url"}) == (400, name, "unknown_parameter")
    assert await refused(client, {**NEW, "n": 11}) == (400, "n", "invalid_value")
    assert await refused(client, {"model": "nope", "prompt": "x"}) == (404, None, "model_not_found")
    assert await refused(client, {"model": "picture-2"}) == (400, "prompt", "missing_required_parameter")
    for fault, status, code in (
        ("content_refused", 400, "moderation_blocked"), ("quota", 429, "insufficient_quota"),
        ("unauthorized", 401, "invalid_api_key"), ("rate_limited", 429, "rate_limit_exceeded"),
    ):  # fmt: skip
        await server.control(fault=fault)
        assert await refused(client, NEW) == (status, None, code)
    client.headers["Authorization"] = "Bearer wrong"
    assert await refused(client, NEW) == (401, None, "invalid_api_key")


async def test_a_looser_server(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(set={"variant": "loose"})
    body = {**NEW, "size": "96x64", "response_format": "b64_json", "seed": 7}
    told = (await client.post(DRAW, json=body)).json()
    picture = decoded(from_base64(told["data"][0]["b64_json"]))
    assert picture.shape == (64, 96, 3)
    assert shows(picture, seed=7)
    await server.control(fault="wrong_size")
    told = (await client.post(DRAW, json=body)).json()
    assert decoded(from_base64(told["data"][0]["b64_json"])).shape == (72, 104, 3)


def masked(width: int = 64) -> bytes:
    shown = np.zeros((64, width, 4), np.uint8)
    shown[:, : width // 2, 3] = 255  # transparent is what is drawn
    return encoded(shown)


async def test_edits(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(set={"variant": "loose"})
    files = [
        ("image[]", ("upload", encoded(GREY), "application/octet-stream")),
        ("image[]", ("b.png", encoded(GREY), "image/png")),
        ("mask", ("mask.png", masked(), "image/png")),
        ("prompt", (None, b"a red apple", "text/plain")),
        ("model", (None, b"picture-1", None)), ("size", (None, b"64x64", None)),
        ("response_format", (None, b"b64_json", None)),
    ]  # fmt: skip
    answer = await client.post(EDIT, files=files)
    assert answer.status_code == 200, answer.text
    picture = decoded(from_base64(answer.json()["data"][0]["b64_json"]))
    assert (picture[:, :32] == 90).all()
    assert (picture[:, 32:] != 90).any()
    assert (await server.state())["drawn"][-1]["notes"]["pictures"] == 2
    data = {"prompt": "x", "model": "picture-1", "size": "64x64"}
    sent: dict[str, Any] = {"image": ("a.png", encoded(GREY), "image/png")}
    for mask in (encoded(GREY), masked(96)):
        wrong = await client.post(EDIT, data=data, files={**sent, "mask": ("m.png", mask, "image/png")})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "mask")
    assert (await client.post(EDIT, data=data)).json()["error"]["param"] == "image"
    varied = await client.post("/v1/images/variations", data=data, files=sent)
    assert len(varied.json()["data"]) == 1


async def streamed(client: httpx2.AsyncClient, path: str, **request: Any) -> list[dict[str, Any]]:
    async with client.stream("POST", path, **request) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in answer.aiter_lines()]
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(event) for event in events if event != "[DONE]"]


async def test_partial_pictures(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(set={"variant": "loose"})
    body = {**NEW, "size": "64x64", "stream": True, "partial_images": 2}
    events = await streamed(client, DRAW, json=body)
    kinds = [event["type"].removeprefix("image_generation.") for event in events]
    assert kinds == ["partial_image", "partial_image", "completed"]
    assert [event["partial_image_index"] for event in events[:2]] == [0, 1]
    assert shows(decoded(base64.b64decode(events[-1]["b64_json"])), prompt="a red apple")
    form = {"prompt": "x", "size": "64x64", "stream": "true", "partial_images": "1"}
    events = await streamed(client, EDIT, data=form, files={"image": ("a.png", encoded(GREY), "image/png")})
    assert [event["type"] for event in events] == ["image_edit.partial_image", "image_edit.completed"]


async def test_who_hangs_up_pays_as_well(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    before = await server.control(fault="stuck", set={"variant": "loose"})
    asking = asyncio.create_task(client.post(DRAW, json={**NEW, "size": "64x64"}))
    await server.wait_until(lambda state: state["held"])
    asking.cancel()
    await server.control(release=True)
    state = await server.wait_until(lambda state: not state["running"])
    assert state["charged"] == pytest.approx(before["charged"] + 0.04)


async def test_models_and_chat(client: httpx2.AsyncClient) -> None:
    assert [one["id"] for one in (await client.get("/v1/models")).json()["data"]][-1] == "writer-1"
    body = {
        "model": "writer-1",
        "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "a door"}],
    }
    told = (await client.post("/v1/chat/completions", json=body)).json()
    whole = told["choices"][0]["message"]["content"]
    assert whole.startswith("a door, ")
    more = {"stream": True, "stream_options": {"include_usage": True}}
    events = await streamed(client, "/v1/chat/completions", json={**body, **more})
    deltas = [event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]]
    assert "".join(deltas) == whole
    assert events[-1]["usage"]["total_tokens"] > 10
    assert (await client.post("/v1/chat/completions", json={**body, "model": "nope"})).status_code == 404

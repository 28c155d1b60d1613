"""The fake InvokeAI has the real one's quirks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from sidecar.testing.foreign.drawing import Pixels, decoded, encoded, resized, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

QUEUE = "/api/v1/queue/default"
GREY = np.full((64, 64, 3), 90, np.uint8)
Graph = dict[str, Any]


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("invokeai") as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server) as made:
        yield made
    await server.control(clear=True, release=True)


async def model(client: httpx2.AsyncClient, name: str = "tiny-sd15") -> dict[str, str]:
    listed = (await client.get("/api/v2/models/")).json()["models"]
    found = next(one for one in listed if one["name"] == name)
    return {key: found[key] for key in ("key", "hash", "name", "base", "type")}


def graph(*edges: str, **nodes: dict[str, Any]) -> Graph:
    """Edges are written `source.field destination.field`."""

    def end(text: str) -> dict[str, str]:
        return dict(zip(("node_id", "field"), text.split("."), strict=True))

    ends = [edge.split() for edge in edges]
    return {
        "id": "graph", "nodes": {id: {"id": id, **node} for id, node in nodes.items()},
        "edges": [{"source": end(source), "destination": end(target)} for source, target in ends],
    }  # fmt: skip


def text_to_image(model: dict[str, str], seed: int = 5, **more: object) -> Graph:
    return graph(
        "model.clip good.clip", "model.clip bad.clip", "model.unet denoise.unet", "model.vae decode.vae",
        "good.conditioning denoise.positive_conditioning", "bad.conditioning denoise.negative_conditioning",
        "noise.noise denoise.noise", "denoise.latents decode.latents",
        model={"type": "main_model_loader", "model": model},
        good={"type": "compel", "prompt": "a red apple"},
        bad={"type": "compel", "prompt": "blur"},
        noise={"type": "noise", "seed": seed, "width": 64, "height": 64},
        denoise={"type": "denoise_latents", "steps": 4, "cfg_scale": 7.0, "scheduler": "euler"},
        decode={"type": "l2i", **more},
    )  # fmt: skip


async def enqueued(client: httpx2.AsyncClient, graph: Graph, **more: object) -> dict[str, Any]:
    answer = await client.post(f"{QUEUE}/enqueue_batch", json={"batch": {"graph": graph, **more}})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def ended(client: httpx2.AsyncClient, id: int) -> dict[str, Any]:
    while (item := (await client.get(f"{QUEUE}/i/{id}")).json())["status"] in ("pending", "in_progress"):
        pass
    told: dict[str, Any] = item
    return told


def result(item: dict[str, Any], node: str) -> str:
    """Results have ids of their own; this is the way to them."""
    (id,) = item["session"]["source_prepared_mapping"][node]
    return str(item["session"]["results"][id]["image"]["image_name"])


async def run(client: httpx2.AsyncClient, graph: Graph, node: str = "decode") -> str:
    item = await ended(client, (await enqueued(client, graph))["item_ids"][0])
    assert item["status"] == "completed", item
    return result(item, node)


async def picture(client: httpx2.AsyncClient, name: str) -> Pixels:
    return decoded((await client.get(f"/api/v1/images/i/{name}/full")).content)


async def test_text_to_image_and_its_cache(client: httpx2.AsyncClient) -> None:
    asked = text_to_image(await model(client))
    name = await run(client, asked)
    assert shows(
        await picture(client, name), prompt="a red apple", negative="blur", seed=5, model="tiny-sd15"
    )
    assert await run(client, asked) == name
    asked["nodes"]["decode"]["use_cache"] = False
    assert await run(client, asked) != name
    told = (await client.get(f"/api/v1/images/i/{name}")).json()
    assert told["image_url"] == f"api/v1/images/i/{name}/full"


async def test_ids_come_reversed_and_nothing_is_left_out_but_nulls(client: httpx2.AsyncClient) -> None:
    seeds = {"node_path": "noise", "field_name": "seed", "items": [71, 72]}
    told = await enqueued(client, text_to_image(await model(client)), data=[[seeds]])
    assert (told["enqueued"], told["requested"]) == (2, 2)
    first, second = told["item_ids"]
    assert first > second
    assert shows(await picture(client, result(await ended(client, first), "decode")), seed=72)
    item = await ended(client, second)
    assert "error_type" not in item
    assert len(item["session"]["results"]) == 6
    assert set(item["session"]["results"]).isdisjoint(item["session"]["graph"]["nodes"])


async def test_wrong_graphs(client: httpx2.AsyncClient) -> None:
    async def status(graph: Graph) -> int:
        return (await client.post(f"{QUEUE}/enqueue_batch", json={"batch": {"graph": graph}})).status_code

    known = await model(client)
    assert await status(text_to_image({**known, "key": "nope"})) == 200
    item = await ended(
        client, (await enqueued(client, text_to_image({**known, "key": "nope"})))["item_ids"][0]
    )
    assert item["status"] == "failed"
    assert item["error_message"].startswith("Unknown model")
    assert await status(text_to_image({"key": known["key"]})) == 422
    wrong = text_to_image(known)
    wrong["nodes"]["noise"]["type"] = "nope"
    assert await status(wrong) == 422
    wrong = text_to_image(known)
    wrong["edges"][0]["source"]["field"] = "unet"
    assert await status(wrong) == 422
    wrong = text_to_image(known)
    del wrong["edges"][0]
    assert (await ended(client, (await enqueued(client, wrong))["item_ids"][0]))["status"] == "failed"
    assert await status({"nodes": {"x": {}}}) == 422


async def test_uploads(client: httpx2.AsyncClient) -> None:
    path = "/api/v1/images/upload?image_category=general&is_intermediate=true"
    answer = await client.post(path, files={"file": ("a.png", encoded(GREY), "image/png")})
    assert (answer.status_code, answer.json()["width"]) == (201, 64)
    assert (await client.post(path, files={"file": ("a.png", b"text", "image/png")})).status_code == 415
    assert (
        await client.post(path, files={"file": ("a.png", encoded(GREY), "text/plain")})
    ).status_code == 415
    assert (await client.get("/api/v1/images/i/nope.png/full")).status_code == 404


async def test_inpaint_control_lora_and_upscale(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    async def uploaded(pixels: Pixels) -> dict[str, str]:
        path = "/api/v1/images/upload?image_category=general&is_intermediate=true"
        answer = await client.post(path, files={"file": ("a.png", encoded(pixels), "image/png")})
        return {"image_name": answer.json()["image_name"]}

    mask = np.zeros((64, 64, 3), np.uint8)
    mask[:, :32] = 255  # black is what is drawn
    init = await uploaded(GREY)
    asked = text_to_image(await model(client), 81)
    more = graph(
        "model.vae encode.vae", "encode.latents denoise.latents", "model.vae mask.vae",
        "mask.denoise_mask denoise.denoise_mask", "control.control denoise.control", "lora.unet denoise.unet",
        "model.unet lora.unet", "decode.image upscale.image",
        encode={"type": "i2l", "image": init},
        mask={"type": "create_denoise_mask", "mask": await uploaded(mask)},
        control={"type": "controlnet", "image": init, "control_model": await model(client, "tiny-canny"),
                 "control_weight": 0.7},
        lora={"type": "lora_loader", "lora": await model(client, "tiny-lora"), "weight": 0.5},
        upscale={"type": "spandrel_image_to_image", "image_to_image_model": await model(client, "tiny-x2")},
    )  # fmt: skip
    asked["edges"] = [
        edge for edge in asked["edges"] if edge["destination"] != {"node_id": "denoise", "field": "unet"}
    ]
    asked["edges"] += more["edges"]
    asked["nodes"] |= more["nodes"]
    asked["nodes"]["denoise"]["denoising_start"] = 0.25
    item = await ended(client, (await enqueued(client, asked))["item_ids"][0])
    small, large = [await picture(client, result(item, node)) for node in ("decode", "upscale")]
    assert (np.abs(small[:, :32].astype(int) - 90) <= 1).all()
    assert (large == resized(small, 128, 128)).all()
    drawn = (await server.state())["drawn"][-1]
    assert (drawn["loras"], drawn["strength"]) == ([["tiny-lora", 0.5]], 0.75)
    assert drawn["controls"][0]["weight"] == 0.7


async def test_cancel(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    known = await model(client)
    await server.control(fault="stuck")
    running = await enqueued(client, text_to_image(known, 91))
    waiting = await enqueued(client, text_to_image(known, 92))
    await server.wait_until(lambda state: state["held"])
    (first,), (second,) = running["item_ids"], waiting["item_ids"]
    assert (await client.put(f"{QUEUE}/i/{second}/cancel")).json()["status"] == "canceled"
    batches = {"batch_ids": [running["batch"]["batch_id"]]}
    assert (await client.put(f"{QUEUE}/cancel_by_batch_ids", json=batches)).json() == {"canceled": 1}
    assert (await ended(client, first))["status"] == "canceled"
    done = (await enqueued(client, text_to_image(known, 93)))["item_ids"][0]
    await ended(client, done)
    assert (await client.put(f"{QUEUE}/i/{done}/cancel")).json()["status"] == "completed"
    assert (await client.put(f"{QUEUE}/i/9999/cancel")).status_code == 404
    await server.control(fault="queue_full")
    assert (await enqueued(client, text_to_image(known)))["enqueued"] == 0
    assert (await client.put(f"{QUEUE}/clear")).json()["deleted"] > 0
    assert (await client.get(f"{QUEUE}/i/{done}")).status_code == 404


async def test_models(client: httpx2.AsyncClient) -> None:
    asked = {"base_models": "sdxl", "model_type": "main"}
    listed = (await client.get("/api/v2/models/", params=asked)).json()["models"]
    assert [one["name"] for one in listed] == ["tiny-sdxl"]
    install = "/api/v2/models/install?inplace=true&source="
    assert (await client.post(install + "/models/missing", json={})).status_code == 409
    job = await client.post(install + "/models/mine", json={})
    assert job.status_code == 201
    assert (await client.get(f"/api/v2/models/install/{job.json()['id']}")).json()["status"] == "completed"
    assert (await model(client, "mine"))["base"] == "sd-1"
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert schemas["DenoiseLatentsInvocation"]["properties"]["steps"]["default"] == 10
    assert (await client.get("/api/v1/app/version")).json()["version"] == "6.14.2"


async def subscribed(server: ForeignServer, socket: ClientConnection, auth: str = "") -> None:
    """By hand: what Socket.IO says over a socket."""
    assert str(await socket.recv()).startswith("0{")
    await socket.send("40" + auth)
    assert str(await socket.recv()).startswith("40{")
    await socket.send('420["subscribe_queue",{"queue_id":"default"}]')
    assert str(await socket.recv()).startswith("430")


async def events(socket: ClientConnection, last: str) -> list[tuple[str, dict[str, Any]]]:
    seen: list[tuple[str, dict[str, Any]]] = []
    while not seen or (seen[-1][0] != last and seen[-1][1].get("status") != last):
        message = str(await socket.recv())
        if message.startswith("42"):
            seen.append(tuple(json.loads(message[2:])))
    return seen


async def test_the_socket(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    known = await model(client)
    address = server.url.replace("http", "ws") + "/ws/socket.io/?EIO=4&transport=websocket"
    async with connect(address) as socket:
        await subscribed(server, socket)
        await enqueued(client, text_to_image(known, 101))
        seen = await events(socket, "completed")
        names = [name for name, _ in seen]
        assert {"batch_enqueued", "invocation_started", "invocation_complete"} <= set(names)
        progress = [told for name, told in seen if name == "invocation_progress"]
        assert [told["percentage"] for told in progress] == [None, 0.25, 0.5, 0.75, 1.0]
        assert progress[-1]["image"]["dataURL"].startswith("data:image/")
        await server.control(fault="fails")
        await enqueued(client, text_to_image(known, 102))
        seen = await events(socket, "invocation_error")
        assert [told.get("status") for name, told in seen if name == "queue_item_status_changed"][
            -1
        ] == "failed"
        await server.control(fault="stuck")
        told = await enqueued(client, text_to_image(known, 103))
        await server.wait_until(lambda state: state["held"])
        await client.put(f"{QUEUE}/cancel_by_batch_ids", json={"batch_ids": [told["batch"]["batch_id"]]})
        seen = await events(socket, "queue_items_canceled")
        assert seen[-1][1]["canceled_item_ids"] == told["item_ids"]
        assert "canceled" not in [told.get("status") for _, told in seen]


async def test_several_users() -> None:
    async with ForeignServer("invokeai", key="a@example.org:secret") as server, client_of(server) as client:
        assert (await client.get(f"{QUEUE}/status")).status_code == 401
        wrong = await client.post("/api/v1/auth/login", json={"email": "a@example.org", "password": "x"})
        assert wrong.status_code == 401
        told = await client.post("/api/v1/auth/login", json={"email": "a@example.org", "password": "secret"})
        client.headers["Authorization"] = f"Bearer {told.json()['token']}"
        assert (await client.get(f"{QUEUE}/status")).json()["queue"]["pending"] == 0
        address = server.url.replace("http", "ws") + "/ws/socket.io/?EIO=4&transport=websocket"
        async with connect(address) as socket:
            await subscribed(server, socket, json.dumps({"token": told.json()["token"]}))

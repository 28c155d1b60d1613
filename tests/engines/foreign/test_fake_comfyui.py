"""The fake ComfyUI has the real one's quirks."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from sidecar.testing.foreign.drawing import Pixels, decoded, encoded, resized, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

Graph = dict[str, dict[str, Any]]
GREY = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("comfyui") as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server) as made:
        yield made
    await server.control(clear=True, release=True, set={"previews": None})


def node(kind: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def text_to_image(seed: int = 5, **more: object) -> Graph:
    sampling = {"steps": 4, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1, **more}
    return {
        "model": node("CheckpointLoaderSimple", ckpt_name="tiny-sd15.safetensors"),
        "good": node("CLIPTextEncode", text="a red apple", clip=["model", 1]),
        "bad": node("CLIPTextEncode", text="blur", clip=["model", 1]),
        "empty": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "sample": node(
            "KSampler", model=["model", 0], seed=seed, positive=["good", 0], negative=["bad", 0],
            latent_image=["empty", 0], **sampling,
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["model", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="viwo/test"),
    }  # fmt: skip


async def enqueued(client: httpx2.AsyncClient, graph: Graph, **more: object) -> str:
    answer = await client.post("/prompt", json={"prompt": graph, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


async def ended(client: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    while not (told := (await client.get(f"/history/{id}")).json()):
        pass
    entry: dict[str, Any] = told[id]
    return entry


async def run(client: httpx2.AsyncClient, graph: Graph) -> list[dict[str, str]]:
    entry = await ended(client, await enqueued(client, graph))
    assert entry["status"]["status_str"] == "success", entry["status"]
    return [image for told in entry["outputs"].values() for image in told["images"]]


async def viewed(client: httpx2.AsyncClient, image: dict[str, str]) -> Pixels:
    return decoded((await client.get("/view", params=image)).content)


async def uploaded(client: httpx2.AsyncClient, data: bytes, name: str = "a.png", **more: str) -> str:
    answer = await client.post("/upload/image", files={"image": (name, data)}, data=more)
    return str(answer.json()["name"])


async def test_text_to_image_and_its_cache(client: httpx2.AsyncClient) -> None:
    (image,) = await run(client, text_to_image())
    assert (image["subfolder"], image["type"]) == ("viwo", "output")
    assert shows(
        await viewed(client, image),
        prompt="a red apple",
        negative="blur",
        seed=5,
        model="tiny-sd15.safetensors",
    )
    (again,) = await run(client, text_to_image())
    assert again == image
    (other,) = await run(client, text_to_image(6))
    assert other != image
    assert (await client.get("/view", params={**image, "filename": "nope.png"})).status_code == 404


async def test_a_wrong_graph_is_refused_node_by_node(client: httpx2.AsyncClient) -> None:
    graph = text_to_image(sampler_name="nope", cfg=1000)
    del graph["sample"]["inputs"]["seed"]
    graph["decode"]["inputs"]["vae"] = ["model", 0]
    answer = await client.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "prompt_outputs_failed_validation"
    errors = answer.json()["node_errors"]
    assert {error["type"] for error in errors["sample"]["errors"]} == {
        "required_input_missing", "value_not_in_list", "value_bigger_than_max",
    }  # fmt: skip
    assert errors["decode"]["errors"][0]["type"] == "return_type_mismatch"
    assert errors["decode"]["dependent_outputs"] == ["save"]


async def test_other_refusals(client: httpx2.AsyncClient) -> None:
    unknown = await client.post("/prompt", json={"prompt": {"1": node("Nope")}})
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "invalid_prompt")
    assert unknown.json()["node_errors"] == {}
    assert (await client.post("/prompt", content="{")).status_code == 500
    nothing = await client.post("/prompt", json={})
    assert nothing.json()["error"]["type"] == "no_prompt"
    foreign = await client.get("/api/system_stats", headers={"Origin": "http://elsewhere"})
    assert foreign.status_code == 403
    assert (await client.get("/object_info/Nope")).json() == {}
    assert (await client.get("/models/nope")).status_code == 404


async def test_an_output_that_is_wrong_is_left_out_with_status_200(client: httpx2.AsyncClient) -> None:
    graph = text_to_image(11)
    graph["other"] = node("SaveImage", images=["nowhere", 0], filename_prefix="x")
    answer = await client.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 200
    (error,) = answer.json()["node_errors"]["other"]["errors"]
    assert error["type"] == "exception_during_validation"
    entry = await ended(client, answer.json()["prompt_id"])
    assert set(entry["outputs"]) == {"save"}


async def test_object_info_writes_choices_in_two_ways(client: httpx2.AsyncClient) -> None:
    info = (await client.get("/object_info")).json()
    older = info["KSampler"]["input"]["required"]["sampler_name"]
    newer = info["UpscaleModelLoader"]["input"]["required"]["model_name"]
    assert "euler" in older[0]
    assert newer[0] == "COMBO"
    assert "tiny-x2.safetensors" in newer[1]["options"]
    assert (await client.get("/models/checkpoints")).json()[0] == "tiny-sd15.safetensors"


async def test_uploads(client: httpx2.AsyncClient) -> None:
    first, other = encoded(GREY), encoded(255 - GREY)
    assert await uploaded(client, first) == "a.png"
    assert await uploaded(client, first) == "a.png"
    assert await uploaded(client, other) == "a (1).png"
    assert await uploaded(client, other, overwrite="true") == "a.png"
    assert await uploaded(client, b"a text", "text.png") == "text.png"
    graph = {"load": node("LoadImage", image="text.png"), "save": node("PreviewImage", images=["load", 0])}
    entry = await ended(client, await enqueued(client, graph))
    assert entry["status"]["messages"][-1][0] == "execution_error"
    answer = await client.post(
        "/prompt", json={"prompt": {**graph, "load": node("LoadImage", image="nope.png")}}
    )
    assert answer.json()["node_errors"]["load"]["errors"][0]["type"] == "custom_validation_failed"


async def test_inpaint_control_lora_and_upscale(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[:, 32:] = 255
    name = await uploaded(client, encoded(GREY), "init.png")
    mask_name = await uploaded(client, encoded(mask), "mask.png")
    graph = text_to_image(denoise=0.8)
    graph |= {
        "lora": node("LoraLoader", model=["model", 0], clip=["model", 1], lora_name="tiny-lora.safetensors",
                     strength_model=0.5, strength_clip=0.5),
        "init": node("LoadImage", image=name),
        "mask": node("LoadImageMask", image=mask_name, channel="red"),
        "encode": node("VAEEncode", pixels=["init", 0], vae=["model", 2]),
        "masked": node("SetLatentNoiseMask", samples=["encode", 0], mask=["mask", 0]),
        "net": node("ControlNetLoader", control_net_name="tiny-canny.safetensors"),
        "edges": node("Canny", image=["init", 0], low_threshold=0.2, high_threshold=0.6),
        "control": node("ControlNetApplyAdvanced", positive=["good", 0], negative=["bad", 0], control_net=["net", 0],
                        image=["edges", 0], strength=0.7, start_percent=0, end_percent=0.9),
        "upscaler": node("UpscaleModelLoader", model_name="tiny-x2.safetensors"),
        "upscale": node("ImageUpscaleWithModel", upscale_model=["upscaler", 0], image=["decode", 0]),
    }  # fmt: skip
    graph["sample"]["inputs"] |= {
        "model": ["lora", 0],
        "latent_image": ["masked", 0],
        "positive": ["control", 0],
    }
    graph["large"] = node("SaveImage", images=["upscale", 0], filename_prefix="large")
    small, large = [await viewed(client, image) for image in await run(client, graph)]
    assert (np.abs(small[:, :32].astype(int) - 90) <= 1).all()
    assert (large == resized(small, 128, 128)).all()
    drawn = (await server.state())["drawn"][-1]
    assert drawn["loras"] == [["tiny-lora.safetensors", 0.5]]
    assert (drawn["controls"][0]["weight"], drawn["strength"]) == (0.7, 0.8)


async def test_flux_from_split_files(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    graph = {
        "unet": node("UNETLoader", unet_name="tiny-flux-unet.safetensors", weight_dtype="default"),
        "clip": node("DualCLIPLoader", clip_name1="clip_l.safetensors", clip_name2="t5xxl_fp8_e4m3fn.safetensors", type="flux"),
        "vae": node("VAELoader", vae_name="ae.safetensors"),
        "text": node("CLIPTextEncode", text="a blue pear", clip=["clip", 0]),
        "guidance": node("FluxGuidance", conditioning=["text", 0], guidance=3.5),
        "shifted": node("ModelSamplingFlux", model=["unet", 0], max_shift=1.15, base_shift=0.5, width=64, height=64),
        "guider": node("BasicGuider", model=["shifted", 0], conditioning=["guidance", 0]),
        "noise": node("RandomNoise", noise_seed=9),
        "sampler": node("KSamplerSelect", sampler_name="euler"),
        "sigmas": node("BasicScheduler", model=["shifted", 0], scheduler="simple", steps=4, denoise=1),
        "empty": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        "sample": node("SamplerCustomAdvanced", noise=["noise", 0], guider=["guider", 0], sampler=["sampler", 0],
                       sigmas=["sigmas", 0], latent_image=["empty", 0]),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["vae", 0]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="flux"),
    }  # fmt: skip
    (image,) = await run(client, graph)
    assert shows(
        await viewed(client, image), prompt="a blue pear", seed=9, model="tiny-flux-unet.safetensors"
    )
    assert (await server.state())["drawn"][-1]["notes"]["flux_guidance"] == 3.5


async def test_interrupts_hit_the_right_prompt_and_are_lost_before_its_start(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    await server.control(fault="hold_start")
    first = await enqueued(client, text_to_image(21), prompt_id="mine")
    second = await enqueued(client, text_to_image(22))
    assert first == "mine"
    await server.wait_until(lambda state: state["held"])
    assert (await client.get("/queue")).json()["queue_running"][0][1] == first
    assert (await client.post("/interrupt", json={"prompt_id": first})).status_code == 200
    await server.control(fault="stuck", release=True)
    await server.wait_until(lambda state: state["held"] == ["stuck"])
    assert (await client.post("/interrupt", json={"prompt_id": second})).status_code == 200
    queue = (await client.get("/queue")).json()
    assert [item[1] for item in queue["queue_running"] + queue["queue_pending"]] == [first, second]
    await client.post("/queue", json={"delete": [second]})
    await client.post("/interrupt", json={"prompt_id": first})
    status = (await ended(client, first))["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1][0] == "execution_interrupted"
    assert (await client.get(f"/history/{second}")).json() == {}


async def until(socket: ClientConnection, last: str) -> list[dict[str, Any] | bytes]:
    messages: list[dict[str, Any] | bytes] = []
    while True:
        message = await socket.recv()
        messages.append(message if isinstance(message, bytes) else json.loads(message))
        told = messages[-1]
        if isinstance(told, dict) and told["type"] == last and told["data"].get("node") is None:
            return messages


async def test_the_socket_ends_with_no_node_before_the_history_knows(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    address = server.url.replace("http", "ws") + "/ws?clientId=me"
    async with connect(address) as socket:
        (first,) = await until(socket, "status")
        assert isinstance(first, dict)
        assert first["data"]["sid"] == "me"
        id = await enqueued(client, text_to_image(31), client_id="me")
        messages = await until(socket, "executing")
        assert (await client.get(f"/history/{id}")).json() == {}
        await ended(client, id)
        kinds = [message["type"] for message in messages if isinstance(message, dict)]
        assert kinds[-2:] == ["execution_success", "executing"]
        assert {"execution_start", "execution_cached", "progress", "progress_state", "executed"} <= set(kinds)
        assert not [message for message in messages if isinstance(message, bytes)]
        await server.control(set={"previews": True})
        await server.control(fault="fails")
        await enqueued(client, text_to_image(32), client_id="me")
        messages = await until(socket, "executing")
        frames = [message for message in messages if isinstance(message, bytes)]
        assert struct.unpack(">II", frames[0][:8]) == (1, 1)
        assert decoded(frames[0][8:]).shape == (64, 64, 3)
        assert [one["type"] for one in messages if isinstance(one, dict)][-2] == "execution_error"


async def test_a_socket_that_goes_silent_and_a_history_that_forgets(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    address = server.url.replace("http", "ws") + "/ws?clientId=deaf"
    await server.control(fault="silent_socket", times=0)
    async with connect(address) as socket:
        await socket.recv()
        await ended(client, await enqueued(client, text_to_image(41), client_id="deaf"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.01)
    await server.control(fault="vanished")
    id = await enqueued(client, text_to_image(42))
    await ended(client, await enqueued(client, text_to_image(43)))
    assert (await client.get(f"/history/{id}")).json() == {}
    (before,) = await run(client, text_to_image(44))
    await server.control(fault="stale")
    assert await run(client, text_to_image(45)) == [before]

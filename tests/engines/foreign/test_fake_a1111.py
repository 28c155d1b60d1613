"""The fake A1111 server has the real one's quirks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest

from sidecar.testing.foreign.drawing import decoded, encoded, from_base64, resized, shows, to_base64
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

DRAW = "/sdapi/v1/txt2img"
CHANGE = "/sdapi/v1/img2img"
BODY = {"prompt": "a red apple", "negative_prompt": "blur", "seed": 5, "steps": 4, "width": 64, "height": 64}
GREY = np.full((64, 64, 3), 90, np.uint8)
SENT = to_base64(encoded(GREY))


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("a1111") as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server) as made:
        yield made
    await server.control(clear=True, release=True)


async def answered(
    client: httpx2.AsyncClient, path: str = DRAW, **more: Any
) -> tuple[list[Any], dict[str, Any]]:
    answer = await client.post(path, json={**BODY, **more})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["info"], str)
    return [decoded(from_base64(image)) for image in answer.json()["images"]], json.loads(
        answer.json()["info"]
    )


async def test_text_to_image(client: httpx2.AsyncClient) -> None:
    (picture,), told = await answered(client, width=65, unknown_field=1)
    assert picture.shape == (64, 64, 3)
    assert shows(picture, prompt="a red apple", negative="blur", seed=5, model="tiny-sd15")
    assert told["infotexts"][0].endswith("Model: tiny-sd15")


async def test_a_grid_comes_first_only_where_pictures_are_saved(client: httpx2.AsyncClient) -> None:
    pictures, told = await answered(client, batch_size=2)
    assert (len(pictures), told["index_of_first_image"], told["all_seeds"]) == (2, 0, [5, 6])
    pictures, told = await answered(client, n_iter=2, save_images=True, width=65)
    assert (len(pictures), told["index_of_first_image"]) == (3, 1)
    assert (told["width"], pictures[0].shape) == (65, (64, 128, 3))
    assert shows(pictures[2], seed=6)
    assert not (await answered(client, send_images=False))[0]


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ({"sampler_name": "nope"}, "DPM++ 2M"),
        ({"sampler_name": "Euler a"}, "Euler a"),
        ({"sampler_index": "Heun"}, "Heun"),
        ({"sampler_name": "k_euler_a"}, "DPM++ 2M"),
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M"),
    ],
)
async def test_samplers_by_alias_and_an_unknown_one_becomes_the_first(
    client: httpx2.AsyncClient, asked: dict[str, str], used: str
) -> None:
    _, told = await answered(client, **asked)
    assert told["sampler_name"] == used
    assert ("Schedule type: Karras" in told["infotexts"][0]) == (used == "DPM++ 2M")


async def test_an_unknown_model_is_ignored_and_an_unknown_setting_is_not(client: httpx2.AsyncClient) -> None:
    _, told = await answered(client, override_settings={"sd_model_checkpoint": "nope"})
    assert told["sd_model_name"] == "tiny-sd15"
    _, told = await answered(client, override_settings={"sd_model_checkpoint": "tiny-sdxl"})
    assert told["sd_model_name"] == "tiny-sdxl"
    assert (await client.get("/sdapi/v1/options")).json()["sd_model_checkpoint"] == "tiny-sd15.safetensors"
    refused = await client.post(DRAW, json={**BODY, "override_settings": {"nope": 1}})
    assert refused.status_code == 500
    assert set(refused.json()) == {"error", "detail", "body", "message"}


async def test_a_title_changes_when_the_model_is_loaded(client: httpx2.AsyncClient) -> None:
    async def titles() -> list[str]:
        return [model["title"] for model in (await client.get("/sdapi/v1/sd-models")).json()]

    assert "tiny-inpainting.safetensors" in await titles()
    answer = await client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "tiny-inpainting"})
    assert answer.json() is None
    assert any(title.startswith("tiny-inpainting.safetensors [") for title in await titles())
    await client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "tiny-sd15"})
    for wrong in ({"sd_model_checkpoint": "nope"}, {"nope": 1}):
        closed = {"Connection": "close"}
        assert (await client.post("/sdapi/v1/options", json=wrong, headers=closed)).status_code == 500


async def test_after_a_500_the_connection_is_reset_unless_it_was_to_be_closed(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    for headers in ({"Connection": "close"}, {}):
        await client.post(DRAW, json={**BODY, "override_settings": {"nope": 1}}, headers=headers)
        if not headers:
            with pytest.raises(httpx2.TransportError):
                await client.get("/sdapi/v1/options")
        assert (await client.get("/sdapi/v1/options")).status_code == 200


async def test_image_to_image_keeps_what_is_not_masked(client: httpx2.AsyncClient) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    more = {"init_images": [f"data:image/png;base64,{SENT}"], "denoising_strength": 0.5}
    (whole,), _ = await answered(client, CHANGE, **more)
    (part,), _ = await answered(client, CHANGE, **more, mask=to_base64(encoded(mask)))
    assert (part[:, :32] == GREY[:, :32]).all()
    assert (part[:, 32:] == whole[:, 32:]).all()
    (rest,), _ = await answered(
        client, CHANGE, **more, mask=to_base64(encoded(mask)), inpainting_mask_invert=1
    )
    assert (rest[:, 32:] == GREY[:, 32:]).all()


async def test_refusals_of_pictures(client: httpx2.AsyncClient) -> None:
    assert (await client.post(CHANGE, json=BODY)).json() == {"detail": "Init image not found"}
    garbage = await client.post(
        CHANGE, json={**BODY, "init_images": ["AAAA"]}, headers={"Connection": "close"}
    )
    assert (garbage.status_code, garbage.json()["detail"]) == (500, "Invalid encoded image")
    assert (await client.post(DRAW, json={**BODY, "alwayson_scripts": {"nope": {}}})).status_code == 422
    assert (await client.post(DRAW, json={**BODY, "steps": "many"})).status_code == 422


async def test_hires_loras_and_upscaling(client: httpx2.AsyncClient) -> None:
    (picture,), told = await answered(
        client, enable_hr=True, hr_scale=1.5, prompt="an apple <lora:tiny-lora:0.5>"
    )
    assert picture.shape == (96, 96, 3)
    assert told["extra_generation_params"]["Lora hashes"].startswith("tiny-lora: ")
    _, told = await answered(client, prompt="an apple <lora:nope:1>")
    assert "Lora hashes" not in told["extra_generation_params"]
    body = {"image": SENT, "upscaling_resize": 2, "upscaler_1": "R-ESRGAN 4x+"}
    answer = await client.post("/sdapi/v1/extra-single-image", json=body)
    assert set(answer.json()) == {"image", "html_info"}
    assert (decoded(from_base64(answer.json()["image"])) == resized(GREY, 128, 128)).all()


async def test_controlnet(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/controlnet/model_list")).json()["model_list"]
    unit = {"module": "canny", "model": listed[0], "image": SENT, "weight": 0.5}
    pictures, told = await answered(client, alwayson_scripts={"controlnet": {"args": [unit]}})
    assert len(pictures) == 2  # its map comes after the picture
    assert "ControlNet 0" in told["extra_generation_params"]
    (control,) = (await server.state())["drawn"][-1]["controls"]
    assert (control["model"], control["weight"]) == ("control_tiny_canny", 0.5)
    _, told = await answered(client, alwayson_scripts={"ControlNet": {"args": [{**unit, "model": "nope"}]}})
    assert "Model: nope" in told["extra_generation_params"]["ControlNet 0"]
    assert not (await server.state())["drawn"][-1]["controls"]
    detected = {"controlnet_module": "canny", "controlnet_input_images": [SENT]}
    assert len((await client.post("/controlnet/detect", json=detected)).json()["images"]) == 1


async def test_progress_and_the_global_interrupt(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    assert (await client.get("/sdapi/v1/progress")).json()["progress"] == 0
    assert (await client.post("/sdapi/v1/interrupt")).json() == {}
    await server.control(fault="stuck")
    first = asyncio.create_task(answered(client, force_task_id="one"))
    await server.wait_until(lambda state: state["held"])
    second = asyncio.create_task(answered(client, force_task_id="two", seed=7))
    while not (await client.post("/internal/progress", json={"id_task": "two"})).json()["queued"]:
        pass
    told = (await client.get("/sdapi/v1/progress")).json()
    assert 0.01 < told["progress"] < 1
    assert decoded(from_base64(told["current_image"])).shape == (64, 64, 3)
    assert (await client.get("/sdapi/v1/progress?skip_current_image=true")).json()["current_image"] is None
    task = (await client.post("/internal/progress", json={"id_task": "one"})).json()
    assert task["active"]
    assert task["live_preview"].startswith("data:image/png;base64,")
    await client.post("/sdapi/v1/interrupt")
    (partial,), told = await first
    assert (partial[-1] == 127).all()
    assert told["seed"] == 5
    (whole,), _ = await second
    assert shows(whole, seed=7)
    assert (await client.post("/internal/progress", json={"id_task": "one"})).json()["completed"]
    await server.control(set={"previews": False})


async def test_relatives() -> None:
    async with (
        ForeignServer("a1111", variant="nowebui", key="name:secret") as server,
        client_of(server) as client,
    ):
        assert (await client.get("/sdapi/v1/options")).status_code == 401
        client.auth = httpx2.BasicAuth("name", "secret")
        assert "forge_preset" in (await client.get("/sdapi/v1/options")).json()
        assert (await client.get("/sdapi/v1/sd-vae")).status_code == 404
        assert (await client.get("/sdapi/v1/sd-modules")).status_code == 200
        assert (await client.post("/internal/progress", json={"id_task": "x"})).status_code == 404
        assert (await client.get("/internal/pending-tasks")).status_code == 404
        hires = {**BODY, "enable_hr": True}
        assert (await client.post(DRAW, json=hires, headers={"Connection": "close"})).status_code == 500
        assert (await client.post(DRAW, json={**hires, "hr_additional_modules": []})).status_code == 200
        await server.control(set={"variant": "sdnext"})
        assert (await client.post("/sdapi/v1/interrupt")).status_code == 204
        assert (await client.post(DRAW, json={**BODY, "sampler_name": "nope"})).status_code == 404

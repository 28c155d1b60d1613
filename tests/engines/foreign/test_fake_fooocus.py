"""The fake Fooocus-API has the real one's quirks."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from sidecar.testing.foreign.drawing import decoded, encoded, from_base64, resized, shows, to_base64
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.foreign.clients import client_of

DRAW = "/v1/generation/text-to-image"
BODY = {
    "prompt": "a red apple", "negative_prompt": "blur", "image_seed": 5, "aspect_ratios_selection": "128*64",
    "performance_selection": "Extreme Speed", "require_base64": True,
}  # fmt: skip
GREY = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("fooocus", price=0.25) as running:
        yield running


@pytest.fixture
async def client(server: ForeignServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(server) as made:
        yield made
    await server.control(clear=True, release=True)


async def drawn(client: httpx2.AsyncClient, path: str = DRAW, **more: Any) -> list[dict[str, Any]]:
    answer = await client.post(path, json={**BODY, **more})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()
    return results


async def query(client: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    path = f"/v1/generation/query-job?job_id={id}&require_step_preview=true"
    told: dict[str, Any] = (await client.get(path)).json()
    return told


async def ended(client: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    while (told := await query(client, id))["job_stage"] in ("WAITING", "RUNNING"):
        pass
    return told


async def test_text_to_image(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    before = (await server.state())["charged"]
    first, second = await drawn(client, image_number=2)
    assert (first["seed"], second["seed"], first["finish_reason"]) == ("5", "6", "SUCCESS")
    picture = decoded(from_base64(first["base64"]))
    assert picture.shape == (64, 128, 3)
    assert shows(picture, prompt="a red apple", negative="blur", seed=5, model="tiny-sdxl.safetensors")
    assert (await server.state())["charged"] == before + 0.5
    (plain,) = await drawn(client, require_base64=False)
    assert plain["base64"] is None
    assert (await client.get(plain["url"])).content.startswith(b"\x89PNG")


async def test_an_unknown_model_becomes_the_default_and_the_file_tells(client: httpx2.AsyncClient) -> None:
    async def used(model: str) -> str:
        (result,) = await drawn(client, base_model_name=model)
        told = json.loads(Image.open(io.BytesIO(from_base64(result["base64"]))).info["parameters"])
        return str(told["base_model"])

    assert await used("tiny-lightning.safetensors") == "tiny-lightning"
    assert await used("nope.safetensors") == "tiny-sdxl"


async def test_a_failed_job_is_an_empty_list(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(fault="fails", times=3)
    assert await drawn(client) == []
    as_picture = await client.post(DRAW, json=BODY, headers={"Accept": "image/png", "Connection": "close"})
    assert as_picture.status_code == 500
    job = (await client.post(DRAW, json={**BODY, "async_process": True})).json()
    told = await ended(client, job["job_id"])
    assert (told["job_stage"], told["job_result"]) == ("ERROR", None)
    whole = await client.post(DRAW, json=BODY, headers={"Accept": "image/png"})
    assert whole.content.startswith(b"\x89PNG")


async def test_refusals(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    for ratio in ("10*10", "nope"):
        job = await client.post(DRAW, json={**BODY, "aspect_ratios_selection": ratio, "async_process": True})
        assert job.status_code == 200
        assert (await ended(client, job.json()["job_id"]))["job_stage"] == "ERROR"
    for wrong in ({"performance_selection": "nope"}, {"image_number": 0}):
        answer = await client.post(DRAW, json={**BODY, **wrong})
        assert (answer.status_code, set(answer.json())) == (422, {"detail", "body"})
    files = {"input_image": ("a.png", encoded(GREY), "image/png")}
    path = "/v1/generation/image-upscale-vary"
    form = await client.post(path, data={"image_number": "0"}, files=files, headers={"Connection": "close"})
    assert form.status_code == 500
    unknown = await client.get("/v1/generation/query-job?job_id=nope")
    assert (unknown.status_code, unknown.json()["job_type"]) == (404, "Not Found")
    await server.control(fault="queue_full")
    (full,) = await drawn(client)
    assert (full["finish_reason"], full["base64"], full["url"]) == ("QUEUE_IS_FULL", None, None)


async def test_progress_and_the_global_stop(server: ForeignServer, client: httpx2.AsyncClient) -> None:
    await server.control(fault="stuck")
    jobs = [(await client.post(DRAW, json={**BODY, "async_process": True})).json() for _ in range(2)]
    assert jobs[0]["job_stage"] in ("WAITING", "RUNNING")
    await server.wait_until(lambda state: state["held"])
    told = await query(client, jobs[0]["job_id"])
    assert (told["job_stage"], told["job_progress"]) == ("RUNNING", 50)
    assert decoded(from_base64(told["job_step_preview"])).shape == (64, 64, 3)
    assert (await query(client, jobs[1]["job_id"]))["job_stage"] == "WAITING"
    await client.post("/v1/generation/stop")
    (result,) = (await ended(client, jobs[0]["job_id"]))["job_result"]
    assert (result["finish_reason"], result["url"]) == ("USER_CANCEL", None)
    (result,) = (await ended(client, jobs[1]["job_id"]))["job_result"]
    assert result["finish_reason"] == "SUCCESS"
    await server.control(fault="vanished")
    job = (await client.post(DRAW, json={**BODY, "async_process": True})).json()
    while (await client.get("/v1/generation/query-job", params={"job_id": job["job_id"]})).status_code == 200:
        pass


async def test_pictures_change_as_json_and_as_a_form(
    server: ForeignServer, client: httpx2.AsyncClient
) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    sent = {"input_image": to_base64(encoded(GREY)), "input_mask": to_base64(encoded(mask))}
    (result,) = await drawn(client, "/v2/generation/image-inpaint-outpaint", **sent)
    picture = decoded(from_base64(result["base64"]))
    assert (picture[:, :32] == 90).all()
    assert (picture[:, 32:] != 90).any()
    form = {**BODY, "require_base64": "true", "outpaint_selections": "Left", "outpaint_distance_left": "32"}
    files = {"input_image": ("a.png", encoded(GREY), "image/png")}
    data = {name: str(value) for name, value in form.items()}
    answer = await client.post("/v1/generation/image-inpaint-outpaint", data=data, files=files)
    picture = decoded(from_base64(answer.json()[0]["base64"]))
    assert picture.shape == (64, 96, 3)
    assert (picture[:, 32:] == 90).all()
    upscale = {"input_image": sent["input_image"], "uov_method": "Upscale (Fast 2x)"}
    (result,) = await drawn(client, "/v2/generation/image-upscale-vary", **upscale)
    assert (decoded(from_base64(result["base64"])) == resized(GREY, 128, 128)).all()
    prompts = [{"cn_img": sent["input_image"], "cn_type": "PyraCanny", "cn_weight": 0.7}]
    await drawn(client, "/v2/generation/text-to-image-with-ip", image_prompts=prompts)
    (control,) = (await server.state())["drawn"][-1]["controls"]
    assert (control["model"], control["weight"]) == ("PyraCanny", 0.7)


async def test_the_key(client: httpx2.AsyncClient, server: ForeignServer) -> None:
    await server.control(set={"key": "secret"})
    assert (await client.get("/v1/engines/all-models")).status_code == 403
    models = await client.get("/v1/engines/all-models", headers={"X-API-KEY": "secret"})
    assert "tiny-sdxl.safetensors" in models.json()["model_filenames"]
    await server.control(set={"key": ""})

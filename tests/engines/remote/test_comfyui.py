"""What is ComfyUI's own on the wire: its queue, its history, its cache and its socket."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sidecar.engines.api import ProgressDetail
from sidecar.engines.comfyui.connector import ComfyUIConnector
from sidecar.engines.events import Loading, Preview
from sidecar.engines.remote.connector import Call, Drawing, Drawn, Inventory, LoraPart
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.testing.foreign.drawing import decoded, digest, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.remote.test_comfyui_graphs import (
    MODEL,
    control,
    drawing,
    mask,
    picture,
    png,
)


@dataclasses.dataclass
class Comfy:
    """A fake, and a connector to it."""

    fake: ForeignServer
    host: Host
    connector: ComfyUIConnector
    told: list[Any] = dataclasses.field(default_factory=list)

    async def draw(self, wanted: Drawing, *, detail: ProgressDetail | None = None) -> Drawn:
        return await self.connector.draw(Call(wanted, self.told.append, detail))

    async def pixels(self, wanted: Drawing) -> Any:
        return decoded((await self.draw(wanted)).pictures[0].data)

    async def posts(self, path: str = "/prompt") -> list[dict[str, Any]]:
        requests = (await self.fake.state())["requests"]
        return [each for each in requests if (each["method"], each["path"]) == ("POST", path)]

    async def until_taken(self, wanted: Drawing) -> None:
        """The server has answered that it took a drawing."""

        def is_taken(state: dict[str, Any]) -> bool:
            return any(
                each.get("status") == 200 and wanted.prompt in json.dumps(each["body"])
                for each in state["requests"]
                if each["path"] == "/prompt"
            )

        await self.fake.wait_until(is_taken)

    async def others(self, prompt: str) -> str:
        """The id of what somebody else has drawn there."""
        nodes = {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": MODEL}},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["1", 1]}},
            "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
            "4": {
                "class_type": "KSampler",
                "inputs": {
                    "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0],
                    "seed": 1, "steps": 4, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
                },
            },
            "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
            "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
        }  # fmt: skip
        return str((await self.host.post_json("/prompt", {"prompt": nodes}))["prompt_id"])


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Comfy]:
    async with ForeignServer("comfyui", previews=True) as fake:
        settings = EngineSettings.model_validate({"name": "far", "kind": "comfyui", "urls": [fake.url]})
        host = Host(fake.url, settings)
        connector = ComfyUIConnector(host, settings)
        await connector.look()
        yield Comfy(fake, host, connector)
        await connector.close()
        await host.close()


@pytest.fixture
async def comfy(server: Comfy) -> AsyncIterator[Comfy]:
    """The server of all tests without what others left."""
    await server.fake.control(clear=True, release=True, set={"seconds": 0.02})
    server.told.clear()
    yield server
    await server.fake.control(clear=True, release=True)
    await server.fake.wait_until(lambda state: not state["running"])


@pytest.fixture
def wanted(request: pytest.FixtureRequest) -> Drawing:
    """A drawing of this test."""
    return drawing(job_id=request.node.name, prompt=request.node.name)


async def test_it_tells_what_it_has(comfy: Comfy) -> None:
    inventory: Inventory = await comfy.connector.look()
    assert (inventory.version, inventory.device) == ("comfyui 0.3.64", "cpu")
    assert inventory.device_memory == 8 << 30
    assert inventory.loaded == frozenset()
    listed = {listing.name: listing for listing in inventory.models}
    assert listed["tiny-sdxl.safetensors"].facts.side == 1024
    assert "negative_prompt" in listed["tiny-flux.safetensors"].ignores
    assert listed["tiny-inpainting.safetensors"].facts.methods == {"inpaint", "outpaint"}
    assert listed["tiny-flux-unet.safetensors"].family == "Flux"
    assert listed["tiny-sd3-unet.safetensors"].family == "Stable Diffusion 3"
    assert listed["tiny-x2.safetensors"].facts.factor == 2
    assert listed["tiny-depth.safetensors"].facts.control == "depth"
    assert set(listed["tiny-sd3.safetensors"].schedulers) == {"euler", "heun", "unipc", "dpm++ 2m"}
    assert listed[MODEL].schedulers["dpm++ 2m karras"] == "dpmpp_2m|karras"


async def test_split_files_are_loaded_with_what_belongs_to_them(comfy: Comfy, wanted: Drawing) -> None:
    for name in ("tiny-flux-unet.safetensors", "tiny-sd3-unet.safetensors"):
        await comfy.draw(dataclasses.replace(wanted, model=name))
        assert (await comfy.fake.state())["drawn"][-1]["model"] == name


async def test_parts_are_used(comfy: Comfy, wanted: Drawing) -> None:
    loras = (LoraPart("tiny-lora.safetensors", 0.5),)
    controls = (control("canny", preprocess=True), control("depth"))
    made = dataclasses.replace(
        wanted, loras=loras, controls=controls, negative_prompt="blur", scheduler="heun|karras"
    )
    assert shows(await comfy.pixels(made), prompt=wanted.prompt, negative="blur", seed=5, model=MODEL)
    drawn = (await comfy.fake.state())["drawn"][-1]
    assert drawn["loras"] == [["tiny-lora.safetensors", 0.5]]
    assert [each["model"] for each in drawn["controls"]] == [
        "tiny-canny.safetensors",
        "tiny-depth.safetensors",
    ]
    assert drawn["controls"][0]["picture"] != drawn["controls"][1]["picture"]
    assert (drawn["controls"][1]["start"], drawn["controls"][1]["end"]) == (0.1, 0.9)


async def test_a_picture_and_its_mask_arrive(comfy: Comfy, wanted: Drawing) -> None:
    for model in (MODEL, "tiny-inpainting.safetensors"):
        made = dataclasses.replace(
            wanted, kind="masked", model=model, image=picture(), mask=mask(), strength=0.5
        )
        await comfy.draw(made)
        drawn = (await comfy.fake.state())["drawn"][-1]
        assert drawn["mask"] == digest(decoded(mask())[..., 0])
        assert drawn["strength"] == 0.5


async def test_the_name_that_an_upload_got_is_used(comfy: Comfy, wanted: Drawing) -> None:
    """Something else lies under the name already."""
    mine, taken = picture(17), picture(18)
    name = f"{hashlib.sha256(mine).hexdigest()}.png"
    form = {"type": "input", "subfolder": "viwo-imagegen"}
    await comfy.host.call("POST", "/upload/image", form=form, files=[("image", (name, taken, "image/png"))])
    made = dataclasses.replace(wanted, kind="image", image=mine, strength=0.25)
    drawn = await comfy.pixels(made)
    assert (await comfy.fake.state())["drawn"][-1]["strength"] == 0.25
    assert np.abs(drawn.astype(int) - decoded(mine)).mean() < 70
    sent = (await comfy.posts())[-1]["body"]["prompt"]["image"]["inputs"]["image"]
    assert sent == f"viwo-imagegen/{name[:-4]} (1).png"


async def test_it_is_followed_on_the_socket(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(set={"seconds": 0.2})
    # Another test's model would be in its memory.
    model = "tiny-sdxl.safetensors"
    await comfy.draw(dataclasses.replace(wanted, model=model), detail=ProgressDetail(preview_every=1))
    steps = [each for each in comfy.told if isinstance(each, float)]
    assert steps == [0.25, 0.5, 0.75, 1.0]
    assert any(isinstance(each, Loading) and each.model_id == f"far:{model}" for each in comfy.told)
    previews = [each.data for each in comfy.told if isinstance(each, Preview)]
    assert previews
    assert all(data.startswith(b"\xff\xd8") for data in previews)
    comfy.told.clear()
    await comfy.draw(dataclasses.replace(wanted, seed=6), detail=ProgressDetail(preview_every=3))
    assert len([each for each in comfy.told if isinstance(each, Preview)]) == 2


@pytest.mark.parametrize(
    "fault",
    [{"fault": "silent_socket", "route": "/ws", "times": 0}, {"fault": "drop_before", "route": "/ws"}],
    ids=["silent", "refused"],
)
async def test_a_socket_that_tells_nothing_is_not_missed(
    comfy: Comfy, wanted: Drawing, fault: dict[str, Any]
) -> None:
    await comfy.fake.control(**fault)
    assert shows(await comfy.pixels(wanted), prompt=wanted.prompt)


async def test_an_interrupt_that_was_lost_is_repeated(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="hold_start", route="/prompt")
    drawing = asyncio.create_task(comfy.draw(wanted))
    await comfy.until_taken(wanted)
    before = len((await comfy.fake.state())["interrupts"])
    drawing.cancel()
    # The first ones come before it begins.
    await comfy.fake.wait_until(lambda state: len(state["interrupts"]) > before + 1)
    await comfy.fake.control(set={"seconds": 5}, release=True)
    with pytest.raises(asyncio.CancelledError):
        await drawing
    queue = await comfy.host.get_json("/queue")
    assert queue == {"queue_running": [], "queue_pending": []}


async def test_another_ones_prompt_goes_on(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="stuck", route="/prompt")
    other = await comfy.others("somebody else's")
    await comfy.fake.wait_until(lambda state: state["running"])
    before = len((await comfy.fake.state())["interrupts"])
    drawing = asyncio.create_task(comfy.draw(wanted))
    await comfy.until_taken(wanted)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    queue = await comfy.host.get_json("/queue")
    assert [item[1] for item in queue["queue_running"]] == [other]
    assert queue["queue_pending"] == []
    assert len((await comfy.fake.state())["interrupts"]) == before
    await comfy.fake.control(release=True)


async def test_what_somebody_else_interrupts_is_said(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="stuck", route="/prompt")
    drawing = asyncio.create_task(comfy.draw(wanted))
    await comfy.fake.wait_until(lambda state: state["running"])
    await comfy.host.post_json("/interrupt", {})
    with pytest.raises(RemoteFailure, match="somebody else interrupted") as failure:
        await drawing
    assert failure.value.kind is FailureKind.SERVER_ERROR


async def test_a_job_that_is_done_there_is_not_drawn_again(comfy: Comfy, wanted: Drawing) -> None:
    """As after a crash of the sidecar between the drawing and its end."""
    first = await comfy.pixels(wanted)
    posted = len(await comfy.posts())
    assert np.array_equal(await comfy.pixels(wanted), first)
    assert len(await comfy.posts()) == posted
    assert not np.array_equal(await comfy.pixels(dataclasses.replace(wanted, seed=6)), first)


async def test_a_job_that_is_on_its_way_there_is_waited_for(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="stuck", route="/prompt")
    before = len(await comfy.posts())
    lost = asyncio.create_task(comfy.draw(wanted))
    await comfy.fake.wait_until(lambda state: state["running"])
    looks = len((await comfy.fake.state())["requests"])
    again = asyncio.create_task(comfy.draw(wanted))
    await comfy.fake.wait_until(
        lambda state: "/queue" in [each["path"] for each in state["requests"][looks:]]
    )
    await comfy.fake.control(clear=True, release=True)
    assert (await lost).pictures == (await again).pictures
    assert len(await comfy.posts()) == before + 1


async def test_a_job_that_failed_there_is_drawn_again(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="fails", route="/prompt")
    with pytest.raises(RemoteFailure, match="out of memory"):
        await comfy.draw(wanted)
    assert shows(await comfy.pixels(wanted), prompt=wanted.prompt)


@pytest.mark.parametrize("fault", ["drop_after", "garbage", "truncated_body", "truncated_json"])
async def test_an_answer_that_was_lost_draws_nothing_twice(comfy: Comfy, wanted: Drawing, fault: str) -> None:
    before = len(await comfy.posts())
    await comfy.fake.control(fault=fault, route="/prompt", method="POST")
    assert shows(await comfy.pixels(wanted), prompt=wanted.prompt)
    assert len(await comfy.posts()) == before + 1


async def test_a_prompt_that_is_forgotten_is_a_failure_that_passes(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.fake.control(fault="vanished", route="/prompt")
    with pytest.raises(RemoteFailure, match="forgotten") as failure:
        await comfy.draw(wanted)
    assert failure.value.kind is FailureKind.SERVER_ERROR


async def test_a_picture_of_another_task_is_refused(comfy: Comfy, wanted: Drawing) -> None:
    await comfy.draw(dataclasses.replace(wanted, prompt="another task"))
    await comfy.fake.control(fault="stale", route="/prompt")
    with pytest.raises(RemoteFailure, match="another task") as failure:
        await comfy.draw(wanted)
    assert failure.value.kind is FailureKind.BAD_ANSWER
    assert shows(await comfy.pixels(wanted), prompt=wanted.prompt)


@pytest.mark.parametrize("fault", ["truncated_picture", "garbage_picture"])
async def test_a_picture_that_is_not_whole_is_drawn_again(comfy: Comfy, wanted: Drawing, fault: str) -> None:
    await comfy.fake.control(fault=fault, route="/view")
    with pytest.raises(RemoteFailure, match="whole") as failure:
        await comfy.draw(wanted)
    assert failure.value.kind is FailureKind.BAD_ANSWER
    assert shows(await comfy.pixels(wanted), prompt=wanted.prompt)


async def test_what_a_node_does_not_take_names_the_field(comfy: Comfy, wanted: Drawing) -> None:
    with pytest.raises(RemoteFailure) as failure:
        await comfy.draw(dataclasses.replace(wanted, steps=20_000))
    assert (failure.value.kind, failure.value.field) == (FailureKind.BAD_REQUEST, "steps")
    assert failure.value.asked == "20000"
    assert failure.value.was_refused


async def test_a_file_that_is_gone_is_missing(comfy: Comfy, wanted: Drawing) -> None:
    before = len(await comfy.posts())
    with pytest.raises(RemoteFailure) as failure:
        await comfy.draw(dataclasses.replace(wanted, loras=(LoraPart("gone.safetensors", 1.0),)))
    assert (failure.value.kind, failure.value.field) == (FailureKind.MODEL_MISSING, "loras[0].id")
    assert len(await comfy.posts()) == before


@pytest.mark.parametrize("route", ["/history", "/queue", "/upload", "/view"])
async def test_whatever_comes_back_is_checked(comfy: Comfy, wanted: Drawing, route: str) -> None:
    await comfy.fake.control(fault="garbage", route=route, times=0)
    made = dataclasses.replace(wanted, kind="image", image=picture(), strength=0.5)
    with pytest.raises(RemoteFailure) as failure:
        await comfy.draw(made)
    assert failure.value.kind is FailureKind.BAD_ANSWER


# A real one


@pytest.mark.skipif("VIWO_TEST_COMFYUI_URL" not in os.environ, reason="VIWO_TEST_COMFYUI_URL names no server")
async def test_a_real_server_draws_changes_fills_in_and_ends_what_is_canceled() -> None:
    """VIWO_TEST_COMFYUI_URL=http://host:8188, and if need be _MODEL=name, _KEY_FILE=path, _SIDE=512."""
    url, side = os.environ["VIWO_TEST_COMFYUI_URL"], int(os.environ.get("VIWO_TEST_COMFYUI_SIDE", "128"))
    key_file = os.environ.get("VIWO_TEST_COMFYUI_KEY_FILE")
    settings = EngineSettings.model_validate(
        {"name": "real", "kind": "comfyui", "urls": [url], "key_file": key_file}
    )
    host = Host(url, settings)
    connector = ComfyUIConnector(host, settings)
    inventory = await connector.look()
    able = [listing for listing in inventory.models if "imageToImage" in listing.facts.methods]
    name = os.environ.get("VIWO_TEST_COMFYUI_MODEL") or able[0].name
    told: list[Any] = []
    common: dict[str, Any] = {"model": name, "width": side, "height": side, "job_id": uuid.uuid4().hex}
    wanted = drawing(**common)

    async def pixels(made: Drawing) -> Any:
        detail = ProgressDetail(preview_every=1)
        return decoded((await connector.draw(Call(made, told.append, detail))).pictures[0].data)

    first = await pixels(wanted)
    assert first.shape == (side, side, 3)
    assert [each for each in told if isinstance(each, float)][-1] == 1.0
    anew = await pixels(dataclasses.replace(wanted, job_id=uuid.uuid4().hex))
    assert np.abs(anew.astype(int) - first).mean() < 8
    assert not np.array_equal(await pixels(dataclasses.replace(wanted, seed=6)), first)

    begun = png(Image.fromarray(first))
    hole = Image.new("L", (side, side))
    hole.paste(255, (0, 0, side // 2, side))
    changed = dataclasses.replace(wanted, kind="image", image=begun, prompt="a pear", strength=0.75)
    assert not np.array_equal(await pixels(changed), first)
    assert not np.array_equal(
        await pixels(dataclasses.replace(changed, kind="masked", mask=png(hole))), first
    )
    upscalers = [listing for listing in inventory.models if "upscale" in listing.facts.methods]
    for upscaler in upscalers[:1]:
        larger = Drawing("upscale", upscaler.name, 0, 0, image=begun, factor=2, job_id=uuid.uuid4().hex)
        assert (await pixels(larger)).shape[0] > side

    begins = asyncio.Event()
    long = dataclasses.replace(wanted, steps=500, job_id=uuid.uuid4().hex)
    running = asyncio.create_task(connector.draw(Call(long, lambda _: begins.set())))
    await begins.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    queue = await host.get_json("/queue")
    assert queue == {"queue_running": [], "queue_pending": []}
    with pytest.raises(RemoteFailure) as failure:
        await connector.draw(Call(dataclasses.replace(wanted, steps=20_000), told.append))
    assert failure.value.field == "steps"
    await connector.close()
    await host.close()

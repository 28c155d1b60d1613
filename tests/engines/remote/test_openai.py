"""What only OpenAI-compatible servers have: their sizes, masks, addresses, streams, and the ways in which they differ."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capabilities import imaging
from sidecar.engines.openai.inventory import look
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.foreign.drawing import opened, shows
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.requests import submission
from sidecar.testing.server import Sidecar, started
from tests.cli.test_cli import Terminal
from tests.engines.remote.test_openai_protocol import NEW, engine
from tests.engines.remote.test_scenarios import INPAINT, hole, picture, pixels, refusal, text

OLD = "picture-1"


@dataclass
class Service:
    """A strict fake and a loose one, behind a sidecar with an engine for each way to use them."""

    strict: ForeignServer
    loose: ForeignServer
    sidecar: Sidecar

    async def called(
        self, method: str, *arguments: object, kind: str = "diffusers.generate"
    ) -> dict[str, Any]:
        return await self.sidecar.in_world(await self.sidecar.context({}, kind=kind), method, *arguments)

    async def generated(self, engine: str, model: str = NEW, **options: object) -> dict[str, Any]:
        told = {"model": f"{engine}:{model}", **options}
        return await self.called("textToImage", options.pop("prompt", "a red apple"), told)


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("openai")
    async with AsyncExitStack() as stack:
        strict = await stack.enter_async_context(ForeignServer("openai"))
        loose = await stack.enter_async_context(ForeignServer("openai", variant="loose"))
        sizes = ["256x256", "384x256"]
        engines = [
            engine(loose.url, "plain", models=[{"name": NEW, "sizes": sizes}]),
            engine(loose.url, "scaled", models=[{"name": NEW, "sizes": sizes}], fit="scale"),
            engine(loose.url, "cut", models=[{"name": NEW, "sizes": sizes}], fit="crop"),
            engine(
                strict.url, "strict", models=[{"name": OLD, "sizes": ["256x256"]}], quirks=["response-format"]
            ),
            engine(loose.url, "auto", quirks=["size-auto"], fit="crop"),
            engine(
                loose.url, "single", models=[{"name": NEW, "sizes": sizes}], quirks=["no-n", "transparent"]
            ),
            engine(loose.url, "old", models=[{"name": OLD}], quirks=["variations", "no-edits"]),
            engine(loose.url, "streaming", quirks=["stream", "seed"]),
        ]
        sidecar = await stack.enter_async_context(
            started(folder / "models", folder / "data", engines=engines, default_model="glyphs:game-icons")
        )
        for each in engines:
            await sidecar.running.engines[each.name].wait_ready()
        yield Service(strict, loose, sidecar)


@pytest.fixture
async def service(shared: Service) -> AsyncIterator[Service]:
    yield shared
    for fake in (shared.strict, shared.loose):
        await fake.control(clear=True, release=True, set={"seconds": 0.02})


async def sent(fake: ForeignServer, since: int) -> list[dict[str, Any]]:
    """The requests for drawings that a fake has seen since it had seen so many."""
    seen = (await fake.state())["requests"][since:]
    return [request for request in seen if request["method"] == "POST"]


async def count(fake: ForeignServer) -> int:
    return len((await fake.state())["requests"])


async def test_a_size_that_it_does_not_draw_is_refused_before_anything_is_sent(service: Service) -> None:
    before = await count(service.loose)
    error = refusal(await service.generated("plain", width=640, height=480))
    assert (error["code"], error["field"]) == ("FAILED_PRECONDITION", "width")
    assert error["limit"] == "256 x 256, 384 x 256"
    assert not await sent(service.loose, before)


@pytest.mark.parametrize(("name", "asked"), [("scaled", "384x256"), ("cut", "384x256"), ("auto", "auto")])
async def test_the_nearest_size_is_fitted_where_the_operator_allows_it(
    service: Service, name: str, asked: str
) -> None:
    before = await count(service.loose)
    made = await service.generated(name, width=300, height=200)
    assert pixels(made).shape == (200, 300, 3)
    (request,) = await sent(service.loose, before)
    assert request["body"]["size"] == asked


async def test_a_part_of_a_picture_is_drawn_at_a_size_that_it_draws(service: Service) -> None:
    options = {"model": f"scaled:{NEW}", "feather": 0}
    made = await service.called("inpaint", text(picture()), text(hole()), "a hole", options, kind=INPAINT)
    before, after, inside = np.asarray(picture()), pixels(made), np.asarray(hole()) > 0
    assert np.array_equal(before[~inside], after[~inside])
    assert (before[inside] != after[inside]).any(axis=1).mean() > 0.8


async def test_several_pictures_are_one_call_where_it_takes_a_number(service: Service) -> None:
    before = await count(service.loose)
    assert len((await service.generated("plain", count=3))["images"]) == 3
    (request,) = await sent(service.loose, before)
    assert request["body"]["n"] == 3
    assert len((await service.generated("single", count=3))["images"]) == 3
    assert ["n" in request["body"] for request in await sent(service.loose, before)] == [True] + 3 * [False]


async def test_no_seed_is_told_that_has_no_effect_and_nothing_is_reused(service: Service) -> None:
    before = await count(service.loose)
    for _ in range(2):
        made = await service.generated("plain", seed=7)
        assert "seed" not in made
        assert "seed" not in made["images"][0]
        assert any("takes no seed" in warning for warning in made["warnings"])
        metadata = imaging.read_metadata(base64.b64decode(made["images"][0]["image"]))
        assert metadata is not None
        assert {"seed", "steps"}.isdisjoint(metadata)
        assert metadata["usage"]["total_tokens"] == 110
    assert len(await sent(service.loose, before)) == 2
    assert "warnings" not in await service.generated("plain")


async def test_the_command_line_tells_no_seed_either(service: Service, tmp_path: Path) -> None:
    terminal = Terminal(service.sidecar, tmp_path)
    words = ("generate", "a cup", "--model", f"plain:{NEW}", "--out", str(tmp_path))
    assert "cup.png" in await terminal.run(*words)
    assert "seed" not in (await terminal.json(*words))["images"][0]


async def test_a_picture_at_an_address_is_fetched_and_its_revised_prompt_told(service: Service) -> None:
    made = await service.generated("old", OLD, width=512, height=512)
    assert shows(pixels(made), prompt="a red apple")
    assert "the server drew from a prompt that it revised: a red apple, in detail" in made["warnings"]
    metadata = imaging.read_metadata(base64.b64decode(made["images"][0]["image"]))
    assert metadata is not None
    assert (metadata["prompt"], metadata["revised_prompt"]) == ("a red apple", "a red apple, in detail")


async def test_variations_take_no_prompt(service: Service) -> None:
    options = {"model": f"old:{OLD}"}
    before = await count(service.loose)
    made = await service.called("imageToImage", text(picture()), "", 0.5, options)
    assert pixels(made).shape == (64, 96, 3)
    error = refusal(await service.called("imageToImage", text(picture()), "a pear", 0.5, options))
    assert (error["code"], error["field"]) == ("INVALID_ARGUMENT", "prompt")
    assert [request["path"] for request in await sent(service.loose, before)] == ["/v1/images/variations"]


async def test_a_transparent_background_is_the_servers_own(service: Service) -> None:
    made = await service.generated("single", background="transparent")
    shown = opened(base64.b64decode(made["images"][0]["image"]))
    assert shown.mode == "RGBA"
    assert np.asarray(shown)[:40, :, 3].max() == 0
    error = refusal(await service.generated("plain", background="transparent"))
    assert error["field"] == "background"


async def test_unfinished_pictures_are_previews(service: Service) -> None:
    await service.loose.control(set={"seconds": 1.0})
    request = submission(
        await service.sidecar.context({}), model_id=f"streaming:{NEW}", width=512, height=256, steps=4
    )
    # Another job first, so that this one is watched before it begins.
    first = await service.sidecar.jobs.Submit(request)
    request.text_to_image.prompt = "a second one"
    job = await service.sidecar.jobs.Submit(request)
    previews = []
    async for event in service.sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id, preview_every=1)):
        if event.WhichOneof("event") == "preview":
            previews.append(event.preview)
        elif event.WhichOneof("event") == "ended":
            assert event.ended.state == job_pb2.JOB_STATE_SUCCEEDED, event.ended.failure
    assert previews
    assert previews[0].data.startswith(b"\xff\xd8")
    assert (previews[0].width, previews[0].height) == (256, 128)
    assert (await service.sidecar.ended(first.id)).state == job_pb2.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "code", "reason", "field"),
    [
        ("content_refused", "INVALID_ARGUMENT", "ENGINE_CONTENT_REFUSED", "prompt"),
        ("quota", "RESOURCE_EXHAUSTED", "ENGINE_QUOTA", ""),
        ("quota_forbidden", "RESOURCE_EXHAUSTED", "ENGINE_QUOTA", ""),
        ("payment_required", "RESOURCE_EXHAUSTED", "ENGINE_QUOTA", ""),
        ("model_missing", "FAILED_PRECONDITION", "ENGINE_MODEL_MISSING", "model"),
    ],
)
async def test_its_codes_say_more_than_its_statuses(
    service: Service, fault: str, code: str, reason: str, field: str
) -> None:
    before = await count(service.strict)
    await service.strict.control(fault=fault, route="/v1/images")
    error = refusal(await service.generated("strict", OLD))
    assert (error["code"], error["reason"], error.get("field", "")) == (code, reason, field)
    assert len(await sent(service.strict, before)) == 1


async def test_only_models_that_are_named_or_marked_are_listed(service: Service) -> None:
    async def listed(**settings: Any) -> set[str]:
        configured = engine(service.strict.url, **settings)
        host = Host(configured.urls[0], configured)
        found = await look(host, configured)
        await host.close()
        return {listing.name for listing in found.models}

    assert await listed(models=[]) == set()
    assert await listed() == {NEW}
    assert await listed(models=[], quirks=["all-models"]) == {NEW, OLD, "writer-1"}


async def test_whoever_leaves_a_paid_call_has_paid(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(ForeignServer("openai", variant="loose", price=0.25))
        paid = engine(fake.url, per_image=0.25)
        sidecar = await stack.enter_async_context(
            started(tmp_path / "models", tmp_path / "data", engines=[paid], default_model="glyphs:game-icons")
        )
        await sidecar.running.engines["far"].wait_ready()
        context = await sidecar.context({"allowed_engines": ["far"]})
        await fake.control(fault="stuck", route="/v1/images")
        request = submission(context, model_id=f"far:{NEW}", width=96, height=64, count=2)
        job = await sidecar.jobs.Submit(request)
        await fake.wait_until(lambda state: len(state["running"]) == 2)
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
        ended = await sidecar.ended(job.id)
        assert (ended.state, ended.cost.money_micros) == (job_pb2.JOB_STATE_CANCELED, 500_000)
        # Two passes are two pictures for whoever bills them.
        request.text_to_image.hires_fix.scale = 2
        request.text_to_image.options.count = 1
        twice = await sidecar.ended((await sidecar.jobs.Submit(request)).id)
        assert (twice.state, twice.cost.money_micros) == (job_pb2.JOB_STATE_SUCCEEDED, 500_000), twice.failure


@pytest.mark.skipif("VIWO_TEST_OPENAI_URL" not in os.environ, reason="VIWO_TEST_OPENAI_URL names no server")
async def test_a_real_server(tmp_path: Path) -> None:
    """VIWO_TEST_OPENAI_URL=http://host/v1, _MODEL=name, and if need be _KEY_FILE=path, _QUIRKS=a,b, _SIZE=1024x1024."""

    def told(name: str, otherwise: str = "") -> str:
        return os.environ.get(f"VIWO_TEST_OPENAI_{name}", otherwise)

    width, _, height = told("SIZE", "1024x1024").partition("x")
    real = EngineSettings.model_validate(
        {
            "name": "real",
            "kind": "openai",
            "urls": [told("URL")],
            "per_image": 0,
            "models": [{"name": told("MODEL")}],
            "quirks": [name for name in told("QUIRKS").split(",") if name],
            **({"key_file": told("KEY_FILE")} if told("KEY_FILE") else {}),
        }
    )
    async with started(
        tmp_path / "models", tmp_path / "data", engines=[real], default_model="glyphs:game-icons"
    ) as sidecar:
        async with asyncio.timeout(30):
            await sidecar.running.engines["real"].wait_ready()
        context = await sidecar.context({})
        model = {"model": f"real:{told('MODEL')}"}
        made = await sidecar.in_world(
            context, "textToImage", "a red apple", {**model, "width": int(width), "height": int(height)}
        )
        assert pixels(made).shape == (int(height), int(width), 3)
        if "no-edits" not in real.quirks:
            image = made["images"][0]["image"]
            changed = await sidecar.in_world(context, "imageToImage", image, "a green apple", 0.8, model)
            assert pixels(changed).shape == (int(height), int(width), 3)

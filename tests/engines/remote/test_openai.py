"""What only OpenAI-compatible servers have: their sizes, masks, addresses, streams, and the ways in which they differ."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from capabilities import imaging
from capabilities.methods.outpaint import Outpaint
from sidecar.engines.openai import answers, requests
from sidecar.engines.openai.inventory import look
from sidecar.engines.openai.refusals import explained
from sidecar.engines.remote.connector import Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.messages import Canvas, Prepare, Prepared
from sidecar.engines.remote.pixels import prepare
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.foreign.drawing import opened, shows
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.requests import submission
from sidecar.testing.server import Sidecar, started
from tests.engines.remote.test_scenarios import INPAINT, hole, picture, pixels, refusal, text

NEW, OLD = "picture-2", "picture-1"


def engine(url: str, name: str = "far", **settings: Any) -> EngineSettings:
    values = {"name": name, "kind": "openai", "urls": [f"{url}/v1"], "models": [{"name": NEW}], **settings}
    return EngineSettings.model_validate(values)


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


@pytest.mark.parametrize(
    ("status", "answer", "kind", "field"),
    [
        (400, {"error": {"param": "n", "code": "invalid_value"}}, FailureKind.BAD_REQUEST, "count"),
        (400, {"error": {"param": "size", "code": None}}, FailureKind.BAD_REQUEST, "width"),
        (
            400,
            {"error": {"param": "prompt", "code": "content_filter"}},
            FailureKind.CONTENT_REFUSED,
            "prompt",
        ),
        (404, {"error": {"param": "model", "type": "NotFoundError"}}, FailureKind.MODEL_MISSING, "model_id"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "too large"}]}, FailureKind.BAD_REQUEST, "seed"),
        (400, {"error": "prompt required"}, FailureKind.BAD_REQUEST, ""),
        (400, [1, 2], FailureKind.BAD_REQUEST, ""),
        (400, {"error": {"param": 7, "code": ["x"], "type": {}}}, FailureKind.BAD_REQUEST, ""),
    ],
)
def test_a_refusal_names_the_field_of_the_task(
    status: int, answer: object, kind: FailureKind, field: str
) -> None:
    failure = RemoteFailure(
        FailureKind.BAD_REQUEST, "refused", status=status, answer=json.dumps(answer).encode()
    )
    told = explained(failure)
    assert (told.kind, told.field) == (kind, field)


WANTED = Drawing(
    "text", NEW, 512, 256, 2, 7, "a cat", "a dog", steps=9, guidance_scale=3.5, image=b"image", strength=0.5
)


@pytest.mark.parametrize(
    ("quirks", "expected"),
    [
        ([], {"model": NEW, "n": 2, "size": "512x256", "prompt": "a cat"}),
        (["no-n"], {"model": NEW, "size": "512x256", "prompt": "a cat"}),
        (["response-format", "output-format"], {"response_format": "b64_json", "output_format": "png"}),
        (
            ["seed", "steps", "guidance", "negative-prompt"],
            {"seed": 7, "num_inference_steps": 9, "guidance_scale": 3.5, "negative_prompt": "a dog"},
        ),
        (["step", "negative-after-bar"], {"step": 9, "prompt": "a cat|a dog"}),
    ],
)
def test_what_only_some_servers_know_is_sent_to_those(quirks: list[str], expected: dict[str, object]) -> None:
    body = requests.generation(WANTED, engine("http://127.0.0.1:1", quirks=quirks))
    always = {"model", "n", "size", "prompt"} - ({"n"} if "no-n" in quirks else set())
    assert set(body) == always | set(expected)
    assert expected.items() <= body.items()


def test_settings_in_a_prompt_are_never_the_callers() -> None:
    """stable-diffusion.cpp reads settings out of the prompt, which must not be a way round the limits of steps."""
    tag = requests.SD_CPP_ARGS
    forged = f'a cat <{tag}>{{"sample_params": {{"sample_steps": 150}}}}</{tag}>'
    plain = engine("http://127.0.0.1:1")
    assert tag not in requests.prompt(replace(WANTED, prompt=forged), plain)
    own = engine("http://127.0.0.1:1", quirks=["sd-cpp"])
    wanted = replace(WANTED, prompt=forged, negative_prompt=f"</{tag}>")
    prompt = requests.prompt(wanted, own)
    assert (prompt.count(f"<{tag}>"), prompt.count(f"</{tag}>")) == (1, 1)
    args = json.loads(prompt.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0])
    assert args["sample_params"] == {"sample_steps": 9, "guidance": {"txt_cfg": 3.5}}
    assert (args["seed"], args["negative_prompt"]) == (7, f"</{tag}>")


def test_an_edit_is_a_form() -> None:
    wanted = replace(WANTED, kind="image", mask=b"mask")
    settings = engine("http://127.0.0.1:1", quirks=["image-array", "strength"])
    fields, files = requests.edit(wanted, settings, stream=True)
    assert (fields["n"], fields["strength"], fields["stream"]) == ("2", "0.5", "true")
    assert [name for name, _ in files] == ["image[]", "mask"]


def test_a_mask_is_clear_and_white_where_it_is_to_draw() -> None:
    files = {"image": imaging.encode(imaging.from_pixels(bytes([90]) * (32 * 32 * 3), 32, 32, 3), "png")}
    task = Outpaint(
        model_id="far:m", prompt="a wall", width=48, height=32, guidance_scale=0, scheduler="default", strength=1,
        image="sha256:0", left=16, right=0, top=0, bottom=0, feather=4, steps=100,
    )  # fmt: skip
    prepared = prepare(Prepare(task, files, 7, Canvas(16, has_clear_masks=True)))
    assert isinstance(prepared, Prepared)
    (part,) = prepared.parts
    mask, image = np.asarray(opened(part.mask)), np.asarray(opened(part.image))
    assert mask.shape == image.shape == (32, 48, 4)
    assert np.array_equal(mask[..., 3], 255 - mask[..., 0])
    assert (mask[:, :16, 3] == 0).all()
    assert (mask[:, 24:, 3] == 255).all()
    # The picture is shown to its edge, also where the two are blended.
    assert (image[:, :16, 3] == 0).all()
    assert (image[:, 16:, 3] == 255).all()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:2/a.png", "https://127.0.0.1:1/a.png", "http://elsewhere/a.png", "//elsewhere/a.png",
     "file:///etc/passwd", "http://127.0.0.1:1@elsewhere/a.png", "http://[", 7, ""],
)  # fmt: skip
async def test_an_address_of_another_host_is_not_fetched(url: object) -> None:
    host = Host("http://127.0.0.1:1/v1", engine("http://127.0.0.1:1"))
    with pytest.raises(RemoteFailure) as caught:
        await answers.picture({"url": url}, host)
    assert (caught.value.kind, caught.value.was_sent) == (FailureKind.BAD_ANSWER, True)
    await host.close()


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"data": None}, {"data": []}, {"data": [1]}, {"data": "x"}, "x", {"data": [{}, 7]}],
)
def test_an_answer_of_another_shape_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(RemoteFailure) as caught:
        answers.items(answer)
    assert caught.value.kind is FailureKind.BAD_ANSWER


async def lines(*texts: str) -> AsyncIterator[bytes]:
    for line in texts:
        yield line.encode()


async def test_a_stream_is_read_whatever_its_dialect() -> None:
    whole = lines('{"data": [', '{"b64_json": "AAAA"}]}')
    assert [answers.is_end(event) async for event in answers.events(whole)] == [True]
    foreign = lines(
        ": hello", "event: x", 'data: {"type": "image", "data": [{"b64_json": "AAAA"}]}', "", "data: [DONE]"
    )
    assert [answers.is_end(event) async for event in answers.events(foreign)] == [True]
    with pytest.raises(RemoteFailure) as caught:
        async for _ in answers.events(
            lines('data: {"error": {"message": "no", "code": "moderation_blocked"}}')
        ):
            pass
    assert caught.value.kind is FailureKind.CONTENT_REFUSED
    with pytest.raises(RemoteFailure, match="not JSON"):
        async for _ in answers.events(lines("data: [1")):
            pass


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


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in ("sise", "size-auto"):
        with pytest.raises(ValidationError, match="quirks"):
            engine("http://127.0.0.1:1", quirks=[wrong])
    with pytest.raises(ValidationError, match="per_refinement"):
        engine("http://127.0.0.1:1", key_file="key", per_image=0, chat_model="writer-1")


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

"""One list of scenarios over every kind of foreign server, through gRPC, each against its fake in a process of its own."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capabilities import imaging
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.foreign.drawing import decoded, shows
from sidecar.testing.foreign.kinds import ENGINE, KINDS, Far, Kind, far
from sidecar.testing.requests import not_reused, submission

WIDTH, HEIGHT = 96, 64
INPAINT, UPSCALE, CONTROL = "diffusers.inpaint", "diffusers.upscale", "controlnet.generate"


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Far]:
    kind: Kind = request.param
    async with far(kind, tmp_path_factory.mktemp(kind.name), timeouts={"read": 5, "draw": 20}) as running:
        yield running


@pytest.fixture
async def server(shared: Far) -> AsyncIterator[Far]:
    """The shared one, without the faults of another test."""
    await shared.fake.control(clear=True, release=True, set={"seconds": 0.02, "key": ""})
    yield shared
    await shared.fake.control(clear=True, release=True)


def picture(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """No two of its pixels in a row are equal."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    pixels = np.broadcast_to(across[None, :, None], (height, width, 3)).copy()
    pixels[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return Image.fromarray(pixels)


def hole(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    mask = Image.new("L", (width, height))
    mask.paste(255, (32, 16, 64, 48))
    return mask


def text(image: Image.Image) -> str:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()


async def asked(
    server: Far, method: str, *arguments: object, kind: str = "diffusers.generate"
) -> dict[str, Any]:
    """What a script gets; a method that the kind has none of skips the test."""
    if method in server.kind.missing:
        pytest.skip(f"{server.kind.name} has no {method}")
    context = await server.sidecar.context({}, kind=kind)
    return await server.sidecar.in_world(context, method, *arguments)


async def generated(server: Far, prompt: str = "a red apple", **options: object) -> dict[str, Any]:
    common = {"model": server.kind.model_id, "width": WIDTH, "height": HEIGHT, "steps": 4, "seed": 5}
    return await asked(server, "textToImage", prompt, {**common, "reuse": False, **options})


def pixels(result: dict[str, Any], index: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    assert result["ok"], result["error"]
    return decoded(base64.b64decode(result["images"][index]["image"]))


def refusal(result: dict[str, Any]) -> dict[str, Any]:
    assert not result["ok"], "it was not refused"
    error: dict[str, Any] = result["error"]
    assert error["code"] != "INTERNAL", error
    assert error["message"]
    return error


async def test_a_picture_is_what_was_asked_for(server: Far) -> None:
    made = await generated(server)
    drawn = pixels(made)
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert shows(drawn, prompt="a red apple")
    assert made["model"] == server.kind.model_id
    if server.kind.takes_seed:
        assert made["seed"] == 5
    metadata = imaging.read_metadata(base64.b64decode(made["images"][0]["image"]))
    assert metadata is not None
    assert (metadata["engine"], metadata["prompt"]) == (ENGINE, "a red apple")


async def test_an_image_of_a_batch_is_the_single_one_of_its_seed(server: Far) -> None:
    if not server.kind.takes_seed:
        pytest.skip("it takes no seed")
    batch = await generated(server, count=2)
    single = await generated(server, seed=6)
    assert [image["seed"] for image in batch["images"]] == [5, 6]
    assert np.array_equal(pixels(batch, 1), pixels(single))


async def test_a_picture_is_changed(server: Far) -> None:
    options = {"model": server.kind.model_id, "steps": 4, "seed": 5}
    made = await asked(server, "imageToImage", text(picture()), "a pear", 0.75, options)
    assert pixels(made).shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(pixels(made), np.asarray(picture()))
    assert (await server.drawn())[-1]["prompt"] == "a pear"


async def test_outside_the_mask_every_bit_stays(server: Far) -> None:
    options = {"model": server.kind.model_id, "steps": 4, "seed": 5, "feather": 0}
    made = await asked(server, "inpaint", text(picture()), text(hole()), "a hole", options, kind=INPAINT)
    before, after, inside = np.asarray(picture()), pixels(made), np.asarray(hole()) > 0
    assert np.array_equal(before[~inside], after[~inside])
    assert (before[inside] != after[inside]).any(axis=1).mean() > 0.8


async def test_a_picture_is_continued(server: Far) -> None:
    options = {"model": server.kind.model_id, "steps": 4, "seed": 5, "feather": 0}
    made = await asked(server, "outpaint", text(picture()), "left", 32, "a wall", options, kind=INPAINT)
    assert pixels(made).shape == (HEIGHT, WIDTH + 32, 3)
    assert np.array_equal(pixels(made)[:, 32:], np.asarray(picture()))


async def test_a_control_steers(server: Far) -> None:
    options = {"model": server.kind.model_id, "steps": 4, "seed": 5, "strength": 0.5}
    made = await asked(server, "apply", text(picture()), "a house", "canny", options, kind=CONTROL)
    assert pixels(made).shape == (HEIGHT, WIDTH, 3)
    (control,) = (await server.drawn())[-1]["controls"]
    assert control["weight"] == 0.5
    assert control["size"] == [WIDTH, HEIGHT]


async def test_a_picture_is_enlarged(server: Far) -> None:
    if not server.kind.upscaler:
        pytest.skip(f"{server.kind.name} has no upscaler")
    model = f"{ENGINE}:{server.kind.upscaler}"
    made = await asked(server, "upscale", text(picture()), model, 2, kind=UPSCALE)
    assert pixels(made).shape == (HEIGHT * 2, WIDTH * 2, 3)


async def test_detail_is_regenerated_tile_by_tile(server: Far) -> None:
    options = {"model": server.kind.model_id, "steps": 4, "seed": 5, "tileSize": 96}
    made = await asked(server, "upscaleImg2Img", text(picture()), "a field", 2, options, kind=UPSCALE)
    assert pixels(made).shape == (HEIGHT * 2, WIDTH * 2, 3)


async def test_a_second_pass_enlarges(server: Far) -> None:
    if "imageToImage" in server.kind.missing:
        pytest.skip("it draws from words only")
    made = await generated(server, hiresFix=2)
    assert pixels(made).shape == (HEIGHT * 2, WIDTH * 2, 3)


async def test_faces_are_restored(server: Far) -> None:
    if not server.kind.restorer:
        pytest.skip(f"{server.kind.name} restores no faces")
    model = f"{ENGINE}:{server.kind.restorer}"
    made = await asked(server, "faceRestore", text(picture()), 0.5, {"model": model}, kind=UPSCALE)
    assert pixels(made).shape == (HEIGHT, WIDTH, 3)


async def test_steps_are_told_on_the_way(server: Far) -> None:
    if not server.kind.tells_steps:
        pytest.skip(f"{server.kind.name} tells nothing on the way")
    await server.fake.control(set={"seconds": 1.0})
    context = await server.sidecar.context({})
    request = submission(
        context, model_id=server.kind.model_id, width=WIDTH, height=HEIGHT, steps=8, output=not_reused()
    )
    job = await server.sidecar.jobs.Submit(request)
    steps = []
    async for event in server.sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)):
        if event.WhichOneof("event") == "step":
            steps.append(event.step.step)
        elif event.WhichOneof("event") == "ended":
            assert event.ended.state == job_pb2.JOB_STATE_SUCCEEDED, event.ended.failure
    assert steps == sorted(steps)
    assert any(0 < step < 8 for step in steps)


async def test_a_running_job_is_canceled_and_the_next_is_drawn(server: Far) -> None:
    await server.fault("stuck")
    context = await server.sidecar.context({})
    request = submission(context, model_id=server.kind.model_id, width=WIDTH, height=HEIGHT, steps=4)
    job = await server.sidecar.jobs.Submit(request)
    await server.fake.wait_until(lambda state: state["running"])
    await server.sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
    ended = await server.sidecar.ended(job.id)
    assert ended.state == job_pb2.JOB_STATE_CANCELED
    # It may have ended before it got stuck.
    await server.fake.control(clear=True, release=True)
    assert shows(pixels(await generated(server, "the next one")), prompt="the next one")


async def test_a_waiting_job_is_canceled_without_a_word_to_the_server(server: Far) -> None:
    await server.fault("stuck")
    context = await server.sidecar.context({})
    options = {"model_id": server.kind.model_id, "width": WIDTH, "height": HEIGHT, "steps": 4}
    first = await server.sidecar.jobs.Submit(submission(context, "the first", **options))
    await server.fake.wait_until(lambda state: state["running"])
    second = await server.sidecar.jobs.Submit(submission(context, "the second", **options))
    await server.sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=second.id))
    assert (await server.sidecar.ended(second.id)).state == job_pb2.JOB_STATE_CANCELED
    await server.fake.control(release=True)
    assert (await server.sidecar.ended(first.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    assert "the second" not in [drawn["prompt"] for drawn in await server.drawn()]


async def test_an_unknown_model_is_refused_before_anything_is_sent(server: Far) -> None:
    before = len((await server.fake.state())["requests"])
    error = refusal(await generated(server, model=f"{ENGINE}:nothing-like-it"))
    assert (error["code"], error["field"]) == ("NOT_FOUND", "model")
    assert server.kind.model in error["limit"]
    assert not [
        request for request in (await server.fake.state())["requests"][before:] if request["method"] == "POST"
    ]


async def test_a_scheduler_that_it_has_not_is_refused_with_those_that_it_has(server: Far) -> None:
    if not server.kind.lacking:
        pytest.skip(f"{server.kind.name} has all of ours")
    result = await generated(server, scheduler=server.kind.lacking)
    if result["ok"]:
        assert any("scheduler" in warning for warning in result["warnings"])
        return
    error = refusal(result)
    assert (error["code"], error["field"]) == ("FAILED_PRECONDITION", "scheduler")
    assert "default" in error["limit"]


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        ("unauthorized", "FAILED_PRECONDITION", "ENGINE_UNAUTHORIZED"),
        ("forbidden", "FAILED_PRECONDITION", "ENGINE_UNAUTHORIZED"),
        ("payment_required", "RESOURCE_EXHAUSTED", "ENGINE_QUOTA"),
        ("bad_request", "INVALID_ARGUMENT", "ENGINE_BAD_REQUEST"),
        ("redirect", "UNAVAILABLE", "ENGINE_BAD_ANSWER"),
    ],
)
async def test_what_will_not_pass_is_asked_once(server: Far, fault: str, code: str, reason: str) -> None:
    times = 0 if fault == "redirect" else 1
    await server.fault(fault, times=times)
    error = refusal(await generated(server))
    assert (error["code"], error["reason"]) == (code, reason), error
    assert ENGINE in error["message"]
    assert (await server.fake.state())["redirected"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        "rate_limited",
        "server_error",
        "bad_gateway",
        "unavailable",
        "garbage",
        "truncated_json",
        "truncated_body",
        "drop_before",
        "truncated_picture",
        "garbage_picture",
        "fails",
    ],
)
async def test_what_passes_is_tried_again(server: Far, fault: str) -> None:
    await server.fault(fault)
    made = await generated(server, f"after {fault}")
    assert shows(pixels(made), prompt=f"after {fault}")


async def test_a_slow_answer_is_waited_for(server: Far) -> None:
    await server.fault("slow_body", seconds=0.05)
    assert shows(pixels(await generated(server, "slowly")), prompt="slowly")


@pytest.mark.parametrize("fault", ["other_model", "other_seed", "wrong_size"])
async def test_a_silent_substitute_is_a_failure(server: Far, fault: str) -> None:
    told = {"other_model": server.kind.tells_model, "other_seed": server.kind.tells_seed}
    if not told.get(fault, True):
        pytest.skip(f"{server.kind.name} does not tell")
    await server.fault(fault)
    error = refusal(await generated(server))
    assert (error["code"], error["reason"]) == ("FAILED_PRECONDITION", "ENGINE_SUBSTITUTED"), error


async def test_a_black_picture_is_a_failure(server: Far) -> None:
    await server.fault("black")
    assert refusal(await generated(server))["reason"] == "NOT_A_NUMBER"


async def test_it_sends_no_key_where_none_is_asked_for(server: Far) -> None:
    await generated(server)
    assert not [
        request
        for request in (await server.fake.state())["requests"]
        if "authorization" in {name.lower() for name in request["headers"]}
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_server_that_dies_is_waited_for(kind: Kind, tmp_path: Path) -> None:
    """The job that it was drawing is drawn once it is there again."""
    async with far(kind, tmp_path) as server:
        await server.fault("dies")
        drawing = asyncio.create_task(generated(server, "after all"))
        await server.fake.ended()
        await server.fake.start()
        async with asyncio.timeout(30):
            assert shows(pixels(await drawing), prompt="after all")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_key_is_shown_and_a_wrong_one_told(kind: Kind, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{kind.key}\n")
    async with far(kind, tmp_path, key_file=key, per_image=0) as server:
        await server.fake.control(set={"key": kind.key})
        assert (await generated(server))["ok"]
        await server.fake.control(set={"key": f"{kind.key} but another"})
        error = refusal(await generated(server, "again"))
        assert error["reason"] == "ENGINE_UNAUTHORIZED"
        assert kind.key not in str(error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_what_may_have_been_charged_is_spent_and_not_sent_again(kind: Kind, tmp_path: Path) -> None:
    async with far(kind, tmp_path, paid=True) as server:
        context = await server.sidecar.context({"allowed_engines": [ENGINE], "money_per_day": 0.6})
        options: dict[str, Any] = {"model_id": kind.model_id, "width": WIDTH, "height": HEIGHT, "steps": 4}
        await server.fault("drop_after")
        job = await server.sidecar.jobs.Submit(submission(context, **options))
        ended = await server.sidecar.ended(job.id)
        # What was taken is not sent again: it is found, or lost and paid for.
        found = kind.finds_what_was_sent
        assert ended.state == (job_pb2.JOB_STATE_SUCCEEDED if found else job_pb2.JOB_STATE_FAILED)
        assert ended.cost.money_micros == 250_000
        # One that takes jobs and tells later may draw it later.
        await server.fake.wait_until(lambda state: len(state["drawn"]) == 1)
        await server.fault("bad_request")
        job = await server.sidecar.jobs.Submit(submission(context, **options))
        ended = await server.sidecar.ended(job.id)
        assert ended.cost.money_micros == 0
        again = await server.sidecar.jobs.Submit(submission(context, **options))
        assert (await server.sidecar.ended(again.id)).cost.money_micros == 250_000
        over = await server.sidecar.in_world(
            context, "textToImage", "too much", {"model": kind.model_id, "width": WIDTH, "height": HEIGHT}
        )
        assert refusal(over)["code"] == "RESOURCE_EXHAUSTED"
        assert len(await server.drawn()) == 2

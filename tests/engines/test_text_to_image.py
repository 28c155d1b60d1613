"""The main job over gRPC: a prompt becomes pictures, and the pictures entities."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from capabilities import imaging
from sidecar.pb.viwo.imagegen.v1 import common_pb2, entity_pb2, job_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started


async def test_answers_with_the_picture_its_seed_and_its_cost(sidecar: Sidecar) -> None:
    answer = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), width=64, height=32))
    (image,) = answer.images
    assert (image.width, image.height, image.seed) == (64, 32, 7)
    assert pixels(image.data).shape == (32, 64, 3)
    assert image.format == common_pb2.IMAGE_FORMAT_PNG
    assert image.size_bytes == len(image.data)
    assert answer.cost.compute == pytest.approx(64 * 32 * 3 / 1e6)
    assert answer.model_id == "sd"
    assert answer.work_seconds > 0


async def test_the_file_tells_how_it_was_made(sidecar: Sidecar) -> None:
    request = text_to_image(await sidecar.context(), "a cup", negative_prompt="tea", guidance_scale=4.5)
    answer = await sidecar.images.TextToImage(request)
    facts = imaging.read_metadata(answer.images[0].data)
    assert facts is not None
    assert (facts["prompt"], facts["negative_prompt"], facts["seed"]) == ("a cup", "tea", 7)
    assert (facts["model"], facts["steps"], facts["guidance_scale"]) == ("sd", 3, 4.5)


async def test_a_drawn_seed_makes_the_same_picture_again(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    request = text_to_image(context)
    request.options.ClearField("seed")
    first = await sidecar.images.TextToImage(request)
    again = await sidecar.images.TextToImage(text_to_image(context, seed=first.images[0].seed))
    assert again.images[0].data == first.images[0].data


async def test_a_batch_equals_the_single_pictures(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    batch = await sidecar.images.TextToImage(text_to_image(context, count=3))
    assert [image.seed for image in batch.images] == [7, 8, 9]
    for image in batch.images:
        single = await sidecar.images.TextToImage(text_to_image(context, seed=image.seed))
        assert np.array_equal(pixels(single.images[0].data), pixels(image.data))
    assert len({image.ref for image in batch.images}) == 3


async def test_the_same_seed_gives_the_same_bytes_through_a_restart(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as before:
        first = await before.images.TextToImage(text_to_image(await before.context()))
    async with started(tiny, tmp_path) as after:
        second = await after.images.TextToImage(text_to_image(await after.context()))
    assert first.images[0].data == second.images[0].data


@pytest.mark.parametrize("scheduler", ["euler", "Euler a", "DPM++ 2M Karras", "unipc", "ddim", "heun"])
async def test_schedulers_change_the_picture(sidecar: Sidecar, scheduler: str) -> None:
    context = await sidecar.context()
    plain = await sidecar.images.TextToImage(text_to_image(context, scheduler="ddpm"))
    other = await sidecar.images.TextToImage(text_to_image(context, scheduler=scheduler))
    assert other.images[0].data != plain.images[0].data
    again = await sidecar.images.TextToImage(text_to_image(context, scheduler=scheduler))
    assert again.images[0].data == other.images[0].data


@pytest.mark.parametrize(
    ("wanted", "name"), [(common_pb2.IMAGE_FORMAT_JPEG, "JPEG"), (common_pb2.IMAGE_FORMAT_WEBP, "WEBP")]
)
async def test_other_formats(sidecar: Sidecar, wanted: Any, name: str) -> None:
    output = common_pb2.OutputOptions(format=wanted, quality=80)
    answer = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), output=output))
    assert Image.open(io.BytesIO(answer.images[0].data)).format == name


async def test_references_instead_of_data(sidecar: Sidecar) -> None:
    output = common_pb2.OutputOptions(references_only=True)
    answer = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), output=output))
    assert answer.images[0].data == b""
    assert answer.images[0].ref.startswith("sha256:")


async def test_saves_each_picture_as_an_entity_in_the_room(sidecar: Sidecar) -> None:
    save = common_pb2.SaveOptions(name="sword", description="It is rusty.", room_id=sidecar.room)
    request = text_to_image(await sidecar.context(), count=2, output=common_pb2.OutputOptions(save=save))
    answer = await sidecar.images.TextToImage(request)
    world = sidecar.running.world
    for image in answer.images:
        props = world.entity(image.entity_id).props
        assert (props["name"], props["description"], props["location"]) == (
            "sword",
            "It is rusty.",
            sidecar.room,
        )
        assert (props["image_ref"], props["width"], props["height"]) == (image.ref, 64, 64)
        assert json.loads(props["metadata"])["seed"] == image.seed
        assert json.loads(props["metadata"])["job_id"] == answer.job_id
        assert image.entity_id in world.entity(sidecar.room).props["contents"]


async def test_a_room_one_is_not_in_is_refused_before_any_work(sidecar: Sidecar) -> None:
    elsewhere = sidecar.entity(name="Vault")
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(room_id=elsewhere))
    jobs = len((await sidecar.jobs.List(job_pb2.ListJobsRequest(page_size=1000))).jobs)
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), output=output)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert f"room {elsewhere}" in (error.details() or "")
    assert len((await sidecar.jobs.List(job_pb2.ListJobsRequest(page_size=1000))).jobs) == jobs


async def test_the_capability_alone_says_what_is_allowed(sidecar: Sidecar) -> None:
    narrow = await sidecar.context({"max_compute": 0.01, "allowed_models": ["sd"]})
    error = await refused(sidecar.images.TextToImage(text_to_image(narrow, steps=50)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "max_compute of this capability is 0.01; asked for 0.2048" in (error.details() or "")
    answer = await sidecar.in_world(
        narrow, "textToImage", "a sword", {"numInferenceSteps": 50, "maxCompute": 99}
    )
    assert answer["error"]["field"] == "maxCompute"


@pytest.mark.parametrize(
    ("params", "options", "field"),
    [
        ({"allowed_models": ["other"]}, {"model_id": "sd"}, "allowed_models"),
        ({"max_width": 32}, {}, "max_width"),
        ({"max_height": 32}, {}, "max_height"),
        ({"max_pixels": 1000}, {}, "max_pixels"),
        ({"max_images": 1}, {"count": 2}, "max_images"),
        ({"max_steps": 2}, {}, "max_steps"),
        ({"max_compute": 0.001}, {}, "max_compute"),
        ({"allowed_methods": ["imageToImage"]}, {}, "allowed_methods"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, {}, "expires_at"),
    ],
)
async def test_every_limit_is_held(
    sidecar: Sidecar, params: dict[str, object], options: dict[str, Any], field: str
) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(params), **options)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert field in (error.details() or "")


async def test_another_entity_may_not_use_it(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    context.caller_id = context.this_id = sidecar.entity(name="Thief")
    error = await refused(sidecar.images.TextToImage(text_to_image(context)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "belongs to entity" in (error.details() or "")


async def test_this_may_use_what_it_owns_whoever_calls(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    context.caller_id = sidecar.entity(name="Customer")
    answer = await sidecar.images.TextToImage(text_to_image(context))
    assert answer.images


async def test_the_server_has_ceilings_of_its_own(sidecar: Sidecar) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), width=4096)))
    assert "max_width of this server is 2048; asked for a width of 4096" in (error.details() or "")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"model_id": "sdd"}, grpc.StatusCode.NOT_FOUND, "did you mean 'sd'?"),
        ({"scheduler": "eulr"}, grpc.StatusCode.INVALID_ARGUMENT, "did you mean 'euler'?"),
        ({"width": 65}, grpc.StatusCode.INVALID_ARGUMENT, "try 64 or 72"),
        ({"steps": 0}, grpc.StatusCode.INVALID_ARGUMENT, "at least 1"),
        ({"seed": -1}, grpc.StatusCode.INVALID_ARGUMENT, "at least 0"),
        ({"guidance_scale": float("nan")}, grpc.StatusCode.INVALID_ARGUMENT, "finite"),
    ],
)
async def test_mistakes_are_answered_with_what_to_do(
    sidecar: Sidecar, options: dict[str, Any], code: grpc.StatusCode, words: str
) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), **options)))
    assert error.code() is code
    assert words in (error.details() or "")


async def test_a_script_gets_pictures_and_never_an_exception(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    answer = await sidecar.in_world(context, "text_to_image", "a cup", {"seed": 3, "num_inference_steps": 2})
    assert answer["ok"] is True
    assert answer["images"][0]["seed"] == 3
    assert pixels(imaging.decode_base64(answer["image"])).shape == (64, 64, 3)
    assert not {"id", "type", "owner_id"} <= set(answer)
    mistakes: tuple[tuple[str, object], ...] = (
        ("textToImage", []), ("textToImage", {"steps": 1e99}), ("paint", "a"), ("textToImage", 3),
    )  # fmt: skip
    for method, argument in mistakes:
        refusal = await sidecar.in_world(context, method, argument)
        assert refusal["ok"] is False
        assert refusal["error"]["message"]


async def test_a_script_saves_into_a_room_it_names(sidecar: Sidecar) -> None:
    options = {"save": True, "room": {"id": sidecar.room}, "name": "cup", "reference": True, "steps": 2}
    answer = await sidecar.in_world(await sidecar.context(), "textToImage", "a cup", options)
    assert answer["ok"], answer
    entity = await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=answer["entity"]))
    assert (entity.name, entity.location) == ("cup", sidecar.room)
    assert "image" not in answer
    refusal = await sidecar.in_world(await sidecar.context(), "textToImage", "a cup", {"room": 1})
    assert "add save: true" in refusal["error"]["message"]

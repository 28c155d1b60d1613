"""`image.edit` and `upscaleTraditional` over gRPC: work that needs no model and waits behind none."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
import numpy as np
import pytest

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar

Array = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
KIND = "image.edit"


def noise(width: int, height: int, bands: int = 3) -> Array:
    return np.random.default_rng(width).integers(0, 256, (height, width, bands), np.uint8)


def request(
    context: common_pb2.CallContext, image: Array, *operations: image_pb2.EditOperation
) -> image_pb2.EditRequest:
    return image_pb2.EditRequest(
        context=context, image=common_pb2.ImageSource(data=png(image)), operations=operations
    )


async def edited(sidecar: Sidecar, image: Array, *operations: image_pb2.EditOperation) -> Array:
    answer = await sidecar.images.Edit(request(await sidecar.context(kind=KIND), image, *operations))
    return pixels(answer.images[0].data)


async def scripted(sidecar: Sidecar, method: str, *arguments: object, kind: str = KIND) -> dict[str, Any]:
    answer = await sidecar.images.Invoke(
        image_pb2.InvokeRequest(
            context=await sidecar.context(kind=kind), method=method, arguments_json=json.dumps(arguments)
        )
    )
    result: dict[str, Any] = json.loads(answer.result_json)
    return result


def base64_of(image: Array) -> str:
    return base64.b64encode(png(image)).decode()


def shown(result: dict[str, Any]) -> Array:
    assert result["ok"], result
    return pixels(base64.b64decode(result["image"]))


async def test_operations_are_done_in_order(sidecar: Sidecar) -> None:
    image, overlay = noise(20, 10), noise(4, 4)
    operation = image_pb2.EditOperation
    made = await edited(
        sidecar,
        image,
        operation(transform=image_pb2.Transform(rotation=90)),
        operation(crop=image_pb2.Crop(x=1, y=2, width=8, height=12)),
        operation(composite=image_pb2.Composite(overlay=common_pb2.ImageSource(data=png(overlay)), x=2, y=3)),
        operation(resize=image_pb2.Resize(width=16, method=image_pb2.RESAMPLE_METHOD_NEAREST)),
    )
    expected = np.rot90(image, -1)[2:14, 1:9].copy()
    expected[3:7, 2:6] = overlay
    assert np.array_equal(made, expected.repeat(2, axis=0).repeat(2, axis=1))


async def test_each_method_of_a_script(sidecar: Sidecar) -> None:
    image = noise(12, 8)
    data = base64_of(image)
    assert np.array_equal(shown(await scripted(sidecar, "transform", data, 180)), image[::-1, ::-1])
    assert np.array_equal(shown(await scripted(sidecar, "crop", data, 2, 1, 5, 4)), image[1:5, 2:7])
    assert shown(await scripted(sidecar, "resize", data, 6)).shape == (4, 6, 3)
    grey = shown(await scripted(sidecar, "filter", data, "grayscale"))
    assert grey.shape == (8, 12)
    over = shown(await scripted(sidecar, "composite", data, base64_of(noise(3, 3)), 1, 2))
    assert np.array_equal(over[2:5, 1:4], noise(3, 3))
    jpeg = await scripted(sidecar, "convert", data, "jpeg", {"quality": 95})
    assert (jpeg["ok"], jpeg["format"]) == (True, "jpeg")
    plain = np.full((16, 16, 3), 255, np.uint8)
    plain[5:11, 5:11] = (200, 0, 0)
    cut = shown(await scripted(sidecar, "removeBackground", base64_of(plain)))
    assert (cut[0, 0, 3], cut[8, 8, 3]) == (0, 255)


@pytest.mark.parametrize(
    ("blend", "expected"),
    [("multiply", 50), ("screen", 178), ("darken", 100), ("lighten", 128), ("difference", 28), ("add", 228)],
)
async def test_blend_modes(sidecar: Sidecar, blend: str, expected: int) -> None:
    below, above = np.full((4, 4, 3), 128, np.uint8), np.full((4, 4, 3), 100, np.uint8)
    made = shown(
        await scripted(sidecar, "composite", base64_of(below), base64_of(above), {"blendMode": blend})
    )
    assert np.abs(made.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "area"])
async def test_upscale_traditional(sidecar: Sidecar, method: str) -> None:
    image = np.repeat(np.repeat(noise(6, 5), 4, axis=0), 4, axis=1)
    result = await scripted(
        sidecar, "upscaleTraditional", base64_of(image), method, 2, kind="diffusers.upscale"
    )
    made = shown(result)
    assert made.shape == (40, 48, 3)
    assert (result["model"], result["compute"]) == ("", pytest.approx(40 * 48 / 1e6))
    exact = image.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(made, exact) == (method in ("nearest", "area"))


async def test_upscale_traditional_typed(sidecar: Sidecar) -> None:
    answer = await sidecar.images.UpscaleTraditional(
        image_pb2.UpscaleTraditionalRequest(
            context=await sidecar.context(kind="diffusers.upscale"), factor=4,
            image=common_pb2.ImageSource(data=png(noise(5, 5))), method=image_pb2.RESAMPLE_METHOD_BICUBIC,
        )
    )  # fmt: skip
    assert answer.images[0].width == 20


async def test_an_edit_does_not_wait_behind_the_engine(sidecar: Sidecar) -> None:
    long = await sidecar.jobs.Submit(
        job_pb2.SubmitJobRequest(
            text_to_image=text_to_image(await sidecar.context(), steps=150, width=256, height=256)
        )
    )
    waiting = await sidecar.jobs.Submit(
        job_pb2.SubmitJobRequest(
            text_to_image=text_to_image(await sidecar.context(), steps=150, width=256, height=256)
        )
    )
    context = await sidecar.context(kind=KIND)
    edit = request(context, noise(8, 8), image_pb2.EditOperation(transform=image_pb2.Transform(rotation=90)))
    answer = await sidecar.images.Edit(edit)
    assert answer.images[0].width == 8
    for job in (waiting, long):
        state = (await sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id))).state
        assert state in (job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING)
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (image_pb2.EditOperation(crop=image_pb2.Crop(x=5, y=0, width=9, height=2)), "is not inside the picture"),
        (image_pb2.EditOperation(transform=image_pb2.Transform(scale=-1)), "must be above 0"),
        (image_pb2.EditOperation(), "'operations[0]' is empty"),
        (image_pb2.EditOperation(filter=image_pb2.Filter()), "filter"),
        (image_pb2.EditOperation(composite=image_pb2.Composite()), "composite.overlay' is required"),
    ],
)  # fmt: skip
async def test_mistakes_are_named(sidecar: Sidecar, operation: image_pb2.EditOperation, words: str) -> None:
    error = await refused(
        sidecar.images.Edit(request(await sidecar.context(kind=KIND), noise(8, 8), operation))
    )
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in str(error.details())


async def test_limits_hold_for_edits(sidecar: Sidecar) -> None:
    context = await sidecar.context({"max_pixels": 100}, kind=KIND)
    big = request(context, noise(8, 8), image_pb2.EditOperation(transform=image_pb2.Transform(scale=2)))
    error = await refused(sidecar.images.Edit(big))
    assert error_info(error).metadata["field"] == "max_pixels"
    narrow = await sidecar.context({"allowed_methods": ["crop"]}, kind=KIND)
    small = request(narrow, noise(8, 8), image_pb2.EditOperation(transform=image_pb2.Transform(rotation=90)))
    error = await refused(sidecar.images.Edit(small))
    assert error_info(error).metadata["field"] == "allowed_methods"


@pytest.mark.parametrize("color", ["#ff8800", "#FFffFF"])
async def test_a_jpegs_ground_is_asked_for_in_every_way(sidecar: Sidecar, color: str) -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    wanted = tuple(bytes.fromhex(color[1:]))
    script = await scripted(
        sidecar, "convert", base64_of(clear), "jpeg", {"quality": 95, "backgroundColor": color}
    )
    typed = await sidecar.images.Convert(
        image_pb2.ConvertRequest(
            context=await sidecar.context(kind=KIND), image=common_pb2.ImageSource(data=png(clear)),
            output=common_pb2.OutputOptions(
                format=common_pb2.IMAGE_FORMAT_JPEG, quality=95, background_color=color
            ),
        )
    )  # fmt: skip
    for made in (shown(script), pixels(typed.images[0].data)):
        assert np.abs(made.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("color", ["red", "#fff", "#ggffaa", "#ff8800ff", "ff8800"])
async def test_a_colour_that_is_none_is_named(sidecar: Sidecar, color: str) -> None:
    error = await refused(
        sidecar.images.Convert(
            image_pb2.ConvertRequest(
                context=await sidecar.context(kind=KIND),
                image=common_pb2.ImageSource(data=png(noise(4, 4))),
                output=common_pb2.OutputOptions(background_color=color),
            )
        )
    )
    assert error_info(error).metadata["field"] == "output.background_color"

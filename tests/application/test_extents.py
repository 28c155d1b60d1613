"""Limits of size hold for every picture that some work holds: inputs, what is made on the way, and the result."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import grpc
import psutil
import pytest

from capabilities.methods.edit import Edit
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.text_to_image import Refinement, TextToImage
from capabilities.operations import Crop, Resize, Transform
from sidecar.pb.viwo.imagegen.v1 import blob_pb2, common_pb2, entity_pb2, image_pb2, job_pb2
from sidecar.testing.pictures import plain
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar

KIND = "image.edit"
operation = image_pb2.EditOperation


def picture(width: int, height: int, format: str = "PNG") -> bytes:
    return plain(width, height, format, mode="L" if format == "GIF" else "RGB")


def source(data: bytes) -> common_pb2.ImageSource:
    return common_pb2.ImageSource(data=data)


def lay(data: bytes) -> image_pb2.EditOperation:
    return operation(composite=image_pb2.Composite(overlay=source(data)))


def turn(rotation: float, scale: float) -> image_pb2.EditOperation:
    return operation(transform=image_pb2.Transform(rotation=rotation, scale=scale))


def size(width: int, height: int) -> image_pb2.EditOperation:
    return operation(resize=image_pb2.Resize(width=width, height=height))


def cut(width: int, height: int) -> image_pb2.EditOperation:
    return operation(crop=image_pb2.Crop(width=width, height=height))


async def edit(sidecar: Sidecar, params: dict[str, object], data: bytes, *operations: Any) -> Any:
    context = await sidecar.context(params, kind=KIND)
    return await sidecar.images.Edit(
        image_pb2.EditRequest(context=context, image=source(data), operations=operations)
    )


SMALL, LARGE = picture(8, 8), picture(100, 40)


@pytest.mark.parametrize(
    ("params", "data", "operations", "field", "named"),
    [
        ({"max_pixels": 64}, SMALL, [lay(LARGE)], "max_pixels", "'overlay_0'"),
        ({"max_pixels": 64}, SMALL, [lay(picture(16384, 4096, "GIF"))], "max_pixels", "'overlay_0'"),
        ({"max_pixels": 64}, SMALL, [lay(SMALL), lay(SMALL), lay(LARGE)], "max_pixels", "'overlay_2'"),
        ({"max_width": 64}, LARGE, [cut(8, 8)], "max_width", "'image'"),
        ({"max_height": 32}, LARGE, [size(8, 8)], "max_height", "'image'"),
        ({"max_width": 64}, SMALL, [size(640, 8), size(8, 8)], "max_width", "'operations[0]'"),
        ({"max_pixels": 4096}, SMALL, [turn(0, 20), cut(8, 8)], "max_pixels", "'operations[0]'"),
        ({"max_width": 10}, SMALL, [turn(45, 0.5)], "max_width", "'operations[0]'"),
        ({"max_height": 90}, SMALL, [size(8, 8), turn(90, 12), turn(90, 0.1)], "max_height", "'operations[1]'"),
        ({"max_compute": 0.01}, SMALL, [size(90, 90), size(90, 90), cut(8, 8)], "max_compute", "megapixel-steps"),
        ({"max_compute": 0.01}, SMALL, [lay(LARGE), lay(picture(100, 41)), lay(picture(100, 42))], "max_compute", ""),
    ],
)  # fmt: skip
async def test_what_an_edit_reads_and_makes_on_the_way_keeps_to_the_limits(
    sidecar: Sidecar, params: dict[str, object], data: bytes, operations: list[Any], field: str, named: str
) -> None:
    error = await refused(edit(sidecar, params, data, *operations))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["field"] == field
    assert named in (error.details() or "")


async def test_what_is_within_the_limits_is_done_and_charged_for_all_that_is_made(sidecar: Sidecar) -> None:
    answer = await edit(sidecar, {"max_pixels": 1600}, SMALL, size(40, 40), turn(90, 1), cut(8, 8))
    assert (answer.images[0].width, answer.images[0].height) == (8, 8)
    assert answer.cost.compute == pytest.approx((40 * 40 + 40 * 40 + 8 * 8) / 1e6)
    # A corner cut out of a large picture costs what it takes to read it.
    answer = await edit(sidecar, {}, LARGE, cut(8, 8))
    assert answer.cost.compute == pytest.approx(100 * 40 / 1e6)


async def test_pictures_that_are_small_as_files_are_not_decoded_without_bound(sidecar: Sidecar) -> None:
    bomb = picture(16384, 4096, "GIF")
    assert len(bomb) < 60_000
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    error = await refused(edit(sidecar, {}, SMALL, *[lay(bomb) for _ in range(10)]))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["field"] == "overlay_0"
    assert process.memory_info().rss - before < 150e6


async def test_an_edit_with_the_largest_pictures_works_and_leaves_the_server_small(sidecar: Sidecar) -> None:
    bomb = picture(16384, 4095, "GIF")
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    answer = await edit(sidecar, {}, SMALL, lay(bomb))
    assert (answer.images[0].width, answer.images[0].height) == (8, 8)
    assert process.memory_info().rss - before < 150e6


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"refine": {"width": 512, "height": 64, "strength": 0.5, "method": "lanczos"}}, "max_width"),
        ({"refine": {"width": 64, "height": 512, "strength": 0.5, "method": "nearest"}}, "max_height"),
        ({"refine": {"width": 96, "height": 96, "strength": 0.5, "method": "bicubic"}}, "max_pixels"),
    ],
)
async def test_the_first_pass_of_an_imported_task_keeps_to_the_limits(
    sidecar: Sidecar, changes: dict[str, Any], field: str
) -> None:
    context = await sidecar.context()
    job = await sidecar.jobs.Submit(
        job_pb2.SubmitJobRequest(
            text_to_image=image_pb2.TextToImageRequest(
                context=context,
                prompt="a cup",
                options=image_pb2.GenerationOptions(width=64, height=64, steps=2, seed=1),
            )
        )
    )
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
    exported = await sidecar.jobs.Export(job_pb2.ExportJobRequest(id=job.id))
    document = json.loads(exported.document_json)
    document["task"] |= changes
    narrow = await sidecar.context({"max_width": 128, "max_height": 128, "max_pixels": 4096})
    request = job_pb2.ImportJobRequest(context=narrow, document_json=json.dumps(document))
    error = await refused(sidecar.jobs.Import(request))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["field"] == field
    assert "'refine'" in (error.details() or "")


@pytest.mark.parametrize(
    ("verb", "arguments", "params", "field"),
    [
        ("transform", [0, 4], {"max_width": 16}, "max_width"),
        ("transform", [45, 0.5], {"max_height": 10}, "max_height"),
        ("composite", [base64.b64encode(LARGE).decode()], {"max_pixels": 64}, "max_pixels"),
        ("filter", ["blur"], {"max_compute": 0.00001}, "max_compute"),
    ],
)
async def test_verbs_keep_to_the_limits_of_the_capability(
    sidecar: Sidecar, verb: str, arguments: list[Any], params: dict[str, object], field: str
) -> None:
    context = await sidecar.context()
    entity = await sidecar.entities.SaveImage(
        entity_pb2.SaveImageRequest(
            context=context, image=source(SMALL), options=common_pb2.SaveOptions(name="x")
        )
    )
    right = await sidecar.context(params, kind=KIND)
    call = entity_pb2.CallVerbRequest(
        context=right, entity_id=entity.id, verb=verb, arguments_json=json.dumps(arguments)
    )
    error = await refused(sidecar.entities.CallVerb(call))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["field"] == field


async def test_verbs_keep_to_the_limits_of_the_server(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    entity = await sidecar.entities.SaveImage(
        entity_pb2.SaveImageRequest(
            context=context, image=source(SMALL), options=common_pb2.SaveOptions(name="x")
        )
    )
    by_control = common_pb2.CallContext(caller_id=sidecar.painter, this_id=sidecar.painter)
    call = entity_pb2.CallVerbRequest(
        context=by_control, entity_id=entity.id, verb="transform", arguments_json="[0, 300]"
    )
    error = await refused(sidecar.entities.CallVerb(call))
    assert error_info(error).metadata["field"] == "max_width"


async def test_an_upload_is_decoded_outside_the_server(sidecar: Sidecar) -> None:
    data = picture(8192, 8192)
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss

    async def chunks() -> Any:
        yield blob_pb2.UploadRequest(chunk=data)

    blob = await sidecar.blobs.Upload(chunks())
    assert (blob.width, blob.height) == (8192, 8192)
    told = await sidecar.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=blob.ref))
    assert told.thumbnail
    assert process.memory_info().rss - before < 150e6


def test_tasks_tell_what_they_hold() -> None:
    refined = TextToImage(
        model_id="m", prompt="", guidance_scale=1, scheduler="default", width=64, height=64, steps=4,
        refine=Refinement(width=32, height=16, strength=0.5, method="lanczos"),
    )  # fmt: skip
    assert [(item.name, item.width, item.height) for item in refined.extents({})] == [
        ("refine", 32, 16),
        ("result", 64, 64),
    ]
    edited = Edit(
        image="a", width=4, height=4,
        operations=(Resize(width=50), Transform(rotation=90, scale=2), Crop(width=4, height=4)),
    )  # fmt: skip
    assert [(item.name, item.width, item.height) for item in edited.extents({"image": (10, 20)})] == [
        ("image", 10, 20), ("operations[0]", 50, 100), ("operations[1]", 100, 50), ("operations[1]", 200, 100), ("result", 4, 4),
    ]  # fmt: skip
    cropped = Inpaint(
        model_id="m", prompt="", guidance_scale=1, scheduler="default", width=64, height=64, steps=10, strength=1,
        image="a", mask="b", feather=0, crop_padding=4, crop_side=512,
    )  # fmt: skip
    assert ("crop", 512, 512) in [
        (item.name, item.width, item.height)
        for item in cropped.extents({"image": (64, 64), "mask": (64, 64)})
    ]
    assert cropped.compute == pytest.approx(512 * 512 * 10 / 1e6)

"""Refusals name the field as the message that was sent has it, with its path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf import json_format

from sidecar.pb.viwo.imagegen.v1 import entity_pb2, image_pb2, job_pb2
from sidecar.testing.pictures import plain
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar

PICTURE = {"data": plain(64, 64)}


def _filled(message: Any, values: dict[str, Any]) -> Any:
    """A message with these fields, bytes as they are."""
    for name, value in values.items():
        field = getattr(message, name)
        if isinstance(value, dict):
            field.SetInParent()
            _filled(field, value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _filled(field.add(), item)
                else:
                    field.append(item)
        else:
            setattr(message, name, value)
    return message


CASES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("TextToImage", {"prompt": "x" * 100_000}, "prompt"),
    ("TextToImage", {"prompt": "a", "options": {"steps": 100_000}}, "options.steps"),
    ("TextToImage", {"prompt": "a", "options": {"loras": [{"id": "a", "weight": 1e6}]}}, "options.loras[0].weight"),
    ("TextToImage", {"prompt": "a", "options": {"scheduler": "none-such"}}, "options.scheduler"),
    ("TextToImage", {"prompt": "a", "output": {"quality": 400}}, "output.quality"),
    ("TextToImage", {"prompt": "a", "output": {"save": {"room_id": 999_999}}}, "output.save.room_id"),
    ("TextToImage", {"prompt": "a", "output": {"save": {"canvas_id": 999_999}}}, "output.save.canvas_id"),
    ("TextToImage", {"prompt": "a", "output": {"job": {"priority": 99}}}, "output.job.priority"),
    ("ImageToImage", {"prompt": "a", "image": PICTURE, "strength": 5.0}, "strength"),
    ("ImageToImage", {"prompt": "a", "image": {"data": b"no picture"}}, "image"),
    ("Inpaint", {"prompt": "a", "image": PICTURE, "mask": {"data": b"none"}}, "mask"),
    ("Inpaint", {"prompt": "a", "image": PICTURE, "mask": PICTURE, "feather": 5_000}, "feather"),
    ("Upscale", {"image": PICTURE, "model": "none-such"}, "model"),
    ("FaceRestore", {"image": PICTURE, "model": "none-such"}, "model"),
    ("UpscaleImg2Img", {"image": PICTURE, "denoise_strength": 3.0}, "denoise_strength"),
    ("Apply", {"prompt": "a", "controls": [{"image": PICTURE, "type": "none-such"}]}, "controls[0].type"),
    ("Apply", {"prompt": "a", "controls": [
        {"image": PICTURE, "type": "canny", "strength": 50.0}, {"image": PICTURE, "type": "canny"},
    ]}, "controls[0].strength"),
    ("Apply", {"prompt": "a", "controls": [
        {"image": PICTURE, "type": "canny"}, {"image": {"data": b"none"}, "type": "canny"},
    ]}, "controls[1].image"),
    ("Outpaint", {"prompt": "a", "image": PICTURE, "left": 100_000}, "left"),
    ("Edit", {"image": PICTURE, "operations": [{"filter": {}}]}, "operations[0].filter.kind"),
)  # fmt: skip


def _request(method: str, values: dict[str, Any], context: Any) -> Any:
    request = _filled(getattr(image_pb2, f"{method}Request")(), values)
    request.context.CopyFrom(context)
    return request


KINDS = {
    "TextToImage": "diffusers.generate", "ImageToImage": "diffusers.generate",
    "Inpaint": "diffusers.inpaint", "Outpaint": "diffusers.inpaint", "Apply": "controlnet.generate",
    "Upscale": "diffusers.upscale", "FaceRestore": "diffusers.upscale", "UpscaleImg2Img": "diffusers.upscale",
    "Edit": "image.edit",
}  # fmt: skip


@pytest.mark.parametrize(("method", "values", "field"), CASES, ids=lambda value: str(value)[:60])
async def test_a_refusal_names_the_field_of_the_message(
    sidecar: Sidecar, method: str, values: dict[str, Any], field: str
) -> None:
    context = await sidecar.context(kind=KINDS[method])
    request = _request(method, values, context)
    call: Callable[[Any], Awaitable[Any]] = getattr(sidecar.images, method)
    assert error_info(await refused(call(request))).metadata["field"] == field
    # In a job the path is the same, whichever task it is; in a batch it is below the task's place.
    job = job_pb2.SubmitJobRequest()
    name = next(item.name for item in job.DESCRIPTOR.fields if item.message_type == request.DESCRIPTOR)
    getattr(job, name).CopyFrom(request)
    assert error_info(await refused(sidecar.jobs.Submit(job))).metadata["field"] == field
    batch = job_pb2.SubmitBatchRequest(tasks=[job])
    error = await refused(sidecar.jobs.SubmitBatch(batch))
    assert error_info(error).metadata["field"] == f"tasks[0].{field}"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"room_id": 999_999}, "options.room_id"),
        ({"canvas_id": 999_999}, "options.canvas_id"),
        ({"name": "x" * 300}, "options.name"),
        ({"description": "x" * 5000}, "options.description"),
    ],
)
async def test_saving_names_its_own_fields(sidecar: Sidecar, options: dict[str, Any], field: str) -> None:
    request = entity_pb2.SaveImageRequest(context=await sidecar.context())
    request.image.data = plain(8, 8)
    json_format.ParseDict(options, request.options)
    assert error_info(await refused(sidecar.entities.SaveImage(request))).metadata["field"] == field

"""Two passes: composed at the model's own size, then enlarged and refined."""

from __future__ import annotations

import grpc
import numpy as np
import pytest

from sidecar.pb.viwo.imagegen.v1 import image_pb2, job_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import STEPS, text_to_image
from sidecar.testing.server import Sidecar


async def asked(sidecar: Sidecar, **fix: float | str) -> image_pb2.TextToImageRequest:
    request = text_to_image(await sidecar.context(), width=64, height=96)
    request.hires_fix.SetInParent()
    for name, value in fix.items():
        setattr(request.hires_fix, name, value)
    return request


async def test_the_second_pass_keeps_the_composition_and_draws_anew(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    small = pixels(
        (await sidecar.images.TextToImage(text_to_image(context, width=64, height=96))).images[0].data
    )
    request = await asked(sidecar, strength=0.0, upscaler="nearest")
    only_enlarged = pixels((await sidecar.images.TextToImage(request)).images[0].data)
    assert np.array_equal(only_enlarged, small.repeat(2, 0).repeat(2, 1))
    answer = await sidecar.images.TextToImage(await asked(sidecar, upscaler="nearest"))
    refined = pixels(answer.images[0].data)
    assert refined.shape == only_enlarged.shape
    assert not np.array_equal(refined, only_enlarged)
    again = await sidecar.images.TextToImage(await asked(sidecar, upscaler="nearest"))
    assert again.images[0].data == answer.images[0].data


async def test_both_passes_are_paid_for_and_told(sidecar: Sidecar) -> None:
    request = await asked(sidecar, scale=1.5, strength=0.67)
    job = await sidecar.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=request))
    done = await sidecar.ended(job.id)
    # Two thirds of three steps are two, at 96 x 144.
    assert done.cost.compute == pytest.approx((64 * 96 * STEPS + 96 * 144 * 2) / 1e6)
    assert done.total_steps == done.step == STEPS + 2


async def test_an_upscaler_enlarges_and_must_be_allowed(sidecar: Sidecar) -> None:
    request = await asked(sidecar, upscaler="fast")
    made = pixels((await sidecar.images.TextToImage(request)).images[0].data)
    assert made.shape == (192, 128, 3)
    request.context.CopyFrom(await sidecar.context({"allowed_models": ["sd"]}))
    error = await refused(sidecar.images.TextToImage(request))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["asked"] == "realesr-animevideov3"


@pytest.mark.parametrize(
    ("fix", "model", "code"),
    [
        ({"scale": 5.0}, "sd", grpc.StatusCode.INVALID_ARGUMENT),
        ({"strength": 1.5}, "sd", grpc.StatusCode.INVALID_ARGUMENT),
        ({"upscaler": "no-such"}, "sd", grpc.StatusCode.NOT_FOUND),
        ({}, "icons", grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
async def test_refusals(
    sidecar: Sidecar, fix: dict[str, float | str], model: str, code: grpc.StatusCode
) -> None:
    request = await asked(sidecar, **fix)
    request.options.model_id = model
    assert (await refused(sidecar.images.TextToImage(request))).code() is code

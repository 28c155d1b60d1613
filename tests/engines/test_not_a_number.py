"""A model that comes to no numbers makes no picture: not a black one, not one that is kept, and not one for nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.testing import tiny_models
from sidecar.testing.pictures import png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started

REUSED = common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=common_pb2.REUSE_ALWAYS))


def spoilt(base: Path, folder: Path, part: str, name: str, value: float) -> None:
    """A copy of a model with a number that is none in one of its parts."""
    shutil.copytree(base, folder)
    file = folder / part / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors[name] = tensors[name].copy()
    tensors[name].flat[0] = value
    save_file(tensors, file)


@pytest.fixture(scope="module")
async def broken(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(tiny / "sd", root / "sd")
    spoilt(tiny / "sd", root / "unet-nan", "unet", "conv_in.weight", float("nan"))
    spoilt(tiny / "sd", root / "unet-inf", "unet", "conv_out.bias", float("inf"))
    spoilt(tiny / "sd", root / "vae-nan", "vae", "decoder.conv_out.weight", float("nan"))
    vae = tiny_models.autoencoder(root / "vae", seed=4)
    tensors = load_file(vae / "diffusion_pytorch_model.safetensors")
    tensors["decoder.conv_in.weight"] = np.full_like(tensors["decoder.conv_in.weight"], np.nan)
    save_file(tensors, vae / "diffusion_pytorch_model.safetensors")
    async with started(root, tmp_path_factory.mktemp("data"), default_model="sd") as running:
        yield running


MODELS = ("unet-nan", "unet-inf", "vae-nan")


@pytest.mark.parametrize("model", MODELS)
async def test_it_fails_in_words_each_time(broken: Sidecar, model: str) -> None:
    """A1111#10227."""
    context = await broken.context()
    for _ in range(2):
        error = await refused(
            broken.images.TextToImage(text_to_image(context, model_id=model, output=REUSED))
        )
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(error).reason == "NOT_A_NUMBER"
        assert "values that are not numbers" in (error.details() or "")


@pytest.mark.parametrize("model", MODELS)
async def test_what_was_worked_is_charged(broken: Sidecar, model: str) -> None:
    context = await broken.context({"max_compute": 10})
    submitted = await broken.jobs.Submit(
        job_pb2.SubmitJobRequest(
            text_to_image=text_to_image(context, model_id=model, width=64, height=64, steps=4)
        )
    )
    async for _ in broken.jobs.Watch(job_pb2.WatchJobRequest(id=submitted.id)):
        pass
    ended = await broken.jobs.Get(job_pb2.GetJobRequest(id=submitted.id))
    assert ended.state == job_pb2.JOB_STATE_FAILED
    assert not ended.images
    assert ended.cost.compute == pytest.approx(64 * 64 * 4 / 1e6)


async def test_another_autoencoder_and_the_other_methods_too(broken: Sidecar) -> None:
    context = await broken.context()
    picture = common_pb2.ImageSource(data=png(np.full((64, 64, 3), 90, np.uint8)))
    options: dict[str, Any] = {"steps": 3, "seed": 1}
    calls = [
        broken.images.TextToImage(text_to_image(context, model_id="sd", vae="vae")),
        broken.images.ImageToImage(
            image_pb2.ImageToImageRequest(
                context=context, image=picture, prompt="x",
                options=image_pb2.GenerationOptions(model_id="unet-nan", **options),
            )
        ),
        broken.images.Inpaint(
            image_pb2.InpaintRequest(
                context=await broken.context(kind="diffusers.inpaint"), image=picture, prompt="x",
                mask=common_pb2.ImageSource(data=png(np.full((64, 64, 3), 255, np.uint8))),
                options=image_pb2.GenerationOptions(model_id="vae-nan", **options),
            )
        ),
    ]  # fmt: skip
    for call in calls:
        assert error_info(await refused(call)).reason == "NOT_A_NUMBER"
    assert (await broken.images.TextToImage(text_to_image(context, model_id="sd"))).images


async def test_in_a_batch_all_fail_and_nothing_else_does(broken: Sidecar) -> None:
    context = await broken.context()
    drawn = await asyncio.gather(
        *(
            broken.images.TextToImage(text_to_image(context, f"a {name}", model_id=model))
            for name in ("cup", "sword", "hat")
            for model in ("vae-nan", "sd")
        ),
        return_exceptions=True,
    )
    for place, answer in enumerate(drawn):
        if place % 2:
            assert isinstance(answer, image_pb2.ImageResponse)
        else:
            assert isinstance(answer, grpc.aio.AioRpcError)
            assert error_info(answer).reason == "NOT_A_NUMBER"

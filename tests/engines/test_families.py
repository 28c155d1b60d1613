"""Every family does every method that it can, and says what it cannot."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2, model_pb2
from sidecar.testing import tiny_families, tiny_models
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import STEPS, text_to_image
from sidecar.testing.server import Sidecar, started

FAMILIES = ("sdxl", "sd3", "flux")


@pytest.fixture(scope="module")
async def families(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("families")
    tiny_models.stable_diffusion(root / "sd")
    for name in FAMILIES:
        getattr(tiny_families, name)(root / name)
    async with started(root, tmp_path_factory.mktemp("data")) as running:
        yield running


def noise(width: int = 80, height: int = 64, seed: int = 1) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def source(data: bytes) -> common_pb2.ImageSource:
    return common_pb2.ImageSource(data=data)


def options(model: str, **more: Any) -> image_pb2.GenerationOptions:
    return image_pb2.GenerationOptions(**{"model_id": model, "steps": STEPS, "seed": 7, **more})


async def test_families_and_their_own_defaults(families: Sidecar) -> None:
    found = {item.id: item for item in (await families.models.List(model_pb2.ListModelsRequest())).models}
    told = {name: (found[name].family, found[name].defaults.steps, found[name].defaults.guidance_scale)
            for name in FAMILIES}  # fmt: skip
    assert told == {
        "sdxl": ("StableDiffusionXLPipeline", 30, 5.0),
        "sd3": ("StableDiffusion3Pipeline", 28, 7.0),
        "flux": ("FluxPipeline", 28, 3.5),
    }


@pytest.mark.parametrize("model", FAMILIES)
async def test_text_to_image(families: Sidecar, model: str) -> None:
    context = await families.context()
    first = await families.images.TextToImage(text_to_image(context, model_id=model, width=64, height=64))
    again = await families.images.TextToImage(text_to_image(context, model_id=model, width=64, height=64))
    other = await families.images.TextToImage(
        text_to_image(context, model_id=model, width=64, height=64, seed=8)
    )
    assert pixels(first.images[0].data).shape == (64, 64, 3)
    assert first.images[0].data == again.images[0].data != other.images[0].data


@pytest.mark.parametrize("model", FAMILIES)
async def test_image_to_image(families: Sidecar, model: str) -> None:
    request = image_pb2.ImageToImageRequest(
        context=await families.context(),
        image=source(noise()),
        prompt="x",
        strength=0.7,
        options=options(model),
    )
    answer = await families.images.ImageToImage(request)
    assert pixels(answer.images[0].data).shape == (64, 80, 3)


@pytest.mark.parametrize("model", FAMILIES)
async def test_inpaint_keeps_what_is_outside(families: Sidecar, model: str) -> None:
    mask = np.zeros((64, 80), np.uint8)
    mask[20:40, 20:50] = 255
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    data = noise()
    request = image_pb2.InpaintRequest(
        context=await families.context(kind="diffusers.inpaint"), image=source(data), mask=source(buffer.getvalue()),
        prompt="x", feather=0, options=options(model),
    )  # fmt: skip
    made = pixels((await families.images.Inpaint(request)).images[0].data)
    before = pixels(data)
    assert np.array_equal(made[mask == 0], before[mask == 0])
    assert not np.array_equal(made, before)


@pytest.mark.parametrize("model", FAMILIES)
async def test_outpaint_and_upscale_with_detail(families: Sidecar, model: str) -> None:
    wide = await families.images.Outpaint(
        image_pb2.OutpaintRequest(
            context=await families.context(kind="diffusers.inpaint"), image=source(noise()), prompt="x", right=16,
            options=options(model),
        )
    )  # fmt: skip
    assert pixels(wide.images[0].data).shape == (64, 96, 3)
    large = await families.images.UpscaleImg2Img(
        image_pb2.UpscaleImg2ImgRequest(
            context=await families.context(kind="diffusers.upscale"), image=source(noise(48, 48)), prompt="x",
            factor=2.0, denoise_strength=0.5, tile_size=64, options=options(model),
        )
    )  # fmt: skip
    assert pixels(large.images[0].data).shape == (96, 96, 3)


async def test_two_prompts_and_weights_on_sdxl(families: Sidecar) -> None:
    context = await families.context()

    async def painted(prompt: str, **more: Any) -> np.ndarray[Any, Any]:
        request = text_to_image(context, prompt, model_id="sdxl", width=64, height=64, **more)
        return pixels((await families.images.TextToImage(request)).images[0].data).astype(int)

    plain = await painted("a cat")
    assert np.abs(await painted("a cat", prompt_2="in oil") - plain).max() > 0
    assert np.abs(await painted("a (cat:1.5)") - plain).max() > 0
    assert np.array_equal(await painted("a (cat:1.0)"), plain)


@pytest.mark.parametrize("model", ["sd3", "flux"])
async def test_sizes_must_fit_the_patches(families: Sidecar, model: str) -> None:
    request = text_to_image(await families.context(), model_id=model, width=72, height=64)
    error = await refused(families.images.TextToImage(request))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["field"] == "options.width"


@pytest.mark.parametrize("model", ["sd", *FAMILIES])
async def test_previews_come_from_every_family(families: Sidecar, model: str) -> None:
    request = text_to_image(await families.context(), model_id=model, width=96, height=64, steps=6)
    job = await families.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=request))
    watch = families.jobs.Watch(job_pb2.WatchJobRequest(id=job.id, preview_every=2))
    shown = [
        event.preview for event in [event async for event in watch] if event.WhichOneof("event") == "preview"
    ]
    assert len(shown) >= 1
    image = pixels(shown[-1].data)
    assert image.shape == (64, 96, 3)
    assert image.std() > 5, "a preview is a picture, not one colour"


@pytest.mark.parametrize("field", ["prompt_2", "negative_prompt_2"])
@pytest.mark.parametrize("words", [20, 100, 200])
async def test_the_end_of_a_long_second_prompt_counts(families: Sidecar, field: str, words: int) -> None:
    """A1111#12037: it was cut after 77 tokens."""
    context = await families.context()
    made = []
    for last in ("red", "sword"):
        text = "a cat " * words + last
        options: dict[str, Any] = {field: text, "width": 64, "height": 64, "guidance_scale": 6.0}
        request = text_to_image(context, model_id="sdxl", **options)
        made.append((await families.images.TextToImage(request)).images[0].data)
    assert made[0] != made[1]


@pytest.mark.parametrize("asked", [{"negative_prompt": "rain"}, {"guidance_scale": 2.5}])
@pytest.mark.parametrize("model", ["sd", *FAMILIES])
async def test_what_is_told_to_have_no_effect_has_none(
    families: Sidecar, model: str, asked: dict[str, Any]
) -> None:
    context = await families.context()

    async def made(**more: Any) -> image_pb2.ImageResponse:
        request = text_to_image(context, model_id=model, width=64, height=64, **more)
        answer: image_pb2.ImageResponse = await families.images.TextToImage(request)
        return answer

    plain, other = await made(), await made(**asked)
    changed = not np.array_equal(pixels(plain.images[0].data), pixels(other.images[0].data))
    assert list(plain.warnings) == []
    assert changed == (not other.warnings), list(other.warnings)

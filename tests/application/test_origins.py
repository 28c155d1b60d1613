"""What a picture file tells of where it came from, however often it was changed since."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from capabilities import imaging
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar

PROMPT = "a rusty sword, zażółć"
PARAMETERS = f"{PROMPT}\nNegative prompt: blurry\nSteps: 3, Sampler: default, CFG scale: 7.5, Seed: 7, Model: sd, Size: 64x64"


def source(data: bytes) -> common_pb2.ImageSource:
    return common_pb2.ImageSource(data=data)


async def drawn(sidecar: Sidecar) -> bytes:
    answer = await sidecar.images.TextToImage(
        text_to_image(
            await sidecar.context(), PROMPT, model_id="sd", negative_prompt="blurry", width=64, height=64,
            guidance_scale=7.5,
        )
    )  # fmt: skip
    return bytes(answer.images[0].data)


async def changed(sidecar: Sidecar, by: str, data: bytes, format: str = "png") -> bytes:
    output = common_pb2.OutputOptions(format=common_pb2.ImageFormat.Value(f"IMAGE_FORMAT_{format.upper()}"))
    call: Any
    match by:
        case "edit":
            call, kind = sidecar.images.Edit, "image.edit"
            request: Any = image_pb2.EditRequest(
                image=source(data),
                operations=[image_pb2.EditOperation(transform=image_pb2.Transform(rotation=90))],
            )
        case "convert":
            call, kind = sidecar.images.Convert, "image.edit"
            request = image_pb2.ConvertRequest(image=source(data), preserve_metadata=True)
        case "upscale":
            call, kind = sidecar.images.UpscaleTraditional, "diffusers.upscale"
            request = image_pb2.UpscaleTraditionalRequest(image=source(data), factor=2)
        case "network":
            call, kind = sidecar.images.Upscale, "diffusers.upscale"
            request = image_pb2.UpscaleRequest(image=source(data), model="realesr-animevideov3", factor=2)
        case _:
            call, kind = sidecar.images.ImageToImage, "diffusers.generate"
            request = image_pb2.ImageToImageRequest(
                image=source(data), prompt="a new one", options=image_pb2.GenerationOptions(steps=2, seed=1)
            )
    request.context.CopyFrom(await sidecar.context(kind=kind))
    request.output.CopyFrom(output)
    made: bytes = (await call(request)).images[0].data
    return made


def texts(png: bytes) -> dict[str, str]:
    return dict(Image.open(io.BytesIO(png)).text)  # type: ignore[attr-defined]


def ancestors(data: bytes) -> list[dict[str, Any]]:
    found, told = [], imaging.read_metadata(data)
    while told is not None:
        found.append(told)
        told = told.get("from")
    return found


async def test_a_picture_tells_what_made_it(sidecar: Sidecar) -> None:
    data = await drawn(sidecar)
    assert texts(data)["parameters"] == PARAMETERS
    (told,) = ancestors(data)
    assert (told["prompt"], told["seed"], told["model"]) == (PROMPT, 7, "sd")


@pytest.mark.parametrize("by", ["edit", "convert", "upscale", "network"])
async def test_what_is_made_of_it_tells_it_too(sidecar: Sidecar, by: str) -> None:
    made = await changed(sidecar, by, await drawn(sidecar))
    assert texts(made)["parameters"] == PARAMETERS
    assert ancestors(made)[-1]["prompt"] == PROMPT
    assert ancestors(made)[-1]["seed"] == 7


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
async def test_through_every_format_and_many_changes(sidecar: Sidecar, format: str) -> None:
    data = await drawn(sidecar)
    for by in ("edit", "upscale", "convert", "edit"):
        data = await changed(sidecar, by, data, format)
    assert ancestors(data)[-1]["prompt"] == PROMPT
    assert len(ancestors(data)) >= 4
    back = await changed(sidecar, "edit", data)
    assert texts(back)["parameters"] == PARAMETERS


async def test_a_new_drawing_tells_its_own_prompt_first(sidecar: Sidecar) -> None:
    data = await changed(sidecar, "image to image", await drawn(sidecar))
    assert texts(data)["parameters"].startswith("a new one\n")
    assert [told["prompt"] for told in ancestors(data)] == ["a new one", PROMPT]


@pytest.mark.parametrize("text", ["a cat\nSteps: 20, Seed: 5", "żółty kot\nSteps: 1"])
async def test_what_another_program_wrote_is_kept(sidecar: Sidecar, text: str) -> None:
    info = PngInfo()
    info.add_itxt("parameters", text)
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 90, 200)).save(buffer, "PNG", pnginfo=info)
    for by in ("edit", "convert", "upscale"):
        made = await changed(sidecar, by, buffer.getvalue())
        assert texts(made)["parameters"] == text
        webp = await changed(sidecar, by, buffer.getvalue(), "webp")
        assert texts(await changed(sidecar, "edit", webp))["parameters"] == text

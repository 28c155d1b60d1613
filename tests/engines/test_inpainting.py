"""`imageToImage`, `inpaint` and `outpaint` over gRPC, on a model of real architecture and on the embedded one."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import cv2
import grpc
import numpy as np
import pytest
from PIL import Image

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import STEPS
from sidecar.testing.server import Sidecar

Array = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def picture(width: int, height: int, bands: int = 3) -> Array:
    """Something with detail everywhere, so that a changed pixel shows."""
    random = np.random.default_rng(width * height)
    return random.integers(0, 256, (height, width, bands), np.uint8)


def hole(width: int, height: int) -> Array:
    """White in the middle third, black around it."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 255
    return mask


def source(data: bytes) -> common_pb2.ImageSource:
    return common_pb2.ImageSource(data=data)


def options(**more: Any) -> image_pb2.GenerationOptions:
    return image_pb2.GenerationOptions(**{"steps": STEPS, "seed": 7, **more})


async def inpainted(sidecar: Sidecar, image: Array, mask: Array, **fields: Any) -> Array:
    given = {"options": options(), **fields}
    answer = await sidecar.images.Inpaint(
        image_pb2.InpaintRequest(
            context=await sidecar.context(kind="diffusers.inpaint"),
            image=source(png(image)),
            mask=source(png(mask)),
            prompt="a hole",
            **given,
        )
    )
    return pixels(answer.images[0].data)


@pytest.mark.parametrize("size", [(64, 64), (101, 67), (40, 90)])
async def test_image_to_image_keeps_the_size_and_strength_tells_how_far(
    sidecar: Sidecar, size: tuple[int, int]
) -> None:
    context = await sidecar.context()
    image = picture(*size)
    far = {}
    for strength in (0.0, 0.4, 1.0):
        request = image_pb2.ImageToImageRequest(
            context=context, image=source(png(image)), prompt="a cup", strength=strength, options=options(steps=5)
        )  # fmt: skip
        made = pixels((await sidecar.images.ImageToImage(request)).images[0].data)
        assert made.shape == image.shape
        far[strength] = np.abs(made.astype(int) - image).mean()
        again = pixels((await sidecar.images.ImageToImage(request)).images[0].data)
        assert np.array_equal(again, made)
    assert far[0.0] == 0
    assert far[0.4] > 0
    assert far[1.0] > 0


async def test_image_to_image_costs_the_steps_that_are_taken(sidecar: Sidecar) -> None:
    context = await sidecar.context({"max_compute": 64 * 64 * 5 / 1e6})
    request = image_pb2.ImageToImageRequest(
        context=context, image=source(png(picture(64, 64))), prompt="x", strength=0.5, options=options(steps=10)
    )  # fmt: skip
    answer = await sidecar.images.ImageToImage(request)
    assert answer.cost.compute == pytest.approx(64 * 64 * 5 / 1e6)
    request.strength = 0.7
    error = await refused(sidecar.images.ImageToImage(request))
    assert error_info(error).metadata["field"] == "max_compute"


async def test_a_strength_begins_where_the_picture_is(icons_sidecar: Sidecar) -> None:
    """On trained weights: little strength stays near the picture, much goes away from it."""
    context = await icons_sidecar.context()
    icon = await icons_sidecar.images.TextToImage(
        image_pb2.TextToImageRequest(
            context=context, prompt="red apple", options=image_pb2.GenerationOptions(model_id="icons", seed=3)
        )
    )
    data = icon.images[0].data
    far = []
    for strength in (0.2, 0.95):
        answer = await icons_sidecar.images.ImageToImage(
            image_pb2.ImageToImageRequest(
                context=context, image=source(data), prompt="green tree", strength=strength,
                options=image_pb2.GenerationOptions(model_id="icons", seed=3),
            )
        )  # fmt: skip
        made = pixels(answer.images[0].data)
        assert made.shape == pixels(data).shape
        far.append(np.abs(made.astype(int) - pixels(data)).mean())
    assert far[1] > 2 * far[0] > 0


@pytest.mark.parametrize("size", [(64, 64), (101, 67), (40, 90)])
@pytest.mark.parametrize("bands", [3, 4])
async def test_outside_the_mask_every_bit_stays(sidecar: Sidecar, size: tuple[int, int], bands: int) -> None:
    image, mask = picture(*size, bands), hole(*size)
    made = await inpainted(sidecar, image, mask, feather=0)
    assert made.shape == image.shape
    inside = mask > 0
    assert np.array_equal(made[~inside], image[~inside])
    assert (made[inside] != image[inside]).any(axis=1).mean() > 0.9


async def test_feather_reaches_as_far_as_it_says(sidecar: Sidecar) -> None:
    image, mask = picture(96, 96), hole(96, 96)
    made = await inpainted(sidecar, image, mask, feather=5)
    reached = np.argwhere((made != image).any(axis=2))
    assert reached.min() == 32 - 5
    assert reached.max() == 63 + 5


async def test_a_soft_mask_blends_and_an_alpha_counts(sidecar: Sidecar) -> None:
    image = picture(64, 64)
    grey = np.full((64, 64), 128, np.uint8)
    made = await inpainted(sidecar, image, grey, feather=0)
    assert np.abs(made.astype(int) - image).max() <= 129
    clear = np.zeros((64, 64, 4), np.uint8)
    clear[..., :3] = 255
    assert np.array_equal(await inpainted(sidecar, image, clear), image)


async def test_only_the_masked_region_is_worked_on(sidecar: Sidecar) -> None:
    image = picture(300, 200)
    mask = np.zeros((200, 300), np.uint8)
    mask[90:110, 140:160] = 255
    whole = await inpainted(sidecar, image, mask, feather=2)
    near = await inpainted(sidecar, image, mask, feather=2, crop_padding=10)
    assert not np.array_equal(whole, near)
    changed = np.argwhere((near != image).any(axis=2))
    assert changed.min(axis=0).tolist() == [88, 138]
    assert changed.max(axis=0).tolist() == [111, 161]


async def test_a_mask_of_another_size(sidecar: Sidecar) -> None:
    image, mask = picture(64, 64), hole(32, 32)
    request = image_pb2.InpaintRequest(
        context=await sidecar.context(kind="diffusers.inpaint"), image=source(png(image)), mask=source(png(mask)),
        prompt="x", options=options(), feather=0,
    )  # fmt: skip
    error = await refused(sidecar.images.Inpaint(request))
    assert error_info(error).metadata["field"] == "mask"
    assert "64 x 64" in str(error.details())
    request.mask_fit = image_pb2.MASK_FIT_SCALE
    made = pixels((await sidecar.images.Inpaint(request)).images[0].data)
    assert np.array_equal(made[:18], image[:18])
    assert not np.array_equal(made, image)


async def test_a_black_mask_changes_nothing(sidecar: Sidecar) -> None:
    image = picture(64, 64)
    assert np.array_equal(await inpainted(sidecar, image, np.zeros((64, 64), np.uint8)), image)


@pytest.mark.parametrize(
    "sides",
    [
        {"left": 24},
        {"right": 24},
        {"top": 17},
        {"bottom": 30},
        {"left": 8, "right": 16, "top": 5, "bottom": 9},
    ],
)
async def test_outpaint_extends_and_keeps_the_picture(sidecar: Sidecar, sides: dict[str, Any]) -> None:
    image = picture(64, 48)
    request = image_pb2.OutpaintRequest(
        context=await sidecar.context(kind="diffusers.inpaint"), image=source(png(image)), prompt="more",
        options=options(), feather=3, **sides,
    )  # fmt: skip
    made = pixels((await sidecar.images.Outpaint(request)).images[0].data)
    left, top = sides.get("left", 0), sides.get("top", 0)
    assert made.shape == (48 + top + sides.get("bottom", 0), 64 + left + sides.get("right", 0), 3)
    kept = made[top : top + 48, left : left + 64]
    inner = (slice(3 if top else 0, 45 if sides.get("bottom") else 48),
             slice(3 if left else 0, 61 if sides.get("right") else 64))  # fmt: skip
    assert np.array_equal(kept[inner], image[inner])
    assert not np.array_equal(kept, image), "the seam is blended"


async def test_scripts_name_a_side_or_all_of_them(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind="diffusers.inpaint")
    image = base64.b64encode(png(picture(32, 32))).decode()
    for arguments, size in (
        ([image, "right", 16, "more", {"steps": 2}], (48, 32)),
        ([image, "vertical", 8, {"prompt": "more", "steps": 2}], (32, 48)),
        ([image, {"left": 8, "top": 16}, {"prompt": "more", "steps": 2}], (40, 48)),
    ):
        answer = await sidecar.images.Invoke(
            image_pb2.InvokeRequest(context=context, method="outpaint", arguments_json=json.dumps(arguments))
        )
        result = json.loads(answer.result_json)
        assert result["ok"], result
        assert (result["width"], result["height"]) == size


@pytest.mark.parametrize(
    ("method", "arguments", "field"),
    [
        ("outpaint", ["left"], "pixels"),
        ("outpaint", [{"left": 0}, None, "x"], "direction"),
        ("outpaint", ["sideways", 3, "x"], "direction"),
        ("inpaint", [], "prompt"),
        ("inpaint", [None, "x"], "mask"),
        ("imageToImage", ["x", 3], "strength"),
        ("imageToImage", ["x", {"denoisingStrength": -1}], "denoisingStrength"),
        ("inpaint", ["$image", "x", {"width": 64}], "width"),
    ],
)
async def test_mistakes_are_named(sidecar: Sidecar, method: str, arguments: list[Any], field: str) -> None:
    kind = "diffusers.generate" if method == "imageToImage" else "diffusers.inpaint"
    context = await sidecar.context(kind=kind)
    image = base64.b64encode(png(picture(32, 32))).decode()
    values = [image, *(image if value == "$image" else value for value in arguments)]
    if arguments and arguments[0] == "left":
        values.append({"prompt": "x"})
    answer = await sidecar.images.Invoke(
        image_pb2.InvokeRequest(context=context, method=method, arguments_json=json.dumps(values))
    )
    result = json.loads(answer.result_json)
    assert not result["ok"]
    assert result["error"]["field"] == field, result


async def test_an_upscaler_cannot_inpaint(sidecar: Sidecar) -> None:
    request = image_pb2.InpaintRequest(
        context=await sidecar.context(kind="diffusers.inpaint"), image=source(png(picture(32, 32))),
        mask=source(png(hole(32, 32))), prompt="x", options=options(model_id="realesrgan-x4plus"),
    )  # fmt: skip
    error = await refused(sidecar.images.Inpaint(request))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "it can do upscale" in str(error.details())


def jpeg(array: np.ndarray[Any, Any], quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize("quality", [40, 75, 90])
async def test_what_a_lossy_file_adds_to_a_mask_is_not_repainted(sidecar: Sidecar, quality: int) -> None:
    """A1111#10644: every value above 0 was, and crop_padding took the whole picture."""
    context = await sidecar.context(kind="diffusers.inpaint")
    picture = np.random.default_rng(3).integers(0, 256, (96, 96, 3), np.uint8)
    mask = np.zeros((96, 96), np.uint8)
    cv2.circle(mask, (24, 40), 12, 255, -1)
    noisy = np.asarray(Image.open(io.BytesIO(jpeg(mask, quality))))
    assert ((noisy > 0) & (mask == 0)).any()
    changed = {}
    for threshold in (None, 0, 128):
        request = image_pb2.InpaintRequest(
            context=context, image=common_pb2.ImageSource(data=png(picture)), prompt="x", feather=0, crop_padding=4,
            mask=common_pb2.ImageSource(data=jpeg(mask, quality)),
            options=image_pb2.GenerationOptions(model_id="sd", steps=STEPS, seed=2),
        )  # fmt: skip
        if threshold is not None:
            request.mask_threshold = threshold
        made = pixels((await sidecar.images.Inpaint(request)).images[0].data)
        changed[threshold] = (made != picture).any(axis=2)
    assert not changed[None][noisy <= 16].any()
    assert not changed[128][noisy <= 128].any()
    assert changed[None][mask == 255].mean() > 0.9
    assert changed[0].sum() >= changed[None].sum() >= changed[128].sum()


@pytest.mark.parametrize("method", ["inpaint", "outpaint", "imageToImage"])
async def test_a_model_that_does_not_fill_well_says_so(icons_sidecar: Sidecar, method: str) -> None:
    data, mask = (base64.b64encode(png(each)).decode() for each in (picture(128, 128), hole(128, 128)))
    arguments: dict[str, list[Any]] = {
        "inpaint": [data, mask, "a gem"],
        "outpaint": [data, "right", 32, "a castle"],
        "imageToImage": [data, "a gem"],
    }
    for model, is_doubtful in (("icons", method != "imageToImage"), ("sd", False)):
        answer = await icons_sidecar.images.Invoke(
            image_pb2.InvokeRequest(
                context=await icons_sidecar.context(
                    kind="diffusers.generate" if method == "imageToImage" else "diffusers.inpaint"
                ),
                method=method,
                arguments_json=json.dumps([*arguments[method], {"model": model, "steps": 2}]),
            )
        )
        result = json.loads(answer.result_json)
        assert result["ok"], result
        told = [words for words in result.get("warnings", []) if "not trained to fill" in words]
        assert bool(told) == is_doubtful

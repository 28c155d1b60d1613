"""What a safetensors file holds, told by its tensors' names and shapes and never by its own name. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.engines.local.model_files import NotAModel, UnusableModel, shown
from sidecar.engines.local.weights import Header

LEAST_WIDTH, MOST_WIDTH = 32, 4096
"""How wide the vectors of a textual inversion are: as a text encoder's states."""
VAE, TEXT_ENCODERS = "VAE", "text encoders"


@dataclass(frozen=True)
class FileKind:
    """What a file is used as, and what it lacks for that."""

    role: str
    """As `ModelSource.role`."""
    family: str
    """Class that loads it, or what it is called in listings."""
    description: str
    side: int = 0
    """Pixels a side that it draws at; of base models."""
    text_width: int = 0
    missing: tuple[str, ...] = ()
    """Parts of a pipeline that are not in the file."""


@dataclass(frozen=True)
class _Denoiser:
    """A base model by the name that only its family has."""

    mark: str
    family: str
    side: int
    input: str
    """The tensor whose shape tells how many channels the denoiser takes."""
    channels: Mapping[int, str]
    """Pipeline class by that number."""


_UNET_PIPELINES = {4: "StableDiffusionPipeline", 9: "StableDiffusionInpaintPipeline"}
_SDXL_PIPELINES = {4: "StableDiffusionXLPipeline", 9: "StableDiffusionXLInpaintPipeline"}
_PREFIXES = ("model.diffusion_model.", "")
_UNET_INPUT = "input_blocks.0.0.weight"
# The most telling first; each with and without the prefix of a whole checkpoint.
_TRANSFORMERS = (
    _Denoiser("joint_blocks.", "StableDiffusion3Pipeline", 1024, "x_embedder.proj.weight", {16: "StableDiffusion3Pipeline"}),
    _Denoiser(
        "double_blocks.", "FluxPipeline", 1024, "img_in.weight", {64: "FluxPipeline", 384: "FluxFillPipeline"}
    ),
)  # fmt: skip
OTHER_CHANNELS = {
    5: "a depth-to-image model",
    7: "an upscaling diffusion model",
    8: "an InstructPix2Pix model",
    128: "a Flux Control model (canny or depth)",
}
"""What models with other inputs are, which nothing here draws with, by the channels that they take."""

_VAES = ("first_stage_model.", "vae.")
_ENCODERS = ("cond_stage_model.", "conditioner.embedders.", "text_encoders.")

LORA_MARKS = (
    ".lora_", ".lora.", "_lora.", "_lora1.", "_lora2.", ".hada_", ".lokr_", ".oft_blocks", ".oft_diag", ".on_input",
    ".dora_scale", ".lora_magnitude_vector",
)  # fmt: skip
"""In the names of a LoRA's tensors, whatever program wrote it; LyCORIS' kinds too."""
_LORA_STARTS = ("lora_unet_", "lora_te", "lora_transformer_", "lycoris_", "lora_prior_")
_LORA_TENSORS = re.compile(r"(a1|a2|b1|b2)\.weight|diff(_b)?|w_norm|b_norm")
_LYCORIS = {
    ".hada_": "LoHa", ".lokr_": "LoKr", ".oft_blocks": "OFT", ".oft_diag": "OFT", ".on_input": "(IA)³", ".a1.weight": "GLoRA",
}  # fmt: skip

# Beginnings of names that a family of upscalers has, all of a row together.
_UPSCALERS: tuple[tuple[str, ...], ...] = (
    ("conv_first.weight", "body.0.rdb1."),  # ESRGAN, Real-ESRGAN
    ("model.0.weight", "model.1.sub.0.RDB1."),  # the first ESRGAN
    ("body.0.weight", "body.1.weight", "body.2.weight"),  # Real-ESRGAN compact
    ("conv_first.weight", "layers.0.residual_group."),  # SwinIR, HAT
    ("conv_first.weight", "layers.0.blocks."),  # DAT
)
# Names that only this kind of face restorer has.
_RESTORERS: dict[str, frozenset[str]] = {
    "gfpgan": frozenset({"toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight"}),
    "restoreformer": frozenset(
        {"quantize.embedding.weight", "encoder.conv_in.weight", "decoder.conv_out.weight"}
    ),
    "codeformer": frozenset({"position_emb", "quantize.embedding.weight", "encoder.blocks.0.weight"}),
}
_CONTROLNETS = (
    ("control_model.input_hint_block.", "ControlNetModel"),
    ("input_hint_block.", "ControlNetModel"),
    ("controlnet_cond_embedding.", "ControlNetModel"),
)
_AUTOENCODERS = ("first_stage_model.", "encoder.down.", "encoder.down_blocks.")
# Kinds that people keep beside models, and that nothing here uses by themselves.
_UNUSED: tuple[tuple[str, str], ...] = (
    ("image_proj.", "an IP-Adapter"),
    ("ip_adapter.", "an IP-Adapter"),
    ("lllite_unet", "a ControlNet-LLLite"),
    ("controlnet_blocks.", "a ControlNet of a transformer, whose folder with config.json is needed"),
    ("controlnet_x_embedder.", "a ControlNet of a transformer, whose folder with config.json is needed"),
    ("adapter.body.", "a T2I-Adapter"),
    ("body.0.block1.", "a T2I-Adapter"),
    ("down_blocks.0.motion_modules.", "a motion module of AnimateDiff"),
    ("text_model.encoder.", "a CLIP text encoder alone"),
    ("encoder.block.0.layer.0.SelfAttention.", "a T5 text encoder alone"),
    (
        "bb.layers.",
        "a BiRefNet (RMBG-2.0), whose network is code that comes with it; U²-Net, IS-Net and RMBG-1.4 are used",
    ),
    (
        "bb.patch_embed.",
        "a BiRefNet (RMBG-2.0), whose network is code that comes with it; U²-Net, IS-Net and RMBG-1.4 are used",
    ),
    ("vision_model.", "a CLIP image encoder"),
    ("visual.", "a CLIP image encoder"),
)


def kind_of(header: Header, name: str) -> FileKind:
    """What a file of this header is. `name` is the file's, for messages.

    Raises UnusableModel, with what it is, for what cannot be used here, and NotAModel for what is of no known kind.
    """
    shapes = dict(zip(header.names, header.shapes, strict=True))
    if _is_embedding(header):
        return FileKind("embedding", "textual inversion", "embedding")
    # LoRAs have the names of the layers that they change, so they come before the models whose layers those are.
    if (lora := _lora(header.names)) is not None:
        return lora
    if (base := _base(shapes)) is not None:
        return base
    # Face restorers have an encoder too, so they are looked for before autoencoders.
    for kind, needed in _RESTORERS.items():
        if needed <= shapes.keys():
            return FileKind("restorer", kind, f"face restorer ({kind})")
    if _has(shapes, "stage1.rebnconvin.") and _has(shapes, "stage6.rebnconv4."):
        family = "IS-Net" if "conv_in.weight" in shapes else "U²-Net"
        return FileKind("matting", family, f"matting model ({family})")
    for start, family in _CONTROLNETS:
        if _has(shapes, start):
            return FileKind("controlnet", family, "ControlNet in one file", text_width=_text_width(shapes))
    for start, what in _UNUSED:
        if _has(shapes, start):
            raise UnusableModel(
                f"{shown(name)} is {what}{'' if ';' in what else ', which nothing here uses'}"
            )
    if any(_has(shapes, start) for start in _AUTOENCODERS):
        return _autoencoder(shapes, name)
    if any(all(_has(shapes, part) for part in parts) for parts in _UPSCALERS):
        return FileKind("upscaler", "upscaler", "upscaler in one file")
    raise NotAModel(f"{shown(name)} holds tensors of no kind of model that is known here")


def _has(shapes: Mapping[str, list[int]], start: str) -> bool:
    return any(key.startswith(start) for key in shapes)


def _is_embedding(header: Header) -> bool:
    """Whether a file holds a textual inversion: a few vectors as wide as a text encoder's, by any program's names."""
    if set(header.names) in ({"emb_params"}, {"clip_l", "clip_g"}):
        return True
    found = header.shapes
    return len(found) == 1 and len(found[0]) in (1, 2) and LEAST_WIDTH <= found[0][-1] <= MOST_WIDTH


def _lora(names: list[str]) -> FileKind | None:
    """A LoRA, and which kind where it is another."""

    def is_of_one(key: str) -> bool:
        if any(mark in key for mark in LORA_MARKS):
            return True
        stem, _, tensor = key.partition(".")
        return stem.startswith(_LORA_STARTS) and _LORA_TENSORS.fullmatch(tensor) is not None

    found = [key for key in names if is_of_one(key)]
    if not found:
        return None
    kind = next((what for mark, what in _LYCORIS.items() if any(mark in key for key in found)), "LoRA")
    return FileKind("lora", kind, "lora" if kind == "LoRA" else f"lora ({kind})")


def _base(shapes: Mapping[str, list[int]]) -> FileKind | None:
    """A base model, whole or its denoiser alone. Raises UnusableModel for one that nothing here draws with."""
    for prefix in _PREFIXES:
        for denoiser in _TRANSFORMERS:
            if _has(shapes, prefix + denoiser.mark):
                family = _by_channels(shapes, prefix + denoiser.input, denoiser.channels, denoiser.family)
                return _whole_or_not(shapes, family, denoiser.side)
    if _has(shapes, "conditioner.embedders."):
        if not _has(shapes, "conditioner.embedders.1.") and _has(shapes, "conditioner.embedders.0.model."):
            return _whole_or_not(shapes, "StableDiffusionXLImg2ImgPipeline", 1024)
        return _unet(shapes, _SDXL_PIPELINES, 1024)
    if _has(shapes, "cond_stage_model.model."):
        return _unet(shapes, _UNET_PIPELINES, 768)
    if _has(shapes, "cond_stage_model.transformer."):
        return _unet(shapes, _UNET_PIPELINES, 512)
    for prefix in _PREFIXES:
        if prefix + _UNET_INPUT in shapes or _has(shapes, prefix + "input_blocks.0.0."):
            is_large = prefix + "label_emb.0.0.weight" in shapes
            return _unet(shapes, _SDXL_PIPELINES if is_large else _UNET_PIPELINES, 1024 if is_large else 512)
    if _has(shapes, "model.diffusion_model."):
        raise UnusableModel(
            "it is a checkpoint of a family that is not drawn with from one file; use its diffusers folder"
        )
    if "conv_in.weight" in shapes and _has(shapes, "down_blocks.") and _has(shapes, "up_blocks."):
        raise UnusableModel(
            "it is a UNet in diffusers' names, alone; put it into the folder unet/ of a model with its config.json"
        )
    if _has(shapes, "transformer_blocks.") and _has(shapes, "proj_out."):
        raise UnusableModel(
            "it is a transformer in diffusers' names, alone; put it into the folder transformer/ of a model with its "
            "config.json"
        )
    return None


def _unet(shapes: Mapping[str, list[int]], pipelines: Mapping[int, str], side: int) -> FileKind:
    prefix = next((each for each in _PREFIXES if each + _UNET_INPUT in shapes), "")
    return _whole_or_not(shapes, _by_channels(shapes, prefix + _UNET_INPUT, pipelines, pipelines[4]), side)


def _by_channels(
    shapes: Mapping[str, list[int]], key: str, pipelines: Mapping[int, str], otherwise: str
) -> str:
    """The pipeline class by what a denoiser takes; `otherwise` where the file does not tell. Raises UnusableModel."""
    shape = shapes.get(key, [])
    if len(shape) < 2 or shape[1] in pipelines:
        return pipelines[shape[1]] if len(shape) >= 2 else otherwise
    raise unusable_channels(shape[1], f"only {' and '.join(map(str, pipelines))} are drawn with")


def unusable_channels(channels: int, known: str) -> UnusableModel:
    """The refusal of a denoiser that takes more than latents, or other ones."""
    what = OTHER_CHANNELS.get(channels, "a model of a kind that is not known here")
    return UnusableModel(f"it is {what}: its denoiser takes {channels} channels, and {known}")


def _whole_or_not(shapes: Mapping[str, list[int]], family: str, side: int) -> FileKind:
    missing = []
    if not any(_has(shapes, start) for start in _VAES):
        missing.append(VAE)
    if not any(_has(shapes, start) for start in _ENCODERS):
        missing.append(TEXT_ENCODERS)
    description = f"{family} checkpoint in one file"
    if missing:
        description += f", without {' and '.join(missing)}"
    return FileKind("base", family, description, side, missing=tuple(missing))


def _autoencoder(shapes: Mapping[str, list[int]], name: str) -> FileKind:
    """Raises UnusableModel for one of videos."""
    convolutions = [shape for key, shape in shapes.items() if key.endswith("conv_in.weight")]
    if any(len(shape) == 5 for shape in convolutions):
        raise UnusableModel(f"{shown(name)} is an autoencoder of videos, which nothing here uses")
    if not any("decoder." in key for key in shapes):
        raise UnusableModel(f"{shown(name)} is an autoencoder without its decoder")
    return FileKind("vae", "AutoencoderKL", "vae")


def _text_width(shapes: Mapping[str, list[int]]) -> int:
    return next(
        (shape[1] for key, shape in shapes.items() if key.endswith("attn2.to_k.weight") and len(shape) == 2),
        0,
    )

"""What a folder, a file or a package holds, told by its contents and never by its name. Imports no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capabilities.control import CONTROL_TYPES
from capabilities.errors import FailedPrecondition
from capabilities.models import GENERATION, INPAINTING, REPAINTING, ModelFacts
from sidecar.config import HubModel
from sidecar.engines.local.packaged import HED, REALESRGAN
from sidecar.engines.local.weights import fingerprint, parameters, shapes, tensor_names
from sidecar.engines.local.wire import ModelSource

DEFAULTS_FILE = "viwo_defaults.json"
CONFIG_SUFFIX = ".config"
"""`name.config/` beside `name.safetensors` holds the configurations of a single file, for machines without a hub."""
LEAST_WIDTH, MOST_WIDTH = 32, 4096
"""How wide the vectors of a textual inversion are: as a text encoder's states."""
_FALLBACK_STEPS, _FALLBACK_GUIDANCE = 25, 7.0

# Keys that only one family's checkpoint has, the most telling first -> pipeline class, side in pixels.
_SINGLE_FILES: tuple[tuple[str, str, int], ...] = (
    ("model.diffusion_model.joint_blocks.", "StableDiffusion3Pipeline", 1024),
    ("joint_blocks.", "StableDiffusion3Pipeline", 1024),
    ("model.diffusion_model.double_blocks.", "FluxPipeline", 1024),
    ("double_blocks.", "FluxPipeline", 1024),
    ("conditioner.embedders.", "StableDiffusionXLPipeline", 1024),
    ("cond_stage_model.model.", "StableDiffusionPipeline", 768),
    ("cond_stage_model.transformer.", "StableDiffusionPipeline", 512),
)

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
_VAE_KEYS = ("first_stage_model.", "encoder.down.", "encoder.down_blocks.")

# Guidance and steps by pipeline class where the model says nothing itself.
_FAMILIES: dict[str, tuple[int, float]] = {
    "StableDiffusionPipeline": (25, 7.5),
    "StableDiffusionXLPipeline": (30, 5.0),
    "StableDiffusion3Pipeline": (28, 7.0),
    "FluxPipeline": (28, 3.5),
    "PixArtAlphaPipeline": (20, 4.5),
    "PixArtSigmaPipeline": (20, 4.5),
    "SanaPipeline": (20, 4.5),
}


# Families whose pipelines diffusers has in all of text-to-image, image-to-image and inpainting.
_REPAINTING = frozenset({
    "StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline",
    "KandinskyPipeline", "KandinskyV22Pipeline", "QwenImagePipeline",
})  # fmt: skip


# Families that ControlNets exist for.
_CONTROLLED = frozenset({
    "StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline",
})  # fmt: skip
ANNOTATORS = "lllyasviel/Annotators"


# Transformers whose pipelines pack two by two latents into one, whatever patch size they tell.
_PACKED = {"FluxTransformer2DModel": 2, "QwenImageTransformer2DModel": 2}


def embedded_folder() -> Path:
    """The model that comes with the package: beside the code when installed, in `models/` in a checkout."""
    here = Path(__file__).resolve()
    installed = here.parents[2] / "embedded" / "icons"
    return installed if installed.is_dir() else here.parents[3] / "models" / "icons"


@dataclass(frozen=True)
class LocalModel:
    """A model, where it is, and what a request needs to know of it."""

    facts: ModelFacts
    source: ModelSource
    family: str
    description: str
    size: int


def model_paths(root: Path) -> Iterable[Path]:
    """Diffusers folders (not looked into) and single files under a root."""
    if not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.suffix != CONFIG_SUFFIX:
            if (path / "model_index.json").is_file() or (path / "config.json").is_file():
                yield path
            else:
                yield from model_paths(path)
        elif path.suffix == ".safetensors":
            yield path


def folder_model(model_id: str, path: Path) -> LocalModel | None:
    index = _json(path / "model_index.json")
    family = index.get("_class_name")
    if not isinstance(family, str):
        return None
    own = _json(path / DEFAULTS_FILE)
    steps, guidance = _defaults(family, path)
    side, granularity = _native_size(path)
    facts = ModelFacts(
        id=model_id,
        steps=int(own.get("steps", steps)),
        guidance_scale=float(own.get("guidance_scale", guidance)),
        width=int(own.get("width", side)),
        height=int(own.get("height", side)),
        granularity=1 if own.get("fixed_size") is True else granularity,
        methods=_methods(family, _json(path / "unet" / "config.json")),
        text_width=_text_width(
            _json(path / "unet" / "config.json") or _json(path / "transformer" / "config.json")
        ),
        fixed_size=own.get("fixed_size") is True,
        plain_ground=own.get("plain_ground") is True,
        side=side,
    )
    weights = sorted(path.rglob("*.safetensors"))
    source = ModelSource(
        model_id,
        str(path),
        "folder",
        revision=fingerprint([*weights, path / "model_index.json"]),
        size=(facts.width, facts.height) if facts.fixed_size else None,
        granularity=granularity,
        side=side,
        parameters=sum(map(parameters, weights)),
        empty_prompt=str(own.get("empty_prompt", "")),
    )
    size = sum(file.stat().st_size for file in weights)
    return LocalModel(facts, source, family, str(own.get("description", family)), size)


def _defaults(family: str, path: Path) -> tuple[int, float]:
    """Steps and guidance of a family, or those of a distilled model, which its parts give away."""
    scheduler = _json(path / "scheduler" / "scheduler_config.json")
    transformer = _json(path / "transformer" / "config.json")
    kind = str(scheduler.get("_class_name", ""))
    if kind in ("LCMScheduler", "TCDScheduler"):
        return 4, 1.0
    # Turbo and Lightning models come with Euler from the last noise level on; others of the family do not.
    if kind.startswith("Euler") and scheduler.get("timestep_spacing") == "trailing":
        return 4, 0.0
    # The distilled Flux takes no guidance at all.
    if transformer.get("guidance_embeds") is False and family.startswith("Flux"):
        return 4, 0.0
    return _FAMILIES.get(family, (_FALLBACK_STEPS, _FALLBACK_GUIDANCE))


def _methods(family: str, unet: Mapping[str, Any]) -> frozenset[str]:
    """What a pipeline class can do, by what diffusers has for its family."""
    if "Inpaint" in family or unet.get("in_channels") == 9:
        return INPAINTING
    more = REPAINTING if family in _REPAINTING else frozenset()
    return GENERATION | more | (frozenset({"apply"}) if family in _CONTROLLED else frozenset())


def _native_size(path: Path) -> tuple[int, int]:
    """Side in pixels that the model was trained on, and the pixels that one latent stands for."""
    vae = _json(path / "vae" / "config.json")
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [1, 2, 3, 4]
    scale = 2 ** (len(blocks) - 1)
    denoiser = _json(path / "unet" / "config.json") or _json(path / "transformer" / "config.json")
    # Transformers cut the latents into patches, so sizes must divide by those as well.
    kind = str(denoiser.get("_class_name"))
    patch = _PACKED.get(kind, denoiser.get("patch_size", 1))
    granularity = max(8, scale * (patch if isinstance(patch, int) else 1))
    latent_side = denoiser.get("sample_size")
    if isinstance(latent_side, int):
        return latent_side * scale, granularity
    return (1024 if kind in _PACKED else 64 * scale), granularity


def single_file_model(model_id: str, path: Path) -> LocalModel | None:
    try:
        keys = tensor_names(path)
    except FailedPrecondition:
        return None
    matches = (row for row in _SINGLE_FILES if any(key.startswith(row[0]) for key in keys))
    match = next(matches, None)
    if match is None:
        if _is_embedding(path, keys):
            return _other(model_id, path, [path], "embedding", "textual inversion")
        if any(".lora_" in key or ".lora." in key for key in keys):
            return _other(model_id, path, [path], "lora", "LoRA")
        # Face restorers have an encoder too, so they are looked for before autoencoders.
        if (restorer := _restorer(model_id, path, keys)) is not None:
            return restorer
        if any(key.startswith(_VAE_KEYS) for key in keys):
            return _other(model_id, path, [path], "vae", "AutoencoderKL")
        return _upscaler(model_id, path, keys)
    _, pipeline, side = match
    steps, guidance = _FAMILIES[pipeline]
    facts = ModelFacts(model_id, steps, guidance, side, side, methods=_methods(pipeline, {}), side=side)
    granularity = 16 if "StableDiffusion3" in pipeline or "Flux" in pipeline else 8
    source = ModelSource(
        model_id,
        str(path),
        "file",
        pipeline=pipeline,
        revision=fingerprint([path]),
        granularity=granularity,
        side=side,
    )
    return LocalModel(facts, source, pipeline, f"{pipeline} checkpoint in one file", path.stat().st_size)


def _is_embedding(path: Path, keys: list[str]) -> bool:
    """Whether a file holds a textual inversion: a few vectors as wide as a text encoder's, by any program's names."""
    if set(keys) in ({"emb_params"}, {"clip_l", "clip_g"}):
        return True
    found = shapes(path)
    return len(keys) == 1 and len(found[0]) in (1, 2) and LEAST_WIDTH <= found[0][-1] <= MOST_WIDTH


def hub_model(entry: HubModel) -> LocalModel:
    # What a hub model can do is known when it has been fetched; until then nothing is refused beforehand.
    facts = ModelFacts(
        entry.id,
        entry.steps,
        entry.guidance_scale,
        entry.width,
        entry.height,
        methods=GENERATION | REPAINTING,
    )
    source = ModelSource(
        entry.id,
        entry.id,
        "hub",
        revision=entry.revision or "",
        granularity=16,
        side=max(entry.width, entry.height),
    )
    return LocalModel(facts, source, "hub", f"{entry.id} from the hub", 0)


def _restorer(model_id: str, path: Path, keys: list[str]) -> LocalModel | None:
    """A face restorer in one file."""
    names = set(keys)
    variety = next((kind for kind, needed in _RESTORERS.items() if needed <= names), None)
    if variety is None:
        return None
    source = ModelSource(
        model_id,
        str(path),
        "file",
        role="restorer",
        revision=fingerprint([path]),
        parameters=parameters(path),
    )
    facts = ModelFacts(model_id, methods=frozenset({"faceRestore"}), variety=variety)
    return LocalModel(facts, source, variety, f"face restorer ({variety})", path.stat().st_size)


def _upscaler(model_id: str, path: Path, keys: list[str]) -> LocalModel | None:
    """An upscaler in one file. How much it enlarges is known when it is loaded; most enlarge by 4."""
    if not any(all(any(key.startswith(part) for key in keys) for part in parts) for parts in _UPSCALERS):
        return None
    source = ModelSource(
        model_id,
        str(path),
        "file",
        role="upscaler",
        revision=fingerprint([path]),
        parameters=parameters(path),
    )
    facts = ModelFacts(model_id, methods=frozenset({"upscale"}), factor=4)
    return LocalModel(facts, source, "upscaler", "upscaler in one file", path.stat().st_size)


def packaged_upscalers() -> Iterator[LocalModel]:
    """Real-ESRGAN's networks, whose weights come inside a Python package and are fetched when first needed."""
    for model_id, files, factor, description in (
        ("realesrgan-x4plus", "realesrgan-x4plus", 4, "Real-ESRGAN for photographs and paintings, slow"),
        ("realesrgan-x4plus-anime", "realesrgan-x4plus-anime", 4, "Real-ESRGAN for drawings and icons"),
        ("realesr-animevideov3", "realesr-animevideov3-x[24]", 4, "Real-ESRGAN compact: drawings, fast"),
    ):
        facts = ModelFacts(model_id, methods=frozenset({"upscale"}), factor=factor)
        source = ModelSource(model_id, files, "package", role="upscaler", revision=REALESRGAN.sha256[:16])
        yield LocalModel(facts, source, "Real-ESRGAN", description, 0)


def annotators() -> Iterator[LocalModel]:
    """What makes control pictures: HED from a package, the others from the hub when they are first used."""
    able = frozenset({"preprocess"})
    facts = ModelFacts("hed", methods=able)
    source = ModelSource("hed", "hed", "package", role="annotator", revision=HED.sha256[:16])
    yield LocalModel(facts, source, "HED", "Soft edges (BSDS500)", 0)
    for model_id, description in (
        ("openpose", "People as stick figures"), ("midas-depth", "Depth"), ("lineart", "Clean lines"),
        ("normalbae", "Surface normals"),
    ):  # fmt: skip
        source = ModelSource(model_id, ANNOTATORS, "hub", role="annotator")
        facts = ModelFacts(model_id, methods=able, ready=_in_hub_cache(ANNOTATORS))
        yield LocalModel(facts, source, "controlnet-aux", f"{description}, from the hub", 0)


def _in_hub_cache(repository: str) -> bool:
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    return (home / "hub" / f"models--{repository.replace('/', '--')}").is_dir()


def part_model(model_id: str, path: Path) -> LocalModel | None:
    """A folder with one part of a pipeline: a ControlNet or an autoencoder."""
    config = _json(path / "config.json")
    family = str(config.get("_class_name", ""))
    if family.endswith("ControlNetModel"):
        return _controlnet(model_id, path, config)
    if family.startswith("Autoencoder"):
        return _other(model_id, path, sorted(path.glob("*.safetensors")), "vae", family)
    return None


def _other(model_id: str, path: Path, weights: list[Path], role: str, family: str) -> LocalModel:
    """A LoRA or an autoencoder, named by its role, which is also what it can do."""
    source = ModelSource(
        model_id,
        str(path),
        "folder" if path.is_dir() else "file",
        role=role,
        pipeline=family,
        revision=fingerprint(weights),
        parameters=sum(map(parameters, weights)),
    )
    size = sum(file.stat().st_size for file in weights)
    return LocalModel(ModelFacts(model_id, methods=frozenset({role})), source, family, role, size)


def _controlnet(model_id: str, path: Path, config: Mapping[str, Any]) -> LocalModel:
    """A ControlNet folder. Its weights do not tell what it follows: its card does, or its name."""
    family = str(config["_class_name"])
    own = _json(path / DEFAULTS_FILE)
    names = [name for name in CONTROL_TYPES if name in model_id.lower()]
    kind = str(own.get("control_type") or (names[0] if names else ""))
    facts = ModelFacts(
        model_id,
        methods=frozenset({"control"}),
        control=kind,
        text_width=_text_width(config),
    )
    weights = sorted(path.glob("*.safetensors"))
    source = ModelSource(
        model_id,
        str(path),
        "folder",
        role="controlnet",
        pipeline=family,
        revision=fingerprint(weights),
        parameters=sum(map(parameters, weights)),
    )
    size = sum(file.stat().st_size for file in weights)
    return LocalModel(facts, source, family, str(own.get("description", f"ControlNet: {kind}")), size)


def _text_width(denoiser: Mapping[str, Any]) -> int:
    """The size of the text states that a denoiser or ControlNet takes; it differs between families."""
    for key in ("cross_attention_dim", "joint_attention_dim"):
        width = denoiser.get(key)
        if isinstance(width, int):
            return width
    return 0


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

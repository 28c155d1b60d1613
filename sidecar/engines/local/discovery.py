"""What a folder, a file or a package holds, told by its contents and never by its name. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from capabilities.methods.control_types import control_type_in
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, INPAINTING, ModelFacts
from sidecar.engines.local.file_kinds import (
    OTHER_CHANNELS,
    TEXT_ENCODERS,
    VAE,
    FileKind,
    kind_of,
    unusable_channels,
)
from sidecar.engines.local.ignored_options import ignored_options
from sidecar.engines.local.local_model import LocalModel
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_checks import (
    INDEX,
    NAME,
    Component,
    check_component,
    check_pipeline,
    stray_entries,
)
from sidecar.engines.local.model_files import (
    NotAModel,
    UnusableModel,
    json_if_there,
    read_json,
    shown,
    unreadable,
)
from sidecar.engines.local.operator_settings import DEFAULTS_FILE, MOST_SIDE, settings_of
from sidecar.engines.local.weights import fingerprint, read_header, read_headers

CONFIG_SUFFIX = ".config"
"""`name.config/` beside `name.safetensors` holds the configurations of a single file, and the parts that are not in it."""
_FALLBACK_STEPS, _FALLBACK_GUIDANCE = 25, 7.0
_MOST_PATCH, _MOST_LEVELS, _MOST_TEXT_WIDTH = 64, 12, 1_000_000
"""No model is larger than this; a configuration that says so is broken."""

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
# By a word in the class of a pipeline.
_OTHER_KINDS = {
    "Pix2Pix": "models that follow an instruction", "Upscale": "diffusion models that upscale", "Depth2Img": "depth-to-image models",
    "FluxControlPipeline": "models whose control is built in; use a ControlNet", "Video": "models of videos",
}  # fmt: skip
# Transformers whose pipelines pack two by two latents into one, whatever patch size they tell.
_PACKED = {"FluxTransformer2DModel": 2, "QwenImageTransformer2DModel": 2}


def embedded_folder() -> Path:
    """The model that comes with the package: beside the code when installed, in `models/` in a checkout."""
    here = Path(__file__).resolve()
    installed = here.parents[2] / "embedded" / "icons"
    return installed if installed.is_dir() else here.parents[3] / "models" / "icons"


def examined(model_id: str, path: Path) -> LocalModel:
    """The model in a folder or file. Raises UnusableModel with what is wrong, NotAModel where it is none."""
    try:
        if not path.is_dir():
            return single_file_model(model_id, path)
        if os.path.lexists(path / INDEX):
            return folder_model(model_id, path)
        return part_model(model_id, path)
    except UnusableModel:
        raise
    except OSError as error:
        raise unreadable(path, error) from None
    except Exception as error:
        # Files made by someone else: whatever cannot be made out in them is their fault and stops nobody.
        raise UnusableModel(f"it cannot be made out: {type(error).__name__}: {shown(str(error))}") from error


def folder_model(model_id: str, path: Path) -> LocalModel:
    """A diffusers folder. Raises UnusableModel, NotAModel."""
    family = read_json(path / INDEX).get("_class_name")
    if family is None:
        raise NotAModel(f"{INDEX} names no _class_name, so it is no diffusers folder")
    components = check_pipeline(path)
    configs = {name: _config(path, name) for name in ("unet", "transformer", "vae")}
    denoiser = configs["unet"] or configs["transformer"]
    own, problems = settings_of(path)
    steps, guidance = _defaults(str(family), path)
    side, granularity = _native_size(configs["vae"], denoiser)
    facts = ModelFacts(
        id=model_id,
        steps=own.get("steps", steps),
        guidance_scale=own.get("guidance_scale", guidance),
        width=own.get("width", side),
        height=own.get("height", side),
        granularity=1 if own.get("fixed_size") else granularity,
        methods=_methods(str(family), configs["unet"]),
        text_width=_text_width(denoiser),
        fixed_size=own.get("fixed_size", False),
        plain_ground=own.get("plain_ground", False),
        side=side,
        ignores=ignored_options(str(family), configs["unet"], configs["transformer"]),
    )
    weights = sorted({file for component in components.values() for file in component.weights})
    headers = read_headers(weights)
    source = ModelSource(
        model_id,
        str(path),
        "folder",
        revision=fingerprint([*weights, path / INDEX]),
        size=(facts.width, facts.height) if facts.fixed_size else None,
        granularity=granularity,
        side=side,
        parameters=sum(header.parameters for header in headers),
        empty_prompt=own.get("empty_prompt", ""),
        fills=own.get("fills", True),
    )
    return LocalModel(
        facts,
        source,
        str(family),
        own.get("description", str(family)),
        sum(header.size for header in headers),
        (path, path / INDEX, path / DEFAULTS_FILE, *_all_files(components)),
        (*problems, *stray_entries(path)),
        license=own.get("license", ""),
        told_by=_told_by(own),
    )


def _told_by(own: Mapping[str, Any]) -> str:
    """Who says what is known of a model in a folder, or of a file with settings beside it."""
    if not own:
        return "the files of the model"
    return f"{DEFAULTS_FILE} beside it ({', '.join(sorted(own))}), and the files of the model"


def _all_files(components: Mapping[str, Component]) -> Iterator[Path]:
    for component in components.values():
        yield component.folder
        yield from component.files


def _config(path: Path, part: str) -> Mapping[str, Any]:
    return json_if_there(path / part / "config.json")


def _within(value: object, most: int, what: str) -> int:
    """A whole number of a configuration. Raises UnusableModel where no model has one like it."""
    if type(value) is not int or not 0 < value <= most:
        raise UnusableModel(f"config.json: {what} is {shown(str(value))}, and must be 1 to {most}")
    return value


def _defaults(family: str, path: Path) -> tuple[int, float]:
    """Steps and guidance of a family, or those of a distilled model, which its parts give away."""
    scheduler = json_if_there(path / "scheduler" / "scheduler_config.json")
    transformer = _config(path, "transformer")
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
    if "Inpaint" in family or "Fill" in family or unet.get("in_channels") == 9:
        return INPAINTING
    if family == "StableDiffusionXLImg2ImgPipeline":
        return IMAGE_TO_IMAGE
    if (word := next((word for word in _OTHER_KINDS if word in family), None)) is not None:
        raise UnusableModel(f"it is a {family}, and nothing here draws with {_OTHER_KINDS[word]}")
    if unet.get("in_channels") in OTHER_CHANNELS:
        raise unusable_channels(unet["in_channels"], "only 4 and 9 are drawn with")
    more = IMAGE_TO_IMAGE if family in _REPAINTING else frozenset()
    return GENERATION | more | (frozenset({"apply"}) if family in _CONTROLLED else frozenset())


def _native_size(vae: Mapping[str, Any], denoiser: Mapping[str, Any]) -> tuple[int, int]:
    """Side in pixels that the model was trained on, and the pixels that one latent stands for."""
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [1, 2, 3, 4]
    scale = 2 ** (_within(len(blocks), _MOST_LEVELS, "the number of block_out_channels") - 1)
    # Transformers cut the latents into patches, so sizes must divide by those as well.
    kind = str(denoiser.get("_class_name"))
    patch = _PACKED.get(kind, denoiser.get("patch_size", 1))
    granularity = max(8, scale * (_within(patch, _MOST_PATCH, "patch_size") if isinstance(patch, int) else 1))
    latent_side = denoiser.get("sample_size")
    if isinstance(latent_side, int):
        return _within(latent_side * scale, MOST_SIDE, "sample_size in pixels"), granularity
    return (1024 if kind in _PACKED else 64 * scale), granularity


def single_file_model(model_id: str, path: Path) -> LocalModel:
    """A model, or a part of one, in a safetensors file. Raises UnusableModel, NotAModel."""
    header = read_header(path)
    kind = kind_of(header, path.name)
    beside = path.with_suffix(CONFIG_SUFFIX)
    components: Mapping[str, Component] = {}
    files: tuple[Path, ...] = (path,)
    match kind.role:
        case "base":
            if beside.is_dir():
                components = check_pipeline(beside, configuration_only=True)
            files = (path, beside, beside / INDEX, beside / DEFAULTS_FILE, *_all_files(components))
        case "controlnet":
            if beside.is_dir():
                files = (path, beside, *check_component(beside).files)
    own, problems = settings_of(beside)
    steps, guidance = _FAMILIES.get(kind.family.replace("Inpaint", ""), (_FALLBACK_STEPS, _FALLBACK_GUIDANCE))
    side = kind.side
    facts = {
        "base": ModelFacts(
            model_id,
            own.get("steps", steps),
            own.get("guidance_scale", guidance),
            own.get("width", side),
            own.get("height", side),
            methods=_methods(kind.family, {}),
            side=side,
            ignores=ignored_options(kind.family, {}, {}),
        ),
        "restorer": ModelFacts(model_id, methods=frozenset({"faceRestore"}), variety=kind.family),
        "matting": ModelFacts(model_id, methods=frozenset({"removeBackground"}), variety=kind.family),
        # How much an upscaler enlarges is known when it is loaded; most enlarge by 4.
        "upscaler": ModelFacts(model_id, methods=frozenset({"upscale"}), factor=4),
        "controlnet": _control_facts(model_id, own, kind.text_width),
    }.get(kind.role) or ModelFacts(model_id, methods=frozenset({kind.role}))
    source = ModelSource(
        model_id,
        str(path),
        "file",
        role=kind.role,
        pipeline=kind.family,
        revision=fingerprint([path]),
        granularity=16 if kind.family.startswith(("StableDiffusion3", "Flux")) else 8,
        side=side or ModelSource.side,
        # A checkpoint may hold weights twice, or ones that are not loaded.
        parameters=0 if kind.role == "base" else header.parameters,
    )
    description = own.get("description", kind.description)
    missing = _missing(kind, components, path) if kind.role == "base" else ""
    return LocalModel(
        facts,
        source,
        kind.family,
        description,
        header.size,
        files,
        tuple(problems),
        missing,
        license=own.get("license", ""),
        told_by=_told_by(own),
    )


def _missing(kind: FileKind, components: Mapping[str, Component], path: Path) -> str:
    """What a checkpoint needs besides, in words; empty where nothing is missing, or where it lies beside it."""
    there = {name for name, component in components.items() if component.weights}
    parts = []
    if VAE in kind.missing and "vae" not in there:
        parts.append("vae")
    if TEXT_ENCODERS in kind.missing:
        wanted = [name for name in components if name.startswith("text_encoder")] or ["text_encoder"]
        parts += [name for name in wanted if name not in there]
    if not parts:
        return ""
    folder = shown(path.with_suffix(CONFIG_SUFFIX).name)
    return (
        f"it holds no {' and no '.join(kind.missing)}; put the whole {kind.family} folder of its family, with "
        f"{', '.join(f'{name}/*.safetensors' for name in parts)}, beside it as {folder}/"
    )


def part_model(model_id: str, path: Path) -> LocalModel:
    """A folder with one part of a pipeline: a ControlNet or an autoencoder. Raises UnusableModel, NotAModel."""
    config = read_json(path / "config.json")
    family = config.get("_class_name")
    if isinstance(family, str) and NAME.fullmatch(family):
        if family.endswith("ControlNetModel"):
            return _controlnet(model_id, path, family, config)
        if family.startswith("Autoencoder"):
            checked = check_component(path)
            return _other(model_id, path, checked.weights, "vae", family, (path, *checked.files))
    raise NotAModel(f"config.json is of '{shown(str(family))}', neither a ControlNet nor an autoencoder")


def _other(
    model_id: str, path: Path, weights: tuple[Path, ...], role: str, family: str, files: tuple[Path, ...] = ()
) -> LocalModel:
    """A LoRA or an autoencoder, named by its role, which is also what it can do."""
    headers = read_headers(weights)
    source = ModelSource(
        model_id,
        str(path),
        "folder" if path.is_dir() else "file",
        role=role,
        pipeline=family,
        revision=fingerprint(weights),
        parameters=sum(header.parameters for header in headers),
    )
    size = sum(header.size for header in headers)
    facts = ModelFacts(model_id, methods=frozenset({role}))
    return LocalModel(facts, source, family, role, size, files or weights)


def _controlnet(model_id: str, path: Path, family: str, config: Mapping[str, Any]) -> LocalModel:
    """A ControlNet folder. Its weights do not tell what it follows: its card does, or its name."""
    checked = check_component(path)
    own, problems = settings_of(path)
    facts = _control_facts(model_id, own, _text_width(config))
    headers = read_headers(checked.weights)
    source = ModelSource(
        model_id,
        str(path),
        "folder",
        role="controlnet",
        pipeline=family,
        revision=fingerprint(checked.weights),
        parameters=sum(header.parameters for header in headers),
    )
    size = sum(header.size for header in headers)
    description = own.get("description", f"ControlNet: {facts.control}")
    files = (path, *checked.files)
    return LocalModel(facts, source, family, description, size, files, tuple(problems))


def _control_facts(model_id: str, own: Mapping[str, Any], text_width: int) -> ModelFacts:
    kind = own.get("control_type") or control_type_in(model_id)
    return ModelFacts(model_id, methods=frozenset({"control"}), control=kind, text_width=text_width)


def _text_width(denoiser: Mapping[str, Any]) -> int:
    """The size of the text states that a denoiser or ControlNet takes; it differs between families."""
    for key in ("cross_attention_dim", "joint_attention_dim"):
        width = denoiser.get(key)
        if isinstance(width, int):
            return _within(width, _MOST_TEXT_WIDTH, key)
    return 0

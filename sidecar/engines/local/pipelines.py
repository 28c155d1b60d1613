"""Loading diffusers pipelines: folders, hub ids and single files; safetensors only, no remote code."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch

from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.schedulers import DEFAULT, SCHEDULERS
from sidecar.engines.local import lora_fit
from sidecar.engines.local.discovery import CONFIG_SUFFIX
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_checks import INDEX, check_component, check_pipeline
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.model_files import UnusableModel, read_json
from sidecar.engines.local.vision import ensure_torchvision
from sidecar.engines.local.weights import read_header


def quiet_libraries() -> None:
    """Import the libraries in the order that works, and keep their progress bars and advice out of the server's log."""
    # Diffusers and transformers import torchvision where it is installed, and fail with it.
    ensure_torchvision()
    import diffusers
    import transformers

    libraries: tuple[Any, ...] = (diffusers.utils.logging, transformers.utils.logging)
    for library in libraries:
        library.disable_progress_bar()
        library.set_verbosity_error()


def pick_device(wanted: str) -> str:
    """The device for models. Raises FailedPrecondition for one that is not there."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, there in have.items() if there)
    if not have[wanted]:
        raise FailedPrecondition(
            f"device '{wanted}' is configured but torch does not find it here; set device to auto or cpu",
            reason="NO_DEVICE",
            field="device",
            asked=wanted,
        )
    return wanted


def pick_dtype(device: str) -> torch.dtype:
    """Half precision where it is fast and safe; float32 on a CPU, where half is slower and less exact."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32


MAX_TOKENS = 4096
"""Most tokens of a prompt, where the text encoder has no positions that tell."""


def load(source: ModelSource, device: str) -> Any:
    """The model's own pipeline, on the device. Raises FailedPrecondition with the loader's own words when it cannot."""
    with loading(f"the model '{source.id}' cannot be loaded", source.id):
        pipeline = _from_file(source, device) if source.kind == "file" else _from_folder(source, device)
        pipeline.set_progress_bar_config(disable=True)
        _bound_tokens(pipeline)
        return pipeline.to(device)


def _bound_tokens(pipeline: Any) -> None:
    """Prompts are padded to what a tokenizer calls its length: at most what its encoder has positions for."""
    for name, part in pipeline.components.items():
        length = getattr(part, "model_max_length", None)
        if not name.startswith("tokenizer") or not isinstance(length, int):
            continue
        encoder = pipeline.components.get(name.replace("tokenizer", "text_encoder"))
        positions = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
        most = positions if isinstance(positions, int) and positions > 0 else MAX_TOKENS
        part.model_max_length = min(length, most, MAX_TOKENS)


def _from_file(source: ModelSource, device: str) -> Any:
    """A checkpoint in one file. Its configurations come from the hub, or from a folder beside it."""
    import diffusers

    path = Path(source.location)
    read_header(path)
    options: dict[str, Any] = {"dtype": pick_dtype(device), "use_safetensors": True}
    beside = path.with_suffix(CONFIG_SUFFIX)
    if beside.is_dir():
        check_pipeline(beside, configuration_only=True)
        _check_classes(beside)
        options |= {"config": str(beside), "local_files_only": True}
    return getattr(diffusers, source.pipeline).from_single_file(source.location, **options)


def _from_folder(source: ModelSource, device: str) -> Any:
    """A diffusers folder, or what the hub keeps under an id, which is fetched first and then checked as any folder is."""
    import diffusers

    library: Any = diffusers.DiffusionPipeline
    folder = source.location
    if source.kind == "hub":
        revision = {"revision": source.revision} if source.revision else {}
        folder = library.download(source.location, use_safetensors=True, **revision)
    check_pipeline(Path(folder))
    _check_classes(Path(folder))
    # The class that the model names itself: a dedicated inpainting model has no text-to-image pipeline.
    return library.from_pretrained(
        folder, local_files_only=True, dtype=pick_dtype(device), use_safetensors=True, trust_remote_code=False
    )


def _check_classes(folder: Path) -> None:
    """Raises UnusableModel where what a model names is no pipeline, or no part of one, of its library."""
    import diffusers
    import transformers

    index = read_json(folder / INDEX)
    pipeline = _require_class(diffusers, index["_class_name"], (diffusers.DiffusionPipeline,), "pipeline")
    needed = [
        name
        for name, parameter in inspect.signature(pipeline.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        and parameter.default is inspect.Parameter.empty
        and name not in ("self", *pipeline._optional_components)
    ]
    missing = [name for name in needed if index.get(name) in (None, [None, None])]
    if missing:
        raise UnusableModel(f"{INDEX} names no {', '.join(missing)}, which a {pipeline.__name__} needs")
    libraries: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "diffusers": (diffusers, (diffusers.ModelMixin, diffusers.SchedulerMixin)),
        "transformers": (
            transformers,
            (
                transformers.PreTrainedModel,
                transformers.PreTrainedTokenizerBase,
                transformers.FeatureExtractionMixin,
                transformers.ImageProcessingMixin,
                transformers.ProcessorMixin,
            ),
        ),
    }
    for part, value in index.items():
        if isinstance(value, list) and not part.startswith("_") and value[0] in libraries:
            library, kinds = libraries[value[0]]
            # Names that transformers has given up are known to diffusers, which says what is wrong with others.
            if library is diffusers or getattr(library, value[1], None) is not None:
                _require_class(library, value[1], kinds, f"part ('{part}')")


def _require_class(library: Any, name: str, kinds: tuple[Any, ...], what: str) -> Any:
    found = getattr(library, name, None)
    if not isinstance(found, type) or not issubclass(found, kinds) or found in kinds:
        raise UnusableModel(f"{library.__name__} has no {what} of the class {name} in this version")
    return found


def variant(pipeline: Any, kind: str, model_id: str, **parts: Any) -> Any:
    """The pipeline of a kind ("Text2Image", "Image2Image", "Inpainting") on the same weights, with further parts.

    Raises FailedPrecondition where the model's family has none.
    """
    import diffusers

    what = f"the model '{model_id}' ({type(pipeline).__name__}) has no {kind} pipeline"
    with loading(what, kind, reason="MODEL_CANNOT"):
        made = getattr(diffusers, f"AutoPipelineFor{kind}").from_pipe(pipeline, **parts)
        made.set_progress_bar_config(disable=True)
        return made


def load_loras(pipeline: Any, loras: list[tuple[ModelSource, float]], model_id: str) -> list[str]:
    """Put LoRAs onto a pipeline's weights, in kohya's or diffusers' format; what of them is not used, in words.

    Raises FailedPrecondition for one that does not fit at all.
    """
    if not hasattr(pipeline, "load_lora_weights"):
        raise FailedPrecondition(
            f"the model '{model_id}' ({type(pipeline).__name__}) takes no LoRA",
            reason="MODEL_CANNOT",
            field="loras",
            asked=loras[0][0].id,
        )
    warnings: list[str] = []
    names = [f"lora_{place}" for place in range(len(loras))]
    for name, (source, _) in zip(names, loras, strict=True):
        path = Path(source.location)
        what = f"the LoRA '{source.id}' does not fit the model '{model_id}'"
        with loading(what, source.id, field="loras", reason="LORA_DOES_NOT_FIT"):
            read_header(path)
            layers = lora_fit.read_layers(path)
            pipeline.load_lora_weights(
                str(path.parent),
                weight_name=path.name,
                adapter_name=name,
                use_safetensors=True,
                local_files_only=True,
            )
            if words := lora_fit.unused(pipeline, name, layers):
                warnings.append(f"LoRA '{source.id}': {words}")
    with loading(f"the LoRAs do not fit the model '{model_id}'", model_id, field="loras"):
        pipeline.set_adapters(names, [weight for _, weight in loras])
    return warnings


def load_vae(source: ModelSource, device: str) -> Any:
    """An autoencoder, from a folder or a single file. Raises FailedPrecondition."""
    with loading(f"the autoencoder '{source.id}' cannot be loaded", source.id, field="vae"):
        return _part(source, device)


def load_controlnet(source: ModelSource, device: str) -> Any:
    """A ControlNet. Raises FailedPrecondition with the loader's own words when it cannot."""
    with loading(f"the ControlNet '{source.id}' cannot be loaded", source.id, field="controlModelId"):
        return _part(source, device)


def _part(source: ModelSource, device: str) -> Any:
    import diffusers

    kind = _require_class(diffusers, source.pipeline, (diffusers.ModelMixin,), "part")
    path = Path(source.location)
    if source.kind == "file":
        read_header(path)
        return kind.from_single_file(source.location, dtype=pick_dtype(device)).to(device)
    check_component(path)
    return kind.from_pretrained(
        source.location, dtype=pick_dtype(device), use_safetensors=True, local_files_only=True
    ).to(device)


def scheduler_for(pipeline: Any, shipped: Any, name: str) -> Any:
    """A fresh scheduler for one job, since schedulers keep state.

    `shipped` is the scheduler the model came with. Raises InvalidArgument for one the model cannot be sampled with.
    """
    import diffusers

    if name == DEFAULT:
        return type(shipped).from_config(shipped.config)
    class_name, overrides = SCHEDULERS[name]
    kind = getattr(diffusers, class_name)
    compatible = {item.__name__ for item in shipped.compatibles} | {type(shipped).__name__}
    if "EulerDiscreteScheduler" in compatible and "DDIMScheduler" in compatible:
        # diffusers does not count it among them, since only distilled weights, or a LoRA of them, draw well with it.
        compatible.add("LCMScheduler")
    if class_name not in compatible:
        able = [n for n, (c, _) in SCHEDULERS.items() if c in compatible]
        raise InvalidArgument(
            f"the scheduler '{name}' does not fit this model; use {', '.join(['default', *able])}",
            reason="SCHEDULER_NOT_COMPATIBLE",
            field="scheduler",
            limit=", ".join(["default", *able]),
            asked=name,
        )
    return kind.from_config(shipped.config, **overrides)

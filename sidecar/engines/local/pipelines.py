"""Loading diffusers pipelines: folders and single files; safetensors only, no remote code."""

from __future__ import annotations

import inspect
import logging
import tempfile
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch

from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.schedulers import DEFAULT, SCHEDULERS
from sidecar.engines.local import lora_fit
from sidecar.engines.local.discovery import CONFIG_SUFFIX
from sidecar.engines.local.file_kinds import TEXT_ENCODERS, VAE, kind_of
from sidecar.engines.local.hub_configurations import configurations, part_folder
from sidecar.engines.local.lycoris_weights import Merged
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
    # It tells of every request, with addresses that are good for whoever has them.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


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


def load(source: ModelSource, device: str, max_download: int = 0) -> Any:
    """The model's own pipeline, on the device. `max_download`: most bytes of configurations to fetch.

    Raises FailedPrecondition with the loader's own words when it cannot.
    """
    with loading(f"the model '{source.id}' cannot be loaded", source.id):
        is_file = source.kind == "file"
        pipeline = _from_file(source, device, max_download) if is_file else _from_folder(source, device)
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


def _from_file(source: ModelSource, device: str, max_download: int) -> Any:
    """A checkpoint in one file. Its configurations come from the hub, or from a folder beside it."""
    import diffusers

    path = Path(source.location)
    missing = kind_of(read_header(path), path.name).missing
    options: dict[str, Any] = {"dtype": pick_dtype(device), "use_safetensors": True}
    beside = path.with_suffix(CONFIG_SUFFIX)
    folder = beside if beside.is_dir() else configurations(path, max_download)
    check_pipeline(folder, configuration_only=True)
    _check_classes(folder)
    options |= {"config": str(folder), "local_files_only": True}
    options |= _parts_beside(folder, missing, device)
    with lower_ending(path) as file:
        return getattr(diffusers, source.pipeline).from_single_file(str(file), **options)


def _parts_beside(folder: Path, missing: Collection[str], device: str) -> dict[str, Any]:
    """The parts that a checkpoint does not hold and whose weights lie beside it."""
    import diffusers
    import transformers

    libraries: dict[str, Any] = {"diffusers": diffusers, "transformers": transformers}
    parts = {}
    for name, value in read_json(folder / INDEX).items():
        kind = {"vae": VAE}.get(name, TEXT_ENCODERS if name.startswith("text_encoder") else "")
        if kind in missing and value[0] in libraries and check_component(folder / name).weights:
            parts[name] = getattr(libraries[value[0]], value[1]).from_pretrained(
                folder / name, dtype=pick_dtype(device), use_safetensors=True, local_files_only=True
            )
    return parts


def _from_folder(source: ModelSource, device: str) -> Any:
    """A diffusers folder, checked again: its files may have changed since it was found."""
    import diffusers

    library: Any = diffusers.DiffusionPipeline
    folder = Path(source.location)
    check_pipeline(folder)
    _check_classes(folder)
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


def load_loras(
    pipeline: Any, loras: list[tuple[ModelSource, float]], model_id: str, merged: Merged
) -> list[str]:
    """Put LoRAs onto a pipeline's weights, whatever program made them; what of them is not used, in words.

    Those that diffusers has no layers for go into `merged`. Raises FailedPrecondition for one that does not fit at all.
    """
    if not hasattr(pipeline, "load_lora_weights"):
        raise FailedPrecondition(
            f"the model '{model_id}' ({type(pipeline).__name__}) takes no LoRA",
            reason="MODEL_CANNOT",
            field="loras",
            asked=loras[0][0].id,
        )
    warnings: list[str] = []
    read = []
    for source, weight in loras:
        with _fitting(source, model_id):
            read_header(Path(source.location))
            read.append((source, weight, lora_fit.read_layers(Path(source.location))))
    # Merged ones first: afterwards the layers lie inside those of peft, under other names.
    read.sort(key=lambda item: not item[2].is_merged)
    adapters: dict[str, float] = {}
    for source, weight, layers in read:
        with _fitting(source, model_id), lower_ending(Path(source.location)) as path:
            if layers.is_merged:
                words = merged.merge(path, weight)
            else:
                name = f"lora_{len(adapters)}"
                pipeline.load_lora_weights(
                    str(path.parent),
                    weight_name=path.name,
                    adapter_name=name,
                    use_safetensors=True,
                    local_files_only=True,
                )
                words = lora_fit.unused(pipeline, name, layers)
                adapters[name] = weight
            if words:
                warnings.append(f"LoRA '{source.id}': {words}")
    if adapters:
        with loading(f"the LoRAs do not fit the model '{model_id}'", model_id, field="loras"):
            pipeline.set_adapters(list(adapters), list(adapters.values()))
    return warnings


def _fitting(source: ModelSource, model_id: str) -> AbstractContextManager[None]:
    what = f"the LoRA '{source.id}' does not fit the model '{model_id}'"
    return loading(what, source.id, field="loras", reason="LORA_DOES_NOT_FIT")


@contextmanager
def lower_ending(path: Path) -> Iterator[Path]:
    """The path of a file whose name ends in lower case, as loaders want it: they take `.SAFETENSORS` for a pickle."""
    if path.suffix == path.suffix.lower():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="viwo-imagegen-") as folder:
        link = Path(folder) / (path.stem + path.suffix.lower())
        link.symlink_to(path.absolute())
        yield link


def load_vae(source: ModelSource, device: str, max_download: int = 0) -> Any:
    """An autoencoder, from a folder or a single file. Raises FailedPrecondition."""
    with loading(f"the autoencoder '{source.id}' cannot be loaded", source.id, field="vae"):
        return _part(source, device, max_download)


def load_controlnet(source: ModelSource, device: str, max_download: int = 0) -> Any:
    """A ControlNet. Raises FailedPrecondition with the loader's own words when it cannot."""
    with loading(f"the ControlNet '{source.id}' cannot be loaded", source.id, field="controlModelId"):
        return _part(source, device, max_download)


def _part(source: ModelSource, device: str, max_download: int) -> Any:
    import diffusers

    kind = _require_class(diffusers, source.pipeline, (diffusers.ModelMixin,), "part")
    path = Path(source.location)
    if source.kind == "file":
        read_header(path)
        options: dict[str, Any] = {"dtype": pick_dtype(device), "local_files_only": True}
        folder = path.with_suffix(CONFIG_SUFFIX)
        if not folder.is_dir():
            folder = configurations(path, max_download)
            options["subfolder"] = part_folder(kind)
        options["config"] = str(folder)
        check_component(folder / options.get("subfolder", ""))
        with lower_ending(path) as file:
            return kind.from_single_file(str(file), **options).to(device)
    check_component(path)
    return kind.from_pretrained(
        source.location, dtype=pick_dtype(device), use_safetensors=True, local_files_only=True
    ).to(device)


def scheduler_for(shipped: Any, name: str, *, has_lora: bool) -> Any:
    """A fresh scheduler for one job, since schedulers keep state.

    `shipped` is the scheduler the model came with; `has_lora`: a LoRA changes the model, which may be one that distils it.

    Raises InvalidArgument for one the model cannot be sampled with.
    """
    import diffusers

    if name == DEFAULT:
        return type(shipped).from_config(shipped.config)
    class_name, overrides = SCHEDULERS[name]
    kind = getattr(diffusers, class_name)
    compatible = {item.__name__ for item in shipped.compatibles} | {type(shipped).__name__}
    if has_lora and "DDIMScheduler" in compatible:
        # diffusers does not count it among them, since only distilled weights draw well with it, as an LCM LoRA makes them.
        compatible.add("LCMScheduler")
    if class_name not in compatible:
        able = [n for n, (c, _) in SCHEDULERS.items() if c in compatible]
        hint = ", or add an LCM LoRA to 'loras'" if class_name == "LCMScheduler" else ""
        raise InvalidArgument(
            f"the scheduler '{name}' does not fit this model; use {', '.join(['default', *able])}{hint}",
            reason="SCHEDULER_NOT_COMPATIBLE",
            field="scheduler",
            limit=", ".join(["default", *able]),
            asked=name,
        )
    return kind.from_config(shipped.config, **overrides)

"""Loading diffusers pipelines: folders, hub ids and single files; safetensors only, no remote code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.schedulers import DEFAULT, SCHEDULERS
from sidecar.engines.local.discovery import CONFIG_SUFFIX
from sidecar.engines.local.vision import ensure_torchvision
from sidecar.engines.local.wire import ModelSource


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


def load(source: ModelSource, device: str) -> Any:
    """The model's own pipeline, on the device. Raises FailedPrecondition with the loader's own words when it cannot."""
    import diffusers

    options: dict[str, Any] = {"dtype": pick_dtype(device), "use_safetensors": True}
    try:
        if source.kind == "file":
            # Configurations come from the hub, or from a folder beside the file on a machine that has none.
            beside = Path(source.location).with_suffix(CONFIG_SUFFIX)
            if beside.is_dir():
                options |= {"config": str(beside), "local_files_only": True}
            pipeline = getattr(diffusers, source.pipeline).from_single_file(source.location, **options)
        else:
            local = source.kind == "folder"
            revision = {} if local or not source.revision else {"revision": source.revision}
            # The class that the model names itself: a dedicated inpainting model has no text-to-image pipeline.
            library: Any = diffusers.DiffusionPipeline
            pipeline = library.from_pretrained(source.location, local_files_only=local, **revision, **options)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise FailedPrecondition(
            f"the model '{source.id}' cannot be loaded: {_first_line(error)}",
            reason="MODEL_NOT_LOADABLE",
            field="modelId",
            asked=source.id,
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def variant(pipeline: Any, kind: str, model_id: str, **parts: Any) -> Any:
    """The pipeline of a kind ("Text2Image", "Image2Image", "Inpainting") on the same weights, with further parts.

    Raises FailedPrecondition where the model's family has none.
    """
    import diffusers

    auto = getattr(diffusers, f"AutoPipelineFor{kind}")
    try:
        made = auto.from_pipe(pipeline, **parts)
    except (ValueError, TypeError) as error:
        raise FailedPrecondition(
            f"the model '{model_id}' ({type(pipeline).__name__}) has no {kind} pipeline: {_first_line(error)}",
            reason="MODEL_CANNOT",
            field="modelId",
            asked=kind,
        ) from error
    made.set_progress_bar_config(disable=True)
    return made


def load_loras(pipeline: Any, loras: list[tuple[ModelSource, float]], model_id: str) -> None:
    """Put LoRAs onto a pipeline's weights, in kohya's or diffusers' format. Raises FailedPrecondition."""
    if not hasattr(pipeline, "load_lora_weights"):
        raise FailedPrecondition(
            f"the model '{model_id}' ({type(pipeline).__name__}) takes no LoRA",
            reason="MODEL_CANNOT",
            field="loras",
            asked=loras[0][0].id,
        )
    names = [f"lora_{place}" for place in range(len(loras))]
    for name, (source, _) in zip(names, loras, strict=True):
        path = Path(source.location)
        try:
            pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            pipeline.unload_lora_weights()
            raise FailedPrecondition(
                f"the LoRA '{source.id}' does not fit the model '{model_id}': {_first_line(error)}",
                reason="LORA_DOES_NOT_FIT",
                field="loras",
                asked=source.id,
            ) from error
    pipeline.set_adapters(names, [weight for _, weight in loras])


def load_vae(source: ModelSource, device: str) -> Any:
    """An autoencoder, from a folder or a single file. Raises FailedPrecondition."""
    import diffusers

    kind = getattr(diffusers, source.pipeline)
    try:
        if source.kind == "file":
            made = kind.from_single_file(source.location, dtype=pick_dtype(device))
        else:
            made = kind.from_pretrained(
                source.location, dtype=pick_dtype(device), use_safetensors=True, local_files_only=True
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise FailedPrecondition(
            f"the autoencoder '{source.id}' cannot be loaded: {_first_line(error)}",
            reason="MODEL_NOT_LOADABLE",
            field="vae",
            asked=source.id,
        ) from error
    return made.to(device)


def load_controlnet(source: ModelSource, device: str) -> Any:
    """A ControlNet. Raises FailedPrecondition with the loader's own words when it cannot."""
    import diffusers

    try:
        made = getattr(diffusers, source.pipeline).from_pretrained(
            source.location, dtype=pick_dtype(device), use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        raise FailedPrecondition(
            f"the ControlNet '{source.id}' cannot be loaded: {_first_line(error)}",
            reason="MODEL_NOT_LOADABLE",
            field="controlModelId",
            asked=source.id,
        ) from error
    return made.to(device)


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


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__

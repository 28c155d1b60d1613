"""Configurations of a checkpoint in one file: those of its family, from the hub, where none lie beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sidecar.engines.local import hub_cache, hub_faults
from sidecar.engines.local.discovery import CONFIG_SUFFIX
from sidecar.engines.local.hub_fetch import Fetch
from sidecar.engines.local.hub_files import Wanted
from sidecar.engines.local.model_files import UnusableModel, shown
from sidecar.engines.local.weights import read_header

MOST_BYTES = 256 * 1024 * 1024
"""Most that all configurations of a family have, in bytes; vocabularies are the largest of them."""


def configurations(path: Path, max_download: int) -> Path:
    """A folder with the configurations of a checkpoint's family. `max_download`: most bytes of a download; 0: none.

    Raises UnusableModel where the family is not known, and as a download does where they are not here and cannot be had.
    """
    wanted = Wanted(_repository(path), configurations=True)
    kept = hub_cache.kept(wanted)
    if kept is not None:
        return kept.path
    try:
        if (forbidden := hub_cache.refusal(wanted.repository, max_download)) is not None:
            raise forbidden
        Fetch(wanted, min(MOST_BYTES, max_download), lambda progress: None).run()
    except Exception as error:
        refusal = hub_faults.failure(error, wanted).refusal()
        folder = shown(path.with_suffix(CONFIG_SUFFIX).name)
        raise type(refusal)(
            f"{shown(path.name)} needs the configurations of {wanted.repository}: {refusal.message}; or put them beside it, as "
            f"{folder}/",
            reason=refusal.reason,
            field=refusal.field,
            limit=refusal.limit,
            asked=refusal.asked,
            retry_after=refusal.retry_after,
        ) from None
    kept = hub_cache.kept(wanted)
    if kept is None:
        raise UnusableModel(
            f"the configurations of {wanted.repository} have been removed meanwhile; try again"
        )
    return kept.path


def part_folder(kind: type[Any]) -> str:
    """Where in a pipeline's folder the configuration of such a part lies; empty: it is a folder of its own."""
    from diffusers.loaders import single_file_model

    library: Any = single_file_model
    return str(library.SINGLE_FILE_LOADABLE_CLASSES.get(kind.__name__, {}).get("default_subfolder", ""))


def _repository(path: Path) -> str:
    """The repository of the family, which diffusers tells by names and shapes of tensors."""
    from diffusers.loaders import single_file_utils

    library: Any = single_file_utils
    header = read_header(path)
    tensors = {
        name: torch.empty(shape, device="meta")
        for name, shape in zip(header.names, header.shapes, strict=True)
    }
    return str(library.fetch_diffusers_config(tensors)["pretrained_model_name_or_path"])

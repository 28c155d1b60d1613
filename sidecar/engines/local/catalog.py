"""The models this machine may run, and what is known of them. Imports no torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from capabilities.errors import NotFound, brief
from capabilities.models import ModelFacts
from capabilities.spelling import nearest
from sidecar.config import HubModel
from sidecar.engines.base import ModelListing
from sidecar.engines.local.discovery import (
    LocalModel,
    annotators,
    embedded_folder,
    folder_model,
    hub_model,
    model_paths,
    packaged_upscalers,
    part_model,
    single_file_model,
)

LOOK_EVERY = 2.0
"""Seconds between two looks at the files of a model."""


class Catalog:
    """The embedded model, everything under the model folders, and the hub ids the operator listed."""

    def __init__(self, folders: Iterable[Path], hub: Iterable[HubModel], default: str) -> None:
        self._folders = list(folders)
        self._hub = list(hub)
        self._default = default
        self._models: dict[str, LocalModel] = {}
        self._stamps: dict[str, int] = {}
        self._looked: dict[str, float] = {}
        # Requests look models up in several threads.
        self._lock = threading.Lock()
        self._rescan()

    @property
    def default(self) -> str:
        return self._default

    def _rescan(self) -> None:
        """Look again at what is there."""
        found: dict[str, LocalModel] = {}
        stamps: dict[str, int] = {}
        candidates = [("icons", embedded_folder())]
        for root in self._folders:
            candidates += [(path.relative_to(root).as_posix(), path) for path in model_paths(root)]
        for model_id, path in candidates:
            # Looked at before the file is read: what is written meanwhile must be noticed next time.
            stamp = _stamp(path)
            if path.is_dir():
                model = folder_model(model_id, path) or part_model(model_id, path)
            else:
                model = single_file_model(model_id.removesuffix(".safetensors"), path)
            if model is not None and model.facts.id not in found:
                found[model.facts.id], stamps[model.facts.id] = model, stamp
        for entry in self._hub:
            found.setdefault(entry.id, hub_model(entry))
        for known in (*packaged_upscalers(), *annotators()):
            found.setdefault(known.facts.id, known)
        self._stamps, self._looked = stamps, dict.fromkeys(stamps, time.monotonic())
        self._models = {
            model_id: replace(model, facts=replace(model.facts, revision=model.source.revision))
            for model_id, model in found.items()
        }

    def find(self, model_id: str) -> ModelFacts:
        return self.model(model_id).facts

    def model(self, model_id: str) -> LocalModel:
        """The model of that id. Raises NotFound with the nearest ids; looks on disk again before it does.

        Weights that are replaced are another revision, within a few seconds.
        """
        with self._lock:
            if model_id not in self._models or self._is_replaced(model_id):
                self._rescan()
            found = self._models.get(model_id)
        if found is not None:
            return found
        near = nearest(model_id, self._models)
        known = ", ".join(sorted(self._models)) or "none; the operator sets model_dirs or hub_models"
        hint = f"did you mean '{near}'?" if near else f"known are {known}"
        raise NotFound(
            f"no model '{brief(model_id, 60)}' here; {hint}",
            reason="UNKNOWN_MODEL",
            field="modelId",
            limit=known,
            asked=brief(model_id, 60),
        )

    def _is_replaced(self, model_id: str) -> bool:
        """Whether the model's files have changed since they were read; looked at only now and then."""
        now = time.monotonic()
        if now - self._looked.get(model_id, now) < LOOK_EVERY:
            return False
        self._looked[model_id] = now
        return _stamp(Path(self._models[model_id].source.location)) != self._stamps[model_id]

    def able(self, method: str) -> list[ModelFacts]:
        """All models that can do a method."""
        return [model.facts for model in self._models.values() if method in model.facts.methods]

    def listings(self, loaded: frozenset[str]) -> list[ModelListing]:
        return [
            ModelListing(
                facts=model.facts,
                description=model.description,
                family=model.family,
                engine="local",
                size=model.size,
                revision=model.source.revision,
                loaded=model_id in loaded,
            )
            for model_id, model in sorted(self._models.items())
        ]


def _stamp(path: Path) -> int:
    """When the newest of a model's files was changed, in nanoseconds."""
    files = path.rglob("*.safetensors") if path.is_dir() else [path]
    try:
        return max((file.stat().st_mtime_ns for file in files), default=0)
    except OSError:
        # Being replaced at this moment.
        return 0

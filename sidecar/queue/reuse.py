"""Reuse of results: what makes two tasks the same work. And which tasks may run as one batch."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping

from capabilities.methods.text_to_image import TextToImage
from capabilities.tasks import Task

_APART = frozenset({"kind", "prompt", "negative_prompt", "seed", "output", "background"})
"""Fields in which tasks of one batch may differ: each picture has its own."""
_MAKERS = ("viwo-imagegen", "torch", "diffusers", "transformers", "spandrel", "pyvips")


def fingerprint(task: Task, revisions: Mapping[str, str], *, any_seed: bool = False) -> str:
    """SHA-256 of the whole task: method, every parameter, inputs by hash and role, weights, and who would make it.

    Equal exactly when the tasks are. `revisions` tells the exact weights of each model that the task touches; `any_seed`:
    whoever asks does not mind which seed, so it is left out.
    """
    values = task.model_dump(mode="json")
    if any_seed:
        values["seed"] = None
    return _digest([values, {model: revisions[model] for model in sorted(task.models)}, engine_version()])


def batch_key(task: Task, revisions: Mapping[str, str]) -> str | None:
    """The same for all tasks that can share one run of the pipeline; None for one that needs a run of its own."""
    if not isinstance(task, TextToImage) or task.count > 1 or task.models != {task.model_id}:
        return None
    if task.refine is not None or task.clip_skip or task.prompt_2 or task.negative_prompt_2:
        return None
    shared = task.model_dump(mode="json", exclude=set(_APART))
    return _digest([shared, revisions[task.model_id]])


@functools.cache
def engine_version() -> str:
    """The packages that have a say in the pixels."""
    found = []
    for name in _MAKERS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def _digest(values: object) -> str:
    # Sorted keys and no spaces: one text for one task. Strings are quoted, so no two lists can run together.
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()

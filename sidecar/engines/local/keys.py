"""Which tasks may run as one batch here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from capabilities.methods.text_to_image import TextToImage
from capabilities.models import ModelFacts
from capabilities.tasks import Task

_OWN = frozenset({"kind", "prompt", "negative_prompt", "seed", "output", "background"})
"""Fields in which tasks of one batch may differ: each picture has its own."""
_SHARED = tuple(sorted(TextToImage.model_fields.keys() - _OWN))


def batch_key(task: Task, find: Callable[[str], ModelFacts]) -> str | None:
    """The same for all tasks that can share one run of the pipeline; None for one that needs a run of its own.

    `find` answers a model by its id.
    """
    if not isinstance(task, TextToImage) or task.count > 1 or task.models != {task.model_id}:
        return None
    if task.refine is not None or task.clip_skip or task.prompt_2 or task.negative_prompt_2:
        return None
    shared = [*(getattr(task, name) for name in _SHARED), find(task.model_id).revision]
    return hashlib.sha256(repr(shared).encode()).hexdigest()

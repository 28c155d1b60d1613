"""Reuse of results: what makes two tasks the same work, and a job that another's result answers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from capabilities.budgets import NOTHING
from sidecar.engines.api import BUILTIN
from sidecar.queue.model import Job, State


def fingerprint(
    task: Mapping[str, Any],
    revisions: Mapping[str, str],
    build_id: str,
    owner: tuple[str, int] | None = None,
    *,
    any_seed: bool = False,
) -> str:
    """SHA-256 of the whole task: method, every parameter, inputs by hash and role, weights, and who would make it.

    Equal exactly when the tasks are. `task` as its row has it; `revisions`: the exact weights of each model that it
    touches; `build_id`: what else decides the pixels; `owner`: for whom, by world and entity, None: for all; `any_seed`: whoever asks does not mind which seed.
    """
    values = {**task, "seed": None} if any_seed else task
    whole = [values, dict(sorted(revisions.items())), build_id]
    return _digest(whole if owner is None else [*whole, *owner])


def answered(job: Job, source: Job) -> Job:
    """A job whose result another has: it costs nothing, and has ended already unless an entity is to be made of it."""
    job = dataclasses.replace(job, answered_by=source.id, cost=NOTHING, owed=0, lane=BUILTIN, batch_key=None)
    if job.save is not None:
        return job
    images = tuple(dataclasses.replace(image, entity_id=0) for image in source.images)
    return dataclasses.replace(
        job, state=State.SUCCEEDED, ended=job.created, images=images, warnings=source.warnings
    )


def _digest(values: object) -> str:
    # Sorted keys and no spaces: one text for one task. Strings are quoted, so no two lists can run together.
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()

"""What a job that succeeded leaves in the tables, besides its own row, and to those that wait for the same. Called inside a caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.engines.api import BUILTIN
from sidecar.queue.model import Job, State
from sidecar.queue.scheduling import turns
from sidecar.queue.store.database import adding
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import HISTORY, IMAGES, JOBS, MODELS_CACHE
from sidecar.queue.store.transitions import changed

_MADE = Prepared(sa.insert(HISTORY))
_IMAGE = adding(IMAGES)
_WORK = adding(MODELS_CACHE, "jobs", "compute", "seconds")
_TWINS = Prepared(sa.select(JOBS).where(
    JOBS.c.fingerprint == sa.bindparam("its_fingerprint"), JOBS.c.state == State.QUEUED,
    JOBS.c.answered_by.is_(None),
))  # fmt: skip


def remember(connection: Connection, job: Job, task: object) -> None:
    """Write down each picture, and how it came to be; `task` as the job's row has it."""
    assert job.ended is not None
    for index, image in enumerate(job.images):
        facts = {name: getattr(image, name) for name in ("ref", "format", "width", "height", "size")}
        _IMAGE.run(connection, {**facts, "created": job.ended})
        made = {
            "job_id": job.id,
            "image_index": index,
            "ref": image.ref,
            "method": job.method,
            "task": task,
            "inputs": dict(job.task.inputs),
            "created": job.ended,
            "world": job.world,
            "owner_id": job.owner_id,
            "caller_id": job.caller_id,
            "words": words_of(task),
            "model_id": job.task.model_id,
            "seed": image.seed if job.task.has_seed else None,
        }
        _MADE.run(connection, made)


def words_of(task: object) -> str:
    """A task's prompt as it is searched: without capitals, which no two databases compare alike."""
    prompt = task.get("prompt") if isinstance(task, Mapping) else None
    return prompt.casefold() if isinstance(prompt, str) else ""


def time(connection: Connection, job: Job, device: str) -> None:
    """Keep how long a model takes."""
    work = {
        "model_id": job.task.model_id,
        "device": device,
        "jobs": 1,
        "compute": max(1, job.spent.compute),
        "seconds": job.work_seconds,
    }
    _WORK.run(connection, work)


def hand_over(connection: Connection, job: Job) -> list[str]:
    """Jobs that wait for the same result get it from this one, without waiting for the engine."""
    if not job.fingerprint:
        return []
    twins = _TWINS.rows(connection, {"its_fingerprint": job.fingerprint})
    for twin in twins:
        turns.left(connection, twin)
        changes = {
            "answered_by": job.answered_by or job.id,
            "lane": BUILTIN,
            "batch_key": None,
            "ready_at": 0.0,
        }
        moved = changed(connection, twin.id, (State.QUEUED,), **changes)
        if moved is not None:
            turns.joined(connection, moved)
    return [twin.id for twin in twins]

"""What a job that succeeded leaves in the tables, besides its own row. Called inside a caller's transaction."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.jobs.database import upsert
from sidecar.jobs.records import Job
from sidecar.jobs.tables import HISTORY, IMAGES, MODELS_CACHE


def remember(connection: Connection, job: Job) -> None:
    """Write down each picture, and how it came to be."""
    assert job.ended is not None
    for index, image in enumerate(job.images):
        facts = {name: getattr(image, name) for name in ("ref", "format", "width", "height", "size")}
        known = upsert(connection, IMAGES).values(**facts, created=job.ended)
        connection.execute(known.on_conflict_do_nothing())
        connection.execute(
            sa.insert(HISTORY).values(
                job_id=job.id,
                image_index=index,
                ref=image.ref,
                method=job.method,
                task=job.task.model_dump(mode="json"),
                inputs=dict(job.task.inputs),
                created=job.ended,
            )
        )


def time(connection: Connection, job: Job, device: str) -> None:
    """Keep how long a model takes."""
    insert = upsert(connection, MODELS_CACHE)
    work = insert.values(
        model_id=job.task.model_id,
        device=device,
        jobs=1,
        compute=max(1, job.spent.compute),
        seconds=job.work_seconds,
    )
    sums = {name: MODELS_CACHE.c[name] + work.excluded[name] for name in ("jobs", "compute", "seconds")}
    connection.execute(work.on_conflict_do_update(index_elements=["model_id", "device"], set_=sums))

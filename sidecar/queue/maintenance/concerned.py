"""Whom it concerns that a picture or a row is broken: jobs, entities, templates and runs by their ids, and what each can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from entity_store.blobs import references_in
from entity_store.world import World
from sidecar.queue.maintenance.retention import as_text
from sidecar.queue.model import State
from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import JOB_INPUTS, JOBS, RUNS, TEMPLATES

_CHUNK = 500


@dataclass(frozen=True)
class Concern:
    """Something that needs what is broken. `kind`: job, entity, template or run; `owner_id` is 0 where nobody owns it."""

    kind: str
    id: str
    owner_id: int
    state: str
    cure: str


def concerned(
    database: Database, world: World, refs: Collection[str], job_ids: Collection[str]
) -> dict[str, list[Concern]]:
    """By reference and by job id; without those that nothing known needs. `refs` are pictures, `job_ids` broken rows."""
    found: dict[str, list[Concern]] = {}

    def note(key: str, concern: Concern) -> None:
        if concern not in (known := found.setdefault(key, [])):
            known.append(concern)

    def look(connection: Connection) -> None:
        for job_id, row in _jobs(connection, job_ids):
            note(job_id, _job(row, _cure_of_row(row.state)))
        if refs:
            for ref, concern in _needing(connection, set(refs)):
                note(ref, concern)

    database.look_here(look)
    if refs:
        for ref, entity_id in world.entities_by_reference():
            if ref in refs:
                cure = f"viwo-imagegen entity get {entity_id} shows it once a job above has made it again"
                note(ref, Concern("entity", str(entity_id), 0, "", cure))
    return found


def _needing(connection: Connection, refs: set[str]) -> Iterator[tuple[str, Concern]]:
    """What of the job database names the pictures."""
    made = sa.select(JOBS.c.id, JOBS.c.owner_id, JOBS.c.state, as_text(JOBS.c.images).label("text")).where(
        JOBS.c.state == State.SUCCEEDED
    )
    for row in connection.execute(made):
        for ref in refs & references_in(row.text):
            yield ref, _job(row, f"made it: viwo-imagegen jobs rerun {row.id}")
    given = sa.select(JOBS.c.id, JOBS.c.owner_id, JOBS.c.state, JOB_INPUTS.c.role, JOB_INPUTS.c.ref).join(
        JOBS, JOBS.c.id == JOB_INPUTS.c.job_id
    )
    for row in connection.execute(given):
        if row.ref in refs:
            cure = f"began with it as '{row.role}', and cannot run again until that picture is uploaded again"
            yield row.ref, _job(row, cure)
    for row in connection.execute(
        sa.select(TEMPLATES.c.name, TEMPLATES.c.owner_id, as_text(TEMPLATES.c.document).label("text"))
    ):
        for ref in refs & references_in(row.text):
            yield (
                ref,
                Concern("template", row.name, row.owner_id, "", "names it: import the template with another"),
            )
    texts = as_text(RUNS.c.document) + as_text(RUNS.c.context)
    going = sa.select(RUNS.c.id, RUNS.c.owner_id, RUNS.c.state, texts.label("text")).where(
        RUNS.c.ended.is_(None)
    )
    for row in connection.execute(going):
        for ref in refs & references_in(row.text):
            yield (
                ref,
                Concern(
                    "run",
                    row.id,
                    row.owner_id,
                    row.state,
                    "fails where it comes to it: run the template again",
                ),
            )


def _jobs(connection: Connection, ids: Collection[str]) -> Iterator[tuple[str, Any]]:
    wanted = sorted(ids)
    for begin in range(0, len(wanted), _CHUNK):
        some = wanted[begin : begin + _CHUNK]
        query = sa.select(JOBS.c.id, JOBS.c.owner_id, JOBS.c.state).where(JOBS.c.id.in_(some))
        yield from ((row.id, row) for row in connection.execute(query))


def _job(row: Any, cure: str) -> Concern:
    owner = row.owner_id if isinstance(row.owner_id, int) else 0
    return Concern("job", str(row.id), owner, str(row.state), cure)


def _cure_of_row(state: object) -> str:
    if state in (State.QUEUED, State.RUNNING):
        return "--repair fails it, with nothing charged; then submit it again"
    return "--repair settles what it reserved; its pictures stay"

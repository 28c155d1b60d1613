"""What keeps a store in order over months: old jobs removed, unused pictures removed, files and rows compared."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import FailedPrecondition
from entity_store.blobs import Blobs, references_in
from entity_store.world import World
from sidecar.config import Settings
from sidecar.queue.ledger import budgets
from sidecar.queue.maintenance.lock import maintenance_lock
from sidecar.queue.model import State
from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import (
    BATCHES,
    HISTORY,
    IMAGES,
    JOB_INPUTS,
    JOBS,
    RUNS,
    TEMPLATES,
)

GRACE = 3600.0
"""Seconds that a picture is kept after it was last stored, used or not: its job may be about to be written down."""

LEDGER_DAYS = 62
"""Days that the ledger is kept beyond the jobs it tells of."""

_OPEN = (State.QUEUED, State.RUNNING)
_CHUNK = 500


@dataclass(frozen=True)
class Retention:
    """What is kept of ended jobs; None: all of it."""

    days: float | None = None
    jobs: int | None = None
    bytes: int | None = None


def retention(settings: Settings) -> Retention:
    """What the operator keeps."""
    return Retention(settings.keep_days, settings.keep_jobs, settings.keep_bytes)


@dataclass
class Removed:
    """What was removed; sizes in bytes."""

    jobs: int = 0
    pictures: int = 0
    bytes: int = 0
    ledger_rows: int = 0


def collect(
    database: Database, world: World, blobs: Blobs, retention: Retention, *, grace: float = GRACE
) -> Removed:
    """Remove jobs that need not be kept, and pictures that nothing refers to: no entity, no version of one, no job."""
    removed = Removed()
    now = time.time()
    with maintenance_lock(blobs):
        held = database.look_here(_held_by_runs)
        for chosen in _old_jobs(database, retention, now, held):
            removed.jobs += len(chosen)
            database.do_here(partial(_remove_jobs, ids=chosen))
        _remove_pictures(database, world, blobs, now - grace, removed)
        if retention.bytes is not None:
            _shrink(database, world, blobs, retention.bytes, now - grace, held, removed)
        keep_after = now - LEDGER_DAYS * 24 * 3600
        removed.ledger_rows = database.do_here(lambda connection: budgets.forget(connection, keep_after, now))
    return removed


def _shrink(
    database: Database,
    world: World,
    blobs: Blobs,
    most: int,
    before: float,
    held: Collection[str],
    removed: Removed,
) -> None:
    """Remove the oldest ended jobs until the pictures that are left fit, as long as that helps."""
    while (over := blobs.size() - most) > 0:
        sizes = {ref: size for ref, size, stored in blobs.files() if stored < before}
        for ref in world.references():
            sizes.pop(ref, None)
        ended = database.look_here(partial(_ended_with_pictures, before=before))
        ids = _oldest([(job_id, refs) for job_id, refs in ended if job_id not in held], sizes, over)
        if not ids:
            return
        removed.jobs += len(ids)
        for start in range(0, len(ids), _CHUNK):
            database.do_here(partial(_remove_jobs, ids=ids[start : start + _CHUNK]))
        _remove_pictures(database, world, blobs, before, removed)


def _ended_with_pictures(connection: Connection, before: float) -> list[tuple[str, set[str]]]:
    """Ended jobs, the oldest first, with the pictures that each made or began with."""
    inputs: dict[str, set[str]] = {}
    for job_id, ref in connection.execute(sa.select(JOB_INPUTS.c.job_id, JOB_INPUTS.c.ref)):
        inputs.setdefault(job_id, set()).add(ref)
    ended = sa.select(JOBS.c.id, as_text(JOBS.c.images).label("images"))
    rows = connection.execute(
        ended.where(JOBS.c.state.not_in(_OPEN), JOBS.c.ended < before).order_by(JOBS.c.ended)
    )
    return [(row.id, references_in(row.images) | inputs.get(row.id, set())) for row in rows]


def as_text(column: sa.Column[Any]) -> sa.ColumnElement[str]:
    """A column of JSON as its text: references are found there whether or not the rest of it can be read."""
    return sa.func.coalesce(sa.cast(column, sa.Text), "")


def _oldest(jobs: Sequence[tuple[str, set[str]]], sizes: dict[str, int], needed: int) -> list[str]:
    """The oldest of the jobs that have pictures of these sizes, as many as may free so much."""
    ids: list[str] = []
    for job_id, refs in jobs:
        if needed <= 0:
            break
        if refs & sizes.keys():
            ids.append(job_id)
            needed -= sum(sizes.pop(ref) for ref in refs & sizes.keys())
    return ids


def _held_by_runs(connection: Connection) -> set[str]:
    """Jobs of templates that are being worked through."""
    runs = connection.execute(sa.select(RUNS.c.jobs).where(RUNS.c.ended.is_(None))).scalars()
    return {job_id for jobs in runs if isinstance(jobs, list) for job_id in jobs if isinstance(job_id, str)}


def _old_jobs(
    database: Database, retention: Retention, now: float, held: Collection[str]
) -> Iterator[list[str]]:
    """Ended jobs that are too old or too many, in handfuls."""
    ended = JOBS.c.state.not_in(_OPEN)
    queries = []
    if retention.days is not None:
        queries.append(sa.select(JOBS.c.id).where(ended, JOBS.c.ended < now - retention.days * 24 * 3600))
    if retention.jobs is not None:
        newest_first = sa.select(JOBS.c.id).where(ended).order_by(JOBS.c.ended.desc(), JOBS.c.id.desc())
        queries.append(newest_first.offset(retention.jobs))
    for query in queries:
        ids = [job_id for job_id in database.look_here(partial(_ids, query=query)) if job_id not in held]
        for start in range(0, len(ids), _CHUNK):
            yield ids[start : start + _CHUNK]


def _ids(connection: Connection, query: sa.Select[str]) -> list[str]:
    return list(connection.execute(query).scalars())


def _remove_jobs(connection: Connection, ids: Collection[str]) -> None:
    connection.execute(sa.delete(JOB_INPUTS).where(JOB_INPUTS.c.job_id.in_(ids)))
    connection.execute(sa.delete(JOBS).where(JOBS.c.id.in_(ids), JOBS.c.state.not_in(_OPEN)))
    with_jobs = sa.select(JOBS.c.batch_id).where(JOBS.c.batch_id.is_not(None))
    connection.execute(sa.delete(BATCHES).where(BATCHES.c.id.not_in(with_jobs)))
    for run_id, jobs in connection.execute(
        sa.select(RUNS.c.id, RUNS.c.jobs).where(RUNS.c.ended.is_not(None))
    ).all():
        if isinstance(jobs, list) and any(job_id in ids for job_id in jobs):
            connection.execute(sa.delete(RUNS).where(RUNS.c.id == run_id))


def _remove_pictures(database: Database, world: World, blobs: Blobs, before: float, removed: Removed) -> None:
    used = world.references() | database.look_here(used_by_jobs)
    gone = set()
    for ref, size, stored in blobs.files():
        if ref not in used and stored < before:
            blobs.remove(ref)
            gone.add(ref)
            removed.pictures += 1
            removed.bytes += size
    database.do_here(lambda connection: _forget_pictures(connection, gone))


def used_by_jobs(connection: Connection) -> set[str]:
    used: set[str] = set()
    for query in (
        sa.select(JOB_INPUTS.c.ref),
        sa.select(as_text(JOBS.c.images)).where(JOBS.c.state.not_in((State.FAILED, State.CANCELED))),
        sa.select(as_text(RUNS.c.document)).where(RUNS.c.ended.is_(None)),
        sa.select(as_text(RUNS.c.context)).where(RUNS.c.ended.is_(None)),
        sa.select(as_text(TEMPLATES.c.document)),
    ):
        for text in connection.execute(query).scalars():
            used |= references_in(str(text))
    return used


def _forget_pictures(connection: Connection, gone: set[str]) -> None:
    """Rows of removed pictures go, but not the history that leads to a picture which is still there."""
    if not gone:
        return
    for ref in gone:
        connection.execute(sa.delete(IMAGES).where(IMAGES.c.ref == ref))
    parents: dict[str, list[str]] = {}
    for ref, inputs in connection.execute(sa.select(HISTORY.c.ref, HISTORY.c.inputs)):
        parents.setdefault(ref, []).extend(inputs.values() if isinstance(inputs, dict) else ())
    kept: set[str] = set()
    reached = [ref for ref in parents if ref not in gone]
    while reached:
        ref = reached.pop()
        if ref not in kept:
            kept.add(ref)
            reached += parents.get(ref, [])
    for ref in gone - kept:
        connection.execute(sa.delete(HISTORY).where(HISTORY.c.ref == ref))


def require_own_world(remote: bool) -> None:
    """Raises FailedPrecondition where entities are kept that cannot be seen from here."""
    if remote:
        raise FailedPrecondition(
            "this sidecar also serves worlds on other machines (statement_key_file is set), whose entities cannot be seen "
            "from here: removing pictures could empty them. Unset keep_days, keep_jobs and keep_gib, or say --blind",
            reason="WORLD_ELSEWHERE",
            field="statement_key_file",
        )

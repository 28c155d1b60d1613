"""Whether files, rows and the ledger fit together, and the repair of what can be repaired: fsck."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import Refusal
from entity_store import rooms
from entity_store.blobs import Blobs
from entity_store.world import World
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.maintenance.lock import maintenance_lock
from sidecar.queue.maintenance.retention import GRACE, used_by_jobs
from sidecar.queue.maintenance.unreadable_rows import RowReaders, unreadable_rows
from sidecar.queue.model import State, cost_of, job_of
from sidecar.queue.scheduling import turns
from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import (
    IMAGES,
    JOBS,
    LEDGER,
)

_OPEN = (State.QUEUED, State.RUNNING)
_FINAL = tuple(state for state in State if state.final)


@dataclass
class Findings:
    """What does not fit together. Each is repaired where it can be, if asked."""

    missing: list[str] = field(default_factory=list)
    """Pictures that a job or an entity refers to, with no file: only doing the job again brings them back."""
    damaged: list[str] = field(default_factory=list)
    """Files whose bytes are not what their name says; repaired by setting them aside."""
    unrecorded: list[str] = field(default_factory=list)
    """Results that the table of pictures does not have."""
    unsettled: list[str] = field(default_factory=list)
    """Jobs that have ended, or are not there any more, whose reservation is still open."""
    balances: list[str] = field(default_factory=list)
    """Accounts that are not the sum of their ledger rows."""
    lines: int = 0
    """Owners whose count of waiting jobs is wrong."""
    unfinished: int = 0
    """Files that were being written when a server was killed."""
    unreadable: list[str] = field(default_factory=list)
    """Rows of either database that hold what no version of ours writes, each with why; they are passed over."""
    dangling: list[str] = field(default_factory=list)
    """Entities that rooms name among their contents and that are not there; repaired by taking them out."""
    database: str = ""
    """What the database says of itself, where that is not good."""

    @property
    def clean(self) -> bool:
        return self == Findings()


def check(
    database: Database,
    world: World,
    blobs: Blobs,
    *,
    repair: bool = False,
    live: bool = False,
    readers: RowReaders | None = None,
) -> Findings:
    """Compare files and rows, every file by its hash; with `repair`, mend what can be mended.

    `readers` are those of rows that the layers above write. `live`: a server works on the store meanwhile; then nothing is
    kept from being written. Repairing needs the store alone. Of the world nothing is changed but rooms' contents.
    """
    found = Findings()

    def work(connection: Connection) -> set[str]:
        found.unreadable = sorted([*unreadable_rows(connection, readers or {}), *world.unreadable()])
        if repair:
            _end_damaged(connection)
        _check_rows(connection, found, repair)
        return used_by_jobs(connection)

    with maintenance_lock(blobs), ExitStack() as stack:
        if repair:
            stack.enter_context(database.alone())
        # Rows come first: a picture is stored before a row names it, so that one without a file is missing indeed.
        used = (database.do_here if repair else database.look_here)(work) | world.references()
        good: set[str] = set()
        damaged: list[str] = []
        for ref, _, _ in blobs.files():
            (good.add if _is_whole(blobs, ref) else damaged.append)(ref)
        found.missing = sorted(used - good)
        found.damaged = sorted(damaged)
        found.unfinished = blobs.unfinished(older_than=GRACE if live else 0)
        if repair:
            for ref in damaged:
                blobs.set_aside(ref)
            blobs.discard_unfinished()
        found.dangling = [
            f"room {room}: {', '.join(map(str, ids))}"
            for room, ids in sorted(rooms.dangling(world.rows).items())
        ]
        if repair and found.dangling:
            with world.transaction() as connection:
                rooms.repair_contents(connection)
    return found


def _is_whole(blobs: Blobs, ref: str) -> bool:
    try:
        with blobs.path(ref).open("rb") as file:
            return ref == f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except (OSError, Refusal):
        return False


def _check_rows(connection: Connection, found: Findings, repair: bool) -> None:
    if connection.dialect.name == "sqlite":
        verdict = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        found.database = "" if verdict == ["ok"] else "; ".join(map(str, verdict))[:500]
    known = set(connection.execute(sa.select(IMAGES.c.ref)).scalars())
    done = map(job_of, connection.execute(sa.select(JOBS).where(JOBS.c.state == State.SUCCEEDED)))
    results = {image.ref: (image, job.ended) for job in done for image in job.images}
    found.unrecorded = sorted(results.keys() - known)
    open_rows = sa.select(LEDGER.c.job_id).where(LEDGER.c.settled.is_(False))
    unsettled = {
        row.id: cost_of(row.compute_spent, row.money_spent)
        for row in connection.execute(
            sa.select(JOBS.c.id, JOBS.c.compute_spent, JOBS.c.money_spent).where(
                JOBS.c.id.in_(open_rows), JOBS.c.state.not_in(_OPEN)
            )
        )
    }
    nobodys = sa.select(LEDGER.c.job_id, LEDGER.c.money).where(
        LEDGER.c.settled.is_(False), LEDGER.c.job_id.not_in(sa.select(JOBS.c.id))
    )
    # What was bought without a job may have been billed before the server died.
    unsettled |= {row.job_id: cost_of(0, row.money) for row in connection.execute(nobodys)}
    found.unsettled = sorted(unsettled)
    if repair:
        for ref in found.unrecorded:
            image, ended = results[ref]
            facts = {name: getattr(image, name) for name in ("ref", "format", "width", "height", "size")}
            connection.execute(sa.insert(IMAGES).values(**facts, created=ended))
        for job_id, spent in unsettled.items():
            budgets.settle(connection, job_id, spent)
    wrong = budgets.differences(connection)
    found.balances = sorted(f"{account} {period}" for account, period in wrong)
    if repair:
        budgets.repair(connection, wrong)
    found.lines = turns.wrong_lines(connection)
    if repair:
        turns.recount(connection)


def _end_damaged(connection: Connection) -> None:
    """Fail the jobs that wait or run with a row that cannot be read: nobody may ever take them up."""
    failure = dataclasses.asdict(Failed("FAILED_PRECONDITION", "its row was damaged", reason="DAMAGED_ROW"))
    open_jobs = map(job_of, connection.execute(sa.select(JOBS).where(JOBS.c.state.not_in(_FINAL))).all())
    for job in open_jobs:
        if job.damaged:
            values = {"state": State.FAILED, "failure": failure, "ended": time.time(), "runner": None}
            connection.execute(sa.update(JOBS).where(JOBS.c.id == job.id).values(**values))

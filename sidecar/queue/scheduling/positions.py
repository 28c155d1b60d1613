"""How many jobs come before each of those that wait, as far as can be known before they are run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.model import Job, Row, State, whole
from sidecar.queue.store.tables import JOBS, LINES, SHARES

MAX_POSITION = 1000
"""Positions are counted up to here; beyond it nobody needs to know."""

_given = sa.bindparam
_HAS_HAD = sa.func.coalesce(SHARES.c.served, 0).label("served")
_ITS_SHARE = (
    (SHARES.c.lane == LINES.c.lane)
    & (SHARES.c.world == LINES.c.world)
    & (SHARES.c.owner_id == LINES.c.owner_id)
)
_NEWEST = (
    sa.select(JOBS.c.id, JOBS.c.lane, JOBS.c.world, JOBS.c.owner_id, JOBS.c.priority)
    .where(JOBS.c.state == State.QUEUED, JOBS.c.id >= _given("oldest"))
    .order_by(JOBS.c.id.desc())
    .limit(MAX_POSITION)
)
_NEWEST_OF_OWNER = _NEWEST.where(JOBS.c.world == _given("world"), JOBS.c.owner_id == _given("owner_id"))
_EARLIER = sa.select(sa.func.count()).select_from(
    sa.select(JOBS.c.id)
    .where(
        JOBS.c.state == State.QUEUED, JOBS.c.lane == _given("lane"), JOBS.c.world == _given("world"),
        JOBS.c.owner_id == _given("owner_id"),
        JOBS.c.priority == _given("priority"), JOBS.c.id < _given("job"),
    )
    .limit(MAX_POSITION)
    .subquery()
)  # fmt: skip
_LONG_LINES_FIRST = (
    sa.select(
        LINES.c.lane,
        LINES.c.priority,
        LINES.c.world,
        LINES.c.owner_id,
        _HAS_HAD,
        sa.func.sum(LINES.c.waiting).label("waiting"),
    )
    .outerjoin(SHARES, _ITS_SHARE)
    .where(LINES.c.waiting > 0)
    .group_by(LINES.c.lane, LINES.c.priority, LINES.c.world, LINES.c.owner_id, _HAS_HAD)
    .order_by(sa.func.sum(LINES.c.waiting).desc())
)


def positions(connection: Connection, jobs: Sequence[Job]) -> dict[str, int]:
    """How many jobs come before each queued one, as far as can be known before they are run."""
    queued = [job for job in jobs if job.state is State.QUEUED]
    if not queued:
        return {}
    lines: dict[str, list[Row]] = {}
    for row in connection.execute(_LONG_LINES_FIRST):
        lines.setdefault(row.lane, []).append(row)
    before = _before(connection, queued, lines)
    return {job.id: _position(job, before[job.id], lines.get(job.lane, [])) for job in queued}


def _before(
    connection: Connection, jobs: Sequence[Job], lines: Mapping[str, Sequence[Row]]
) -> dict[str, int]:
    """How many jobs of the same owner are before each: counted from the end of its line where that is near."""
    asked: dict[str, str | int] = {"oldest": min(job.id for job in jobs)}
    owners = {(job.world, job.owner_id) for job in jobs}
    query = _NEWEST
    if len(owners) == 1:
        world, owner_id = owners.pop()
        query, asked = _NEWEST_OF_OWNER, asked | {"world": world, "owner_id": owner_id}
    newest = connection.execute(query, asked).all()
    waiting = {
        (lane, line.world, line.owner_id, line.priority): line.waiting
        for lane, group in lines.items()
        for line in group
    }
    after: Counter[tuple[str, str, int, int]] = Counter()
    places: dict[str, int] = {}
    for row in newest:
        key = (row.lane, row.world, row.owner_id, row.priority)
        after[key] += 1
        places[row.id] = waiting.get(key, 0) - after[key]
    if len(newest) == MAX_POSITION:
        places |= {job.id: _count_before(connection, job) for job in jobs}
    return {job.id: max(0, places.get(job.id, 0)) for job in jobs}


def _count_before(connection: Connection, job: Job) -> int:
    asked = {
        "lane": job.lane, "world": job.world, "owner_id": job.owner_id, "priority": job.priority, "job": job.id,
    }  # fmt: skip
    return int(connection.execute(_EARLIER, asked).scalar_one())


def _position(job: Job, before: int, lines: Sequence[Row]) -> int:
    """`before`: how many jobs of the same owner are before it."""
    own = (job.owner_id, job.world)
    own_share = next((whole(line.served) for line in lines if (line.owner_id, line.world) == own), 0)
    position = before
    for line in lines:
        if position >= MAX_POSITION:
            break
        if whole(line.priority) > job.priority:
            position += line.waiting
        elif line.priority == job.priority and (line.owner_id, line.world) != own:
            # Owners take turns: about as many of each as of this one, and one more of whoever has had less.
            first = (whole(line.served), whole(line.owner_id), line.world) < (own_share, *own)
            position += min(line.waiting, before + first)
    return min(position, MAX_POSITION)

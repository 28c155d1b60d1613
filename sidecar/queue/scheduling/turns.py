"""Which job is next: the highest priority first; within it the owner that has had the least compute; then the oldest.

Fair queueing by start tags (Goyal, Vin and Cheng 1996): every owner carries the compute it has had, and who comes back
from having nothing to do starts at the lane's clock, so that idling saves nothing up. Every function works inside a
caller's transaction.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.model import Job, Row, State, is_time, whole
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store.database import adding, upsert
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import JOBS, LINES, SHARES

Owner = tuple[str, int]
"""The id of a world, and an entity in it."""
CLOCK: Owner = ("", 0)
"""Stands in the place of an owner where a lane's clock is kept."""

SPARE = 2
"""Candidates looked at beyond those that are needed, since some may have to wait for others."""

_PLACE = ("lane", "priority", "world", "owner_id", "model_id")

# Statements that every pick needs are built once: putting one together takes longer than running it.
_given = sa.bindparam
_HAS_HAD = sa.func.coalesce(SHARES.c.served, 0).label("served")
_ITS_SHARE = (
    (SHARES.c.lane == LINES.c.lane)
    & (SHARES.c.world == LINES.c.world)
    & (SHARES.c.owner_id == LINES.c.owner_id)
)
_LINES_IN_TURN = Prepared(
    sa.select(LINES.c.priority, LINES.c.world, LINES.c.owner_id, LINES.c.model_id, LINES.c.waiting)
    .outerjoin(SHARES, _ITS_SHARE)
    .where(LINES.c.lane == _given("lane"), LINES.c.waiting > 0)
    .order_by(LINES.c.priority.desc(), _HAS_HAD, LINES.c.owner_id, LINES.c.world)
)
_OWNERS_IN_TURN = Prepared(
    sa.select(LINES.c.world, LINES.c.owner_id, _HAS_HAD)
    .outerjoin(SHARES, _ITS_SHARE)
    .where(LINES.c.lane == _given("lane"), LINES.c.model_id == _given("model_id"), LINES.c.waiting > 0)
    .group_by(LINES.c.world, LINES.c.owner_id, _HAS_HAD)
    .order_by(_HAS_HAD, LINES.c.owner_id, LINES.c.world)
    .limit(_given("most"))
)
_RUNNING = Prepared(sa.select(JOBS.c.holds, JOBS.c.fingerprint).where(JOBS.c.state == State.RUNNING))
_HEAD = (
    sa.select(JOBS)
    .where(
        JOBS.c.state == State.QUEUED, JOBS.c.lane == _given("lane"), JOBS.c.world == _given("world"),
        JOBS.c.owner_id == _given("owner_id"),
        JOBS.c.priority == _given("priority"), JOBS.c.ready_at <= _given("now"),
    )
    .order_by(JOBS.c.id)
    .limit(1)
)  # fmt: skip
_HEAD_FOR_MODEL = _HEAD.where(JOBS.c.model_id == _given("model_id"))
_FIRST = {False: Prepared(_HEAD), True: Prepared(_HEAD_FOR_MODEL)}
"""The head of a line where nothing that runs keeps any from being begun; for one model or for all."""
_BATCH_MATES = Prepared(
    sa.select(JOBS.c.id, JOBS.c.holds, JOBS.c.fingerprint, JOBS.c.compute)
    .where(
        JOBS.c.batch_key == _given("batch_key"), JOBS.c.state == State.QUEUED, JOBS.c.lane == _given("lane"), JOBS.c.world == _given("world"), JOBS.c.owner_id == _given("owner_id"),
        JOBS.c.priority == _given("priority"), JOBS.c.id != _given("leader"), JOBS.c.ready_at <= _given("now"), JOBS.c.attempts == 0,
    )
    .order_by(JOBS.c.id)
    .limit(_given("most"))
)  # fmt: skip
_LEFT = Prepared(
    sa.update(LINES)
    .where(*(LINES.c[name] == _given(f"its_{name}") for name in _PLACE))
    .values(waiting=LINES.c.waiting - _given("count"))
)
_SERVED = Prepared(
    sa.select(SHARES.c.served).where(
        SHARES.c.lane == _given("lane"),
        SHARES.c.world == _given("world"),
        SHARES.c.owner_id == _given("owner_id"),
    )
)
_IS_OWN = (LINES.c.world == _given("world")) & (LINES.c.owner_id == _given("owner_id"))
_OWN = sa.case((_IS_OWN, LINES.c.waiting), else_=0)
_WAITING_IN_ALL = Prepared(
    sa.select(
        sa.func.coalesce(sa.func.sum(LINES.c.waiting), 0).label("everybodys"),
        sa.func.coalesce(sa.func.sum(_OWN), 0).label("own"),
    )
)
_OWN_IN_LANE = (
    sa.select(sa.func.coalesce(sa.func.sum(LINES.c.waiting), 0))
    .where(
        LINES.c.lane == _given("its_lane"),
        LINES.c.world == _given("its_world"),
        LINES.c.owner_id == _given("its_owner"),
    )
    .scalar_subquery()
)
_JOIN = adding(LINES, "waiting")


def _catching_up(dialect: str) -> Any:
    """Whoever had nothing waiting in a lane begins at the lane's clock."""
    clock = sa.select(
        SHARES.c.lane,
        _given("its_world", type_=SHARES.c.world.type),
        _given("its_owner", type_=SHARES.c.owner_id.type),
        SHARES.c.served,
    ).where(
        SHARES.c.lane == _given("its_lane"),
        SHARES.c.world == CLOCK[0],
        SHARES.c.owner_id == CLOCK[1],
        _OWN_IN_LANE == 0,
    )
    insert = upsert(dialect, SHARES).from_select(["lane", "world", "owner_id", "served"], clock)
    behind = SHARES.c.served < insert.excluded.served
    return insert.on_conflict_do_update(
        index_elements=list(SHARES.primary_key), set_={"served": insert.excluded.served}, where=behind
    )


def _serving(dialect: str) -> Any:
    insert = upsert(dialect, SHARES)
    return insert.on_conflict_do_update(
        index_elements=list(SHARES.primary_key), set_={"served": insert.excluded.served}
    )


_CATCH_UP = Prepared(_catching_up)
_SERVE = Prepared(_serving)

_READY = Prepared(
    sa.select(sa.func.min(JOBS.c.ready_at).label("ready_at")).where(
        JOBS.c.state == State.QUEUED, JOBS.c.lane == _given("lane"), JOBS.c.ready_at > _given("now")
    )
)


def _place(row: Row | Job) -> dict[str, str | int]:
    return {name: getattr(row, name) for name in _PLACE}


def joined(connection: Connection, row: Row | Job) -> None:
    """A job waits now."""
    _CATCH_UP.run(connection, {"its_lane": row.lane, "its_world": row.world, "its_owner": row.owner_id})
    _JOIN.run(connection, {**_place(row), "waiting": 1})


def left(connection: Connection, row: Row | Job) -> None:
    """One that waited does so no longer."""
    _leave(connection, [row])


def waiting(connection: Connection, world: str, owner_id: int) -> tuple[int, int]:
    """How many jobs wait in all, and of one owner."""
    row = _WAITING_IN_ALL.rows(connection, {"world": world, "owner_id": owner_id})[0]
    return int(row.everybodys), int(row.own)


def recount(connection: Connection) -> None:
    """Count again who waits, from the jobs themselves."""
    connection.execute(sa.delete(LINES))
    connection.execute(sa.insert(LINES).from_select([*_PLACE, "waiting"], _counted()))


def wrong_lines(connection: Connection) -> int:
    """In how many places the count of who waits is not what the jobs say."""
    kept = sa.select(*(LINES.c[name] for name in _PLACE), LINES.c.waiting).where(LINES.c.waiting != 0)
    counts = ({tuple(row) for row in connection.execute(query)} for query in (kept, _counted()))
    return len(next(counts) ^ next(counts))


def _counted() -> sa.Select[Any]:
    columns = [JOBS.c[name] for name in _PLACE]
    return sa.select(*columns, sa.func.count()).where(JOBS.c.state == State.QUEUED).group_by(*columns)


def pick(connection: Connection, lane: str, preference: Preference, now: float) -> tuple[Row | None, int]:
    """The row of the job that is next, if any may begin now; and how many wait in the lane, that one among them."""
    lines = _LINES_IN_TURN.rows(connection, {"lane": lane})
    waiting = sum(whole(line.waiting) for line in lines)
    if not lines:
        return None, 0
    may = _Running.now(connection)
    for priority, *owner in dict.fromkeys((line.priority, line.world, line.owner_id) for line in lines):
        fair = _head(connection, lane, priority, tuple(owner), may, now)
        if fair is None:
            continue
        chosen, passed = fair, None
        if fair.model_id not in preference.loaded and preference.may_be_overtaken(fair.id, now):
            for line in lines:
                if line.priority == priority and line.model_id in preference.loaded:
                    other = _head(
                        connection, lane, priority, (line.world, line.owner_id), may, now, line.model_id
                    )
                    if other is not None:
                        chosen, passed = other, fair.id
                        break
        preference.note(passed, chosen.id, now)
        return chosen, waiting
    return None, waiting


def batch_mates(connection: Connection, leader: Row, most: int, now: float) -> list[Row]:
    """Other jobs that can be drawn together with one that is taken, by the same turns as ever.

    One that failed before is tried by itself.
    """
    if leader.batch_key is None or leader.attempts or most < 1:
        return []
    may = _Running.now(connection)
    may.add(leader)
    # Of each taken job the next comes from the owner who has had the least, so no more owners than jobs can have a turn.
    asked = {"lane": leader.lane, "model_id": leader.model_id, "most": most + 1}
    turns: list[tuple[int, int, str, list[Row]]] = []
    for world, owner_id, total in _OWNERS_IN_TURN.rows(connection, asked):
        asked = {
            "batch_key": leader.batch_key,
            "lane": leader.lane,
            "world": world,
            "owner_id": owner_id,
            "leader": leader.id,
            "priority": leader.priority,
            "now": now,
            "most": most + SPARE,
        }
        waiting_ones = _BATCH_MATES.rows(connection, asked)
        is_leaders = (world, owner_id) == (leader.world, leader.owner_id)
        charged = max(1, whole(leader.compute)) if is_leaders else 0
        turns.append((whole(total) + charged, owner_id, world, waiting_ones))
    chosen: list[Row] = []
    heapq.heapify(turns)
    while turns and len(chosen) < most:
        total, owner_id, world, rows = heapq.heappop(turns)
        row = next((row for row in rows if may.begin(row)), None)
        if row is not None:
            may.add(row)
            chosen.append(row)
            rows.remove(row)
            heapq.heappush(turns, (total + max(1, whole(row.compute)), owner_id, world, rows))
    if not chosen:
        return []
    ids = [row.id for row in chosen]
    return list(connection.execute(sa.select(JOBS).where(JOBS.c.id.in_(ids)).order_by(JOBS.c.id)))


def taken(connection: Connection, rows: Sequence[Row]) -> None:
    """Jobs that waited are begun together: their owners are charged for them, and the clock moves."""
    lane = rows[0].lane
    _leave(connection, rows)
    served = _served(connection, lane, {(row.world, row.owner_id) for row in rows})
    served[CLOCK] = max(served[CLOCK], served[rows[0].world, rows[0].owner_id])
    for row in rows:
        served[row.world, row.owner_id] += max(1, whole(row.compute))
    _serve(connection, lane, served)


def next_ready(connection: Connection, lane: str, now: float) -> float | None:
    """When the next job that has to wait for a time may begin."""
    (ready,) = _READY.rows(connection, {"lane": lane, "now": now})
    return ready.ready_at if is_time(ready.ready_at) else None


def holds_of(row: Row) -> dict[str, int]:
    """The capabilities of which only so many jobs may run at a time, as far as the row can be read."""
    holds = row.holds if isinstance(row.holds, dict) else {}
    return {capability_id: most for capability_id, most in holds.items() if isinstance(most, int)}


@dataclass
class _Running:
    """What runs now, as far as it keeps others from beginning."""

    counts: dict[str, int]
    fingerprints: set[str]

    @classmethod
    def now(cls, connection: Connection) -> _Running:
        running = cls({}, set())
        for row in _RUNNING.rows(connection):
            running.add(row)
        return running

    def add(self, row: Row) -> None:
        for capability_id in holds_of(row):
            self.counts[capability_id] = self.counts.get(capability_id, 0) + 1
        if row.fingerprint:
            self.fingerprints.add(row.fingerprint)

    def held(self, holds: Mapping[str, int]) -> bool:
        return any(self.counts.get(capability_id, 0) >= most for capability_id, most in holds.items())

    def begin(self, row: Row) -> bool:
        """Whether nothing keeps a job from being begun. One whose twin runs waits for the twin's result."""
        return not self.held(holds_of(row)) and row.fingerprint not in self.fingerprints


def _head(
    connection: Connection,
    lane: str,
    priority: int,
    owner: Owner,
    may: _Running,
    now: float,
    model_id: str = "",
) -> Row | None:
    """The oldest job of an owner that may begin; of those for one model where it is named."""
    held: set[str] = set()
    query, asked = _HEAD, {
        "lane": lane, "world": owner[0], "owner_id": owner[1], "priority": priority, "now": now,
    }  # fmt: skip
    if model_id:
        query, asked = _HEAD_FOR_MODEL, {**asked, "model_id": model_id}
    if may.fingerprints:
        query = query.where(JOBS.c.fingerprint.is_(None) | JOBS.c.fingerprint.not_in(may.fingerprints))
    while True:
        if held or may.fingerprints:
            free = query.where(JOBS.c.capability_id.not_in(held)) if held else query
            row = connection.execute(free, asked).first()
        else:
            row = _FIRST[bool(model_id)].first(connection, asked)
        if row is None or not may.held(holds_of(row)):
            return row
        # All jobs of that capability have to wait, so they need not be looked at one by one.
        held.add(row.capability_id)


def _leave(connection: Connection, rows: Sequence[Row | Job]) -> None:
    places = Counter(tuple(_place(row).items()) for row in rows)
    _LEFT.run_each(
        connection,
        [
            {f"its_{name}": value for name, value in place} | {"count": count}
            for place, count in places.items()
        ],
    )


def _served(connection: Connection, lane: str, owners: set[Owner]) -> dict[Owner, int]:
    """What each owner has had, and the lane's clock."""
    found = {
        owner: _SERVED.first(connection, {"lane": lane, "world": owner[0], "owner_id": owner[1]})
        for owner in (CLOCK, *owners)
    }
    return {owner: 0 if row is None else whole(row.served) for owner, row in found.items()}


def _serve(connection: Connection, lane: str, served: Mapping[Owner, int]) -> None:
    _SERVE.run_each(
        connection,
        [
            {"lane": lane, "world": owner[0], "owner_id": owner[1], "served": total}
            for owner, total in sorted(served.items(), key=str)
        ],
    )

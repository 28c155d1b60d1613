"""Who brought a picture here, or had it made; and the gallery of those that were made."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sidecar.queue.model import FORMATS, LATEST, Row
from sidecar.queue.store.database import Database, upsert
from sidecar.queue.store.reader import Owners
from sidecar.queue.store.tables import HISTORY, IMAGES, UPLOADS

MOST_LOOKED_AT = 5_000
"""Rows of each owner that one transaction of a search looks at: all others wait for it."""

Place: TypeAlias = tuple[float, str, int]
"""Where a picture stands in the gallery: when it was made, its job, its index there."""


@dataclass(frozen=True)
class PictureFilter:
    """Which pictures are looked for; what is empty or None says nothing. Times are Unix seconds."""

    words: Sequence[str] = ()
    """Parts of the prompt, all of which must be there, in any case."""
    model_id: str = ""
    seed: int | None = None
    method: str = ""
    since: float | None = None
    until: float | None = None
    owner_id: int = 0
    ref_prefix: str = ""


@dataclass(frozen=True)
class StoredPicture:
    """A stored picture, and the last time that it was made; of one that was brought here, the file only."""

    ref: str
    format: str
    width: int
    height: int
    size: int
    """In bytes."""
    method: str = ""
    task: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    model_id: str = ""
    seed: int | None = None
    created: float | None = None
    owner_id: int = 0
    caller_id: int = 0
    job_id: str = ""
    image_index: int = 0

    @property
    def place(self) -> Place:
        return self.created or 0.0, self.job_id, self.image_index


class PictureRows:
    def __init__(self, database: Database) -> None:
        self._do = database.do

    async def uploaded(self, ref: str, world: str, owner_ids: Collection[int]) -> None:
        """Write down whose an uploaded picture is."""

        def work(connection: Connection) -> None:
            for owner_id in owner_ids:
                give(connection, ref, world, owner_id)

        await self._do(work)

    async def owned(self, refs: Collection[str], world: str, owner_ids: Collection[int] | None) -> set[str]:
        """Those of these pictures which one of these owners uploaded, or had made; None: anybody of that world."""
        uploads = sa.select(UPLOADS.c.ref).where(UPLOADS.c.ref.in_(refs), UPLOADS.c.world == world)
        made = sa.select(HISTORY.c.ref).where(HISTORY.c.ref.in_(refs), HISTORY.c.world == world)
        if owner_ids is not None:
            uploads = uploads.where(UPLOADS.c.owner_id.in_(owner_ids))
            made = made.where(HISTORY.c.owner_id.in_(owner_ids) | HISTORY.c.caller_id.in_(owner_ids))
        query = sa.union(uploads, made)
        return await self._do(lambda connection: set(connection.execute(query).scalars()))

    async def page(
        self, which: PictureFilter, *, seen_by: Owners | None, after: Place | None, limit: int
    ) -> list[StoredPicture]:
        """Pictures that are still stored, the last made first, each once; `after` is the place to go on from.

        A search that finds little is done in several transactions, so that no job waits for the whole of it.
        """
        found: list[StoredPicture] = []
        while len(found) < limit:
            missing = limit - len(found)

            def work(
                connection: Connection, after: Place | None = after, missing: int = missing
            ) -> tuple[list[StoredPicture], Place | None]:
                return _slice(connection, which, seen_by, after, missing)

            more, after = await self._do(work)
            found += more
            if after is None:
                break
        return found

    async def last_made(self, ref: str, seen_by: Owners | None) -> StoredPicture | None:
        """The same of one picture; None where none of these owners had it made."""

        def work(connection: Connection) -> StoredPicture | None:
            rows = connection.execute(_MADE.where(HISTORY.c.ref == ref, _between(_FIRST, _LAST)))
            seen = [row for row in rows if _is_seen(row, seen_by) and _is_readable(row)]
            return _picture(max(seen, key=_row_place)) if seen else None

        return await self._do(work)


def give(connection: Connection, ref: str, world: str, owner_id: int) -> None:
    """Let an owner read a picture. Inside a caller's transaction."""
    values = {"ref": ref, "world": world, "owner_id": owner_id, "created": time.time()}
    insert = upsert(connection.dialect.name, UPLOADS).values(**values)
    connection.execute(insert.on_conflict_do_nothing())


_MADE = sa.select(HISTORY, IMAGES.c.format, IMAGES.c.width, IMAGES.c.height, IMAGES.c.size).join(
    IMAGES, IMAGES.c.ref == HISTORY.c.ref
)
_PLACE = (HISTORY.c.created, HISTORY.c.job_id, HISTORY.c.image_index)
_NEWEST_FIRST = tuple(column.desc() for column in _PLACE)
_FIRST: Place = (0.0, "", 0)
_LAST: Place = (LATEST, "z", 2**31 - 1)


def _slice(
    connection: Connection, which: PictureFilter, seen_by: Owners | None, after: Place | None, limit: int
) -> tuple[list[StoredPicture], Place | None]:
    """Pictures after a place, at most `limit`, and the place up to which was looked; None where nothing is left."""
    first = (max(0.0, which.since or 0.0), *_FIRST[1:])
    after = min(after or _LAST, _LAST if which.until is None else (which.until, "", 0))
    # Each view is in the order of an index, all of them together are not.
    views, conditions, end = _views(seen_by), _conditions(which), None
    if conditions:
        seen = [sa.and_(view, _between(first, after)) for view in views]
        end = max((end for view in seen if (end := _end(connection, view)) is not None), default=None)
    query = _MADE.where(*conditions, _between(end or first, after)).order_by(*_NEWEST_FIRST).limit(limit)
    rows = {_row_place(row): row for view in views for row in connection.execute(query.where(view))}
    newest = [rows[place] for place in sorted(rows, reverse=True)[:limit]]
    if len(newest) == limit:
        end = _row_place(newest[-1])
    last = _last_makings(connection, {row.ref for row in newest}, seen_by)
    found = [_picture(row) for row in newest if _is_readable(row) and last[row.ref] == _row_place(row)]
    return found, end


def _between(first: Place, after: Place) -> sa.ColumnElement[bool]:
    """From a place, up to but without another.

    The times stand there once more by themselves, for the index. A row that another hand damaged has no place: to
    SQLite, any text comes after every number, and any bytes after every text.
    """
    place, (low, high) = sa.tuple_(*_PLACE), (sa.tuple_(*map(sa.literal, end)) for end in (first, after))
    return sa.and_(
        HISTORY.c.created.between(first[0], after[0]),
        HISTORY.c.job_id.between(_FIRST[1], _LAST[1]),
        HISTORY.c.image_index.between(_FIRST[2], _LAST[2]),
        place >= low,
        place < high,
    )


def _views(seen_by: Owners | None) -> list[sa.ColumnElement[bool]]:
    """What is seen, as conditions each of which an index serves."""
    if seen_by is None:
        return [sa.true()]
    world, owner_ids = seen_by
    if owner_ids is None:
        # Not by the index of its owners, which is in no order of time.
        return [sa.func.coalesce(HISTORY.c.world, "") == world]
    return [
        sa.and_(HISTORY.c.world == world, column == owner_id)
        for owner_id in sorted(owner_ids)
        for column in (HISTORY.c.owner_id, HISTORY.c.caller_id)
    ]


def _is_seen(row: Row, seen_by: Owners | None) -> bool:
    if seen_by is None:
        return True
    world, owner_ids = seen_by
    return row.world == world and (
        owner_ids is None or not owner_ids.isdisjoint((row.owner_id, row.caller_id))
    )


def _last_makings(
    connection: Connection, refs: Collection[str], seen_by: Owners | None
) -> Mapping[str, Place]:
    """The last place of each of these pictures among what is seen. By its reference alone: no other index helps."""
    query = sa.select(HISTORY.c.ref, *_PLACE, HISTORY.c.world, HISTORY.c.owner_id, HISTORY.c.caller_id)
    last: dict[str, Place] = {}
    for row in connection.execute(query.where(HISTORY.c.ref.in_(refs), _between(_FIRST, _LAST))):
        if _is_seen(row, seen_by):
            last[row.ref] = max(last.get(row.ref, _FIRST), _row_place(row))
    return last


def _conditions(which: PictureFilter) -> list[sa.ColumnElement[bool]]:
    """All but the times."""
    conditions = [HISTORY.c.words.contains(word.casefold(), autoescape=True) for word in which.words]
    if which.model_id:
        conditions.append(HISTORY.c.model_id == which.model_id)
    if which.seed is not None:
        conditions.append(HISTORY.c.seed == which.seed)
    if which.method:
        conditions.append(HISTORY.c.method == which.method)
    if which.owner_id:
        conditions.append(HISTORY.c.owner_id == which.owner_id)
    if which.ref_prefix:
        conditions += [HISTORY.c.ref >= which.ref_prefix, HISTORY.c.ref < which.ref_prefix + "g"]
    return conditions


def _end(connection: Connection, view: sa.ColumnElement[bool]) -> Place | None:
    """The place of the last row that this transaction looks at; None where there are fewer."""
    query = sa.select(*_PLACE).where(view).order_by(*_NEWEST_FIRST).offset(MOST_LOOKED_AT - 1).limit(1)
    row = connection.execute(query).first()
    return None if row is None else _row_place(row)


def _row_place(row: Row) -> Place:
    return row.created, row.job_id, row.image_index


def _is_readable(row: Row) -> bool:
    """Whether nobody has damaged the row; one that somebody has is passed over."""
    numbers = (row.width, row.height, row.size, row.owner_id, row.caller_id, row.seed or 0)
    return (
        isinstance(row.task, dict)
        and isinstance(row.inputs, dict)
        and row.format in FORMATS
        and all(isinstance(value, str) for value in (row.ref, row.method, row.model_id))
        and all(isinstance(value, int) and 0 <= value < 2**63 for value in numbers)
        and max(row.width, row.height) < 2**31
    )


def _picture(row: Row) -> StoredPicture:
    inputs = {role: ref for role, ref in row.inputs.items() if isinstance(ref, str)}
    return StoredPicture(
        row.ref, row.format, row.width, row.height, row.size, row.method, row.task, inputs, row.model_id, row.seed,
        row.created, row.owner_id, row.caller_id, row.job_id, row.image_index,
    )  # fmt: skip

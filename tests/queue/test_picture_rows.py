"""The gallery's rows: in order, each picture once, by whoever sees them, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sidecar.queue.model import StoredImage
from sidecar.queue.store import history, picture_rows
from sidecar.queue.store.database import Database
from sidecar.queue.store.picture_rows import PictureFilter, PictureRows, Place
from sidecar.queue.store.reader import Owners
from sidecar.queue.store.tables import HISTORY, IMAGES
from tests.queue.stores import job

ALL = PictureFilter()
WORLD = "w"


@pytest.fixture
async def database(place: Path | str) -> AsyncIterator[Database]:
    made = Database(place)
    made.migrate()
    yield made
    await made.close()


async def remember(
    database: Database, count: int, *, owner_ids: tuple[int, ...] = (3,), first: int = 0
) -> None:
    """Pictures "a cup of 0", "a cup of 1" ... by these owners in turn, made a second after one another."""

    def work(connection: sa.Connection) -> None:
        for number in range(first, first + count):
            owner_id = owner_ids[number % len(owner_ids)]
            made = job(world=WORLD, owner_id=owner_id, caller_id=owner_id + 100, ended=1000.0 + number,
                       images=(StoredImage(f"sha256:{number:064x}", "png", 8, 8, 9, number),))  # fmt: skip
            history.remember(connection, made, {"prompt": f"A CUP of {number}."})

    await database.do(work)


async def seeds(
    rows: PictureRows, which: PictureFilter = ALL, seen_by: Owners | None = None, size: int = 7
) -> list[int | None]:
    """The seeds of all pictures, asked for in pages."""
    found: list[int | None] = []
    after: Place | None = None
    while page := await rows.page(which, seen_by=seen_by, after=after, limit=size):
        found += [picture.seed for picture in page]
        after = page[-1].place
    return found


async def test_every_picture_is_told_once_however_little_is_looked_at_in_a_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_rows, "MOST_LOOKED_AT", 10)
    await remember(database, 60, owner_ids=(3, 4, 5))
    rows = PictureRows(database)
    everything = list(reversed(range(60)))
    assert await seeds(rows) == everything
    assert await seeds(rows, seen_by=(WORLD, None)) == everything
    assert await seeds(rows, seen_by=("another", None)) == []
    of_two = [number for number in everything if number % 3 != 1]
    assert await seeds(rows, seen_by=(WORLD, frozenset({3, 5}))) == of_two
    # By whoever had it made as well as by whoever owns the right; one who is both is told once.
    assert await seeds(rows, seen_by=(WORLD, frozenset({103, 105, 5}))) == of_two
    assert await seeds(rows, PictureFilter(words=("cup", "of 7."))) == [7]
    assert await seeds(rows, PictureFilter(words=("hat",))) == []
    assert await seeds(rows, PictureFilter(seed=3), (WORLD, frozenset({3}))) == [3]
    assert await seeds(rows, PictureFilter(since=1010, until=1013)) == [12, 11, 10]
    assert await seeds(rows, PictureFilter(ref_prefix=f"sha256:{5:064x}"[:-1])) == list(reversed(range(16)))


async def test_what_was_made_again_stands_where_it_was_made_last_for_whoever_sees_that(
    database: Database,
) -> None:
    await remember(database, 3, owner_ids=(3, 4))

    def again(connection: sa.Connection) -> None:
        for owner_id, ended in ((4, 2000.0), (4, 2001.0)):
            made = job(world=WORLD, owner_id=owner_id, caller_id=owner_id, ended=ended,
                       images=(StoredImage(f"sha256:{0:064x}", "png", 8, 8, 9, 0),))  # fmt: skip
            history.remember(connection, made, {"prompt": "a cup"})

    await database.do(again)
    rows = PictureRows(database)
    assert await seeds(rows) == [0, 2, 1]
    assert await seeds(rows, seen_by=(WORLD, frozenset({3}))) == [2, 0]
    assert await seeds(rows, seen_by=(WORLD, frozenset({4}))) == [0, 1]
    last = await rows.last_made(f"sha256:{0:064x}", (WORLD, frozenset({3})))
    assert last is not None
    assert (last.created, last.owner_id) == (1000.0, 3)
    assert await rows.last_made(f"sha256:{1:064x}", (WORLD, frozenset({3}))) is None


async def test_a_picture_is_told_as_long_as_it_is_stored(database: Database) -> None:
    await remember(database, 3)
    await database.do(lambda c: c.execute(sa.delete(IMAGES).where(IMAGES.c.ref == f"sha256:{1:064x}")))
    assert await seeds(PictureRows(database), size=1) == [2, 0]
    assert await PictureRows(database).last_made(f"sha256:{1:064x}", None) is None


async def test_a_row_that_another_hand_wrote_is_passed_over(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.sqlite")
    database.migrate()
    await remember(database, 12)

    def spoil(connection: sa.Connection) -> None:
        for seed, column, value in (
            (1, "created", "'soon'"), (2, "created", "-1"), (3, "image_index", "'x'"), (4, "task", "'{'"),
            (5, "inputs", "'[]'"), (6, "owner_id", "'me'"), (7, "model_id", "x'00'"), (8, "job_id", "x'ff'"),
        ):  # fmt: skip
            connection.execute(sa.text(f"UPDATE history SET {column} = {value} WHERE seed = {seed}"))
        connection.execute(sa.text(f"UPDATE images SET width = 'wide' WHERE ref = 'sha256:{9:064x}'"))
        connection.execute(sa.text(f"UPDATE images SET format = 'tiff' WHERE ref = 'sha256:{10:064x}'"))

    await database.do(spoil)
    # JSON that cannot be read is empty; all else of the row is told.
    assert await seeds(PictureRows(database), size=1) == [11, 4, 0]
    await database.close()


async def test_a_page_takes_the_index_of_its_owner(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.sqlite")
    database.migrate()

    def plan(connection: sa.Connection) -> str:
        plans = []
        for view in picture_rows._views((WORLD, frozenset({3}))):
            query = sa.select(HISTORY.c.ref).where(view, picture_rows._between((5.0, "", 0), (9.0, "f", 1)))
            query = query.order_by(*picture_rows._NEWEST_FIRST).limit(50)
            text = query.compile(connection, compile_kwargs={"literal_binds": True})
            plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
        return " / ".join(plans)

    told = await database.do(plan)
    assert "history_by_owner" in told
    assert "history_by_caller" in told
    assert "TEMP B-TREE" not in told
    await database.close()

"""The database thread: what waits is made durable together, and each piece of work is its own all the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import NotFound, Unavailable
from sidecar.queue.model import values_of
from sidecar.queue.store.database import Database, adding
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import JOBS, TEMPLATES
from tests.queue.stores import job

NAMES = sa.select(TEMPLATES.c.name).order_by(TEMPLATES.c.name)


@pytest.fixture
async def database(place: Path | str) -> AsyncIterator[Database]:
    made = Database(place)
    made.migrate()
    yield made
    await made.close()


def row_of(name: str) -> dict[str, Any]:
    return {"world": "w", "owner_id": 0, "name": name, "shared": True, "document": {}, "updated": 1.0}


def write(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(sa.insert(TEMPLATES).values(**row_of(name)))
        return name

    return work


def refuse(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        write(name)(connection)
        raise NotFound(name)

    return work


class Together:
    """Makes work wait until all of it is there, and counts the commits that it takes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._go = threading.Event()
        self.commits = 0

    async def outcomes(self, *works: Callable[[Connection], Any]) -> list[Any]:
        def count(connection: Connection) -> None:
            self.commits += 1

        first = asyncio.create_task(self._database.do(lambda _: self._go.wait(10)))
        rest = [asyncio.create_task(self._database.do(work)) for work in works]
        # Each task has handed its work over once it has been run up to its first wait.
        await asyncio.sleep(0)
        # Not for the work that holds up the others, whose connection is there already.
        sa.event.listen(self._database._engine, "commit", count)
        self._go.set()
        await first
        found = await asyncio.gather(*rest, return_exceptions=True)
        sa.event.remove(self._database._engine, "commit", count)
        return found

    async def names(self) -> list[str]:
        return list(await self._database.do(lambda connection: connection.execute(NAMES).scalars().all()))


class TestPiecesOfWork:
    async def test_what_waits_is_committed_together(self, database: Database) -> None:
        together = Together(database)
        assert await together.outcomes(write("a"), write("b"), write("c")) == ["a", "b", "c"]
        assert await together.names() == ["a", "b", "c"]
        assert together.commits == 1

    async def test_one_that_is_refused_undoes_its_own_and_no_other(self, database: Database) -> None:
        together = Together(database)
        first, second, third = await together.outcomes(write("a"), refuse("b"), write("c"))
        assert (first, third) == ("a", "c")
        assert isinstance(second, NotFound)
        assert await together.names() == ["a", "c"]

    async def test_one_that_breaks_a_rule_of_the_tables_ends_no_other(self, database: Database) -> None:
        together = Together(database)
        first, second, third = await together.outcomes(write("a"), write("a"), write("c"))
        assert (first, third) == ("a", "c")
        assert isinstance(second, sa.exc.IntegrityError)
        assert await together.names() == ["a", "c"]

    async def test_a_fault_of_the_database_is_told_to_the_one_it_met(self, database: Database) -> None:
        def breaks(connection: Connection) -> None:
            raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

        together = Together(database)
        first, second, third = await together.outcomes(write("a"), breaks, write("c"))
        assert (first, third) == ("a", "c")
        assert isinstance(second, Unavailable)
        assert await together.names() == ["a", "c"]

    async def test_work_of_a_caller_that_left_is_done(self, database: Database) -> None:
        together = Together(database)
        go, inside = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold(connection: Connection) -> None:
            loop.call_soon_threadsafe(inside.set)
            go.wait(10)
            write("held")(connection)

        held = asyncio.create_task(database.do(hold))
        await inside.wait()
        held.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await held
        assert await together.names() == ["held"]

    async def test_all_that_was_given_is_done_before_it_is_closed(self, place: Path | str) -> None:
        first = Database(place)
        first.migrate()
        given = [asyncio.create_task(first.do(write(f"n{number:03}"))) for number in range(200)]
        await asyncio.gather(*given)
        await first.close()
        second = Database(place)
        assert len(await Together(second).names()) == 200
        await second.close()


class TestPrepared:
    async def test_it_writes_and_reads_what_sqlalchemy_does(self, database: Database) -> None:
        values = values_of(job(holds={"é": 2}, deadline=9e9, fingerprint="f", sent=True))

        def work(connection: Connection) -> tuple[Any, Any, Any]:
            Prepared(sa.insert(JOBS)).run(connection, values)
            one = sa.select(JOBS).where(JOBS.c.id == sa.bindparam("its_id"))
            asked = {"its_id": values["id"]}
            plainly = connection.execute(one, asked).one()
            return (
                plainly._asdict(),
                Prepared(one).rows(connection, asked),
                Prepared(one).first(connection, asked),
            )

        plainly, rows, first = await database.do(work)
        assert [row._asdict() for row in rows] == [plainly]
        assert first is not None
        assert first._asdict() == plainly
        assert first.sent is True
        assert first.holds == {"é": 2}

    async def test_it_adds_or_leaves_what_is_there(self, database: Database) -> None:
        def work(connection: Connection) -> list[tuple[Any, ...]]:
            for insert in (adding(TEMPLATES, "updated"), adding(TEMPLATES)):
                insert.run_each(connection, [row_of("t") | {"document": [1], "updated": 2.0}] * 2)
            columns = (TEMPLATES.c.name, TEMPLATES.c.document, TEMPLATES.c.updated)
            return [tuple(row) for row in connection.execute(sa.select(*columns))]

        assert await database.do(work) == [("t", [1], 4.0)]

    async def test_it_tells_how_many_rows_it_changed(self, database: Database) -> None:
        change = Prepared(
            sa.update(TEMPLATES).where(TEMPLATES.c.name == sa.bindparam("it")).values(updated=5.0)
        )

        def work(connection: Connection) -> tuple[int, int]:
            write("a")(connection)
            return change.run(connection, {"it": "a"}), change.run(connection, {"it": "b"})

        assert await database.do(work) == (1, 0)

    async def test_a_list_of_varying_length_is_refused(self, database: Database) -> None:
        names = Prepared(
            sa.select(TEMPLATES).where(TEMPLATES.c.name.in_(sa.bindparam("names", expanding=True)))
        )
        with pytest.raises(ValueError, match="varying length"):
            await database.do(lambda connection: names.rows(connection, {"names": ["a"]}))

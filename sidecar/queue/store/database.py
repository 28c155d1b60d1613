"""The job database: one thread does all its work, so that calls never interleave and the event loop never waits.

Work that comes while the thread is busy is done in one transaction (group commit): each piece by itself happens or does
not, and all that do are made durable by one write to the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from capabilities.errors import FailedPrecondition, Unavailable
from entity_store.permissions import private_database
from sidecar.queue.store import tables
from sidecar.queue.store.prepared import Prepared

log = logging.getLogger("viwo_imagegen.jobs")
T = TypeVar("T")

_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

_LOCK = 7_304_911
"""Number of the advisory lock: any, but always the same."""


MOST_AT_ONCE = 64
"""Most pieces of work that are made durable together."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some work that a coroutine waits for."""

    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    outcome: asyncio.Future[Any]


class Unparsable(dict[str, Any]):
    """Stands in a row for JSON that cannot be read; empty for whoever only looks through it."""


class Database:
    """A SQLite file, or a PostgreSQL server named by a URL.

    A row that another hand wrote is answered as far as it can be read: `Unparsable` for JSON that is none, and text of
    another encoding with its bad bytes replaced. One such row must not keep all the others from being read.
    """

    def __init__(self, place: Path | str) -> None:
        self.file = place if isinstance(place, Path) else None
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            private_database(place)
            self._engine = sa.create_engine(f"sqlite:///{place}", poolclass=sa.StaticPool, hide_parameters=True,
                                            json_deserializer=_from_json,
                                            connect_args={"check_same_thread": False, "timeout": 10})  # fmt: skip
            sa.event.listen(self._engine, "connect", _tune)
            sa.event.listen(self._engine, "begin", _begin_immediate)
        else:
            try:
                self._engine = sa.create_engine(
                    place,
                    pool_size=1,
                    max_overflow=0,
                    pool_pre_ping=True,
                    hide_parameters=True,
                    json_deserializer=_from_json,
                )
            except (sa.exc.ArgumentError, ImportError) as error:
                raise FailedPrecondition(
                    f"database_url cannot be used: {error}; "
                    "for PostgreSQL install viwo-imagegen[postgres] and write postgresql+psycopg://user@host/name",
                    reason="BAD_DATABASE_URL",
                    field="database_url",
                ) from None
        self._driver: Any = self._engine.dialect.loaded_dbapi
        self._pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[Connection], T]) -> T:
        """One transaction: all of it happens or none. Raises Unavailable where the database cannot be used now."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="jobs", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._pieces.put(_Piece(work, loop, outcome))
        # Shielded: a transaction that has begun is finished, also when whoever asked for it is canceled.
        return await asyncio.shield(outcome)

    def do_here(self, work: Callable[[Connection], T]) -> T:
        """The same in the present thread, for tools that have no event loop."""
        return self._transaction(work, {})

    def look_here(self, work: Callable[[Connection], T]) -> T:
        """Read, however long it takes, without keeping anybody from writing: all of it as it is at one moment."""
        options: dict[str, Any] = {"looks_only": True}
        if self._engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return self._transaction(work, options)

    def _transaction(self, work: Callable[[Connection], T], options: dict[str, Any]) -> T:
        try:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                return work(connection)
        except (sa.exc.DatabaseError, self._driver.DatabaseError) as error:
            # Prepared statements raise what the driver does.
            cause = error.orig if isinstance(error, sa.exc.DatabaseError) else error
            # What the statement itself is at fault for is a fault of ours.
            if isinstance(
                cause, (self._driver.IntegrityError, self._driver.DataError, self._driver.ProgrammingError)
            ):
                raise
            if getattr(cause, "sqlite_errorcode", None) in _DAMAGED:
                raise FailedPrecondition(
                    f"the job database {self._engine.url.database} is damaged: {cause}; restore a backup, or move it away "
                    "to begin without jobs",
                    reason="BAD_DATABASE",
                    field="data_dir",
                    asked=str(self._engine.url.database),
                ) from error
            raise Unavailable(
                f"the job database cannot be used now: {cause}; is the disk full, or its server away?",
                reason="STORE_UNAVAILABLE",
                field="data_dir",
                retry_after=5,
            ) from error

    def _serve(self) -> None:
        """The thread's work: whatever waits is done together."""
        while (piece := self._pieces.get()) is not None:
            pieces = [piece]
            ends = False
            while len(pieces) < MOST_AT_ONCE and not self._pieces.empty():
                another = self._pieces.get()
                if another is None:
                    ends = True
                    break
                pieces.append(another)
            self._do_all(pieces)
            if ends:
                return

    def _do_all(self, pieces: Sequence[_Piece]) -> None:
        outcomes: list[Any] | None = None
        if len(pieces) > 1:
            try:
                outcomes = self.do_here(lambda connection: _each(connection, pieces))
            except Exception as error:
                # What one of them broke, or the disk, must not end the others: each is tried by itself.
                log.debug("%d pieces of work are done one by one: %s", len(pieces), error)
        if outcomes is None:
            outcomes = [self._outcome(piece) for piece in pieces]
        for loop in {piece.loop for piece in pieces}:
            told = [
                (piece.outcome, outcome)
                for piece, outcome in zip(pieces, outcomes, strict=True)
                if piece.loop is loop
            ]
            # The loop may be closed: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_tell, told)

    def _outcome(self, piece: _Piece) -> Any:
        try:
            return self.do_here(piece.work)
        except BaseException as error:
            return _Raised(error)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One server for each database: another would not wake those who wait here for its jobs.

        A file is held by its data folder's lock; on a PostgreSQL server it is an advisory lock, which ends with this
        connection, however that does. Raises FailedPrecondition where another server has it.
        """
        if self._engine.dialect.name != "postgresql":
            yield
            return
        holder = sa.create_engine(self._engine.url, poolclass=sa.NullPool)
        with holder.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK))).scalar():
                raise FailedPrecondition(
                    "another sidecar is using the job database; stop it, or set another database_url",
                    reason="ALREADY_RUNNING",
                    field="database_url",
                )
            yield
        holder.dispose()

    def is_current(self) -> bool:
        """Whether the tables are at their newest revision."""
        return self.look_here(tables.is_current)

    def migrate(self) -> None:
        """Bring the tables to their newest revision."""
        if not self.is_current():
            self.do_here(tables.migrate)

    async def close(self) -> None:
        """Finish what was begun, and let go."""
        await self.do(lambda connection: None)
        self.close_here()

    def close_here(self) -> None:
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None
        self._engine.dispose()


@dataclass(frozen=True)
class _Raised:
    """What some work raised instead of answering."""

    error: BaseException


def _each(connection: Connection, pieces: Sequence[_Piece]) -> list[Any]:
    """The outcome of each; what one that raises has changed is undone. Raises what the database itself raises."""
    driver: Any = connection.connection.dbapi_connection
    outcomes: list[Any] = []
    for piece in pieces:
        driver.execute("SAVEPOINT piece")
        try:
            outcomes.append(piece.work(connection))
        except (sa.exc.DatabaseError, connection.dialect.loaded_dbapi.DatabaseError):
            # The database may have ended the whole transaction.
            raise
        except Exception as error:
            outcomes.append(_Raised(error))
            driver.execute("ROLLBACK TO SAVEPOINT piece")
        driver.execute("RELEASE SAVEPOINT piece")
    return outcomes


def _tell(told: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in told:
        if isinstance(outcome, _Raised):
            future.set_exception(outcome.error)
            # Looked at: whoever waited for it may have been canceled.
            future.exception()
        else:
            future.set_result(outcome)


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return Unparsable()


def upsert(dialect: str, table: sa.Table) -> Any:
    """An insert that can say what to do where the row is there already; both databases have one of their own."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def adding(table: sa.Table, *sums: str) -> Prepared:
    """An insert that adds to these columns where the row is there already, and without any leaves it as it is."""

    def make(dialect: str) -> Any:
        insert = upsert(dialect, table)
        if not sums:
            return insert.on_conflict_do_nothing()
        changes = {name: table.c[name] + insert.excluded[name] for name in sums}
        return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)

    return Prepared(make)


@contextlib.contextmanager
def only_server(data_dir: Path) -> Iterator[None]:
    """One server for each data folder: two would run the same jobs. The lock goes with the process, however it ends."""
    lock = FileLock(data_dir / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FailedPrecondition(
            f"another sidecar is using {data_dir}; stop it, or set another data_dir",
            reason="ALREADY_RUNNING",
            field="data_dir",
            asked=str(data_dir),
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_served(data_dir: Path) -> bool:
    """Whether a server works on a data folder now."""
    try:
        with only_server(data_dir):
            return False
    except FailedPrecondition:
        return True


def _tune(connection: Any, _: object) -> None:
    connection.text_factory = _from_bytes
    # Transactions are begun by `_begin_immediate`, not by the driver.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # An accepted job must survive a power cut as well, so each commit reaches the disk.
    connection.execute("PRAGMA synchronous = FULL")


def _from_bytes(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _begin_immediate(connection: Connection) -> None:
    # A transaction that reads first and then finds that another process wrote could not go on.
    looks_only = connection.get_execution_options().get("looks_only")
    connection.exec_driver_sql("BEGIN" if looks_only else "BEGIN IMMEDIATE")

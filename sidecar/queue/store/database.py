"""The job database: one thread does all its work, so that calls never interleave and the event loop never waits."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from capabilities.errors import FailedPrecondition, Unavailable
from entity_store.permissions import private_database
from sidecar.queue.store import tables

T = TypeVar("T")

_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

_LOCK = 7_304_911
"""Number of the advisory lock: any, but always the same."""


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
        self._thread = ThreadPoolExecutor(1, "jobs")

    async def do(self, work: Callable[[Connection], T]) -> T:
        """One transaction: all of it happens or none. Raises Unavailable where the database cannot be used now."""
        # Shielded: a transaction that has begun is finished, also when whoever asked for it is canceled.
        return await asyncio.shield(
            asyncio.get_running_loop().run_in_executor(self._thread, self.do_here, work)
        )

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
        except sa.exc.DatabaseError as error:
            # What the statement itself is at fault for is a fault of ours.
            if isinstance(error, sa.exc.IntegrityError | sa.exc.DataError | sa.exc.ProgrammingError):
                raise
            if (
                isinstance(error.orig, sqlite3.DatabaseError)
                and getattr(error.orig, "sqlite_errorcode", None) in _DAMAGED
            ):
                raise FailedPrecondition(
                    f"the job database {self._engine.url.database} is damaged: {error.orig}; restore a backup, or move it away "
                    "to begin without jobs",
                    reason="BAD_DATABASE",
                    field="data_dir",
                    asked=str(self._engine.url.database),
                ) from error
            raise Unavailable(
                f"the job database cannot be used now: {error.orig}; is the disk full, or its server away?",
                reason="STORE_UNAVAILABLE",
                field="data_dir",
                retry_after=5,
            ) from error

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

    def migrate(self) -> None:
        """Bring the tables to their newest revision."""
        self.do_here(lambda connection: None if tables.is_current(connection) else tables.migrate(connection))

    async def close(self) -> None:
        """Finish what was begun, and let go."""
        await self.do(lambda connection: None)
        self.close_here()

    def close_here(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return Unparsable()


def upsert(dialect: str, table: sa.Table) -> Any:
    """An insert that can say what to do where the row is there already; both databases have one of their own."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


@functools.cache
def adding(dialect: str, table: sa.Table, sums: tuple[str, ...]) -> Any:
    """An insert that adds to these columns where the row is there already. Built once: that takes longer than running it."""
    insert = upsert(dialect, table)
    if not sums:
        return insert.on_conflict_do_nothing()
    changes = {name: table.c[name] + insert.excluded[name] for name in sums}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)


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

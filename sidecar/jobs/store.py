"""The table of jobs: SQLAlchemy Core on SQLite, migrated by Alembic.

Every change of state is one transaction that names the state it expects, so that of two that race one does nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.errors import NotFound, ResourceExhausted, Unavailable, brief
from capabilities.tasks import Task, read_task
from entity_store.images import Placement
from sidecar.engines.events import Failed

HEAD = "0002"
"""The revision of the tables below; the newest file in migrations/versions."""

MAX_BEGINNINGS = 10
"""A job that was running at this many deaths of the server is not queued again: it may be the cause."""

METADATA = sa.MetaData()
JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("method", sa.String(64), nullable=False),
    sa.Column("capability_id", sa.String(64), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("caller_id", sa.BigInteger, nullable=False),
    sa.Column("this_id", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.String(128)),
    sa.Column("model_id", sa.String(512), nullable=False),
    sa.Column("task", sa.JSON, nullable=False),
    sa.Column("save", sa.JSON),
    sa.Column("compute", sa.Float, nullable=False),
    sa.Column("total_steps", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("work_seconds", sa.Float, nullable=False),
    sa.Column("images", sa.JSON, nullable=False),
    sa.Column("failure", sa.JSON),
    sa.Column("warnings", sa.JSON, nullable=False, server_default="[]"),
    sa.UniqueConstraint("capability_id", "request_id"),
    sa.Index("jobs_by_state", "state", "id"),
    sa.Index("jobs_by_owner", "owner_id", "id"),
)

T = TypeVar("T")


class State(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    BLOCKED_BUDGET = "blocked_budget"

    @property
    def final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class StoredImage:
    """A result: where its file is, and the entity made from it (0: none). Sizes in pixels and bytes."""

    ref: str
    format: str
    width: int
    height: int
    size: int
    seed: int
    entity_id: int = 0


@dataclass(frozen=True)
class Job:
    """A row. Times are Unix seconds; `work_seconds` is time in the engine."""

    id: str
    state: State
    method: str
    capability_id: str
    owner_id: int
    caller_id: int
    this_id: int
    task: Task
    save: Placement | None
    created: float
    request_id: str | None = None
    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    work_seconds: float = 0.0
    images: tuple[StoredImage, ...] = ()
    failure: Failed | None = None
    warnings: tuple[str, ...] = ()


class JobStore:
    """Jobs on disk. One thread does all the work, so calls never interleave and the event loop never waits."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.StaticPool,
                                        connect_args={"check_same_thread": False, "timeout": 10})  # fmt: skip
        sa.event.listen(self._engine, "connect", _tune)
        self._thread = ThreadPoolExecutor(1, "jobs")

    async def open(self) -> int:
        """Bring the tables up to date and queue again what a dead server was running; how many jobs that were."""
        return await self._do(self._open)

    async def close(self) -> None:
        await self._do(lambda connection: None)
        self._thread.shutdown()
        self._engine.dispose()

    async def add(self, job: Job, *, max_waiting: int) -> Job:
        """Insert a queued job. Where its capability has used the request id before, that job is answered instead.

        Raises ResourceExhausted when as many jobs wait already.
        """
        return await self._do(lambda connection: _add(connection, job, max_waiting))

    async def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        return await self._do(lambda connection: _get(connection, job_id))

    async def page(
        self,
        *,
        states: Collection[State] = (),
        capability_id: str = "",
        owner_id: int = 0,
        before: str = "",
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, newest first; `before` is the id to go on from."""
        query = sa.select(JOBS).order_by(JOBS.c.id.desc()).limit(limit)
        if states:
            query = query.where(JOBS.c.state.in_([str(state) for state in states]))
        if capability_id:
            query = query.where(JOBS.c.capability_id == capability_id)
        if owner_id:
            query = query.where(JOBS.c.owner_id == owner_id)
        if before:
            query = query.where(JOBS.c.id < before)
        return await self._do(lambda connection: [_job(row) for row in connection.execute(query)])

    async def next(self, *, with_model: bool) -> Job | None:
        """Take the oldest queued job that needs a model, or that needs none: it is running from now on."""
        return await self._do(lambda connection: _take(connection, with_model))

    async def position(self, job: Job) -> int:
        """How many queued jobs come before this one."""
        before = (JOBS.c.state == State.QUEUED) & (JOBS.c.id < job.id) & _lane(bool(job.task.model_id))
        return await self._do(lambda connection: _count(connection, before))

    async def requeue(self, job_id: str) -> None:
        """A running job waits again, for another attempt."""
        await self._change(job_id, (State.RUNNING,), state=State.QUEUED, started=None)

    async def succeed(
        self, job_id: str, images: Sequence[StoredImage], seconds: float, warnings: Sequence[str] = ()
    ) -> Job | None:
        """End a running job well; None where it was not running."""
        values = [dataclasses.asdict(image) for image in images]
        return await self._end(
            job_id,
            (State.RUNNING,),
            State.SUCCEEDED,
            images=values,
            work_seconds=seconds,
            warnings=list(warnings),
        )

    async def fail(self, job_id: str, failure: Failed) -> Job | None:
        """End a job badly, canceled or failed; None where it had ended before."""
        state = State.CANCELED if failure.code == "CANCELLED" else State.FAILED
        return await self._end(
            job_id, (State.QUEUED, State.RUNNING), state, failure=dataclasses.asdict(failure)
        )

    async def cancel_queued(self, job_id: str, failure: Failed) -> Job | None:
        """Cancel a job that nobody began; None where somebody did."""
        return await self._end(job_id, (State.QUEUED,), State.CANCELED, failure=dataclasses.asdict(failure))

    async def _end(
        self, job_id: str, expected: Collection[State], state: State, **values: object
    ) -> Job | None:
        return await self._change(job_id, expected, state=state, ended=time.time(), **values)

    async def _change(self, job_id: str, expected: Collection[State], **values: object) -> Job | None:
        def work(connection: Connection) -> Job | None:
            names = [str(state) for state in expected]
            changed = connection.execute(
                sa.update(JOBS).where(JOBS.c.id == job_id, JOBS.c.state.in_(names)).values(**values)
            )
            return _get(connection, job_id) if changed.rowcount else None

        return await self._do(work)

    async def _do(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except sa.exc.OperationalError as error:
                raise Unavailable(
                    f"the job database cannot be used now: {error.orig}; is the disk full?",
                    reason="STORE_UNAVAILABLE",
                    field="data_dir",
                    retry_after=5,
                ) from error

        # Shielded: a transaction that has begun is finished, also when whoever asked for it is canceled.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, transaction))

    def _open(self, connection: Connection) -> int:
        current = None
        if sa.inspect(connection).has_table("alembic_version"):
            current = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if current != HEAD:
            migrate(connection)
        doomed = Failed(
            "UNAVAILABLE",
            f"the server ended {MAX_BEGINNINGS} times while it worked on this, so it is not tried again",
            reason="SERVER_LOST",
        )
        connection.execute(
            sa.update(JOBS)
            .where(JOBS.c.state == State.RUNNING, JOBS.c.attempts >= MAX_BEGINNINGS)
            .values(state=State.FAILED, ended=time.time(), failure=dataclasses.asdict(doomed))
        )
        again = connection.execute(
            sa.update(JOBS).where(JOBS.c.state == State.RUNNING).values(state=State.QUEUED, started=None)
        )
        return again.rowcount


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision. Alembic is imported only when there is something to do: it takes a while."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


class _Clock:
    """Ids that sort by creation, also those made within one millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._count = 0

    def new_id(self) -> str:
        with self._lock:
            now = time.time_ns() // 1_000_000
            # A clock that was set back must not put new jobs before old ones.
            if now <= self._last:
                self._count += 1
            else:
                self._last, self._count = now, 0
            return f"{self._last:012x}{self._count:06x}{os.urandom(4).hex()}"


new_id = _Clock().new_id


def _tune(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # An accepted job must survive a power cut as well, so each commit reaches the disk.
    connection.execute("PRAGMA synchronous = FULL")


def _add(connection: Connection, job: Job, max_waiting: int) -> Job:
    if job.request_id:
        row = connection.execute(
            sa.select(JOBS).where(
                JOBS.c.capability_id == job.capability_id, JOBS.c.request_id == job.request_id
            )
        ).first()
        if row is not None:
            return _job(row)
    if _count(connection, JOBS.c.state == State.QUEUED) >= max_waiting:
        raise ResourceExhausted(
            f"{max_waiting} jobs wait already; try again when some are done",
            reason="QUEUE_FULL",
            field="max_queue",
            limit=str(max_waiting),
            asked=str(max_waiting + 1),
            retry_after=5,
        )
    connection.execute(
        sa.insert(JOBS).values(
            id=job.id,
            state=job.state,
            method=job.method,
            capability_id=job.capability_id,
            owner_id=job.owner_id,
            caller_id=job.caller_id,
            this_id=job.this_id,
            request_id=job.request_id or None,
            model_id=job.task.model_id,
            task=job.task.model_dump(mode="json"),
            save=dataclasses.asdict(job.save) if job.save else None,
            compute=job.task.compute,
            total_steps=job.task.total_steps,
            attempts=0,
            created=job.created,
            work_seconds=0.0,
            images=[],
            warnings=[],
        )
    )
    return job


def _lane(with_model: bool) -> sa.ColumnElement[bool]:
    """Jobs that need a model wait for the engine, and only for each other; so do those that need none."""
    return JOBS.c.model_id != "" if with_model else JOBS.c.model_id == ""


def _take(connection: Connection, with_model: bool) -> Job | None:
    row = connection.execute(
        sa.select(JOBS.c.id)
        .where(JOBS.c.state == State.QUEUED, _lane(with_model))
        .order_by(JOBS.c.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    connection.execute(
        sa.update(JOBS)
        .where(JOBS.c.id == row.id)
        .values(state=State.RUNNING, started=time.time(), attempts=JOBS.c.attempts + 1)
    )
    return _get(connection, row.id)


def _get(connection: Connection, job_id: str) -> Job:
    row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job_id)).first()
    if row is None:
        raise NotFound(
            f"there is no job '{brief(job_id, 40)}'",
            reason="UNKNOWN_JOB",
            field="id",
            asked=brief(job_id, 40),
        )
    return _job(row)


def _count(connection: Connection, where: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(JOBS).where(where)).scalar_one())


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        id=row.id,
        state=State(row.state),
        method=row.method,
        capability_id=row.capability_id,
        owner_id=row.owner_id,
        caller_id=row.caller_id,
        this_id=row.this_id,
        task=read_task(row.task),
        save=Placement(**row.save) if row.save else None,
        created=row.created,
        request_id=row.request_id,
        attempts=row.attempts,
        started=row.started,
        ended=row.ended,
        work_seconds=row.work_seconds,
        images=tuple(StoredImage(**image) for image in row.images),
        failure=Failed(**row.failure) if row.failure else None,
        warnings=tuple(row.warnings),
    )

"""What a job is: the row of the table as an object, and the other way round."""

from __future__ import annotations

import dataclasses
import enum
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa
from pydantic import ValidationError

from capabilities.budgets import NOTHING, Cap, Cost
from capabilities.call_options import Placement
from capabilities.errors import Code, brief
from capabilities.methods import read_task
from capabilities.tasks import Task, Unreadable
from sidecar.engines.api import LOCAL
from sidecar.engines.events import Failed

FORMATS = frozenset({"png", "jpeg", "webp", "gif"})

Row: TypeAlias = "sa.Row[*tuple[Any, ...]]"
"""A row of the jobs, or a part of one."""


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
    world: str = ""
    """The id of the world whose entities owner, caller and `this` are."""
    rights: Mapping[str, Any] | None = None
    """What a signed statement said of the capability, where the world is on another machine."""
    lane: str = LOCAL
    """The engine that does it, or the builtin one's where it is answered from the store."""
    cost: Cost = NOTHING
    """What it reserves."""
    spent: Cost = NOTHING
    """What it did cost; settled when it ends."""
    request_id: str | None = None
    awaited: bool = False
    """Whether it is done for a call that waits, and for nobody once that has gone."""
    batch_id: str | None = None
    batch_index: int | None = None
    priority: int = 0
    ready_at: float = 0.0
    """Not begun before; an attempt that failed is not repeated at once."""
    deadline: float | None = None
    holds: Mapping[str, int] = field(default_factory=dict)
    """Capabilities of which only so many jobs may run at a time."""
    batch_key: str | None = None
    """Jobs with equal keys may run as one batch; None: alone."""
    fingerprint: str | None = None
    attempts: int = 0
    """How often it was begun; some ended with the server, through no fault of the job."""
    failures: int = 0
    """Attempts that failed in a way that may pass."""
    owed: int = 0
    """Money that counts as spent also where the job is canceled, once its call has been sent."""
    sent: bool = False
    """Whether an attempt may have reached whoever bills for it."""
    started: float | None = None
    ended: float | None = None
    work_seconds: float = 0.0
    images: tuple[StoredImage, ...] = ()
    answered_by: str | None = None
    """The job whose result was answered instead of doing the work again."""
    failure: Failed | None = None
    warnings: tuple[str, ...] = ()
    dumped: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The task as its row has it; empty where nobody has dumped it yet."""
    damaged: str = ""
    """Why the row could not be read whole: then this is what is left of it, and the task is Unreadable."""

    @property
    def model_id(self) -> str:
        return self.task.model_id


@dataclass(frozen=True)
class Terms:
    """What a job must keep to besides its task, as its capability and those above it say when it is submitted."""

    accounts: tuple[str, ...] = ()
    """Those that pay for it: its capability and every one that was delegated from, their owner, the server."""
    caps: tuple[Cap, ...] = ()
    rates: Mapping[str, int] = field(default_factory=dict)
    """Accounts that may have only so many jobs accepted in a minute."""


@dataclass(frozen=True)
class PlannedJob:
    """A job that is allowed, and the terms on which it is accepted."""

    job: Job
    terms: Terms = Terms()


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


def values_of(job: Job) -> dict[str, Any]:
    """The row of a job that is new."""
    return {
        "id": job.id,
        "state": job.state,
        "method": job.method,
        "capability_id": job.capability_id,
        "world": job.world,
        "owner_id": job.owner_id,
        "rights": None if job.rights is None else dict(job.rights),
        "caller_id": job.caller_id,
        "this_id": job.this_id,
        "request_id": job.request_id or None,
        "awaited": job.awaited,
        "batch_id": job.batch_id,
        "batch_index": job.batch_index,
        "model_id": job.task.model_id,
        "task": job.dumped or job.task.model_dump(mode="json"),
        "save": dataclasses.asdict(job.save) if job.save else None,
        "total_steps": job.task.total_steps,
        "lane": job.lane,
        "priority": job.priority,
        "ready_at": job.ready_at,
        "deadline": job.deadline,
        "holds": dict(job.holds),
        "batch_key": job.batch_key,
        "fingerprint": job.fingerprint,
        "attempts": job.attempts,
        "failures": job.failures,
        "owed": job.owed,
        "sent": job.sent,
        "runner": None,
        "lease_until": None,
        "compute": job.cost.compute,
        "money": job.cost.money,
        "compute_spent": job.spent.compute,
        "money_spent": job.spent.money,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "work_seconds": job.work_seconds,
        "images": [dataclasses.asdict(image) for image in job.images],
        "answered_by": job.answered_by,
        "failure": dataclasses.asdict(job.failure) if job.failure else None,
        "warnings": list(job.warnings),
    }


def _task(values: Mapping[str, Any]) -> Task:
    """The task; also one that another version wrote, so that a job which cannot be done can still be listed and ended.

    Raises ValueError for what cannot even be told to anybody.
    """
    if not isinstance(values, dict) or not values:
        raise ValueError("its task is no JSON object")
    try:
        return read_task(values)
    except ValidationError:
        task = Unreadable.of(values)
        task.model_dump_json()
        return task


_WHOLE = (
    "owner_id", "caller_id", "this_id", "priority", "attempts", "failures", "owed", "compute", "money", "compute_spent",
    "money_spent",
)  # fmt: skip
_SMALL = ("priority", "attempts", "failures")
_TEXT = ("id", "method", "capability_id", "model_id", "lane", "world")
LATEST = 250_000_000_000.0
"""The end of the year 9891 in Unix seconds: the last time that a message can hold is a little later."""


def is_time(*values: object) -> bool:
    """Whether all of these are times in Unix seconds, as a row may hold them."""
    return all(isinstance(value, int | float) and 0 <= value < LATEST for value in values)


def whole(value: object) -> int:
    """The number of a column; 0 where another hand wrote something else there, as SQLite itself counts it."""
    return value if isinstance(value, int) else 0


def cost_of(compute: object, money: object) -> Cost:
    return Cost(whole(compute), whole(money))


def failed_of(values: Mapping[str, Any]) -> Failed:
    """The failure in a row. Raises TypeError or ValueError for what is none."""
    if "passing" in values:
        # As versions before 0.2 called it.
        values = {("retryable" if name == "passing" else name): value for name, value in values.items()}
    failure = Failed(**values)
    for name, value in values.items():
        if name == "retry_after":
            if value is not None and not is_time(value):
                raise ValueError("its failure has no such delay")
        elif name == "retryable":
            continue
        elif name == "billed":
            if value is not None and (type(value) is not int or value < 0):
                raise ValueError("its failure has no such number of billed pictures")
        elif not isinstance(value, str):
            raise ValueError(f"the {name} of its failure is no text")
        else:
            value.encode()
    Code(failure.code)
    return failure


def _image(values: Mapping[str, Any]) -> StoredImage:
    image = StoredImage(**values)
    numbers = (image.width, image.height, image.size, image.seed, image.entity_id)
    if not all(isinstance(number, int) and 0 <= number < 2**63 for number in numbers):
        raise ValueError("a size, seed or entity of its pictures is no number")
    if (
        image.format not in FORMATS
        or max(image.width, image.height) >= 2**31
        or not isinstance(image.ref, str)
    ):
        raise ValueError("a picture of it is none of ours")
    image.ref.encode()
    return image


def job_of(row: Row) -> Job:
    """The job of a row; what is left of it where the row is damaged, which `damaged` then tells."""
    try:
        return _job_of(row)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        return _remains(row, brief(str(error) or type(error).__name__, 200))


def _job_of(row: Row) -> Job:
    for name in _WHOLE:
        if not isinstance(getattr(row, name), int):
            raise ValueError(f"{name} is no whole number")
    for name in _SMALL:
        if abs(getattr(row, name)) >= 2**31:
            raise ValueError(f"{name} is too large a number")
    for name in _TEXT:
        if not isinstance(getattr(row, name), str):
            raise ValueError(f"{name} is no text")
    times = (
        row.created,
        row.ready_at,
        row.started or 0.0,
        row.ended or 0.0,
        row.deadline or 0.0,
        row.work_seconds,
    )
    if not is_time(*times):
        raise ValueError("a time of it is none")
    if row.rights is not None and not isinstance(row.rights, dict):
        raise ValueError("the rights it was accepted under are not what was stored")
    if isinstance(row.warnings, dict) or isinstance(row.images, dict) or type(row.holds) is not dict:
        raise ValueError("its warnings, images or holds are not what was stored")
    for warning in row.warnings:
        warning.encode()
    save = Placement(**row.save) if row.save is not None else None
    if save is not None and not (isinstance(save.name, str) and isinstance(save.description, str)):
        raise ValueError("the name of its picture is no text")
    if save is not None and not (isinstance(save.room_id, int) and isinstance(save.canvas_id, int)):
        raise ValueError("the place of its picture is no entity")
    return Job(
        id=row.id,
        state=State(row.state),
        method=row.method,
        capability_id=row.capability_id,
        world=row.world,
        owner_id=row.owner_id,
        rights=row.rights,
        caller_id=row.caller_id,
        this_id=row.this_id,
        task=_task(row.task),
        save=save,
        created=row.created,
        lane=row.lane,
        cost=Cost(row.compute, row.money),
        spent=Cost(row.compute_spent, row.money_spent),
        request_id=row.request_id,
        awaited=bool(row.awaited),
        batch_id=row.batch_id,
        batch_index=row.batch_index,
        priority=row.priority,
        ready_at=row.ready_at,
        deadline=row.deadline,
        holds=row.holds,
        batch_key=row.batch_key,
        fingerprint=row.fingerprint,
        attempts=row.attempts,
        failures=row.failures,
        owed=row.owed,
        sent=row.sent,
        started=row.started,
        ended=row.ended,
        work_seconds=row.work_seconds,
        images=tuple(_image(image) for image in row.images),
        answered_by=row.answered_by,
        failure=failed_of(row.failure) if row.failure is not None else None,
        warnings=tuple(row.warnings),
        dumped=row.task,
    )


def _remains(row: Row, why: str) -> Job:
    """A damaged row as far as it can be told, so that the job can be ended like any other."""
    states: set[str] = set(State)
    try:
        failure = failed_of(row.failure) if row.failure is not None else None
    except (TypeError, ValueError, KeyError, AttributeError):
        failure = None
    return Job(
        id=str(row.id),
        state=State(row.state) if row.state in states else State.FAILED,
        method=str(row.method),
        capability_id=str(row.capability_id),
        world=str(row.world),
        owner_id=whole(row.owner_id),
        caller_id=whole(row.caller_id),
        this_id=whole(row.this_id),
        task=Unreadable(model_id=str(row.model_id)),
        save=None,
        created=row.created if is_time(row.created) else 0.0,
        lane=str(row.lane),
        cost=cost_of(row.compute, row.money),
        spent=cost_of(row.compute_spent, row.money_spent),
        batch_id=row.batch_id if isinstance(row.batch_id, str) else None,
        started=row.started if is_time(row.started) else None,
        ended=row.ended if is_time(row.ended) else None,
        failure=failure,
        damaged=why,
    )

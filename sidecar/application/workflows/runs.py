"""Runs of templates: one job after another, each begun when the one before has its picture."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from capabilities.call_options import JobOptions
from capabilities.errors import (
    Canceled,
    FailedPrecondition,
    InternalFault,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Refusal,
    ResourceExhausted,
    Unavailable,
    brief,
)
from capabilities.policy import Caller, Capability
from capabilities.principals import Principal
from entity_store.images import Images
from sidecar.application.access import Access, Admitted, Call
from sidecar.application.picture_access import PictureAccess
from sidecar.application.planning import Planner
from sidecar.application.workflows import templates
from sidecar.application.workflows.saved_templates import SavedTemplates
from sidecar.application.workflows.templates import Step, Template
from sidecar.engines.events import Failed
from sidecar.queue.background import retry_until_written
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, PlannedJob, State, failed_of, is_time, new_id, whole
from sidecar.queue.store.reader import JobReader
from sidecar.queue.store.run_rows import RunRows

MAX_WAIT = 10.0
"""Longest time between two tries of a step that cannot be submitted now, in seconds."""

MAX_CONTEXTS = 32
"""Most rights that a run may be begun with; there are fewer types of capabilities."""
MAX_STORED = 16 << 20
"""Most characters of a run in its row: one that an earlier version let grow beyond is not even read."""

log = logging.getLogger("viwo_imagegen.jobs")


@dataclass(frozen=True)
class Run:
    """A template that is, or was, worked through; `jobs` are ids, one for each step that has begun."""

    id: str
    template: Template
    values: Mapping[str, Any]
    calls: Mapping[str, Admitted]
    """By what right, for each capability type; looked at again before each step."""
    state: State
    jobs: tuple[str, ...]
    failure: Failed | None
    created: float
    ended: float | None
    world: str = ""
    owner_id: int = 0


class Runs:
    """Runs of templates. They go on after a restart of the server, from the step they were at."""

    def __init__(
        self,
        rows: RunRows,
        templates: SavedTemplates,
        reader: JobReader,
        access: Access,
        planner: Planner,
        queue: JobQueue,
        images: Images,
        pictures: PictureAccess,
    ) -> None:
        self._pictures = pictures
        self._rows = rows
        self.templates = templates
        self._reader = reader
        self._access = access
        self._planner = planner
        self._queue = queue
        self._images = images
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._canceled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def start(self) -> None:
        """Go on with what a server before this one had begun."""
        for run_id in await retry_until_written(self._rows.unfinished):
            self._begin(run_id)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def run(
        self, principal: Principal, name: str, given: Mapping[str, object], calls: Sequence[Call]
    ) -> Run:
        """Begin to work through a template.

        Raises NotFound, InvalidArgument for parameters that do not fit, PermissionDenied where a step needs a capability
        of a type that no context brings.
        """
        if len(calls) > MAX_CONTEXTS:
            raise InvalidArgument(
                f"'contexts' must name at most {MAX_CONTEXTS} rights; got {len(calls)}",
                reason="BAD_ARGUMENT",
                field="contexts",
                limit=f"at most {MAX_CONTEXTS}",
                asked=str(len(calls)),
            )
        template = (await self.templates.get(principal, name)).template
        values = template.values(given)
        by_type = self._by_type(principal, template, calls)
        first = next(iter(by_type.values()))
        for key, parameter in template.parameters.items():
            if parameter.type == "image":
                await self._pictures.require_sources(
                    principal, first, {key: cast("bytes | str | int", values[key])}
                )
                values[key] = await asyncio.to_thread(self._kept, key, values[key])
        await asyncio.to_thread(templates.require_fillable, template, values)
        run = Run(
            new_id(), template, values, by_type, State.RUNNING, (), None, time.time(), None, first.world,
            first.capability.owner_id,
        )  # fmt: skip
        await self._rows.insert(_row(run))
        self._begin(run.id)
        return run

    async def find(self, principal: Principal, run_id: str) -> tuple[Run, list[Job]]:
        """A run and its jobs so far, as far as they are still kept. Raises NotFound, for another's too."""
        run = await self._own(principal, run_id)
        jobs = []
        for job_id in run.jobs:
            with contextlib.suppress(NotFound):
                jobs.append(await self._reader.get(job_id))
        return run, jobs

    async def watch(self, principal: Principal, run_id: str) -> AsyncGenerator[tuple[Run, list[Job]]]:
        """A run as it is, and again whenever something changed, up to its end. Raises NotFound."""
        changed = asyncio.Event()
        self._watchers[run_id].add(changed)
        try:
            while True:
                changed.clear()
                run, jobs = await self.find(principal, run_id)
                yield run, jobs
                if run.state.final:
                    return
                await changed.wait()
        finally:
            self._watchers[run_id].discard(changed)
            if not self._watchers[run_id]:
                del self._watchers[run_id]

    async def cancel(self, principal: Principal, run_id: str) -> tuple[Run, list[Job]]:
        """End a run: its present job is canceled, and no other begun. Raises NotFound."""
        run = await self._own(principal, run_id)
        if not run.state.final:
            self._canceled[run_id].set()
            if run.jobs:
                await self._queue.cancel(run.jobs[-1])
            if run_id in self._tasks:
                await asyncio.wait([self._tasks[run_id]])
        return await self.find(principal, run_id)

    def _begin(self, run_id: str) -> None:
        task = asyncio.create_task(self._work_through(run_id))
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run_id, None))

    async def _work_through(self, run_id: str) -> None:
        try:
            run = await retry_until_written(partial(self._get, run_id))
        except Refusal as refusal:
            await self._give_up(run_id, Failed.of(refusal))
            return
        made: dict[str, str] = {}
        try:
            for place, step in enumerate(run.template.steps):
                job = await self._submitted(run, place, step, made)
                if place >= len(run.jobs):
                    run = await self._change(run, jobs=(*run.jobs, job.id))
                if self._canceled[run_id].is_set():
                    # Canceled while it was being submitted.
                    await self._queue.cancel(job.id)
                job = await retry_until_written(partial(self._queue.finished, job.id, patient=True))
                self._tell(run_id)
                if job.state is not State.SUCCEEDED:
                    failure = job.failure or Failed("INTERNAL", "the job failed without saying why")
                    state = State.CANCELED if job.state is State.CANCELED else State.FAILED
                    words = f"step '{step.name}': {failure.message}"
                    await self._end(run, state, dataclasses.replace(failure, message=words))
                    return
                made[step.name] = job.images[0].ref
            await self._end(run, State.SUCCEEDED, None)
        except Canceled as refusal:
            await self._end(run, State.CANCELED, Failed.of(refusal))
        except Refusal as refusal:
            await self._end(run, State.FAILED, Failed.of(refusal))
        except Exception:
            log.exception("run %s broke the server's own code", run_id)
            fault = InternalFault("the server failed on this run; its log says why", reason="BUG")
            await self._end(run, State.FAILED, Failed.of(fault))

    async def _submitted(self, run: Run, place: int, step: Step, made: Mapping[str, str]) -> Job:
        """The job of a step; what passes, such as a full queue, is waited for."""
        canceled = self._canceled[run.id]
        while not canceled.is_set():
            try:
                order = await asyncio.to_thread(self._order, run, place, step, made)
                return await self._queue.submit(order)
            except (ResourceExhausted, Unavailable) as refusal:
                log.warning("run %s waits: %s", run.id, refusal.message)
                wait = min(MAX_WAIT, refusal.retry_after or MAX_WAIT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(canceled.wait(), wait)
        raise Canceled("the run was canceled", reason="CANCELED")

    def _order(self, run: Run, place: int, step: Step, made: Mapping[str, str]) -> PlannedJob:
        method = templates.step_method(step)
        try:
            arguments = method.arguments.read(templates.arguments(step, run.values, made))
            # Named after the run, so that a step which was submitted before a crash is not done twice.
            admitted = self._access.renewed(run.calls[method.capability_type])
            return self._planner.plan(
                admitted, method, arguments, templates.placement(step, run.values),
                JobOptions(), f"run-{run.id}-{place}",
            )  # fmt: skip
        except Refusal as refusal:
            refusal.message = f"step '{step.name}': {refusal.message}"
            raise

    def _by_type(
        self, principal: Principal, template: Template, calls: Sequence[Call]
    ) -> dict[str, Admitted]:
        admitted = [self._access.admit(principal, call) for call in calls]
        found = {item.capability.type: item for item in admitted}
        for kind in principal.capabilities:
            if kind not in found:
                found[kind] = self._access.admit(principal, Call("", Caller(0)), kind)
        for step in template.steps:
            needed = templates.step_method(step).capability_type
            if needed not in found:
                raise PermissionDenied(
                    f"step '{step.name}' needs a capability of type '{needed}'; add a context that has one",
                    reason="NO_CAPABILITY",
                    field="contexts",
                    limit=needed,
                    asked=", ".join(sorted(found)) or "none",
                )
        return found

    def _kept(self, name: str, source: object) -> str:
        """An image parameter as a reference: what a run needs must still be there after a restart."""
        assert isinstance(source, str | int)
        data = self._images.find_file(source, field=name)
        return self._images.store(data, field=name).ref

    async def _own(self, principal: Principal, run_id: str) -> Run:
        run = await self._get(run_id)
        if not principal.sees(run.world, run.owner_id):
            raise _unknown(run_id)
        return run

    async def _get(self, run_id: str) -> Run:
        row, is_there = await self._rows.get(run_id, MAX_STORED)
        if not is_there:
            raise _unknown(run_id)
        try:
            if row is None:
                raise ValueError(f"it has more than {MAX_STORED} characters")
            return run_of(row)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FailedPrecondition(
                f"the run '{brief(run_id, 40)}' cannot be read: {brief(error, 200)}; begin another",
                reason="UNREADABLE_RUN",
                field="id",
                asked=brief(run_id, 40),
            ) from None

    async def _give_up(self, run_id: str, failure: Failed) -> None:
        """End a run that cannot even be read."""
        values = {"state": State.FAILED, "failure": dataclasses.asdict(failure), "ended": time.time()}
        await retry_until_written(partial(self._rows.update, run_id, values))
        self._tell(run_id)
        log.error("run %s is given up: %s", run_id, failure.message)

    async def _end(self, run: Run, state: State, failure: Failed | None) -> None:
        await self._change(run, state=state, failure=failure, ended=time.time())
        self._canceled.pop(run.id, None)
        log.info("run %s of template %s ended: %s", run.id, run.template.name, state)

    async def _change(self, run: Run, **changes: Any) -> Run:
        changed = dataclasses.replace(run, **changes)
        values = {name: value for name, value in _row(changed).items() if name in changes}
        await retry_until_written(partial(self._rows.update, run.id, values))
        self._tell(run.id)
        return changed

    def _tell(self, run_id: str) -> None:
        for changed in self._watchers.get(run_id, ()):
            changed.set()


def run_of(row: Any) -> Run:
    """Raises ValueError, TypeError, KeyError or AttributeError for a row that none of our versions wrote."""
    calls = {
        str(name): _admitted(str(name), value, str(row.world)) for name, value in row.context["calls"].items()
    }
    values, jobs = row.context["values"], row.jobs
    if (
        not isinstance(values, dict)
        or not isinstance(jobs, list)
        or not is_time(row.created, row.ended or 0.0)
    ):
        raise ValueError("its values, jobs or times are not what was stored")
    if not all(isinstance(job_id, str) for job_id in jobs):
        raise ValueError("its jobs are no ids")
    failure = failed_of(row.failure) if row.failure is not None else None
    return Run(
        row.id, templates.read_stored(row.document), values, calls, State(row.state), tuple(jobs), failure,
        row.created, row.ended, str(row.world), whole(row.owner_id),
    )  # fmt: skip


def _admitted(kind: str, value: Mapping[str, Any], world: str) -> Admitted:
    capability = Capability(
        value["capability_id"],
        value.get("owner_id", 0),
        kind,
        dict(value.get("params", {})),
        None,
        value.get("granted"),
    )
    # Before 0.2 the statement itself was kept; its time is over.
    is_stated = bool(value.get("is_stated") or value.get("statement"))
    return Admitted(Caller(**value["caller"]), world, capability, is_stated=is_stated)


def _call_row(admitted: Admitted) -> dict[str, Any]:
    capability = admitted.capability
    stated = {
        "owner_id": capability.owner_id,
        "params": dict(capability.params),
        "granted": capability.granted,
        "is_stated": True,
    }
    return {
        "capability_id": capability.id,
        "caller": dataclasses.asdict(admitted.caller),
        **(stated if admitted.is_stated else {}),
    }


def _unknown(run_id: str) -> NotFound:
    asked = brief(run_id, 40)
    return NotFound(f"there is no run '{asked}'", reason="UNKNOWN_RUN", field="id", asked=asked)


def _row(run: Run) -> dict[str, Any]:
    calls = {name: _call_row(admitted) for name, admitted in run.calls.items()}
    return {
        "id": run.id,
        "world": run.world,
        "owner_id": run.owner_id,
        "template": run.template.name,
        "document": run.template.model_dump(mode="json"),
        "context": {"calls": calls, "values": dict(run.values)},
        "state": run.state,
        "jobs": list(run.jobs),
        "failure": dataclasses.asdict(run.failure) if run.failure else None,
        "created": run.created,
        "ended": run.ended,
    }

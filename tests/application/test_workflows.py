"""The use cases of workflows, on a fake engine in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from sidecar.application.access import Call
from sidecar.application.workflows.runs import MAX_CONTEXTS, Run, Runs
from sidecar.engines.events import Failed, Step
from sidecar.queue.model import Job, State
from sidecar.queue.store.run_rows import RunRows
from sidecar.queue.store.template_rows import TemplateRows
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, WORLD, in_process

CHAIN: dict[str, Any] = {
    "format": "viwo-template/1",
    "name": "refined",
    "parameters": {"subject": {"type": "string"}},
    "steps": [
        {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a {subject}", "seed": 5}},
        {"name": "refine", "method": "imageToImage",
         "arguments": {"image": {"from": "draw"}, "prompt": "a fine {subject}", "seed": 6}},
    ],
}  # fmt: skip


@dataclass
class Working:
    """Workflows that work, what they keep their rows in, and a right to draw."""

    workflows: Runs
    templates: TemplateRows
    runs: RunRows
    call: Call

    async def save(self, **changes: Any) -> None:
        await self.workflows.templates.save(ASKER, json.dumps({**CHAIN, **changes}))

    async def begin(self, name: str = "refined", **values: object) -> Run:
        return await self.workflows.run(ASKER, name, values or {"subject": "cup"}, [self.call])

    async def ended(self, run: Run) -> tuple[Run, list[Job]]:
        return [item async for item in self.workflows.watch(ASKER, run.id)][-1]

    async def until_begun(self, run: Run, steps: int) -> Run:
        """The run once so many of its steps have a job."""
        async with aclosing(self.workflows.watch(ASKER, run.id)) as changes:
            async for seen, _ in changes:
                if len(seen.jobs) == steps:
                    return seen
        raise AssertionError("the run ended before")


@asynccontextmanager
async def working(folder: Path, engine: FakeEngine) -> AsyncIterator[Working]:
    """Workflows on this engine; what they leave is there for the next on the same folder."""
    async with in_process(folder, [engine]) as here:
        database = here.assembly.database
        yield Working(here.use.workflows, TemplateRows(database), RunRows(database), here.right())


async def test_a_step_begins_with_the_picture_of_the_one_before(tmp_path: Path) -> None:
    async with working(tmp_path, FakeEngine()) as here:
        await here.save()
        run, jobs = await here.ended(await here.begin(subject="cup"))
        assert (run.state, run.failure) == (State.SUCCEEDED, None)
        assert [job.method for job in jobs] == ["textToImage", "imageToImage"]
        assert list(jobs[1].task.inputs.values()) == [jobs[0].images[0].ref]
        assert await here.workflows.find(ASKER, run.id) == (run, jobs)


async def test_templates_are_paged_by_name_without_those_that_cannot_be_read(tmp_path: Path) -> None:
    async with working(tmp_path, FakeEngine()) as here:
        for name in ("a", "c", "d"):
            await here.save(name=name)
        await here.templates.save(WORLD, 0, "b", {"format": "another"}, 0.0, True)
        page = await here.workflows.templates.page(ASKER, "", 2)
        rest = await here.workflows.templates.page(ASKER, "c", 2)
        assert [saved.template.name for saved in page + rest] == ["a", "c", "d"]
        with pytest.raises(FailedPrecondition, match="save it again, or delete it"):
            await here.workflows.templates.get(ASKER, "b")
        await here.workflows.templates.delete(ASKER, "b")
        for ask in (here.workflows.templates.get, here.workflows.templates.delete):
            with pytest.raises(NotFound, match="there is no template 'b'"):
                await ask(ASKER, "b")


async def test_a_run_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    async with working(tmp_path, FakeEngine()) as here:
        await here.save()
        run = here.workflows.run
        given = {"subject": "cup"}
        with pytest.raises(InvalidArgument, match=f"at most {MAX_CONTEXTS} rights; got {MAX_CONTEXTS + 1}"):
            await run(ASKER, "refined", given, [here.call] * (MAX_CONTEXTS + 1))
        with pytest.raises(PermissionDenied, match="'draw' needs a capability of type"):
            await run(ASKER, "refined", given, [])
        with pytest.raises(InvalidArgument, match="needs the parameter 'subject'"):
            await run(ASKER, "refined", {}, [here.call])
        with pytest.raises(NotFound, match="there is no template 'other'"):
            await run(ASKER, "other", given, [here.call])
        assert await here.runs.unfinished() == []


async def test_a_failure_names_its_step_and_ends_the_run(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.script = lambda request: [Failed("INTERNAL", "broken")] if request.task.inputs else []
    async with working(tmp_path, engine) as here:
        await here.save()
        run, jobs = await here.ended(await here.begin())
        assert run.state is State.FAILED
        assert run.failure is not None
        assert run.failure.message == "step 'refine': broken"
        assert [job.state for job in jobs] == [State.SUCCEEDED, State.FAILED]


async def test_a_canceled_run_cancels_its_job_and_begins_no_other(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.script = lambda request: [Step(1, request.task.total_steps, 0), asyncio.Event()]
    async with working(tmp_path, engine) as here:
        await here.save()
        begun = await here.begin()
        await here.until_begun(begun, 1)
        run, jobs = await here.workflows.cancel(ASKER, begun.id)
        assert (run.state, [job.state for job in jobs]) == (State.CANCELED, [State.CANCELED])
        assert await here.workflows.cancel(ASKER, begun.id) == (run, jobs)
        with pytest.raises(NotFound, match="there is no run 'none'"):
            await here.workflows.cancel(ASKER, "none")


async def test_a_run_goes_on_from_its_step_after_a_restart(tmp_path: Path) -> None:
    held = FakeEngine()
    held.script = lambda request: [asyncio.Event()] if request.task.inputs else []
    async with working(tmp_path, held) as here:
        await here.save()
        begun = await here.until_begun(await here.begin(), 2)
    async with working(tmp_path, FakeEngine()) as here:
        run, jobs = await here.ended(begun)
        assert run.state is State.SUCCEEDED
        assert tuple(job.id for job in jobs) == begun.jobs

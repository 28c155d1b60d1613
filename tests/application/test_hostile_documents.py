"""Documents and numbers that strangers send: templates that would grow, JSON that nobody can hold, tasks no engine can do.

Each is answered with a refusal that names the field; the server stays small and as it was.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from capabilities.tasks import MAX_PROMPT
from sidecar.pb.viwo.imagegen.v1 import (
    job_pb2,
    template_pb2,
)
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import Sidecar, started
from tests.application.test_lineage import DRAW
from tests.application.test_templates import finished, run, save, step

LONG = "x" * MAX_PROMPT
DIGITS = "9" * 400
NOT_OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


def template(name: str, *steps: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    kinds = {key: {"type": "string", **value} for key, value in parameters.items()}
    return {"format": "viwo-template/1", "name": name, "parameters": kinds, "steps": list(steps)}


def drawing(**arguments: Any) -> dict[str, Any]:
    return step(arguments={"steps": 1, "width": 64, "height": 64, **arguments})


BOMBS: dict[str, tuple[dict[str, Any], dict[str, object], str]] = {
    "4000 holes": (template("b1", drawing(prompt="{a}" * 4000), a={}), {"a": LONG}, "steps.draw.arguments.prompt"),
    "two holes": (template("b2", drawing(prompt="{a} {a}"), a={}), {"a": LONG}, "steps.draw.arguments.prompt"),
    "a long value": (template("b3", drawing(prompt="{a}"), a={}), {"a": LONG + "x"}, "a"),
    "200 kB": (template("b4", drawing(prompt="{a}"), a={}), {"a": "x" * 200_000}, "a"),
    "a list": (
        template("b5", drawing(prompt="a", loras=[{"id": "{a}", "weight": 1}] * 4000), a={}),
        {"a": LONG},
        "steps.draw.arguments.loras[127].id",
    ),
    "a dict": (
        template("b6", drawing(prompt="a", loras=[{f"k{n}": {"in": ["{a}"]} for n in range(2000)}]), a={}),
        {"a": LONG},
        "",
    ),
    "many parameters": (
        template("b7", drawing(prompt="a"), **{f"p{n}": {} for n in range(100)}),
        {f"p{n}": LONG for n in range(100)},
        "parameters_json",
    ),
    "a default": (
        template("b8", step(name="one"), drawing(prompt="a", negative_prompt="{a}{a}{a}") | {"name": "two"}, a={"default": LONG}),
        {},
        "steps.two.arguments.negative_prompt",
    ),
    "a name": (
        template("b9", drawing(prompt="a") | {"save": {"name": "{a}" * 64, "description": ""}}, a={}),
        {"a": LONG},
        "steps.draw.save.name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
async def test_a_template_that_would_grow_is_refused_before_it_does(sidecar: Sidecar, name: str) -> None:
    document, values, field = BOMBS[name]
    await save(sidecar, document)
    before = psutil.Process().memory_info().rss
    error = await refused(run(sidecar, document["name"], **values))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert error_info(error).metadata["field"].startswith(field), error_info(error)
    assert error_info(error).metadata["limit"], error_info(error)
    assert psutil.Process().memory_info().rss - before < 64 << 20
    await sidecar.templates.Delete(template_pb2.DeleteTemplateRequest(name=document["name"]))


async def test_what_fits_still_runs(sidecar: Sidecar) -> None:
    half = MAX_PROMPT // 2
    await save(sidecar, template("fits", drawing(prompt="{a}{a}", negative_prompt="{b}"), a={}, b={}))
    begun = await run(sidecar, "fits", a="x" * half, b=LONG)
    last = await finished(sidecar, begun.id)
    assert last.state == job_pb2.JOB_STATE_SUCCEEDED, last.failure
    assert len(json.loads(last.jobs[0].task_json)["prompt"]) == 2 * half


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


TEMPLATES: dict[str, str] = {
    "nested 300": json.dumps(template("t", drawing(prompt=deep(300)))),
    "nested 65": json.dumps(template("t", drawing(prompt=deep(65)))),
    "nested 50 000": '{"format": ' + "[" * 50_000,
    "400 digits": json.dumps(template("t", drawing(prompt="a"), a={"type": "integer", "default": 0})).replace('"default": 0', f'"default": {DIGITS}'),
    "5000 digits": json.dumps(template("t", drawing(prompt="a", seed=0))).replace('"seed": 0', '"seed": ' + "9" * 5000),
    "1e999": json.dumps(template("t", drawing(prompt="a", seed=0))).replace('"seed": 0', '"seed": 1e999'),
    "a surrogate": json.dumps(template("t", drawing(prompt="\ud800"))),
    "200 parameters": json.dumps(template("t", drawing(prompt="a"), **{f"p{n}": {} for n in range(200)})),
    "an override": json.dumps({**template("t", drawing(prompt="a")), "description": "\u202eabc"}),
    "a long text": json.dumps({**template("t", drawing(prompt="a")), "description": "a" * 5000}),
    "an escape": json.dumps(template("t", drawing(prompt="a") | {"save": {"name": "\x1b[31m"}})),
    "a default": json.dumps(template("t", drawing(prompt="a"), a={"default": "x" * 20_000})),
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_that_nobody_could_be_told_is_refused(sidecar: Sidecar, name: str) -> None:
    request = template_pb2.SaveTemplateRequest(document_json=TEMPLATES[name])
    error = await refused(sidecar.templates.Save(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert error_info(error).metadata["field"]


async def test_runs_that_are_too_large_or_broken_fail_alone(tiny: Path, tmp_path: Path) -> None:
    """As a server of before left them: its rows were not bounded."""
    async with started(tiny, tmp_path) as sidecar:
        await save(sidecar, template("t", drawing(prompt="{a}", steps=3), a={}))
        run_ids = [(await run(sidecar, "t", a=f"cup {n}")).id for n in range(6)]
        for run_id in run_ids:
            await finished(sidecar, run_id)
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        connection.execute("DELETE FROM jobs")
        connection.execute("UPDATE runs SET state = 'running', ended = NULL, jobs = '[]'")

        def spoil(run_id: str, column: str, value: object) -> None:
            connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))

        def context(run_id: str) -> dict[str, Any]:
            row = connection.execute("SELECT context FROM runs WHERE id = ?", (run_id,)).fetchone()
            found: dict[str, Any] = json.loads(row[0])
            return found

        grown = context(run_ids[0]) | {"values": {"a": "x" * 200_000}}
        many = json.dumps(template("t", drawing(prompt="{a}" * 4000), a={}))
        huge = context(run_ids[1]) | {"values": {"a": "x" * (17 << 20)}}
        spoil(run_ids[0], "context", json.dumps(grown))
        spoil(run_ids[0], "document", many)
        spoil(run_ids[1], "context", json.dumps(huge))
        spoil(run_ids[2], "context", "{")
        spoil(run_ids[3], "document", '{"format": "another"}')
        spoil(run_ids[4], "jobs", '{"no": "list"}')
    connection.close()
    before = psutil.Process().memory_info().rss
    async with started(tiny, tmp_path) as sidecar:
        last = await finished(sidecar, run_ids[5])
        assert last.state == job_pb2.JOB_STATE_SUCCEEDED, last.failure
        grown_run = await finished(sidecar, run_ids[0])
        assert (grown_run.state, grown_run.failure.reason) == (job_pb2.JOB_STATE_FAILED, "TOO_LARGE")
        for run_id in run_ids[1:5]:
            request = template_pb2.GetRunRequest(id=run_id)
            error = await refused(sidecar.templates.GetRun(request))
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
            assert error_info(error).reason == "UNREADABLE_RUN"
        async with asyncio.timeout(60):
            while open_runs(tmp_path):
                await sidecar.templates.GetRun(template_pb2.GetRunRequest(id=run_ids[0]))
    assert psutil.Process().memory_info().rss - before < 300 << 20


def open_runs(folder: Path) -> int:
    with sqlite3.connect(folder / "jobs.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM runs WHERE ended IS NULL").fetchone()[0])


async def test_variations_are_counted_before_there_are_any(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    for task, prompts in (
        (submission(context, "x" * 1_000_000), ["a"]),
        (submission(context), ["y" * 17_000]),
        (submission(context, "x" * 17_000), ["b"] * 5),
    ):
        varied = job_pb2.Variations(task=task, prompts=prompts, count=190)
        error = await refused(sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(variations=varied)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["limit"], error.details()


REFINED = {
    **DRAW,
    "width": 128,
    "height": 128,
    "refine": {"width": 64, "height": 64, "strength": 0.5, "method": "lanczos"},
}
TASKS: dict[str, tuple[dict[str, Any], str]] = {
    "scheduler": ({"scheduler": "euler ultra"}, "task.scheduler"),
    "scheduler spelt otherwise": ({"scheduler": "Euler A"}, "task.scheduler"),
    "no scheduler": ({"scheduler": ""}, "task.scheduler"),
    "clip skip": ({"clip_skip": 13}, "task.clip_skip"),
    "clip skip by far": ({"clip_skip": 2**40}, "task.clip_skip"),
    "guidance": ({"guidance_scale": 1e6}, "task.guidance_scale"),
    "negative guidance": ({"guidance_scale": -1}, "task.guidance_scale"),
    "count": ({"count": 65}, ""),
    "size": ({"width": 63}, "task.width"),
    "loras": ({"loras": [{"id": "sd", "weight": 1}] * 17}, ""),
    "an embedding that no prompt names": ({"embeddings": ["sd"]}, ""),
    "background": ({"background": "transparent"}, "task.background"),
    "refined size": ({**REFINED, "refine": {**REFINED["refine"], "width": 60}}, "task.refine.width"),  # type: ignore[dict-item]
    "refined too far": ({**REFINED, "width": 640, "height": 640}, "task.refine.width"),
    "refined by nothing": ({**REFINED, "refine": {**REFINED["refine"], "method": "sharper"}}, ""),  # type: ignore[dict-item]
    "a field that is none": ({"colour": 1}, "task.colour"),
    "a seed": ({"seed": 2**53}, "task.seed"),
    "a prompt": ({"prompt": "\0"}, "task.prompt"),
    "a quality": ({"output": {"format": "png", "quality": 101}}, "task.output.quality"),
    "a vae": ({"vae": "nothing"}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
async def test_an_imported_task_that_no_engine_can_do_is_refused(sidecar: Sidecar, name: str) -> None:
    changes, field = TASKS[name]
    context = await sidecar.context()
    document = {"format": "viwo-job/1", "method": "textToImage", "task": {**DRAW, **changes}, "inputs": {}}
    request = job_pb2.ImportJobRequest(context=context, document_json=json.dumps(document))
    error = await refused(sidecar.jobs.Import(request))
    assert error.code() not in NOT_OURS
    found = error_info(error).metadata["field"]
    assert found.startswith(field or found), error.details()
    assert found, error.details()
    page = await sidecar.jobs.List(job_pb2.ListJobsRequest(capability_id=context.capability_id))
    assert not page.jobs


async def test_an_imported_task_that_it_can_do_is_done(sidecar: Sidecar) -> None:
    for changes in ({}, {"scheduler": "euler a", "clip_skip": 1}, REFINED):
        document = {
            "format": "viwo-job/1",
            "method": "textToImage",
            "task": {**DRAW, **changes},
            "inputs": {},
        }
        request = job_pb2.ImportJobRequest(
            context=await sidecar.context(), document_json=json.dumps(document)
        )
        final = await sidecar.ended((await sidecar.jobs.Import(request)).id)
        assert final.state == job_pb2.JOB_STATE_SUCCEEDED, final.failure


async def test_a_clip_skip_beyond_the_model_is_said(sidecar: Sidecar) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), clip_skip=12)))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
    assert error_info(error).metadata["field"] == "options.clip_skip"

"""Documents and numbers that strangers send: templates that would grow, JSON that nobody can hold, tasks no engine can do.

Each is answered with a refusal that names the field; the server stays small and as it was.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import struct_pb2
from pydantic import ValidationError

from capabilities.errors import InvalidArgument, PermissionDenied
from capabilities.params import KINDS, parse, parse_row
from capabilities.tasks.base import MAX_PROMPT
from entity_store.world import SYSTEM_ID
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    template_pb2,
)
from tests.harness import Sidecar, details, ended, error_info, refused, started, submission, text_to_image
from tests.sidecar.test_documents import DRAW
from tests.sidecar.test_templates import finished, run, save, step

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


AMOUNTS = ("compute_per_day", "compute_per_session", "compute_per_month", "money_per_day", "max_compute")
LARGE = (1e308, 1e300, 9.1e9, 2.0**63)


@pytest.mark.parametrize(
    "name", [*AMOUNTS, "max_width", "max_concurrent", "rate_per_minute", "target_id", "expires_at"]
)
async def test_an_amount_that_no_column_holds_is_refused(sidecar: Sidecar, name: str) -> None:
    held = await sidecar.capabilities.List(
        capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
    )
    parent = await sidecar.mint()
    for value in LARGE if name in AMOUNTS else (1e308, 2.0**64, -1e308):
        struct = struct_pb2.Struct(fields={name: struct_pb2.Value(number_value=value)})
        mint = capability_pb2.MintRequest(
            authority_id=held.capabilities[0].id,
            caller_id=SYSTEM_ID,
            type="diffusers.generate",
            params=struct,
        )
        narrow = capability_pb2.DelegateRequest(
            parent_id=parent, caller_id=sidecar.painter, restrictions=struct
        )
        for call in (sidecar.capabilities.Mint(mint), sidecar.capabilities.Delegate(narrow)):
            error = await refused(call)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (value, error.details())
            assert error_info(error).metadata["field"] == name


async def test_the_largest_amounts_work(sidecar: Sidecar) -> None:
    context = await sidecar.context({**dict.fromkeys(AMOUNTS, 9_007_199_254), "rate_per_minute": 2**53})
    assert (await sidecar.images.TextToImage(text_to_image(context))).images
    budgets = await sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context))
    assert {budget.cap.compute for budget in budgets.budgets if budget.caps_compute} == {9_007_199_254}


ROWS = (
    *(f'{{"{name}": {value}}}' for name in ("max_compute", "compute_per_day", "max_steps", "expires_at", "max_priority")
      for value in (DIGITS, "1e308", "1e999", "-" + DIGITS)),
    '{"allowed_models": 3}', '{"*": 1}', '{"a": ' + "[" * 5000, "[]", "3", "null", "", "{", '{"max_steps": ' + "9" * 5000 + "}",
    '{"default_model": "\\ud800"}',
)  # fmt: skip


async def test_rows_of_viwos_table_deny_and_never_break_a_list(sidecar: Sidecar) -> None:
    owner = sidecar.entity(name="holder")
    good = await sidecar.mint(owner=owner)
    with sidecar.running.world.transaction() as connection:
        for number, params in enumerate(ROWS):
            values = (f"row-{number}", owner, "diffusers.generate", params)
            connection.execute(
                "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, ?, ?)", values
            )
    try:
        listed = await sidecar.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=owner, page_size=1000)
        )
        assert good in [item.id for item in listed.capabilities]
        for number, params in enumerate(ROWS):
            context = common_pb2.CallContext(capability_id=f"row-{number}", caller_id=owner, this_id=owner)
            calls: tuple[Any, ...] = (
                sidecar.images.TextToImage(text_to_image(context)),
                sidecar.jobs.BudgetStatus(job_pb2.BudgetStatusRequest(context=context)),
                sidecar.capabilities.Delegate(
                    capability_pb2.DelegateRequest(parent_id=context.capability_id, caller_id=owner)
                ),
            )
            for call in calls:
                error = await refused(call)
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED, (params[:60], error.details())
            await sidecar.capabilities.Get(capability_pb2.GetCapabilityRequest(id=context.capability_id))
    finally:
        with sidecar.running.world.transaction() as connection:
            connection.execute("DELETE FROM capabilities WHERE id LIKE 'row-%'")


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), [10**400], "9" * 400])
def test_every_kind_of_parameter_survives_every_number(value: object) -> None:
    for name in KINDS:
        if name in ("default_model",) and isinstance(value, str):
            continue
        with pytest.raises(InvalidArgument, match=re.escape(f"'{name}'")):
            parse({name: value})
        with pytest.raises(PermissionDenied, match=re.escape(f"'{name}'")):
            parse_row({name: value})


@pytest.mark.parametrize(
    "values",
    [
        {"budgets": [{"scope": "server", "period": "day", "compute": 1e308}]},
        {"budgets": [{"scope": "owner", "period": "month", "money": float("inf")}]},
        {"budgets": [{"scope": "owner", "period": "day", "compute": 1, "owner_id": 10**30}]},
        {"prices": [{"model": "a", "per_image": 1e300}]},
        {"prices": [{"model": "a", "per_megapixel_step": float("nan")}]},
        {"tier_high": {"compute": 1e308, "money": 1}},
        {"max_compute": float("inf")},
        {"max_job_seconds": float("inf")},
        {"memory_budget_gib": 1e308},
        {"keep_gib": float("inf")},
        {"keep_days": 1e300},
        {"keep_jobs": 10**30},
    ],
)
def test_a_configuration_that_no_column_holds_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, **values)


ARGUMENTS = (
    f'["a", {{"seed": {DIGITS}}}]', f'["a", {{"width": -{DIGITS}}}]', '["a", {"guidanceScale": 1e999}]', f"[{DIGITS}]",
    '["a", {"seed": ' + "9" * 5000 + "}]", '["a", ' + "[" * 300 + "]" * 300 + "]", '["a", {"prompt": "\\udfff"}]', '["a", {"x": -Infinity}]',
    f'["a", {{"timeout": {DIGITS}}}]', f'["a", {{"save": true, "room": {DIGITS}}}]', f'["a", {{"priority": {DIGITS}}}]',
)  # fmt: skip


async def test_numbers_of_400_digits_are_refused_wherever_json_is_read(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    for text in ARGUMENTS:
        request = image_pb2.InvokeRequest(context=context, method="textToImage", arguments_json=text)
        answer = json.loads((await sidecar.images.Invoke(request)).result_json)
        assert answer["error"]["code"] == "INVALID_ARGUMENT", (text[:60], answer)
        error = await refused(sidecar.jobs.Submit(job_pb2.SubmitJobRequest(invoke=request)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, text[:60]
    await save(sidecar, template("numbers", drawing(prompt="a", seed="{a}"), a={"type": "integer"}))
    for text in (f'{{"a": {DIGITS}}}', '{"a": 1e999}', '{"a": ' + "[" * 300 + "]" * 300 + "}", '{"a": NaN}'):
        contexts = [context]
        error = await refused(sidecar.templates.Run(
            template_pb2.RunTemplateRequest(contexts=contexts, name="numbers", parameters_json=text)
        ))  # fmt: skip
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    for text in (f'{{"low": {DIGITS}}}', "1, 2", "[1], [2]", '{"low": 1e999}', "[" * 300):
        preprocess = image_pb2.PreprocessRequest(
            context=await sidecar.context(kind="controlnet.generate"), type="canny", options_json=text,
            image=common_pb2.ImageSource(ref="sha256:" + "0" * 64),
        )  # fmt: skip
        error = await refused(sidecar.images.Preprocess(preprocess))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (text[:40], error.details())
    for text in (f"[{DIGITS}]", f"[90, {DIGITS}]", "[1e999]", "[" * 300 + "]" * 300):
        verb = entity_pb2.CallVerbRequest(context=context, entity_id=1, verb="transform", arguments_json=text)
        error = await refused(sidecar.entities.CallVerb(verb))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (text[:40], error.details())


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
        final = await ended(sidecar, (await sidecar.jobs.Import(request)).id)
        assert final.state == job_pb2.JOB_STATE_SUCCEEDED, final.failure


async def test_a_clip_skip_beyond_the_model_is_said(sidecar: Sidecar) -> None:
    error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context(), clip_skip=12)))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error.details()
    assert error_info(error).metadata["field"] == "clip_skip"


EVIL: dict[str, str] = {
    "escape": "a\x1b[31mb", "nul": "a\0b", "bell": "a\x07b", "c1": "a\x9bb", "override": "a\u202eb", "isolate": "a\u2066b",
    "mark": "a\u200fb", "zero width": "a\u200bb", "tag": "a\U000e0041b", "separator": "a\u2028b", "bom": "\ufeffa",
}  # fmt: skip
"""What no name may hold; a lone surrogate comes in JSON only."""


def shown(text: str) -> bool:
    return not any(
        character in text
        for evil in (*EVIL.values(), "\n\t\ud800")
        for character in evil
        if character not in "ab[31m"
    )


@pytest.mark.parametrize("kind", EVIL)
async def test_names_that_hide_something_are_refused(sidecar: Sidecar, kind: str) -> None:
    text = EVIL[kind]
    context = await sidecar.context()
    canvas = sidecar.entity(name="Canvas", image_type="canvas")
    with sidecar.running.world.transaction() as connection:
        connection.execute(
            "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, 'entity.control', ?)",
            (f"control-{canvas}", sidecar.painter, json.dumps({"target_id": canvas})),
        )
    drawn = await sidecar.images.TextToImage(text_to_image(context))
    for save_as in (
        common_pb2.SaveOptions(name=text), common_pb2.SaveOptions(name="a", description=text),
        common_pb2.SaveOptions(name=text, canvas_id=canvas), common_pb2.SaveOptions(name="a" * 257),
        common_pb2.SaveOptions(description="a" * 4097),
    ):  # fmt: skip
        error = await refused(
            sidecar.images.TextToImage(text_to_image(context, output=common_pb2.OutputOptions(save=save_as)))
        )
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"] in ("save.name", "save.description")
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref), options=save_as
        )
        assert (await refused(sidecar.entities.SaveImage(request))).code() is grpc.StatusCode.INVALID_ARGUMENT
    for metadata in ({"by": text}, {text: 1}, {"list": [{"in": text}]}):
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref),
            options=common_pb2.SaveOptions(name="a"), metadata=struct_pb2.Struct(),
        )  # fmt: skip
        request.metadata.update(metadata)
        error = await refused(sidecar.entities.SaveImage(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"].startswith("metadata")
    await save(sidecar, template("named", drawing(prompt="a") | {"save": {"name": "{a}"}}, a={}))
    last = await finished(sidecar, (await run(sidecar, "named", a=text)).id)
    assert (last.state, last.failure.code) == (job_pb2.JOB_STATE_FAILED, "INVALID_ARGUMENT")


async def test_words_that_become_a_name_are_cleaned(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    prompt = "a cup\n\ton a \x1b[31mtable\u202e \u2066\U000e0041" + EVIL["bom"]
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions())
    drawn = await sidecar.images.TextToImage(text_to_image(context, prompt, output=output))
    document = {
        "format": "viwo-job/1",
        "method": "textToImage",
        "task": {**DRAW, "prompt": prompt},
        "inputs": {},
    }
    await sidecar.jobs.Import(job_pb2.ImportJobRequest(context=context, document_json=json.dumps(document)))
    entity = sidecar.running.world.entity(drawn.images[0].entity_id)
    for name in ("name", "description", "metadata"):
        text = (
            json.dumps(json.loads(entity.props[name]), ensure_ascii=False)
            if name == "metadata"
            else entity.props[name]
        )
        assert shown(text), text
    assert str(entity.props["name"]).startswith("a cup on a [31mtable")
    lines = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="two\nlines", description="of\ttext"))
    drawn = await sidecar.images.TextToImage(text_to_image(context, output=lines))
    entity = sidecar.running.world.entity(drawn.images[0].entity_id)
    assert (entity.props["name"], entity.props["description"]) == ("two lines", "of text")


async def test_metadata_is_bounded(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    drawn = await sidecar.images.TextToImage(text_to_image(context))
    wide = {f"k{n}": "x" * 1000 for n in range(100)}
    nested: dict[str, Any] = {"a": 1}
    for _ in range(12):
        nested = {"in": nested}
    for metadata in (wide, nested, {"a": "x" * 70_000}):
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref),
            options=common_pb2.SaveOptions(name="a"), metadata=struct_pb2.Struct(),
        )  # fmt: skip
        request.metadata.update(metadata)
        error = await refused(sidecar.entities.SaveImage(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert details(error).details

"""Workflow templates: kept, carried, run step by step, canceled, and gone on with after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from sidecar.pb.viwo.imagegen.v1 import entity_pb2, job_pb2, template_pb2
from sidecar.testing.refusals import refused
from sidecar.testing.requests import SLOW, submission
from sidecar.testing.server import Sidecar, started

CHAIN: dict[str, Any] = {
    "format": "viwo-template/1",
    "name": "turned",
    "description": "A picture, turned and kept.",
    "parameters": {
        "subject": {"type": "string", "description": "What it shows."},
        "angle": {"type": "number", "default": 90},
        "room": {"type": "integer", "default": 0},
        "steps": {"type": "integer", "default": 3},
    },
    "steps": [
        {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a {subject}", "seed": 5, "steps": "{steps}"}},
        {
            "name": "turn",
            "method": "transform",
            "arguments": {"image": {"from": "draw"}, "rotation": "{angle}"},
            "save": {"name": "the {subject}", "room": "{room}"},
        },
    ],
}  # fmt: skip


async def save(sidecar: Sidecar, document: dict[str, Any]) -> template_pb2.Template:
    saved: template_pb2.Template = await sidecar.templates.Save(
        template_pb2.SaveTemplateRequest(document_json=json.dumps(document))
    )
    return saved


async def run(sidecar: Sidecar, name: str, *kinds: str, **values: object) -> template_pb2.TemplateRun:
    contexts = [await sidecar.context(kind=kind) for kind in kinds or ("diffusers.generate", "image.edit")]
    begun: template_pb2.TemplateRun = await sidecar.templates.Run(
        template_pb2.RunTemplateRequest(contexts=contexts, name=name, parameters_json=json.dumps(values))
    )
    return begun


async def finished(sidecar: Sidecar, run_id: str) -> template_pb2.TemplateRun:
    seen: list[template_pb2.TemplateRun]
    seen = [item async for item in sidecar.templates.WatchRun(template_pb2.GetRunRequest(id=run_id))]
    return seen[-1]


async def test_a_chain_draws_turns_and_saves(sidecar: Sidecar) -> None:
    await save(sidecar, CHAIN)
    begun = await run(sidecar, "turned", subject="cup", room=sidecar.room)
    assert (begun.state, begun.steps) == (job_pb2.JOB_STATE_RUNNING, 2)
    last = await finished(sidecar, begun.id)
    assert last.state == job_pb2.JOB_STATE_SUCCEEDED, last.failure
    draw, turn = last.jobs
    assert json.loads(draw.task_json)["prompt"] == "a cup"
    assert json.loads(turn.task_json)["image"] == draw.images[0].ref
    entity = await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=turn.images[0].entity_id))
    assert (entity.name, entity.location) == ("the cup", sidecar.room)
    assert last.end_time.seconds >= last.create_time.seconds > 0


async def test_templates_are_listed_read_replaced_and_removed(sidecar: Sidecar) -> None:
    for name in ("b one", "b two", "b three"):
        await save(sidecar, {**CHAIN, "name": name})
    await save(sidecar, {**CHAIN, "name": "b one", "description": "newer"})
    first = await sidecar.templates.List(template_pb2.ListTemplatesRequest(page_size=2, page_token="b"))
    rest = await sidecar.templates.List(
        template_pb2.ListTemplatesRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [item.name for item in (*first.templates, *rest.templates)][:3] == ["b one", "b three", "b two"]
    got = await sidecar.templates.Get(template_pb2.GetTemplateRequest(name="b one"))
    assert json.loads(got.document_json)["description"] == "newer"
    await save(sidecar, json.loads(got.document_json))
    await sidecar.templates.Delete(template_pb2.DeleteTemplateRequest(name="b one"))
    for call in (sidecar.templates.Get, sidecar.templates.Delete):
        kind = (
            template_pb2.GetTemplateRequest
            if call is sidecar.templates.Get
            else template_pb2.DeleteTemplateRequest
        )
        assert (await refused(call(kind(name="b one")))).code() is grpc.StatusCode.NOT_FOUND


def changed(**changes: Any) -> dict[str, Any]:
    return {**CHAIN, **changes}


def step(**changes: Any) -> dict[str, Any]:
    return {"name": "draw", "method": "textToImage", "arguments": {"prompt": "x"}, **changes}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "format"),
        (changed(format="other"), "format"),
        (changed(name="../x"), "name"),
        (changed(steps=[]), "steps"),
        (changed(colour=1), "colour"),
        (changed(steps=[step(), step()]), "two steps are named 'draw'"),
        (changed(steps=[step(method="paint")]), "no method 'paint'"),
        (changed(steps=[step(method="getAvailableTypes", arguments={})]), "makes no picture"),
        (changed(steps=[step(arguments={"colour": 1})]), "no argument 'colour'"),
        (changed(steps=[step(arguments={"prompt": "{nobody}"})]), "there is no parameter 'nobody'"),
        (changed(steps=[step(method="transform", arguments={"image": {"from": "later"}})]), "no earlier step 'later'"),
    ],
)  # fmt: skip
async def test_a_document_that_does_not_fit_is_refused(
    sidecar: Sidecar, document: dict[str, Any], words: str
) -> None:
    error = await refused(save(sidecar, document))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in (error.details() or "")


async def test_parameters_and_rights_are_checked_before_anything_runs(sidecar: Sidecar) -> None:
    await save(sidecar, CHAIN)
    for values, field in (({}, "subject"), ({"subject": 3}, "subject"), ({"subject": "x", "hue": 1}, "hue")):
        error = await refused(run(sidecar, "turned", **values))
        assert (error.code(), field in (error.details() or "")) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    error = await refused(run(sidecar, "turned", "diffusers.generate", subject="cup"))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "needs a capability of type 'image.edit'" in (error.details() or "")
    assert (await refused(run(sidecar, "nothing"))).code() is grpc.StatusCode.NOT_FOUND


async def test_a_step_that_fails_ends_the_run_and_says_which(sidecar: Sidecar) -> None:
    await save(sidecar, CHAIN)
    last = await finished(sidecar, (await run(sidecar, "turned", subject="cup", room=999_999)).id)
    assert last.state == job_pb2.JOB_STATE_FAILED
    assert last.failure.message.startswith("step 'turn': there is no entity 999999")
    assert [job.state for job in last.jobs] == [job_pb2.JOB_STATE_SUCCEEDED]


async def test_a_run_is_canceled(sidecar: Sidecar) -> None:
    await save(sidecar, CHAIN)
    begun = await run(sidecar, "turned", subject="slow cup", steps=150)
    async for seen in sidecar.templates.WatchRun(template_pb2.GetRunRequest(id=begun.id)):
        if seen.jobs:
            break
    await sidecar.until(seen.jobs[0].id, "step")
    last = await sidecar.templates.CancelRun(template_pb2.CancelRunRequest(id=begun.id))
    assert last.state == job_pb2.JOB_STATE_CANCELED
    assert len(last.jobs) == 1
    error = await refused(sidecar.templates.GetRun(template_pb2.GetRunRequest(id="none")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_run_goes_on_after_a_restart(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as first:
        await save(first, CHAIN)
        begun = await run(first, "turned", subject="cup", steps=150)
        async for seen in first.templates.WatchRun(template_pb2.GetRunRequest(id=begun.id)):
            if seen.jobs:
                break
        await first.until(seen.jobs[0].id, "step")
    async with started(tiny, tmp_path) as again:
        last = await finished(again, begun.id)
        assert last.state == job_pb2.JOB_STATE_SUCCEEDED, last.failure
        assert last.jobs[0].id == seen.jobs[0].id
        assert [job.attempts for job in last.jobs] == [2, 1]


async def test_what_no_message_can_hold_is_refused(sidecar: Sidecar) -> None:
    for document in (
        json.dumps({**CHAIN, "name": "broken", "description": "\ud800"}),
        json.dumps({**CHAIN, "name": "broken"}).replace(
            '"angle": {"type"', '"angle": {"default": NaN, "type"'
        ),
    ):
        request = template_pb2.SaveTemplateRequest(document_json=document)
        error = await refused(sidecar.templates.Save(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    await save(sidecar, CHAIN)
    for values in ('{"subject": "\\ud800"}', '{"subject": "a", "room": 1180591620717411303424}'):
        contexts = [await sidecar.context(), await sidecar.context(kind="image.edit")]
        error = await refused(
            sidecar.templates.Run(
                template_pb2.RunTemplateRequest(contexts=contexts, name="turned", parameters_json=values)
            )
        )
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (await sidecar.templates.List(template_pb2.ListTemplatesRequest())).templates


async def test_a_run_waits_for_room_in_the_queue(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, max_queue=1) as sidecar:
        await save(sidecar, CHAIN)
        context = await sidecar.context()
        block = await sidecar.jobs.Submit(submission(context, **SLOW))
        await sidecar.until(block.id, "step")
        waits = await sidecar.jobs.Submit(submission(context, seed=3))
        begun, other = [await run(sidecar, "turned", subject="cup") for _ in range(2)]
        canceled = await sidecar.templates.CancelRun(template_pb2.CancelRunRequest(id=other.id))
        assert canceled.state == job_pb2.JOB_STATE_CANCELED
        for job in (block, waits):
            await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
        last = await finished(sidecar, begun.id)
        assert last.state == job_pb2.JOB_STATE_SUCCEEDED, last.failure

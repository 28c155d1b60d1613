"""Engines that are other people's servers: who may use them, which is used, what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from capabilities.budgets import Cost
from capabilities.errors import FailedPrecondition, PermissionDenied, Refusal
from capabilities.methods.text_to_image import TextToImage
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from entity_store import capability_rows
from sidecar.application.access import Call
from sidecar.queue.model import Job, State
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess, in_process

SERVER = {"kind": "comfyui", "urls": ["http://127.0.0.1:1"]}
ENGINES = [
    {"name": "pod", **SERVER},
    {"name": "spare", **SERVER},
    {"name": "cloud", "kind": "openai", "urls": ["http://127.0.0.1:1"], "per_image": 0.04},
]


class Picky(FakeEngine):
    """Does not do what a test says."""

    cannot: str = ""

    def supports(self, task: Task) -> Refusal | None:
        if isinstance(task, TextToImage) and self.cannot and task.prompt == self.cannot:
            return FailedPrecondition(
                f"'{self.name}' draws no {self.cannot}", reason="ENGINE_CANNOT", field="prompt"
            )
        return super().supports(task)


@pytest.fixture
def pod() -> Picky:
    enlarger = ModelFacts("pod:enlarger", width=128, height=128, methods=frozenset({"upscale"}))
    return Picky("pod", models=["pod:sdxl", "pod:own", enlarger])


@pytest.fixture
def spare() -> Picky:
    return Picky("spare", models=["spare:sdxl"])


@pytest.fixture
async def here(tmp_path: Path, pod: Picky, spare: Picky) -> AsyncIterator[InProcess]:
    """A local engine, two that cost nothing, and one that costs 0.04 a picture."""
    cloud = FakeEngine("cloud", models=["cloud:sdxl", "cloud:best"])
    settings: dict[str, Any] = {
        "engines": ENGINES,
        "prices": [{"model": "cloud/best", "per_image": 0.5}],
    }
    async with in_process(tmp_path, [FakeEngine(), pod, spare, cloud], **settings) as working:
        yield working


def unrecorded(here: InProcess, **params: object) -> Call:
    """As viwo's own kernel writes a row."""
    with here.assembly.world.transaction() as connection:
        made = capability_rows.insert(connection, here.painter, "diffusers.generate", params)
    return Call(made.id, here.right().caller)


async def refused(here: InProcess, **arguments: Any) -> PermissionDenied:
    with pytest.raises(PermissionDenied) as caught:
        await here.made(**arguments)
    return caught.value


async def test_engines_that_cost_nothing_need_no_naming(here: InProcess) -> None:
    assert (await here.made(model_id="pod:own")).lane == "pod"
    refusal = await refused(here, model_id="cloud:sdxl")
    assert (refusal.reason, refusal.field, refusal.limit, refusal.asked) == (
        "ENGINE_NOT_ALLOWED",
        "allowed_engines",
        "engines that cost nothing",
        "cloud",
    )
    assert (await refused(here, model_id="cloud:nothing-of-the-kind")).field == "allowed_engines"


async def test_one_that_costs_money_is_used_where_the_sidecar_granted_it(here: InProcess) -> None:
    call = here.right(allowed_engines=["cloud"])
    job = await here.made(call=call, model_id="cloud:sdxl", count=2)
    assert (job.lane, job.spent.money) == ("cloud", 80_000)
    assert (await here.made(call=call, model_id="cloud:best")).spent.money == 500_000
    refusal = await refused(here, call=call, model_id="icons")
    assert (refusal.field, refusal.limit, refusal.asked) == ("allowed_engines", "cloud", "local")


async def test_what_another_program_wrote_narrows_and_does_not_widen(here: InProcess) -> None:
    call = unrecorded(here, allowed_engines=["cloud", "pod"])
    assert "was not granted it here" in (await refused(here, call=call, model_id="cloud:sdxl")).message
    assert (await refused(here, call=call, model_id="icons")).limit == "cloud, pod"
    assert (await here.made(call=call, model_id="pod:own")).images


async def test_work_without_a_model_needs_no_engine(here: InProcess) -> None:
    picture = await here.made(model_id="icons")
    call = here.right("image.edit", allowed_engines=[])
    cropped = await here.made(
        call=call, method="crop", image=picture.images[0].ref, x=0, y=0, width=8, height=8
    )
    assert cropped.state is State.SUCCEEDED


async def test_a_slash_is_another_spelling_of_the_colon(here: InProcess) -> None:
    call = here.right(allowed_models=["pod/own"])
    for spelling in ("pod/own", "pod:own"):
        job = await here.made(call=call, model_id=spelling)
        assert (job.task.model_id, job.lane) == ("pod:own", "pod")
    assert (await here.made(call=call)).task.model_id == "pod:own"


async def test_a_model_of_several_engines_goes_to_one_that_is_free_and_allowed(
    here: InProcess, pod: Picky, spare: Picky
) -> None:
    assert {(await here.made(model_id="sdxl", seed=seed)).lane for seed in range(4)} == {"pod", "spare"}
    call = here.right(allowed_models=["sdxl"], allowed_engines=["spare", "cloud"])
    job = await here.made(call=call)
    assert (job.task.model_id, job.lane) == ("spare:sdxl", "spare")
    assert (await here.made(call=call, model_id="cloud:sdxl")).lane == "cloud"
    pod.go_down()
    assert {(await here.made(model_id="sdxl", seed=seed)).lane for seed in range(3)} == {"spare"}
    assert (await refused(here, call=here.right(allowed_models=["icons"]), model_id="sdxl")).field == (
        "allowed_models"
    )
    only = here.right(allowed_models=["pod:sdxl"])
    assert (await here.use.generation.plan(ASKER, here.request(only, model_id="sdxl"))).job.lane == "pod"


async def test_the_one_with_less_to_do_is_chosen(here: InProcess, pod: Picky, spare: Picky) -> None:
    gate = asyncio.Event()
    pod.script = spare.script = lambda request: (gate,)
    jobs: list[Job] = [
        await here.use.generation.submit(ASKER, here.request(model_id="pod:own", seed=seed))
        for seed in range(3)
    ]
    for seed in range(4):
        jobs.append(await here.use.generation.submit(ASKER, here.request(model_id="sdxl", seed=seed)))
    assert [job.lane for job in jobs[3:6]] == ["spare"] * 3
    gate.set()
    assert {(await here.assembly.queue.finished(job.id)).state for job in jobs} == {State.SUCCEEDED}
    assert {here.assembly.queue.loads.of(name) for name in ("pod", "spare")} == {0}


async def test_a_right_that_ended_while_the_job_waited_is_noticed(here: InProcess, pod: Picky) -> None:
    gate = asyncio.Event()
    pod.script = lambda request: (gate,)
    call = here.right(allowed_engines=["pod"])
    await here.use.generation.submit(ASKER, here.request(model_id="pod:own"))
    waiting = await here.use.generation.submit(ASKER, here.request(call, model_id="pod:own", seed=8))
    with here.assembly.world.transaction() as connection:
        connection.execute(
            "UPDATE capabilities SET params = json_set(params, '$.allowed_engines', json('[]')) WHERE id = ?",
            (call.capability_id,),
        )
    gate.set()
    ended = await here.assembly.queue.finished(waiting.id)
    assert ended.failure is not None
    assert (ended.failure.reason, ended.failure.field, ended.spent) == (
        "ENGINE_NOT_ALLOWED",
        "allowed_engines",
        Cost(),
    )


async def test_what_an_engine_cannot_do_names_those_that_can(here: InProcess, pod: Picky) -> None:
    pod.cannot = "dragons"
    with pytest.raises(FailedPrecondition) as caught:
        await here.made(model_id="pod:own", prompt="dragons")
    assert caught.value.message == "'pod' draws no dragons; icons, spare:sdxl can"
    with pytest.raises(FailedPrecondition) as caught:
        await here.made(model_id="pod:enlarger")
    assert caught.value.message.startswith(
        "the model 'pod:enlarger' cannot do textToImage; it can do upscale; icons, pod:sdxl"
    )


async def test_a_document_comes_to_no_engine_that_its_capability_has_not(here: InProcess) -> None:
    call = here.right(allowed_engines=["cloud"])
    job = await here.made(call=call, model_id="cloud:sdxl")
    document = (await here.use.lineage.export(ASKER, job.id)).replace("cloud:sdxl", "cloud/sdxl")
    with pytest.raises(PermissionDenied) as caught:
        await here.use.lineage.submit_document(ASKER, document, here.right())
    assert caught.value.field == "allowed_engines"
    again = await here.use.lineage.submit_document(ASKER, document, call)
    assert (again.task.model_id, again.cost.money) == ("cloud:sdxl", 40_000)

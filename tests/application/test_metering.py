"""Models whose steps cannot be counted: what their pictures count as, and what is refused where nobody says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from capabilities.budgets import Cost
from capabilities.errors import InvalidArgument, PermissionDenied
from capabilities.methods.text_to_image import TextToImage
from capabilities.models import GENERATION, ModelFacts
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess, in_process

SIZE = {"width": 128, "height": 128, "granularity": 8, "methods": GENERATION}
COUNTED = ModelFacts("counted", has_steps=False, compute_per_image=2.5, **SIZE)  # type: ignore[arg-type]
UNKNOWN = ModelFacts("unknown", has_steps=False, **SIZE)  # type: ignore[arg-type]
OLD: dict[str, Any] = {
    "model_id": "sd", "prompt": "a cup", "width": 64, "height": 64, "steps": 3, "guidance_scale": 7.5,
    "scheduler": "default", "seed": 1, "count": 2,
}  # fmt: skip


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[InProcess]:
    engine = FakeEngine(models=["icons", COUNTED, UNKNOWN])
    async with in_process(tmp_path, [engine], max_steps=20) as working:
        yield working


async def test_a_picture_counts_as_what_the_configuration_says(here: InProcess) -> None:
    job = await here.made(model_id="counted", count=2, width=64, height=64)
    assert (job.cost, job.spent) == (Cost(5_000_000), Cost(5_000_000))
    with pytest.raises(PermissionDenied) as caught:
        await here.made(call=here.right(max_compute=4.9), model_id="counted", count=2)
    assert (caught.value.field, caught.value.asked) == ("max_compute", "5")
    assert (await here.made(call=here.right(max_compute=5), model_id="counted", count=2)).images


@pytest.mark.parametrize("limit", ["max_compute", "compute_per_day"])
async def test_where_nobody_says_a_limit_of_compute_refuses(here: InProcess, limit: str) -> None:
    params: dict[str, Any] = {limit: 1000}
    assert (await here.made(model_id="unknown")).spent == Cost(0)
    with pytest.raises(PermissionDenied) as caught:
        await here.made(call=here.right(**params), model_id="unknown")
    assert (caught.value.field, caught.value.limit, caught.value.asked) == (limit, "1000.0", "unknown")
    assert "compute_per_image" in caught.value.message


async def test_limits_of_steps_have_nothing_to_hold(here: InProcess) -> None:
    call = here.right(max_steps=3)
    assert (await here.made(call=call, model_id="counted", steps=50)).images
    with pytest.raises(PermissionDenied) as caught:
        await here.made(call=call, model_id="icons", steps=4)
    assert caught.value.field == "max_steps"


async def test_a_document_does_not_say_what_its_pictures_count_as(here: InProcess) -> None:
    job = await here.made(model_id="icons")
    document = json.loads(await here.use.lineage.export(ASKER, job.id))
    document["task"] |= {"metering": "image", "compute_per_image": 0}
    again = await here.use.lineage.submit_document(ASKER, json.dumps(document), here.right())
    assert again.cost == job.cost
    assert (await here.assembly.queue.finished(again.id)).cost == job.cost
    document["task"] |= {"compute_per_image": -1}
    with pytest.raises(InvalidArgument, match="compute_per_image"):
        await here.use.lineage.submit_document(ASKER, json.dumps(document), here.right())


def test_tasks_with_steps_are_written_as_before() -> None:
    task = TextToImage(**OLD)
    assert {"metering", "compute_per_image"}.isdisjoint(task.model_dump(mode="json"))
    assert task.facts(1)["steps"] == 3
    counted = TextToImage(**OLD, metering="image", compute_per_image=2.0)
    assert TextToImage(**counted.model_dump(mode="json")) == counted
    assert (counted.compute, counted.facts(1)["cost"]) == (4.0, 2.0)
    assert "steps" not in counted.facts(1)

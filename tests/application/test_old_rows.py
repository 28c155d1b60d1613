"""Rows of worlds that used viwo's former plugin mean what they meant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from capabilities import methods
from capabilities.errors import NotFound, PermissionDenied
from capabilities.methods.apply import ApplyArguments
from capabilities.params import parse_row
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess, in_process

OLD: dict[str, Any] = {"server_url": "http://localhost:8000", "default_model": "stabilityai/sdxl-turbo"}


@pytest.fixture
async def here(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[InProcess]:
    aliases = {"stabilityai/sdxl-turbo": "icons", "icons": "nowhere"}
    async with in_process(tmp_path, [engine], model_aliases=aliases) as working:
        yield working


async def test_the_address_has_no_effect_and_models_that_are_not_here_are_replaced(here: InProcess) -> None:
    for params in (OLD, {**OLD, "allowed_models": ["stabilityai/sdxl-turbo"]}):
        job = await here.made(call=here.right(**params))
        assert job.model_id == "icons"
        job = await here.made(call=here.right(**params), model_id="stabilityai/sdxl-turbo")
        assert job.model_id == "icons", "a model that is here is used as it is, whatever stands for it"
    with pytest.raises(PermissionDenied, match="does not allow the model 'other'"):
        await here.made(call=here.right(**OLD, allowed_models=["stabilityai/sdxl-turbo"]), model_id="other")
    with pytest.raises(NotFound, match="no model 'other'"):
        await here.made(call=here.right(**OLD), model_id="other")


async def test_defaults_of_a_row_are_for_apply_and_for_what_the_call_leaves_out() -> None:
    apply = methods.find("apply")
    picture = "sha256:" + "0" * 64
    row = parse_row(
        {
            **OLD,
            "width": 64,
            "height": None,
            "num_inference_steps": 7,
            "guidance_scale": 3,
            "strength": 0.5,
            "negative_prompt": "blurry",
            "seed": 9,
        }
    )
    given = apply.arguments.read({"image": picture, "prompt": "a cup", "type": "canny", "steps": 4})
    made = apply.completed(given, row)
    assert isinstance(made, ApplyArguments)
    assert (made.width, made.height, made.steps, made.guidance_scale) == (64, None, 4, 3)
    assert (made.strength, made.negative_prompt, made.seed, made.prompt) == ((0.5,), "blurry", 9, "a cup")
    plain = methods.find("textToImage")
    asked = plain.arguments.read({"prompt": "a cup"})
    assert plain.completed(asked, row) is asked
    with pytest.raises(PermissionDenied, match="defaults are not usable") as refused:
        apply.completed(given, parse_row({"width": "wide"}))
    assert refused.value.field == "width"


async def test_what_a_row_says_and_nobody_knows_is_still_refused(here: InProcess) -> None:
    with pytest.raises(PermissionDenied, match="unknown capability parameter 'server_address'"):
        await here.use.generation.plan(ASKER, here.request(here.right(server_address="x")))

"""Lists of models that are nonsense in places: what can be read is listed, or the answer is a bad one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sidecar.engines.a1111 import inventory as a1111
from sidecar.engines.invokeai import gallery
from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.gallery import Gallery
from sidecar.engines.invokeai.inventory import Looker
from sidecar.engines.remote.connector import RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.testing.foreign.invokeai_graph import openapi
from sidecar.testing.foreign.invokeai_values import record
from tests.engines.remote.test_hostile_answers import HUGE, Scripted

A1111: dict[str, Any] = {
    "sd_models": [{"model_name": "m"}],
    **dict.fromkeys(
        (
            "samplers", "schedulers", "options", "model_list", "module_list", "upscalers", "face_restorers", "loras",
            "embeddings", "sd_vae", "sd_modules",
        )
    ),
}  # fmt: skip


async def names_of_a1111(**changed: Any) -> set[str]:
    host = Scripted("a1111", **{name: [answer] for name, answer in {**A1111, **changed}.items()})
    try:
        return {listing.name for listing in (await a1111.look(host, host.settings)).models}
    finally:
        await host.close()


@pytest.mark.parametrize("models", [None, 5, "m", {"m": 1}], ids=str)
async def test_models_that_are_no_list_are_a_bad_answer_of_an_a1111(models: object) -> None:
    with pytest.raises(RemoteFailure) as caught:
        await names_of_a1111(sd_models=models)
    assert caught.value.kind is FailureKind.BAD_ANSWER


@pytest.mark.parametrize(
    ("embeddings", "names"),
    [
        (None, set()),
        ({"loaded": None}, set()),
        ({"loaded": 5}, set()),
        ({"loaded": "ab"}, set()),
        ({"loaded": [None, {}, "style"]}, {"style"}),
        ({"loaded": {"style": {}}}, {"style"}),
    ],
    ids=str,
)
async def test_embeddings_that_are_none_are_left_out(embeddings: object, names: set[str]) -> None:
    assert await names_of_a1111(embeddings=embeddings) == {"m", *names}


async def test_a_long_title_is_read_at_once() -> None:
    assert a1111.name_of("anime.safetensors [0123456789]") == "anime"
    for title in (" " * 1_000_000, "a" + " [" * 500_000):
        assert len(a1111.name_of(title)) <= a1111.LONGEST_TITLE


async def listed_by_invokeai(*told: dict[str, Any]) -> dict[str, RemoteListing]:
    answers: dict[str, Any] = {"version": {"version": "6.0.0"}, "models": {"models": told}}
    host = Scripted(
        "invokeai", **{name: [answer] for name, answer in answers.items()}, openapi_json=[openapi()]
    )
    try:
        found = await Looker(Access(host), host.settings).look()
    finally:
        await host.close()
    return {listing.name: listing for listing in found.models}


@pytest.mark.parametrize(
    "number", [HUGE, -HUGE, float("inf"), float("nan"), -1, "7", [], None], ids=lambda it: str(it)[:9]
)
async def test_settings_of_a_model_that_are_none_are_those_of_its_family(number: object) -> None:
    told = record("tiny-sd15", "sd-1", "main")
    plain = (await listed_by_invokeai({**told, "default_settings": None}))["tiny-sd15"].facts
    settings = dict.fromkeys(("cfg_scale", "guidance", "steps", "width", "height"), number)
    assert (await listed_by_invokeai({**told, "default_settings": settings}))["tiny-sd15"].facts == plain


@pytest.mark.parametrize("times", [4, 9])
async def test_a_record_that_is_told_again_and_again_is_listed(times: int) -> None:
    lora = record("twice", "sd-1", "lora")
    found = await listed_by_invokeai(*[lora] * times, record("tiny-sd15", "sd-1", "main"))
    assert {"twice", "tiny-sd15"} <= found.keys()


async def test_what_a_server_does_not_delete_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "LET_GO", 0.01)
    asked = asyncio.Event()

    async def silent(host: Scripted) -> object:
        asked.set()
        return await asyncio.Event().wait()

    host = Scripted("invokeai", a_png=[silent])
    pictures = Gallery(Access(host))
    pictures.remove(["a.png"])
    await asked.wait()
    async with asyncio.timeout(10):
        await pictures.close()
    await host.close()

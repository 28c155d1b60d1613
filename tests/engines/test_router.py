"""Which engine does which task, and the models of all of them."""

from __future__ import annotations

import pytest

from capabilities.errors import FailedPrecondition, NotFound
from capabilities.methods.edit import Edit
from capabilities.operations import Crop
from sidecar.engines.api import BUILTIN
from sidecar.engines.router import Router
from sidecar.testing.fake_engine import FakeEngine
from tests.queue.stores import other_model

EDIT = Edit(image="a", operations=(Crop(width=5, height=4),), width=5, height=4)
ROUTER = Router(
    [
        FakeEngine(models=["sd", "hub/one"]),
        FakeEngine("other", models=["other:m"]),
        FakeEngine(BUILTIN, models=[]),
    ],
    "sd",
)


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("sd", "local"),
        ("hub/one", "local"),
        ("other:m", "other"),
        ("local:sd", "local"),
        ("strange:m", "local"),
        ("other/m", "other"),
        ("hub/other", "local"),
        ("", BUILTIN),
    ],
)
def test_the_name_before_the_colon_is_the_engine(model_id: str, name: str) -> None:
    assert ROUTER.name_of(model_id) == name


def test_a_task_goes_to_the_engine_of_its_model() -> None:
    assert ROUTER.engine_for(other_model("other:m").task).name == "other"
    assert ROUTER.engine_for(other_model("sd").task).name == "local"
    assert ROUTER.engine_for(EDIT).name == BUILTIN


def test_models_of_all_engines_are_found() -> None:
    assert [listing.facts.id for listing in ROUTER.models()] == ["hub/one", "other:m", "sd"]
    assert ROUTER.find("local:sd") == ROUTER.find("sd")
    assert {facts.id for facts in ROUTER.able("textToImage")} == {"sd", "hub/one", "other:m"}
    with pytest.raises(NotFound, match="did you mean 'other:m'"):
        ROUTER.find("other:mm")


def test_what_no_engine_does_is_refused() -> None:
    with pytest.raises(FailedPrecondition, match="no engine 'builtin'"):
        Router([FakeEngine()], "sd").engine_for(EDIT)
    with pytest.raises(ValueError, match="same name"):
        Router([FakeEngine(), FakeEngine()], "sd")


async def test_an_engine_that_loads_its_models_itself_says_so() -> None:
    with pytest.raises(FailedPrecondition, match="loads its models itself"):
        await ROUTER.load("other:m")


SHARED = [
    FakeEngine("paid", models=["paid:sdxl"]),
    FakeEngine("slow", models=["slow:sdxl", "slow:a/b"], slots=2),
    FakeEngine("quick", models=["quick:sdxl"], slots=4),
]


def choosing(loads: dict[str, int], *engines: FakeEngine) -> Router:
    return Router([*SHARED, *engines], "icons", ["paid"], lambda name: loads.get(name, 0))


def test_another_spelling_is_told_with_a_colon() -> None:
    router = choosing({})
    assert router.canonical("slow/a/b") == "slow:a/b"
    assert router.canonical("local:sd") == "sd"
    assert router.canonical("builtin/x") == "builtin/x"
    assert router.find("slow/a/b").id == "slow:a/b"
    assert (router.bare("slow/a/b"), router.bare("slow:sdxl"), router.bare("a/b")) == ("a/b", "sdxl", "a/b")
    assert Router(SHARED, "slow/sdxl").default == "slow:sdxl"


def test_the_least_loaded_that_is_up_comes_first_and_free_before_paid() -> None:
    loads = {"slow": 4, "quick": 4}
    router = choosing(loads)
    assert router.offers("sdxl") == ["quick:sdxl", "slow:sdxl", "paid:sdxl"]
    loads["quick"] = 12
    assert router.offers("sdxl") == ["slow:sdxl", "quick:sdxl", "paid:sdxl"]
    down = FakeEngine("down", models=["down:sdxl"])
    down.go_down()
    assert choosing(loads, down).offers("sdxl") == ["slow:sdxl", "quick:sdxl", "paid:sdxl", "down:sdxl"]


def test_engines_with_as_much_to_do_take_turns() -> None:
    router = choosing({})
    assert {router.offers("sdxl")[0] for _ in range(2)} == {"quick:sdxl", "slow:sdxl"}


def test_what_the_local_engine_has_is_the_local_engines() -> None:
    assert choosing({}, FakeEngine(models=["sdxl"])).offers("sdxl") == []
    assert choosing({}, FakeEngine(models=["sd"])).offers("sdxl") != []
    assert choosing({}).offers("slow:sdxl") == []
    assert choosing({}).offers("nobodys") == []

"""What scripts may write, and the task that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import methods
from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, Refusal
from capabilities.methods.text_to_image import TextToImage
from capabilities.models import ModelFacts, Picture
from capabilities.policy import Caller, Capability, Grant
from capabilities.schedulers import canonical
from capabilities.tasks import MAX_SEED

FACTS = ModelFacts("icons", steps=16, guidance_scale=3.0, width=64, height=96)
METHOD = methods.find("textToImage")


@dataclass(frozen=True)
class OneModel:
    """Means with one model, whatever is asked for."""

    facts: ModelFacts
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    def model(self, asked: str | None, *, beside: str = "") -> ModelFacts:
        return self.facts

    def able(self, method: str, *, beside: str = "") -> list[ModelFacts]:
        return [self.facts]


def built(*arguments: object, facts: ModelFacts = FACTS) -> TextToImage:
    assert METHOD.build is not None
    task = METHOD.build(METHOD.from_script(arguments).arguments, OneModel(facts))
    assert isinstance(task, TextToImage)
    return task


def test_defaults_are_the_models_own() -> None:
    task = built("a sword")
    assert (task.width, task.height, task.steps, task.guidance_scale) == (64, 96, 16, 3.0)
    assert (task.count, task.scheduler, task.negative_prompt, task.output.format) == (1, "default", "", "png")
    assert 0 <= task.seed < 2**31


def test_both_spellings_and_the_usual_names() -> None:
    camel = {"numInferenceSteps": 5, "guidanceScale": 2.0, "negativePrompt": "x", "seed": 1, "numImages": 2}
    snake = {"num_inference_steps": 5, "guidance_scale": 2.0, "negative_prompt": "x", "seed": 1, "count": 2}
    short = {"steps": 5, "cfgScale": 2.0, "negativePrompt": "x", "seed": 1, "num_images": 2}
    assert built("a", camel) == built("a", snake) == built("a", short)


def test_an_integer_will_do_for_a_number_and_null_for_nothing() -> None:
    assert built("a", {"guidanceScale": 0}).guidance_scale == 0
    assert built("a", {"width": None, "seed": 4}) == built("a", {"seed": 4})
    assert built("a", None).prompt == "a"


def test_seeds_of_a_batch_stay_exact() -> None:
    task = built("a", {"seed": MAX_SEED - 1, "count": 2})
    assert task.seeds == [MAX_SEED - 1, MAX_SEED]
    with pytest.raises(InvalidArgument, match="'seed' plus 'count'"):
        built("a", {"seed": MAX_SEED, "count": 2})


def test_a_model_that_cannot_do_it_says_what_it_can() -> None:
    facts = ModelFacts("up", 1, 0, 64, 64, methods=frozenset({"upscale"}))
    with pytest.raises(FailedPrecondition, match="it can do upscale"):
        built("a", facts=facts)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "'prompt' is required"),
        ((3,), "'prompt' must be text"),
        (("a", {}, {}), "textToImage takes (prompt, options); got 3 arguments"),
        (("a", 7), "must be an options object"),
        (("a", {"stesp": 3}), "did you mean 'steps'?"),
        (("a", {"zzz": 3}), "known are modelId"),
        (("x" * 20_000,), "at most 16384 characters; got 20000 characters"),
        (("\ud800",), "prompt"),
        (("a\0b",), "must not hold a NUL"),
        (("a", {"format": "bmp"}), "'png', 'jpeg' or 'webp'"),
        (("a", {"scheduler": "nothing like it at all"}), "known are default"),
        (("a", {"width": 4}), "try 8 or 16"),
        (("a", {"modelId": ""}), "modelId"),
    ],
)
def test_mistakes_are_named(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        built(*arguments)
    assert words in caught.value.message
    assert caught.value.field


@given(st.text(max_size=80))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    try:
        values = methods.arguments_from_json(text)
    except InvalidArgument:
        return
    assert isinstance(values, list)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
option_names = st.sampled_from(
    ["width", "steps", "seed", "count", "guidanceScale", "scheduler", "format", "quality"]
)


@given(st.lists(json_values | st.dictionaries(option_names, json_values, max_size=3), max_size=3))
def test_whatever_a_script_passes_is_a_task_or_a_refusal(arguments: list[Any]) -> None:
    try:
        task = built(*arguments)
    except Refusal:
        return
    assert isinstance(task, TextToImage)


def test_json_that_is_none() -> None:
    for text in ("{}", "3", "[NaN]", "[" * 100_000, "nonsense"):
        with pytest.raises(InvalidArgument, match="must be a JSON array"):
            methods.arguments_from_json(text)
    assert methods.arguments_from_json("") == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Euler a", "euler a"), ("euler_ancestral", "euler a"), ("DPM++ 2M Karras", "dpm++ 2m karras"),
        ("dpmpp_2m", "dpm++ 2m"), ("k_euler", "euler"), ("UniPC", "unipc"), ("  DDIM ", "ddim"), ("DEFAULT", "default"),
    ],
)  # fmt: skip
def test_schedulers_by_everyones_spelling(written: str, meant: str) -> None:
    assert canonical(written) == meant


def test_methods_by_either_case() -> None:
    assert methods.find("text_to_image") is METHOD
    with pytest.raises(NotFound, match="did you mean 'textToImage'"):
        methods.find("textToImages")
    with pytest.raises(NotFound, match="this server has"):
        methods.find("zzz")


@pytest.mark.parametrize(
    ("params", "model"),
    [
        ({}, None),
        ({"default_model": "a"}, "a"),
        ({"allowed_models": frozenset("b")}, "b"),
        ({"default_model": "a", "allowed_models": frozenset("ab")}, "a"),
        ({"default_model": "a", "allowed_models": frozenset("bc")}, None),
        ({"default_model": "a", "allowed_models": frozenset("b")}, "b"),
    ],
)
def test_the_model_a_capability_settles(params: dict[str, Any], model: str | None) -> None:
    assert Grant(Capability("id", 1, "diffusers.generate", {}), params).default_model == model


def test_callers_in_words() -> None:
    assert str(Caller(3)) == "entity 3"
    assert str(Caller(3, 4)) == "entity 3 in a verb of entity 4"
    assert not Caller(0, 0).owns(0)

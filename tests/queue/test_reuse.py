"""Fingerprints are equal exactly when the tasks are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities.methods.apply import Apply, ControlInput
from capabilities.methods.edit import Edit
from capabilities.methods.image_to_image import ImageToImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale import Upscale
from capabilities.models import ModelFacts
from capabilities.operations import Composite, Filter, Transform
from capabilities.tasks import Output, Task
from sidecar.engines.local.keys import batch_key as local_key
from sidecar.queue import reuse

REFS = ("sha256:a", "sha256:b")
refs = st.sampled_from(REFS)
words = st.sampled_from(["", "a", "A", "a,b", "b,a", "a\n", "é", "e\u0301", '","', "a b", "ab"])
common: dict[str, st.SearchStrategy[Any]] = {
    "model_id": st.sampled_from(["m", "n"]),
    "prompt": words,
    "negative_prompt": words,
    "width": st.sampled_from([64, 128]),
    "height": st.sampled_from([64, 128]),
    "steps": st.sampled_from([1, 2]),
    "guidance_scale": st.sampled_from([0.0, 1.0]),
    "scheduler": st.sampled_from(["default", "euler"]),
    "seed": st.sampled_from([0, 1]),
    "count": st.sampled_from([1, 2]),
    "output": st.builds(Output, format=st.sampled_from(["png", "webp"])),
}
controls = st.builds(
    ControlInput, image=refs, type=st.just("canny"), model_id=st.sampled_from(["c", "d"]),
    strength=st.just(1.0), start=st.just(0.0), end=st.just(1.0),
)  # fmt: skip
operations = st.one_of(
    st.builds(Composite, overlay=refs, x=st.integers(0, 1), y=st.integers(0, 1)),
    st.builds(Transform, rotation=st.sampled_from([90.0, 180.0])),
    st.just(Filter(name="grayscale")),
)
tasks: st.SearchStrategy[Task] = st.one_of(
    st.builds(TextToImage, **common),
    st.builds(ImageToImage, image=refs, strength=st.sampled_from([0.5, 1.0]), **common),
    st.builds(Inpaint, image=refs, mask=refs, strength=st.just(1.0), feather=st.sampled_from([0, 8]), **common),
    st.builds(Apply, controls=st.lists(controls, min_size=1, max_size=2).map(tuple), **common),
    st.builds(Edit, image=refs, operations=st.lists(operations, min_size=1, max_size=2).map(tuple), width=st.just(8), height=st.just(8)),
    st.builds(Upscale, image=refs, model_id=st.just("u"), factor=st.sampled_from([2, 4]), width=st.just(8), height=st.just(8)),
)  # fmt: skip
weights = st.fixed_dictionaries({name: st.sampled_from(["1", "2"]) for name in ("m", "n", "c", "d", "u")})


def fingerprint(task: Task, weights: dict[str, str], *, any_seed: bool = False) -> str:
    revisions = {model: weights[model] for model in task.models}
    return reuse.fingerprint(task.model_dump(mode="json"), revisions, "a build", any_seed=any_seed)


def batch_key(task: Task, weights: dict[str, str]) -> str | None:
    return local_key(task, lambda model_id: ModelFacts(model_id, revision=weights[model_id]))


def touched(task: Task, revisions: dict[str, str]) -> list[tuple[str, str]]:
    return [(model, revisions[model]) for model in sorted(task.models)]


@settings(max_examples=600)
@given(tasks, tasks, weights, weights)
def test_equal_exactly_when_the_tasks_are(
    left: Task, right: Task, mine: dict[str, str], theirs: dict[str, str]
) -> None:
    same = left == right and touched(left, mine) == touched(right, theirs)
    assert (fingerprint(left, mine) == fingerprint(right, theirs)) == same


@given(st.builds(TextToImage, **common), weights)
def test_any_seed_is_neither_a_seed_nor_another_task(task: TextToImage, revisions: dict[str, str]) -> None:
    other = task.model_copy(update={"seed": 1 - task.seed})
    assert fingerprint(task, revisions, any_seed=True) == fingerprint(other, revisions, any_seed=True)
    assert fingerprint(task, revisions, any_seed=True) != fingerprint(task, revisions)
    longer = task.model_copy(update={"prompt": task.prompt + "x"})
    assert fingerprint(task, revisions, any_seed=True) != fingerprint(longer, revisions, any_seed=True)


def test_roles_cases_and_orders_do_not_collide() -> None:
    base: dict[str, Any] = {
        "model_id": "m", "prompt": "a", "width": 64, "height": 64, "steps": 1, "guidance_scale": 1.0,
        "scheduler": "default", "strength": 1.0, "feather": 0,
    }  # fmt: skip
    one, two = REFS
    revisions = {"m": "1"}
    swapped = [Inpaint(image=one, mask=two, **base), Inpaint(image=two, mask=one, **base)]
    assert len({fingerprint(task, revisions) for task in swapped}) == 2
    turned = [
        Edit(image=one, operations=order, width=8, height=8)
        for order in (
            (Transform(rotation=90), Filter(name="blur")),
            (Filter(name="blur"), Transform(rotation=90)),
        )
    ]
    assert len({fingerprint(task, {}) for task in turned}) == 2


@settings(max_examples=300)
@given(st.builds(TextToImage, **common), st.builds(TextToImage, **common), weights)
def test_alike_are_tasks_that_differ_in_words_and_seeds_only(
    left: TextToImage, right: TextToImage, revisions: dict[str, str]
) -> None:
    keys = batch_key(left, revisions), batch_key(right, revisions)
    names = ("model_id", "width", "height", "steps", "guidance_scale", "scheduler")
    if left.count > 1 or right.count > 1:
        assert None in keys
    else:
        assert (keys[0] == keys[1]) == all(getattr(left, name) == getattr(right, name) for name in names)

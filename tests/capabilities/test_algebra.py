"""The restriction algebra: a child may be narrower than its parent and never wider, in whatever order."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities.errors import InvalidArgument, PermissionDenied
from capabilities.methods.text_to_image import TextToImage
from capabilities.params import (
    GRANTED_ENGINES,
    KINDS,
    Params,
    confirmed,
    dump,
    parse,
    parse_row,
    restrict,
    to_record,
)
from capabilities.policy import Caller, Capability, authorize, check, require_engine

MODELS = ("a", "b", "c")
names = st.lists(st.sampled_from(MODELS), unique=True)
ENGINES = ("local", "pod", "cloud")
"""The last costs money."""
engines = st.lists(st.sampled_from(ENGINES), unique=True)
whole = st.sampled_from([1, 32, 64, 100, 512, 10**6])
raw_params = st.fixed_dictionaries(
    {},
    optional={
        "allowed_models": names,
        "allowed_methods": st.lists(st.sampled_from(["textToImage", "imageToImage"]), unique=True),
        "allowed_engines": engines,
        "default_model": st.sampled_from(MODELS),
        "max_compute": st.floats(0, 100),
        "max_width": whole, "max_height": whole, "max_pixels": whole, "max_images": whole, "max_steps": whole,
        "max_concurrent": whole, "rate_per_minute": whole, "max_priority": st.integers(0, 10),
        "compute_per_day": st.floats(0, 100), "money_per_month": st.floats(0, 100),
        "expires_at": st.integers(1, 2_000_000_000),
        "allow_unsafe": st.booleans(),
        "*": st.booleans(),
    },
)  # fmt: skip
tasks = st.builds(
    TextToImage,
    model_id=st.sampled_from(MODELS), prompt=st.just("x"), width=st.sampled_from([8, 64, 512]),
    height=st.sampled_from([8, 64, 512]), steps=st.sampled_from([1, 30, 150]), guidance_scale=st.just(1.0),
    scheduler=st.just("default"), seed=st.just(0), count=st.sampled_from([1, 4, 64]),
)  # fmt: skip
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def chain(parent: Params, restrictions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The end of a chain of delegations, or None where one of them is refused."""
    child = dict(parent)
    for asked in restrictions:
        try:
            child = restrict(child, parse(asked))
        except PermissionDenied:
            return None
    return child


def allows(params: Params, task: TextToImage, method: str = "textToImage") -> bool:
    """Whether a capability with these parameters lets its owner do the task now."""
    capability = Capability("id", 1, "diffusers.generate", dump(params))
    try:
        authorize(capability, Caller(1), capability_type="diffusers.generate", method=method, now=NOW).allow(
            task
        )
    except PermissionDenied:
        return False
    return True


@settings(max_examples=400)
@given(raw_params, st.lists(raw_params, max_size=5), tasks, st.sampled_from(["textToImage", "imageToImage"]))
def test_no_chain_allows_what_an_ancestor_denies(
    root: dict[str, Any], restrictions: list[dict[str, Any]], task: TextToImage, method: str
) -> None:
    ancestors = [parse(root)]
    for asked in restrictions:
        child = chain(ancestors[-1], [asked])
        if child is None:
            return
        if allows(child, task, method):
            assert all(allows(ancestor, task, method) for ancestor in ancestors)
        for permission in ("allow_unsafe", "*"):
            if child.get(permission):
                assert all(ancestor.get(permission) for ancestor in ancestors)
        for name in ("max_concurrent", "rate_per_minute", "compute_per_day", "money_per_month"):
            limits = [ancestor[name] for ancestor in ancestors if name in ancestor]
            assert all(child[name] <= limit for limit in limits)
        assert all(child.get("max_priority", 0) <= ancestor.get("max_priority", 0) for ancestor in ancestors)
        ancestors.append(child)


def engines_of(params: Params) -> set[str]:
    """Those that a capability with these parameters may use."""
    found = set()
    for name in ENGINES:
        try:
            require_engine(params, name, "this capability", is_paid=name == "cloud")
        except PermissionDenied:
            continue
        found.add(name)
    return found


links = st.lists(st.tuples(st.booleans(), st.none() | engines), max_size=5)


@settings(max_examples=300)
@given(st.none() | engines, links)
def test_no_chain_comes_to_an_engine_that_its_parent_has_not(
    root: list[str] | None, chain_of: list[tuple[bool, list[str] | None]]
) -> None:
    """Of delegations by the sidecar, and by another program, which adds and leaves out as it likes and records nothing."""
    params = parse({} if root is None else {"allowed_engines": root})
    row, record = dump(params), dump(params)
    parent = engines_of(confirmed(params, params))
    assert parent == ({"local", "pod"} if root is None else set(root))
    recorded: dict[str, object] | None = record
    for is_ours, asked in chain_of:
        restrictions = {} if asked is None else {"allowed_engines": asked}
        if is_ours:
            known = None if recorded is None else parse_row(recorded)
            child = restrict(confirmed(parse_row(row), known), parse(restrictions))
            row, recorded = dump(child), to_record(child)
            rights = engines_of(confirmed(parse_row(row), parse_row(recorded)))
            assert rights <= parent
            assert rights == parent if asked is None else rights == parent & set(asked)
            assert GRANTED_ENGINES not in row
        else:
            row, recorded = {**row, **restrictions}, None
            rights = engines_of(confirmed(parse_row(row), None))
            assert "cloud" not in rights
        parent = rights


@given(raw_params, raw_params)
def test_delegating_twice_the_same_is_delegating_once(root: dict[str, Any], asked: dict[str, Any]) -> None:
    once = chain(parse(root), [asked])
    if once is not None:
        assert chain(once, [asked]) == once
    assert chain(parse(root), [{}]) == parse(root)


@settings(max_examples=200)
@given(raw_params, st.lists(raw_params, min_size=2, max_size=3))
def test_the_order_does_not_matter(root: dict[str, Any], restrictions: list[dict[str, Any]]) -> None:
    ends = [chain(parse(root), list(order)) for order in itertools.permutations(restrictions)]
    assert all(end == ends[0] for end in ends)


@given(raw_params)
def test_what_is_written_reads_back(raw: dict[str, Any]) -> None:
    params = parse(raw)
    assert parse(dump(params)) == params


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text()),
        max_size=4,
    )
)
def test_whatever_is_not_understood_is_refused_and_never_ignored(raw: dict[str, Any]) -> None:
    try:
        params = parse(raw)
    except InvalidArgument as refusal:
        name = refusal.field
    else:
        assert set(params) == set(raw)
        return
    assert name in raw
    with pytest.raises(PermissionDenied):
        parse_row(raw)


BAD: dict[str, list[object]] = {
    "max_steps": [0, -1, 1.5, True, "3", float("nan"), float("inf"), None, [1]],
    "max_priority": [-1, 11, 0.5, True, "3"],
    "max_compute": [-0.1, True, "3", float("nan"), float("inf"), None],
    "allowed_models": ["a", {"a": 1}, [1], None, 3],
    "allowed_methods": ["textToImage", [None]],
    "allowed_engines": ["pod", [1], None, {"pod": True}],
    "default_model": ["", 3, None, ["a"]],
    "allow_unsafe": [1, 0, "true", None],
    "*": [1, "yes", None],
    "expires_at": ["soon", "", None, True, [], float("nan"), 1e300, -1e300, "9999-12-31T23:59:59-23:59"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_values_of_the_wrong_kind_name_their_parameter(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse({name: value})
    assert caught.value.field == name
    assert name in caught.value.message


def test_every_spelling_of_a_moment() -> None:
    moment = dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    spellings = [
        "2030-01-02T03:04:05Z", "2030-01-02T04:04:05+01:00", "2030-01-02T03:04:05", moment.timestamp(),
        int(moment.timestamp()), int(moment.timestamp()) * 1000,
    ]  # fmt: skip
    for spelling in spellings:
        assert parse({"expires_at": spelling}) == {"expires_at": moment}
    assert dump({"expires_at": moment}) == {"expires_at": "2030-01-02T03:04:05Z"}


def test_a_choice_that_was_made_stays() -> None:
    with pytest.raises(PermissionDenied, match="is already a and cannot become b"):
        restrict(parse({"default_model": "a"}), parse({"default_model": "b"}))


def test_the_server_is_named_where_its_own_ceiling_refuses() -> None:
    task = TextToImage(
        model_id="a",
        prompt="",
        width=64,
        height=64,
        steps=5,
        guidance_scale=1,
        scheduler="default",
        seed=0,
        count=1,
    )
    with pytest.raises(PermissionDenied, match="max_steps of this server is 4; asked for 5 steps"):
        check({"max_steps": 4}, task, "this server")
    assert set(KINDS) >= {"max_steps"}

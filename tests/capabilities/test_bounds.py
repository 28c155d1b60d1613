"""What callers write costs no more than its length, and refusals stay short whatever they tell of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from capabilities import methods, params, schedulers, strict_json
from capabilities.errors import InvalidArgument, PermissionDenied, Refusal, brief, brief_bytes
from capabilities.methods.generation import EMBEDDING
from capabilities.methods.text_to_image import TextToImageArguments
from capabilities.policy import MOST_LISTED, require_model
from capabilities.spelling import nearest

MILLION = 1_000_000

HOSTILE: dict[str, Callable[[], Any]] = {
    "long method": lambda: methods.find("x" * MILLION),
    "long method of underscores": lambda: methods.find("_a" * MILLION),
    "long scheduler": lambda: schedulers.canonical("dpm " * MILLION),
    "scheduler of gaps": lambda: schedulers.canonical(" -_" * MILLION + "x"),
    "long option": lambda: TextToImageArguments.read({"prompt": "a", "w" * MILLION: 1}),
    "many options": lambda: TextToImageArguments.read({str(key): 1 for key in range(200_000)}),
    "many values": lambda: methods.arguments_from_json("[" + "1," * MILLION + "1]"),
    "many lists": lambda: methods.arguments_from_json("[" + "[],[]," * MILLION + "1]"),
    "deep lists": lambda: methods.arguments_from_json("[" * 90_000),
    "many options in JSON": lambda: methods.options_from_json("{" + '"a":1,' * MILLION + '"b":1}'),
    "huge values": lambda: TextToImageArguments.read({"prompt": [["x" * 1000] * 1000] * 500}),
    "huge bytes": lambda: TextToImageArguments.read({"prompt": "a", "seed": b"\0" * MILLION}),
    "many models": lambda: params.parse({"allowed_models": [f"model/{place}" for place in range(100_000)]}),
    "long models": lambda: params.parse({"allowed_models": ["m" * 1000]}),
    "long parameter": lambda: params.parse({"p" * MILLION: 1}),
    "huge parameter": lambda: params.parse({"max_steps": {str(key): [key] * 9 for key in range(100_000)}}),
    "many rows' models": lambda: params.parse_row({"allowed_models": [str(place) for place in range(1001)]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_refused_soon_and_in_short(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(Refusal) as refusal:
        HOSTILE[name]()
    assert time.process_time() - begun < 2
    error = refusal.value
    assert isinstance(error, InvalidArgument | PermissionDenied) or name.startswith("long method")
    assert max(map(len, (error.message, error.field, error.asked, error.limit))) < 2000


@pytest.mark.parametrize(
    "text", ["[" + "[]," * 200_000 + "1]", "{" + '"a":{},' * 200_000 + '"b":1}', "[" + "1," * 10**6 + "1]"]
)
def test_strict_json_bounds_its_values(text: str) -> None:
    with pytest.raises(ValueError, match="more than"):
        strict_json.loads(text)


def test_a_thousand_names_are_no_reason_for_a_long_refusal() -> None:
    names = frozenset(f"folder/model-{place}" for place in range(params.MAX_NAMES))
    with pytest.raises(PermissionDenied) as refusal:
        require_model({"allowed_models": names}, "another", "this capability")
    assert len(refusal.value.limit) < MOST_LISTED * 30
    assert f"and {params.MAX_NAMES - MOST_LISTED} more" in refusal.value.message


@pytest.mark.parametrize(
    "text", ["embedding:" + "." * MILLION, "embedding:/" * 90_000, "embedding:" + "-embedding" * 90_000 + "."]
)
def test_embeddings_are_found_in_a_line(text: str) -> None:
    begun = time.process_time()
    EMBEDDING.findall(text)
    assert time.process_time() - begun < 2


def test_the_nearest_name_is_found_among_so_many() -> None:
    assert nearest("sd-turb", ["sd-turbo", "icons"]) == "sd-turbo"
    begun = time.process_time()
    assert nearest("x" * 100, ["y" * 100] * MILLION) is None
    assert nearest("x" * 101, ["x" * 101]) is None
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "value",
    [
        "text",
        7,
        1.5,
        None,
        True,
        [1, "a", {"b": (1, 2)}],
        {"a": [1, 2, 3], "b": None},
        b"\0\1",
        "é" * 70,
        list(range(20)),
    ],
)
def test_short_values_are_told_whole(value: object) -> None:
    whole = value if isinstance(value, str) else repr(value)
    assert brief(value, 80) == whole


def test_long_values_are_cut() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    for value in (
        nested,
        [[0] * 1000] * 1000,
        {"k" * 1000: "v" * 1000},
        ["é" * 1000],
        b"x" * 1000,
        frozenset(range(9999)),
    ):
        assert len(brief(value)) <= 80
    assert brief_bytes("é" * 1000, 100).encode().endswith("…".encode())
    assert len(brief_bytes("é" * 1000, 100).encode()) <= 100
    assert brief_bytes("short", 100) == "short"

"""Signed statements of a capability."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import statements
from capabilities.errors import PermissionDenied
from capabilities.policy import Capability
from capabilities.statements import Statement

KEY = b"a key that both sides know"
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
SOON = NOW + dt.timedelta(seconds=30)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
capabilities = st.builds(
    Capability,
    st.text(max_size=40),
    st.integers(1, 2**53),
    st.text(max_size=30),
    st.dictionaries(st.text(max_size=12), json_values, max_size=4),
)
names = st.text(min_size=1, max_size=40)
stated = st.builds(
    Statement, capabilities, names, st.integers(0, 2**53), st.integers(0, 2**53), st.text(max_size=40), names
) | st.builds(Statement, capabilities, version=st.just(1))


@given(stated)
def test_what_is_signed_is_read(statement: Statement) -> None:
    read = statements.read(KEY, statements.sign(KEY, statement, SOON), NOW)
    assert json.dumps(dict(read.capability.params)) == json.dumps(dict(statement.capability.params))
    assert read == statement


@given(stated, st.data())
def test_no_changed_character_is_believed(said: Statement, data: st.DataObject) -> None:
    statement = statements.sign(KEY, said, SOON)
    place = data.draw(st.integers(0, len(statement) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda sign: sign != statement[place]))
    with pytest.raises(PermissionDenied):
        statements.read(KEY, statement[:place] + other + statement[place + 1 :], NOW)


@given(st.text(max_size=300))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PermissionDenied, match="capability statement"):
        statements.read(KEY, text, NOW)


def test_times_and_keys() -> None:
    capability = Capability("c", 7, "diffusers.generate", {"max_steps": 4})
    first, now = Statement(capability, version=1), Statement(capability, "world", 7)
    second = dt.timedelta(seconds=1)
    for said, key, expires, words in (
        (first, b"another key", SOON, "is not signed"),
        (first, KEY, NOW, "is over since"),
        (first, KEY, NOW + dt.timedelta(hours=1), "longer than 0:10:00"),
        (now, KEY, NOW - 60 * second, "is over since"),
        (now, KEY, NOW + 91 * second, "longer than 0:01:30"),
        (replace(now, world=""), KEY, SOON, "names no world"),
        (replace(now, version=3), KEY, SOON, "known are v1 and v2"),
    ):
        with pytest.raises(PermissionDenied, match=words):
            statements.read(KEY, statements.sign(key, said, expires), NOW)
    for clock in (-59, 90):
        # The other machine's clock is a minute behind, or before.
        assert statements.read(KEY, statements.sign(KEY, now, NOW + clock * second), NOW) == now

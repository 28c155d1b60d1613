"""Signed statements of a capability."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import statements
from capabilities.errors import PermissionDenied
from capabilities.policy import Capability

KEY = b"a key that both sides know"
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
SOON = NOW + dt.timedelta(minutes=2)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
stated = st.builds(
    Capability,
    st.text(max_size=40),
    st.integers(1, 2**53),
    st.text(max_size=30),
    st.dictionaries(st.text(max_size=12), json_values, max_size=4),
)


@given(stated)
def test_what_is_signed_is_read(capability: Capability) -> None:
    read = statements.read(KEY, statements.sign(KEY, capability, SOON), NOW)
    assert json.dumps(dict(read.params)) == json.dumps(dict(capability.params))
    assert (read.id, read.owner_id, read.type) == (capability.id, capability.owner_id, capability.type)


@given(stated, st.data())
def test_no_changed_character_is_believed(capability: Capability, data: st.DataObject) -> None:
    statement = statements.sign(KEY, capability, SOON)
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
    for key, expires, words in (
        (b"another key", SOON, "is not signed"),
        (KEY, NOW, "is over since"),
        (KEY, NOW + dt.timedelta(hours=1), "longer than 0:10:00"),
    ):
        with pytest.raises(PermissionDenied, match=words):
            statements.read(KEY, statements.sign(key, capability, expires), NOW)

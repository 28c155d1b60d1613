"""Paths of fields, such as `loras[0].weight`: the canonical form is snake_case; each surface has a spelling of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from capabilities.errors import brief

Step = str | int
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


def join(steps: Sequence[Step]) -> str:
    """The path of names and of places in lists; a long name is cut."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{brief(step, 40)}"
    return path


def split(path: str) -> list[Step]:
    """Names and places in lists of a path."""
    return [int(place) if place else name for place, name in _STEP.findall(path)]


def within(value: object, location: Sequence[Step], *, missing: bool = False) -> list[Step]:
    """The part of a validator's location that leads through a value; it also names the branches of unions.

    `missing`: the last step is the name of what is not there.
    """
    inner: Any = value
    steps: list[Step] = []
    for place, step in enumerate(location):
        if (isinstance(inner, Mapping) and step in inner) or (
            isinstance(inner, list | tuple) and isinstance(step, int) and step < len(inner)
        ):
            key: Any = step
            inner = inner[key]
        elif not (missing and place == len(location) - 1):
            continue
        steps.append(step)
    return steps


def as_sent(path: str, sent: Mapping[str, object], spellings: Mapping[str, Sequence[str]]) -> str:
    """The path as a script writes it: each name as it was sent, else in its preferred spelling.

    `spellings` has those of each argument, the preferred first; a path that begins with none of them stays as it is. It
    ends where what was sent has no parts, as where one value stands for a list.
    """
    first, *others = split(path) or [""]
    names = spellings.get(str(first))
    if names is None:
        return path
    steps: list[Step] = [next((name for name in names if name in sent), names[0])]
    value = sent.get(str(steps[0]))
    for step in others:
        if isinstance(value, Mapping):
            step = step if step in value else to_camel(str(step))
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        elif value is not None:
            break
        elif isinstance(step, str):
            step = to_camel(step)
        steps.append(step)
    return join(steps)

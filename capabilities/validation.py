"""Refusals made of pydantic's errors: the field's whole path, its limit, and what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from capabilities.errors import InvalidArgument, brief
from capabilities.field_paths import Step, join
from capabilities.spelling import nearest

_TYPES = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "finite_number": "a finite number",
    "tuple_type": "a list", "model_type": "an object", "model_attributes_type": "an object", "dict_type": "an object",
}  # fmt: skip
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def first_error(error: ValidationError) -> ErrorDetails:
    """The error that is told; the others are as likely to follow from it."""
    return error.errors(include_url=False)[0]


def refusal(first: ErrorDetails, path: str) -> InvalidArgument:
    """What is wrong with the field at a path, in a caller's words; `unknown_name` tells of names that are not known."""
    kind, asked = first["type"], brief(first["input"])
    if kind == "missing":
        return InvalidArgument(f"'{path}' is required", reason="MISSING_ARGUMENT", field=path)
    context: dict[str, Any] = first.get("ctx", {})
    bound = next((name for name in _BOUNDS if name in context), None)
    limit = ""
    if kind in ("bytes_type", "bytes_invalid_encoding"):
        problem = "must be a picture: base64, a data URL, 'sha256:...' or an image entity"
    elif kind in _TYPES:
        problem = f"must be {_TYPES[kind]}"
    elif bound is not None:
        limit = f"{_BOUNDS[bound]} {number(context[bound])}"
        problem = f"must be {limit}"
    elif kind in ("string_too_long", "string_too_short"):
        limit = _length(context, "character", "characters")
        problem, asked = f"must have {limit}", f"{len(first['input'])} characters"
    elif kind in ("too_long", "too_short"):
        limit = _length(context, "entry", "entries")
        problem, asked = f"must have {limit}", f"{context['actual_length']} entries"
    elif kind == "literal_error":
        limit = str(context["expected"])
        problem = f"must be one of {limit}"
    elif kind == "value_error":
        problem = str(context["error"])
    else:
        problem = first["msg"][:1].lower() + first["msg"][1:]
    return InvalidArgument(
        f"'{path}' {problem}" + (f"; got {asked}" if asked else ""),
        reason="BAD_ARGUMENT", field=path, limit=limit, asked=asked,
    )  # fmt: skip


def unknown_name(
    first: ErrorDetails, parents: list[Step], known: Iterable[str], listed: Iterable[str]
) -> InvalidArgument:
    """The refusal of a name that is not known, with the one that may have been meant, else those that are `listed`."""
    name = str(first["loc"][-1])
    path = join([*parents, name])
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"known are {', '.join(listed)}"
    return InvalidArgument(
        f"unknown option '{path}'; {hint}", reason="UNKNOWN_ARGUMENT", field=path, asked=brief(first["input"])
    )


def number(value: float) -> str:
    """A limit as people write it: 4 and not 4.0."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def _length(context: Mapping[str, Any], one: str, many: str) -> str:
    word, bound = ("at most", "max_length") if "max_length" in context else ("at least", "min_length")
    return f"{word} {context[bound]} {one if context[bound] == 1 else many}"

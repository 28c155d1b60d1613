"""Workflow templates: tasks and chains of tasks under a name, with parameters.

A template is a JSON document (`*.viwo-template.json`). In the arguments of a step a string "{name}" stands for the value of
a parameter, inside longer text for its words, and {"from": "step"} for the picture that an earlier step made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from capabilities import methods, strict_json
from capabilities.errors import InvalidArgument, Refusal, brief
from capabilities.methods import Method
from entity_store.images import Placement

FORMAT = "viwo-template/1"
SUFFIX = ".viwo-template.json"
MAX_BYTES = 1 << 20

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_HOLE = re.compile(rf"\{{({_NAME})\}}")
Name = Annotated[str, Field(pattern=rf"^{_NAME}$")]
Kind = Literal["string", "number", "integer", "boolean", "image"]

_FITS: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "image": (str, int),
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Parameter(_Strict):
    """What whoever runs the template may choose; one without a default must be given."""

    type: Kind = "string"
    description: str = ""
    default: str | int | float | bool | None = None

    def check(self, name: str, value: object) -> object:
        """The value. Raises InvalidArgument where it is of another type."""
        if not isinstance(value, _FITS[self.type]) or (isinstance(value, bool) and self.type != "boolean"):
            raise InvalidArgument(
                f"parameter '{name}' must be of type {self.type}; got {brief(value, 40)}",
                reason="BAD_PARAMETER",
                field=name,
                limit=self.type,
                asked=brief(value, 40),
            )
        return value


class Save(_Strict):
    """How a step's picture becomes an entity; `room` is an entity id or a parameter."""

    name: str = ""
    description: str = ""
    room: int | str = 0


class Step(_Strict):
    """One task: a method as scripts know it, and its arguments by name."""

    name: Name
    method: str
    arguments: dict[str, Any] = {}
    save: Save | None = None


class Template(_Strict):
    """A document that fits together."""

    format: Literal["viwo-template/1"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}$")]
    description: str = ""
    parameters: dict[Name, Parameter] = {}
    steps: Annotated[list[Step], Field(min_length=1, max_length=32)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        earlier: set[str] = set()
        for step in self.steps:
            if step.name in earlier:
                raise ValueError(f"two steps are named '{step.name}'")
            method = step_method(step)
            known = {word for item in method.parameters for word in (item.name, *item.aliases)}
            known |= set(method.arguments.model_fields)
            for argument in step.arguments:
                if argument not in known:
                    raise ValueError(f"step '{step.name}': {method.name} has no argument '{argument}'")
            values = [step.arguments, step.save.model_dump() if step.save else {}]
            for name in _holes(values):
                if name not in self.parameters:
                    raise ValueError(f"step '{step.name}': there is no parameter '{name}'")
            for source in _sources(values):
                if source not in earlier:
                    raise ValueError(f"step '{step.name}': there is no earlier step '{source}'")
            earlier.add(step.name)
        return self

    def values(self, given: Mapping[str, object]) -> dict[str, object]:
        """Every parameter's value. Raises InvalidArgument for one that is missing, unknown or of another type."""
        for name in given:
            if name not in self.parameters:
                raise InvalidArgument(
                    f"template '{self.name}' has no parameter '{brief(name, 40)}'; "
                    f"it has {', '.join(self.parameters) or 'none'}",
                    reason="UNKNOWN_PARAMETER",
                    field=brief(name, 40),
                )
        values: dict[str, object] = {}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None:
                raise InvalidArgument(
                    f"template '{self.name}' needs the parameter '{name}'",
                    reason="MISSING_PARAMETER",
                    field=name,
                )
            values[name] = parameter.check(name, value)
        return values


def read(text: str) -> Template:
    """The template of a document. Raises InvalidArgument that says what does not fit."""
    if len(text) > MAX_BYTES:
        raise _bad(f"it is longer than {MAX_BYTES} characters")
    try:
        return Template.model_validate(strict_json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _bad(f"{place + ': ' if place else ''}{first['msg']}") from None
    except ValueError as error:
        raise _bad(f"it is not JSON: {error}") from None


def step_method(step: Step) -> Method:
    """The method of a step. Raises ValueError for none, or for one that only tells something."""
    try:
        method = methods.find(step.method)
    except Refusal as refusal:
        raise ValueError(f"step '{step.name}': {refusal.message}") from None
    if method.build is None:
        raise ValueError(f"step '{step.name}': {method.name} makes no picture")
    return method


def arguments(step: Step, values: Mapping[str, object], made: Mapping[str, str]) -> dict[str, Any]:
    """A step's arguments with parameters and earlier pictures in their places."""
    filled = _filled(step.arguments, values, made)
    assert isinstance(filled, dict)
    return filled


def placement(step: Step, values: Mapping[str, object]) -> Placement | None:
    """Where a step's picture is saved. Raises InvalidArgument for a room that is no entity id."""
    if step.save is None:
        return None
    room = _filled(step.save.room, values, {})
    if isinstance(room, bool) or not isinstance(room, int) or not 0 <= room < 2**63:
        raise InvalidArgument(
            f"step '{step.name}': 'room' must be an entity id; got {brief(room, 40)}",
            reason="BAD_ARGUMENT",
            field="save.room",
        )
    texts = [str(_filled(text, values, {})) for text in (step.save.name, step.save.description)]
    return Placement(texts[0], texts[1], room)


def _filled(value: object, values: Mapping[str, object], made: Mapping[str, str]) -> object:
    if isinstance(value, str):
        whole = _HOLE.fullmatch(value)
        if whole is not None:
            return values[whole[1]]
        return _HOLE.sub(lambda hole: str(values[hole[1]]), value)
    if isinstance(value, dict):
        if set(value) == {"from"}:
            return made[str(value["from"])]
        return {name: _filled(item, values, made) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values, made) for item in value]
    return value


def _holes(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _HOLE.findall(value)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _holes(item)


def _sources(value: object) -> Iterator[str]:
    if isinstance(value, dict) and set(value) == {"from"}:
        yield str(value["from"])
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _sources(item)


def _bad(why: str) -> InvalidArgument:
    return InvalidArgument(f"this is no template: {why}", reason="BAD_TEMPLATE", field="document_json")

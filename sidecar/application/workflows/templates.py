"""Workflow templates: tasks and chains of tasks under a name, with parameters.

A template is a JSON document (`*.viwo-template.json`). In the arguments of a step a string "{name}" stands for the value of
a parameter, inside longer text for its words, and {"from": "step"} for the picture that an earlier step made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from capabilities import methods, strict_json
from capabilities.call_options import Placement
from capabilities.errors import InvalidArgument, Refusal, brief
from capabilities.methods import Method
from capabilities.plain_text import MAX_DESCRIPTION, MAX_NAME, require_plain
from capabilities.tasks import MAX_PROMPT

FORMAT = "viwo-template/1"
SUFFIX = ".viwo-template.json"
MAX_BYTES = 1 << 20
MAX_PARAMETERS = 128
MAX_PICTURE = 45_000_000
"""Longest image parameter, in characters: 32 MiB in base64."""
MAX_VALUES = 1 << 20
"""Most characters of all of a run's values together, its pictures as references."""
MAX_STEP = 2 << 20
"""Most characters of a step's arguments once its parameters are filled in: twice the longest document."""

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
        most = MAX_PICTURE if self.type == "image" else MAX_PROMPT
        if isinstance(value, str) and len(value) > most:
            raise InvalidArgument(
                f"parameter '{name}' must have at most {most} characters; got {len(value)}",
                reason="BAD_PARAMETER",
                field=name,
                limit=f"at most {most} characters",
                asked=f"{len(value)} characters",
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
        template = Template.model_validate(strict_json.loads(text))
    except ValidationError as error:
        raise _bad(_first(error)) from None
    except ValueError as error:
        raise _bad(f"it is not JSON: {error}") from None
    if len(template.parameters) > MAX_PARAMETERS:
        raise _bad(f"it has {len(template.parameters)} parameters; at most {MAX_PARAMETERS}")
    require_plain(template.description, "description", MAX_DESCRIPTION)
    for name, parameter in template.parameters.items():
        require_plain(parameter.description, f"parameters.{name}.description", MAX_DESCRIPTION)
        if parameter.default is not None:
            parameter.check(name, parameter.default)
    for step in template.steps:
        if step.save is not None:
            require_plain(step.save.name, f"steps.{step.name}.save.name", MAX_NAME)
            require_plain(step.save.description, f"steps.{step.name}.save.description", MAX_DESCRIPTION)
    return template


def read_stored(document: object) -> Template:
    """The template of a row. Raises ValueError for what none of our versions wrote, or nobody can be sent."""
    strict_json.require_flat(document)
    json.dumps(document, ensure_ascii=False).encode()
    try:
        return Template.model_validate(document)
    except ValidationError as error:
        raise ValueError(_first(error)) from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place + ': ' if place else ''}{first['msg']}"


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
    """A step's arguments with parameters and earlier pictures in their places.

    Raises InvalidArgument where they would be too large, before they are.
    """
    filled = _Filling(step, values, made).fill(step.arguments, "arguments")
    assert isinstance(filled, dict)
    return filled


def placement(step: Step, values: Mapping[str, object]) -> Placement | None:
    """Where a step's picture is saved. Raises InvalidArgument for a room that is no entity id, and texts too long."""
    if step.save is None:
        return None
    filling = _Filling(step, values, {})
    room = filling.fill(step.save.room, "save.room")
    if isinstance(room, bool) or not isinstance(room, int) or not 0 <= room < 2**63:
        raise InvalidArgument(
            f"step '{step.name}': 'room' must be an entity id; got {brief(room, 40)}",
            reason="BAD_ARGUMENT",
            field="save.room",
        )
    name = str(filling.fill(step.save.name, "save.name"))
    return Placement(name, str(filling.fill(step.save.description, "save.description")), room)


def require_fillable(template: Template, values: Mapping[str, object]) -> None:
    """Raises InvalidArgument where a step with these values, or all of them together, would be too large."""
    size = sum(len(value) for value in values.values() if isinstance(value, str))
    if size > MAX_VALUES:
        raise InvalidArgument(
            f"the parameters have {size} characters together; at most {MAX_VALUES}",
            reason="BAD_PARAMETER",
            field="parameters_json",
            limit=f"at most {MAX_VALUES} characters",
            asked=f"{size} characters",
        )
    made = {step.name: "sha256:" + "0" * 64 for step in template.steps}
    for step in template.steps:
        arguments(step, values, made)
        placement(step, values)


class _Filling:
    """Parameters and earlier pictures put into a step, as long as there is room: each length is known beforehand."""

    def __init__(self, step: Step, values: Mapping[str, object], made: Mapping[str, str]) -> None:
        self._step = step
        self._values = values
        self._made = made
        self._left = MAX_STEP

    def fill(self, value: object, place: str) -> object:
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, dict):
            if set(value) == {"from"}:
                return self._take(self._made[str(value["from"])], place)
            self._charge(sum(map(len, value)), place)
            return {name: self.fill(item, f"{place}.{name}") for name, item in value.items()}
        if isinstance(value, list):
            self._charge(len(value), place)
            return [self.fill(item, f"{place}[{number}]") for number, item in enumerate(value)]
        return value

    def _text(self, text: str, place: str) -> object:
        whole = _HOLE.fullmatch(text)
        if whole is not None:
            return self._take(self._values[whole[1]], place)
        names = _HOLE.findall(text)
        if not names:
            return self._take(text, place)
        words = {name: str(self._values[name]) for name in set(names)}
        size = len(text) + sum(len(words[name]) - len(name) - 2 for name in names)
        if size > MAX_PROMPT:
            raise self._too_large(place, size, MAX_PROMPT)
        self._charge(size, place)
        return _HOLE.sub(lambda hole: words[hole[1]], text)

    def _take(self, value: object, place: str) -> object:
        self._charge(len(value) if isinstance(value, str) else 1, place)
        return value

    def _charge(self, size: int, place: str) -> None:
        if size > self._left:
            raise self._too_large(place, MAX_STEP - self._left + size, MAX_STEP)
        self._left -= size

    def _too_large(self, place: str, size: int, most: int) -> InvalidArgument:
        return InvalidArgument(
            f"step '{self._step.name}': with its parameters filled in, '{brief(place, 80)}' would have {size} characters; "
            f"at most {most}. Give shorter parameters, or use them less often",
            reason="TOO_LARGE",
            field=f"steps.{self._step.name}.{brief(place, 80)}",
            limit=f"at most {most} characters",
            asked=f"{size} characters",
        )


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

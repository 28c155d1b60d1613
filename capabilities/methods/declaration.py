"""How a method is declared, how a script calls it, and what it looks like to those who ask."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from capabilities.arguments import Arguments, PictureSource, members, spellings
from capabilities.call_options import GROUP, SPELLINGS, CallOptionArguments, CallOptions, take_call_options
from capabilities.errors import InvalidArgument, PermissionDenied, Refusal, brief
from capabilities.field_paths import as_sent
from capabilities.models import Means
from capabilities.params import Params
from capabilities.tasks import Task


@dataclass(frozen=True)
class Parameter:
    """An argument or an option as a script writes it; types are JSON's, and "image".

    `group`: "" for the method's own, else what the option is about: "saving", "answer" or "job". `members`: those of an
    object, or of each entry of a list. Limits are of a number, or of each entry of a list of numbers; `max_length`
    counts the characters of a text, or the entries of a list.
    """

    name: str
    aliases: tuple[str, ...]
    type: str
    description: str
    required: bool
    positional: bool
    default: object
    enum: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    exclusive_minimum: float | None
    exclusive_maximum: float | None
    max_length: int | None
    group: str = ""
    members: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Method:
    """A method of a capability type. `positional` names the arguments that come before the options object.

    `build` makes the complete task, of the class `task`, out of its arguments. A method that only tells something has
    `answer` instead, and becomes no job; `refinePrompt`, which somebody has to write, has neither.
    """

    capability_type: str
    name: str
    label: str
    description: str
    rpc: str
    positional: tuple[str, ...]
    arguments: type[Arguments]
    task: type[Task] | None = None
    build: Callable[[Any, Means], Task] | None = None
    answer: Callable[[Means], dict[str, object]] | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Arguments that viwo's former plugin took from capability parameters, by the names of those."""

    def completed(self, arguments: Arguments, params: Params) -> Arguments:
        """The same, what the call left out being taken from the capability's parameters where they have it.

        Raises PermissionDenied for a parameter that the argument cannot be.
        """
        found: dict[str, object] = {}
        for name, argument in self.defaults.items():
            value = params.get(name, "")
            if value != "" and argument not in arguments.model_fields_set:
                found[spellings(self.arguments)[argument][0]] = value
        if not found:
            return arguments
        given = {name: getattr(arguments, name) for name in arguments.model_fields_set}
        try:
            return self.arguments.read(given | found)
        except InvalidArgument as refusal:
            raise PermissionDenied(
                f"this capability's defaults are not usable: {refusal.message}",
                reason="BAD_PARAMETER",
                field=refusal.field,
                limit=refusal.limit,
                asked=refusal.asked,
            ) from None

    def from_script(self, values: Sequence[object]) -> ScriptCall:
        """A call as a script passes it: positional arguments, then an options object.

        Raises InvalidArgument that names, as the script wrote it, what is missing, unknown or out of range.
        """
        positional, options = self._split(values)
        given = {spellings(self.arguments)[name][0]: value for name, value in positional.items()}
        sent = given | options
        try:
            # Positional arguments are the method's own, whatever they are called.
            call_options = take_call_options(options) if self.makes_pictures else CallOptions()
            return ScriptCall(self, self.arguments.read(given | options), call_options, sent)
        except Refusal as refusal:
            raise refusal.spelled(lambda field: self.spelled(field, sent)) from None

    def _split(self, values: Sequence[object]) -> tuple[dict[str, object], dict[str, object]]:
        """Positional arguments and options by name, without those that are null. Raises InvalidArgument."""
        if len(values) > len(self.positional) + 1:
            raise InvalidArgument(
                f"{self.name} takes {self.signature}; got {len(values)} arguments",
                reason="TOO_MANY_ARGUMENTS",
                field="arguments",
                limit=f"{len(self.positional) + 1} arguments",
                asked=f"{len(values)} arguments",
            )
        options = values[len(self.positional)] if len(values) > len(self.positional) else None
        if options is None and values and isinstance(values[-1], Mapping):
            # Optional arguments may be left out before the options; an object where a picture belongs is an entity.
            place = len(values) - 1
            if place and not (place < len(self.positional) and self._takes_object(self.positional[place])):
                *values, options = values
        if options is not None and not isinstance(options, Mapping):
            raise InvalidArgument(
                f"the last argument of {self.name} must be an options object; got {brief(options)}",
                reason="BAD_ARGUMENT",
                field="options",
                limit="an object",
                asked=brief(options),
            )
        given = zip(self.positional, values, strict=False)
        return (
            {name: value for name, value in given if value is not None},
            {name: value for name, value in (options or {}).items() if value is not None},
        )

    def _takes_object(self, name: str) -> bool:
        return _json_type(self.arguments.model_fields[name].annotation)[0] in ("image", "object")

    def spelled(self, field: str, sent: Mapping[str, object]) -> str:
        """The path of a field as a script writes it that sent these arguments and options."""
        return as_sent(field, sent, SPELLINGS | spellings(self.arguments))

    @property
    def makes_pictures(self) -> bool:
        return self.build is not None

    @property
    def signature(self) -> str:
        return f"({', '.join([*(to_camel(name) for name in self.positional), 'options'])})"

    @property
    def parameters(self) -> list[Parameter]:
        """Its own arguments: positional ones first, in order, then the options, the encoding of the result last."""
        names = spellings(self.arguments)
        ordered = [*self.positional, *(name for name in names if name not in self.positional)]
        return [
            _parameter(self.arguments.model_fields[name], names[name], positional=name in self.positional)
            for name in ordered
        ]

    @property
    def all_parameters(self) -> list[Parameter]:
        """Everything that a call may say: its own arguments, then the options that calls for pictures have."""
        if not self.makes_pictures:
            return self.parameters
        options = [
            _parameter(CallOptionArguments.model_fields[name], forms) for name, forms in SPELLINGS.items()
        ]
        taken = {form for forms in SPELLINGS.values() for form in forms}
        own = [
            replace(item, aliases=tuple(name for name in item.aliases if name not in taken))
            for item in self.parameters
        ]
        return [*own, *options]


@dataclass(frozen=True)
class ScriptCall:
    """A call of a method as a script wrote it; `sent` has its arguments and options by the names that it used."""

    method: Method
    arguments: Arguments
    options: CallOptions
    sent: Mapping[str, object]

    def spelled(self, field: str) -> str:
        """The path of a field as this script wrote it; for `Refusal.spelled`."""
        return self.method.spelled(field, self.sent)


_PICTURE = get_args(PictureSource)[0]
_JSON_TYPES: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _parameter(info: FieldInfo, names: Sequence[str], *, positional: bool = False) -> Parameter:
    kind, enum, constraints = _json_type(info.annotation)
    constraints += info.metadata
    inner = members(info.annotation)
    extra = info.json_schema_extra
    return Parameter(
        name=names[0],
        aliases=tuple(names[1:]),
        type=kind,
        description=info.description or "",
        required=info.is_required(),
        positional=positional,
        default=None if info.is_required() else info.default,
        enum=enum,
        minimum=_limit(constraints, Ge, "ge"),
        maximum=_limit(constraints, Le, "le"),
        exclusive_minimum=_limit(constraints, Gt, "gt"),
        exclusive_maximum=_limit(constraints, Lt, "lt"),
        max_length=next(
            (item.max_length for item in reversed(constraints) if isinstance(item, MaxLen)), None
        ),
        group=str(extra.get(GROUP, "")) if isinstance(extra, Mapping) else "",
        members=()
        if inner is None
        else tuple(_parameter(field, [name]) for name, field in inner.model_fields.items()),
    )


def _limit(constraints: Sequence[Any], kind: type, name: str) -> float | None:
    return next((float(str(getattr(item, name))) for item in constraints if isinstance(item, kind)), None)


def _json_type(annotation: object) -> tuple[str, tuple[str, ...], list[Any]]:
    """JSON type, listed values, and the constraints found on the way through Optional and Annotated."""
    origin = get_origin(annotation)
    if annotation in (_PICTURE, PictureSource):
        return "image", (), []
    if members(annotation) is not None and origin is not tuple:
        # A name or an object, such as outpaint's direction: an object to those who ask, with the names as well.
        return "object", _listed(annotation), []
    if origin in (Union, types.UnionType):
        (only,) = (item for item in get_args(annotation) if item is not type(None))
        return _json_type(only)
    if origin is tuple:
        item = get_args(annotation)[0]
        if members(item) is not None:
            return "array", (), []
        # One or several: to those who ask, the kind of one.
        return _json_type(item)
    if origin is Literal:
        return "string", _listed(annotation), []
    if hasattr(annotation, "__metadata__"):
        kind, enum, constraints = _json_type(get_args(annotation)[0])
        return kind, enum, [*constraints, *_constraints(annotation.__metadata__)]
    return _JSON_TYPES[annotation], (), []


def _listed(annotation: object) -> tuple[str, ...]:
    """The values that a type lists, wherever in it."""
    if get_origin(annotation) is Literal:
        return tuple(str(item) for item in get_args(annotation))
    return tuple(value for item in get_args(annotation) for value in _listed(item))


def _constraints(metadata: Sequence[Any]) -> list[Any]:
    return [
        item for entry in metadata for item in (entry.metadata if isinstance(entry, FieldInfo) else [entry])
    ]

"""What a method's arguments look like to those who ask: names, JSON types, limits."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from capabilities.arguments import PictureSource, spellings


@dataclass(frozen=True)
class Parameter:
    """An argument as a script writes it; types are JSON's, and "image"."""

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


_PICTURE = get_args(PictureSource)[0]
_JSON_TYPES: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def parameter(info: FieldInfo, positional: bool) -> Parameter:
    """What a field of a method's arguments looks like to a script."""
    names = spellings(info.validation_alias)
    kind, enum, constraints = json_type(info.annotation)
    constraints += info.metadata
    return Parameter(
        name=names[0],
        aliases=tuple(names[1:]),
        type=kind,
        description=info.description or "",
        required=info.is_required(),
        positional=positional,
        default=None if info.is_required() else info.default,
        enum=enum,
        minimum=next((float(str(c.ge)) for c in constraints if isinstance(c, Ge)), None),
        maximum=next((float(str(c.le)) for c in constraints if isinstance(c, Le)), None),
    )


def json_type(annotation: object) -> tuple[str, tuple[str, ...], list[Any]]:
    """JSON type, listed values, and the constraints found on the way through Optional and Annotated."""
    origin = get_origin(annotation)
    if annotation in (_PICTURE, PictureSource):
        return "image", (), []
    if origin in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        objects = [item for item in inner if isinstance(item, type) and issubclass(item, BaseModel)]
        if objects:
            # A name or an object, such as outpaint's direction: an object to those who ask, with the names as well.
            names = [name for item in inner if item not in objects for name in json_type(item)[1]]
            return "object", tuple(names), []
        (only,) = inner
        return json_type(only)
    if origin is tuple:
        # One or several: to those who ask, the kind of one.
        item = get_args(annotation)[0]
        if isinstance(item, type) and issubclass(item, BaseModel):
            return "array", (), []
        return json_type(item)
    if origin is Literal:
        return "string", tuple(str(item) for item in get_args(annotation)), []
    if hasattr(annotation, "__metadata__"):
        kind, enum, constraints = json_type(get_args(annotation)[0])
        return kind, enum, [*constraints, *annotation.__metadata__]
    return _JSON_TYPES[annotation], (), []

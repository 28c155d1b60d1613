"""What a caller may pass, in camelCase or snake_case, before defaults are filled in: the base of all arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from capabilities import field_paths, validation
from capabilities.errors import InvalidArgument
from capabilities.tasks import Color, Format, Output, encodable

MAX_ARGUMENTS = 100
"""No method has half as many."""
LONGEST_SIDE = 16_384
"""Longest side that arguments may ask for, in pixels."""

ModelId = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(encodable)]


def _entity_to_id(value: object) -> object:
    """A script may pass an image entity itself."""
    if isinstance(value, Mapping) and isinstance(value.get("id"), int):
        return value["id"]
    return value


def _picture(value: bytes | str | int) -> bytes | str | int:
    if isinstance(value, bool) or (isinstance(value, int) and not 0 < value < 2**63):
        raise ValueError("is not an entity id")
    if isinstance(value, str) and value.startswith("sha256:") and not _REF.fullmatch(value):
        raise ValueError("is not a picture reference; one is 'sha256:' and 64 hexadecimal digits")
    return value


_REF = re.compile(r"sha256:[0-9a-f]{64}")

PictureSource = Annotated[bytes | str | int, AfterValidator(_picture), BeforeValidator(_entity_to_id)]
"""A picture: a file's bytes, base64 or a data URL of them, 'sha256:...' of a stored one, or an image entity('s id)."""


def spelled(name: str, *others: str) -> AliasChoices:
    """The spellings of an argument: snake_case, camelCase, and the names other programs use."""
    return AliasChoices(
        to_camel(name), name, *(form for other in others for form in (to_camel(other), other))
    )


class Members(BaseModel):
    """Base of arguments that are objects; their members have one spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Arguments(BaseModel):
    """Base of every method's arguments: strict types, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        """The pictures among the arguments, each by its field's path, such as "mask" or "image[1]"."""
        return {}

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Arguments from a mapping. Raises InvalidArgument that names the first field at fault, by its canonical path,
        and its limit.
        """
        if len(values) > MAX_ARGUMENTS:
            # Each unknown one would be looked at, and only the first be told.
            raise InvalidArgument(
                f"at most {MAX_ARGUMENTS} arguments; got {len(values)}",
                reason="TOO_MANY_ARGUMENTS",
                field="arguments",
                limit=f"{MAX_ARGUMENTS} arguments",
                asked=f"{len(values)} arguments",
            )
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _refusal(cls, values, error) from None


class OutputArguments(Arguments):
    """How the result is encoded."""

    format: Annotated[
        Format | None,
        Field(description="Encoding of the result.", validation_alias=spelled("format")),
    ] = None
    quality: Annotated[
        int | None,
        Field(ge=1, le=100, description="Quality of lossy encodings.", validation_alias=spelled("quality")),
    ] = None
    background_color: Annotated[
        Color | None,
        Field(description="What shows through clear parts of a JPEG, such as '#ff8800'; left out: white.",
              validation_alias=spelled("background_color", "flatten")),
    ] = None  # fmt: skip

    @property
    def output(self) -> Output:
        given = {"format": self.format, "quality": self.quality, "background_color": self.background_color}
        return Output.model_validate({name: value for name, value in given.items() if value})


class PictureArguments(OutputArguments):
    """A method that begins with one picture."""

    image: Annotated[
        PictureSource, Field(description="The picture.", validation_alias=spelled("image", "init_image"))
    ]

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image}


def spellings(cls: type[Arguments]) -> dict[str, list[str]]:
    """Every accepted spelling of each field, the preferred first; how the result is encoded comes last."""
    last = OutputArguments.model_fields
    names = [name for name in cls.model_fields if name not in last]
    found = {}
    for name in [*names, *(name for name in last if name in cls.model_fields)]:
        alias = cls.model_fields[name].validation_alias
        assert isinstance(alias, AliasChoices), f"{cls.__name__}.{name} has no spellings"
        found[name] = list(dict.fromkeys(str(choice) for choice in alias.choices))
    return found


def members(annotation: object) -> type[Members] | None:
    """The object that an argument is, or is a list of; None for one of another kind."""
    return next(_members(annotation), None)


def _members(annotation: object) -> Iterator[type[Members]]:
    if isinstance(annotation, type) and issubclass(annotation, Members):
        yield annotation
    for item in get_args(annotation):
        yield from _members(item)


def limits_of(model: type[BaseModel], name: str) -> tuple[float, float]:
    """Least and most of a number, as its field declares them. Raises LookupError where it does not."""
    bounds: dict[str, float] = {}
    for item in model.model_fields[name].metadata:
        if isinstance(item, Ge | Gt):
            bounds["least"] = float(str(item.ge if isinstance(item, Ge) else item.gt))
        if isinstance(item, Le | Lt):
            bounds["most"] = float(str(item.le if isinstance(item, Le) else item.lt))
    return bounds["least"], bounds["most"]


def _refusal(cls: type[Arguments], values: Mapping[str, Any], error: ValidationError) -> InvalidArgument:
    first = validation.first_error(error)
    steps = field_paths.within(values, first["loc"], missing=first["type"] == "missing")
    names = spellings(cls)
    canonical = next((name for name, forms in names.items() if steps and steps[0] in forms), None)
    if first["type"] != "extra_forbidden":
        if canonical is not None:
            steps[0] = canonical
        return validation.refusal(first, field_paths.join(steps) or "arguments")
    if canonical is None or len(steps) == 1:
        known = [form for forms in names.values() for form in forms]
        return validation.unknown_name(first, [], known, [forms[0] for forms in names.values()])
    inner = members(cls.model_fields[canonical].annotation)
    assert inner is not None
    return validation.unknown_name(first, [canonical, *steps[1:-1]], inner.model_fields, inner.model_fields)

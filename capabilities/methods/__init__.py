"""Each method in a module of its own, and the registry of them: from here come Invoke, DescribeMethods and the docs."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.alias_generators import to_camel

from capabilities import strict_json
from capabilities.errors import InvalidArgument, NotFound, brief
from capabilities.methods import (
    apply,
    composite,
    control_types,
    convert,
    crop,
    edit,
    face_restore,
    filter,
    image_to_image,
    inpaint,
    outpaint,
    preprocess,
    refine_prompt,
    remove_background,
    resize,
    text_to_image,
    transform,
    upscale,
    upscale_img2img,
    upscale_traditional,
)
from capabilities.methods.declaration import Method, Parameter, ScriptCall
from capabilities.operations import Transform
from capabilities.spelling import LONGEST, nearest
from capabilities.tasks import Task

__all__ = [
    "EDIT", "METHODS", "TYPES", "Method", "Parameter", "ScriptCall", "arguments_from_json", "find", "options_from_json",
    "read_task", "require_task",
]  # fmt: skip

METHODS: tuple[Method, ...] = (
    text_to_image.METHOD,
    image_to_image.METHOD,
    refine_prompt.METHOD,
    control_types.METHOD,
    preprocess.METHOD,
    apply.METHOD,
    inpaint.METHOD,
    outpaint.METHOD,
    upscale.METHOD,
    upscale_img2img.METHOD,
    upscale_traditional.METHOD,
    face_restore.METHOD,
    transform.METHOD,
    filter.METHOD,
    composite.METHOD,
    crop.METHOD,
    resize.METHOD,
    convert.METHOD,
    remove_background.METHOD,
)
"""The methods that a script can call, in the order in which they are listed."""

EDIT = edit.METHOD
"""What the typed call does; a script calls the operations one by one."""

TYPES: frozenset[str] = frozenset(method.capability_type for method in METHODS)
"""Capability types whose parameters this project defines."""

_KINDS = tuple(dict.fromkeys(method.task for method in METHODS if method.task is not None))
_AnyTask: Any = Annotated[functools.reduce(operator.or_, _KINDS), Field(discriminator="kind")]
_TASKS: TypeAdapter[Task] = TypeAdapter(_AnyTask)


def read_task(values: Mapping[str, Any]) -> Task:
    """The task that `model_dump` wrote. Raises pydantic's ValidationError."""
    return _TASKS.validate_python(dict(values))


def method_of_job(name: str) -> Method:
    """As `find`, and the edit of several operations, which scripts do not call by a name."""
    return EDIT if name == EDIT.name else find(name)


def find(name: str) -> Method:
    """The method of that name, in camelCase or snake_case. Raises NotFound with the nearest name."""
    wanted = to_camel(name) if "_" in name and len(name) <= LONGEST else name
    for method in METHODS:
        if method.name == wanted:
            return method
    names = [method.name for method in METHODS]
    near = nearest(wanted, names)
    hint = f"did you mean '{near}'?" if near else f"this server has {', '.join(names)}"
    raise NotFound(
        f"no method '{brief(name, 40)}' here; {hint}",
        reason="UNKNOWN_METHOD",
        field="method",
        asked=brief(name, 40),
    )


def require_task(method: Method, task: Task) -> None:
    """Raises InvalidArgument where a task is not what a method makes."""
    if isinstance(task, edit.Edit):
        single = task.operations[0] if len(task.operations) == 1 else None
        made = single is not None and (
            to_camel(single.kind) == method.name or (method.name == "convert" and single == Transform())
        )
        fits = method.capability_type == EDIT.capability_type and (method == EDIT or made)
    else:
        fits = to_camel(task.kind) == method.name
    if not fits:
        raise InvalidArgument(
            f"the method '{method.name}' does not do a task of the kind '{task.kind}'",
            reason="WRONG_METHOD",
            field="method",
            limit=task.kind,
            asked=method.name,
        )


def arguments_from_json(text: str) -> list[object]:
    """The JSON array of a call. Raises InvalidArgument where it is not one, or holds what no task can."""
    strict_json.require_few_values(text, field="arguments_json")
    values = _from_json(text or "[]", "arguments_json", "the arguments must be a JSON array")
    if not isinstance(values, list):
        raise InvalidArgument(
            f'the arguments must be a JSON array, such as ["a rusty sword", {{"seed": 7}}]; got {brief(text)}',
            reason="BAD_JSON",
            field="arguments_json",
            asked=brief(text),
        )
    return values


def options_from_json(text: str) -> dict[str, object]:
    """The JSON object of a call's options. Raises InvalidArgument where it is not one, or holds what no task can."""
    value = _from_json(text, "options_json", "'options_json' must be a JSON object")
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"'options_json' must be a JSON object; got {brief(text)}",
            reason="BAD_JSON",
            field="options_json",
            asked=brief(text),
        )
    return value


def _from_json(text: str, field: str, what: str) -> object:
    try:
        return strict_json.loads(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{what}: {brief(str(error))}", reason="BAD_JSON", field=field, asked=brief(text)
        ) from None

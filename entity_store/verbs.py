"""The image verbs: as ViwoScript on the prototype, and as Python for `CallVerb`.

In viwo the scripts call the methods of an `image.edit` capability that the picture holds; here the same names run on
the same picture code, so both give the same pixels.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capabilities import imaging
from capabilities.errors import InvalidArgument, NotFound, brief
from capabilities.operations import Composite, Filter, Operation, Transform

Script = list[object]

OVERLAY = "overlay"
"""What a composite of a verb names its second picture, until that has a reference."""

EDITING = ("transform", "filter", "composite")
"""Verbs that make a new version of the picture."""


def _through_capability(verb: str) -> Script:
    """A verb that hands its arguments to the picture's own `image.edit` capability, whose class belongs to the plugin."""
    call: Script = ["std.call_method", ["std.var", "cap"], "change", verb, ["std.args"]]
    return [
        "std.seq",
        ["std.let", "cap", ["get_capability", "image.edit"]],
        [
            "std.if",
            ["std.var", "cap"],
            call,
            ["send", "message", "This picture cannot be edited here: it holds no image.edit capability."],
        ],
    ]


# `look` runs every verb named get_X and sends what it answers, so these answer small things only: the reference, by
# which the file is read through the sidecar or the plugin's `imagegen.get_image`.
SCRIPTS: dict[str, Script] = {
    "transform": _through_capability("transform"),
    "filter": _through_capability("filter"),
    "composite": _through_capability("composite"),
    "place": _through_capability("place"),
    "takeDown": _through_capability("takeDown"),
    "replace": _through_capability("replace"),
    "get_data": ["obj.get", ["std.this"], "image_ref", ""],
    "get_metadata": ["json.parse", ["obj.get", ["std.this"], "metadata", "{}"]],
}  # fmt: skip

ROOM_SCRIPTS: dict[str, Script] = {
    "addItem": ["call", ["entity", ["std.arg", 0]], "place", ["std.this"]],
}
"""Verbs of "Entity Base", since a room is any entity with that prototype."""


@dataclass(frozen=True)
class Change:
    """What an editing verb asks for; `overlay` is the picture that a composite lays on top, as the caller gave it."""

    operation: Operation
    overlay: object = None


Overlay = Callable[[object], imaging.Image]
"""How a verb reads a picture among its arguments: an entity id, a reference, base64 or a data URL."""


def change(verb: str, arguments: Sequence[object]) -> Change:
    """What a verb with these arguments does. Raises InvalidArgument naming the argument, NotFound for no such verb."""
    function = _CHANGES.get(verb)
    if function is None:
        raise unknown(verb)
    names = list(inspect.signature(function).parameters)
    if len(arguments) > len(names):
        raise InvalidArgument(
            f"{verb} takes ({', '.join(names)}); got {len(arguments)} arguments",
            reason="TOO_MANY_ARGUMENTS",
            field="arguments",
            limit=f"{len(names)} arguments",
            asked=f"{len(arguments)} arguments",
        )
    return function(*arguments)


def edit(verb: str, image: imaging.Image, arguments: Sequence[object], read: Overlay) -> imaging.Image:
    """The picture that an editing verb makes of one that is decoded already. Raises as `change`."""
    asked = change(verb, arguments)
    return asked.operation.apply(image, lambda _: read(asked.overlay))


def unknown(verb: str) -> NotFound:
    return NotFound(
        f"a picture has no verb '{brief(verb, 40)}'; it has {', '.join(SCRIPTS)}",
        reason="UNKNOWN_VERB",
        field="verb",
        limit=", ".join(SCRIPTS),
        asked=brief(verb, 40),
    )


def _transform(rotation: object = 0, scale: object = 1) -> Change:
    angle, factor = _number("rotation", rotation), _number("scale", scale)
    if not 0 < factor < 1e6:
        raise InvalidArgument(
            f"'scale' must be above 0; got {brief(scale)}",
            reason="BAD_ARGUMENT",
            field="scale",
            limit="above 0",
            asked=brief(scale),
        )
    return Change(Transform(rotation=angle, scale=factor))


def _filter(kind: object = None) -> Change:
    if kind not in imaging.FILTERS:
        raise InvalidArgument(
            f"'kind' must be one of {', '.join(imaging.FILTERS)}; got {brief(kind, 40)}",
            reason="BAD_ARGUMENT",
            field="kind",
            limit=", ".join(imaging.FILTERS),
            asked=brief(kind, 40),
        )
    return Change(Filter.model_validate({"name": kind}))


def _composite(overlay: object = None, x: object = 0, y: object = 0) -> Change:
    if overlay is None:
        raise InvalidArgument(
            "'overlay' is required: a picture to lay on top", reason="MISSING_ARGUMENT", field="overlay"
        )
    place = {"x": round(_number("x", x)), "y": round(_number("y", y))}
    return Change(Composite(overlay=OVERLAY, **place), overlay)


_CHANGES: dict[str, Callable[..., Change]] = {
    "transform": _transform,
    "filter": _filter,
    "composite": _composite,
}


def _number(name: str, value: object) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not -1e9 <= value <= 1e9
        or math.isnan(value)
    ):
        raise InvalidArgument(
            f"'{name}' must be a number between -1e9 and 1e9; got {brief(value)}",
            reason="BAD_ARGUMENT",
            field=name,
            limit="a finite number",
            asked=brief(value),
        )
    return value

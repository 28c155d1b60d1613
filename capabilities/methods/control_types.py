"""`getAvailableTypes`: which control types there are, and what can be done with each here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capabilities.arguments import Arguments
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.models import Means


@dataclass(frozen=True)
class ControlType:
    """What a control picture shows; `preprocessor` is the model that makes one, empty where none is needed."""

    name: str
    description: str
    preprocessor: str = ""


CONTROL_TYPES: Mapping[str, ControlType] = {
    item.name: item
    for item in (
        ControlType("canny", "Hard edges, white on black."),
        ControlType("depth", "Distance: near is bright.", "midas-depth"),
        ControlType("hed", "Soft edges as a person would draw them.", "hed"),
        ControlType("openpose", "People as stick figures.", "openpose"),
        ControlType("scribble", "A rough sketch.", "hed"),
        ControlType("lineart", "Clean lines of a drawing.", "lineart"),
        ControlType("softedge", "Soft edges; the same as hed.", "hed"),
        ControlType("normal", "Which way surfaces face.", "normalbae"),
        ControlType("tile", "The picture without its fine detail."),
    )
}


def control_type_in(name: str) -> str:
    """Which control type a network is for, as far as its name tells; empty where it does not."""
    plain = name.lower()
    return next((known for known in CONTROL_TYPES if known in plain), "")


def control_type(name: str, field: str) -> ControlType:
    """The type of that name. Raises InvalidArgument with the known ones."""
    found = CONTROL_TYPES.get(name.lower().replace("soft_edge", "softedge"))
    if found is None:
        known = ", ".join(CONTROL_TYPES)
        raise InvalidArgument(
            f"no control type '{name[:40]}'; known are {known}",
            reason="UNKNOWN_CONTROL_TYPE",
            field=field,
            limit=known,
            asked=name[:40],
        )
    return found


def available_types(means: Means) -> dict[str, object]:
    """Every control type: whether its picture can be made here, and whether a ControlNet for it is here."""
    ready = {model.id for model in means.able("preprocess") if model.ready}
    there = {model.control for model in means.able("control")}
    return {
        "types": [
            {
                "name": kind.name,
                "description": kind.description,
                "preprocess": not kind.preprocessor or kind.preprocessor in ready,
                "apply": kind.name in there or (kind.name == "hed" and "softedge" in there),
            }
            for kind in CONTROL_TYPES.values()
        ]
    }


METHOD = Method(
    capability_type="controlnet.generate",
    name="getAvailableTypes",
    label="Control types",
    description="Tells which control types can be made and applied here.",
    rpc="ControlTypes",
    positional=(),
    arguments=Arguments,
    answer=available_types,
)

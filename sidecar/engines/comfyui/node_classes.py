"""What a ComfyUI's nodes take and give, as its `/object_info` says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LITERALS = ("STRING", "INT", "FLOAT", "BOOLEAN", "COMBO")
"""Types of what is written into a node; every other one comes along an edge."""


@dataclass(frozen=True)
class InputSpec:
    """One input of a class of nodes. `least` and `most` are its bounds, `choices` what a COMBO has."""

    type: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    is_required: bool = True

    @property
    def is_literal(self) -> bool:
        return self.type in LITERALS

    def fault(self, value: object) -> str:
        """What the input takes, where that is not the value; empty where it takes it."""
        match self.type:
            case "STRING":
                return "" if isinstance(value, str) else "a text"
            case "BOOLEAN":
                return "" if isinstance(value, bool) else "true or false"
            case "INT" | "FLOAT":
                kinds = int if self.type == "INT" else int | float
                if not isinstance(value, kinds) or isinstance(value, bool):
                    return "a whole number" if self.type == "INT" else "a number"
                if (self.least is not None and value < self.least) or (
                    self.most is not None and value > self.most
                ):
                    return _bounds(self.least, self.most)
                return ""
            case "COMBO":
                known = ", ".join(self.choices[:12]) + (", ..." if len(self.choices) > 12 else "")
                return "" if value in self.choices else f"one of {known or 'nothing'}"
            case _:
                return f"an edge of type {self.type}"


@dataclass(frozen=True)
class NodeClass:
    """A class of nodes: its inputs by name, the types of its outputs by slot, and whether a graph is run for its sake."""

    name: str
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    is_output: bool = False

    def choices(self, name: str) -> tuple[str, ...]:
        """What may be chosen for an input; nothing where there is no such choice."""
        spec = self.inputs.get(name)
        return spec.choices if spec is not None else ()


class NodeClasses(dict[str, NodeClass]):
    """A server's classes of nodes by their names."""

    @classmethod
    def of(cls, told: object) -> NodeClasses:
        """As `/object_info` tells them; a class that is told in no known way is left out."""
        found = cls()
        for name, each in told.items() if isinstance(told, Mapping) else ():
            if isinstance(name, str) and isinstance(each, Mapping):
                found[name] = _node_class(name, each)
        return found

    def has(self, *names: str) -> bool:
        return all(name in self for name in names)

    def takes(self, name: str, input_name: str) -> bool:
        """Whether a class is there and has an input of that name."""
        return name in self and input_name in self[name].inputs


def _node_class(name: str, told: Mapping[str, Any]) -> NodeClass:
    inputs: dict[str, InputSpec] = {}
    kinds = told.get("input")
    for kind, is_required in (("required", True), ("optional", False)):
        group = kinds.get(kind) if isinstance(kinds, Mapping) else None
        for each, spec in group.items() if isinstance(group, Mapping) else ():
            inputs[str(each)] = _input_spec(spec, is_required=is_required)
    outputs = told.get("output")
    return NodeClass(
        name,
        inputs,
        tuple(_output_type(each) for each in outputs) if isinstance(outputs, list) else (),
        told.get("output_node") is True,
    )


def _input_spec(told: object, *, is_required: bool) -> InputSpec:
    """`[type, options]`; a choice is `[[...], options]` of older nodes and `["COMBO", {"options": [...]}]` of newer ones."""
    parts = told if isinstance(told, list) and told else ["*"]
    options = parts[1] if len(parts) > 1 and isinstance(parts[1], Mapping) else {}
    if isinstance(parts[0], list):
        return InputSpec("COMBO", _texts(parts[0]), is_required=is_required)
    if parts[0] == "COMBO":
        return InputSpec("COMBO", _texts(options.get("options")), is_required=is_required)
    return InputSpec(
        str(parts[0]),
        least=_number(options.get("min")),
        most=_number(options.get("max")),
        is_required=is_required,
    )


def _output_type(told: object) -> str:
    # A node that gives one of several names lists these in place of a type.
    return "COMBO" if isinstance(told, list) else str(told)


def _texts(told: object) -> tuple[str, ...]:
    return tuple(each for each in told if isinstance(each, str)) if isinstance(told, list) else ()


def _number(told: object) -> float | None:
    return told if isinstance(told, int | float) and not isinstance(told, bool) else None


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return f"{most:g} at most"
    return f"{least:g} at least" if most is None else f"{least:g} to {most:g}"

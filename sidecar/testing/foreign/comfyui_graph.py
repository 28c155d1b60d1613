"""How the fake ComfyUI judges a graph, and runs it along its edges, with its cache of what came out before."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.testing.foreign import comfyui_pictures
from sidecar.testing.foreign.comfyui_values import NODES, Input, Node, Running

assert comfyui_pictures  # declares its nodes by being imported

Graph = Mapping[str, Mapping[str, Any]]
Errors = list[dict[str, object]]
_LONG_LIST = 20


@dataclass
class Verdict:
    """What was found of a graph. Without `error`, `outputs` are what is run; other outputs may have errors all the same."""

    error: dict[str, object] | None = None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)


class Judge:
    """Looks through one graph; `file_exists` tells of uploaded pictures."""

    def __init__(self, graph: Graph, file_exists: Callable[[str], bool]) -> None:
        self.graph = graph
        self.file_exists = file_exists
        self._errors: dict[str, Errors] = {}
        self._sound: dict[str, bool] = {}

    def verdict(self) -> Verdict:
        outputs = []
        for id, given in self.graph.items():
            kind = given.get("class_type") if isinstance(given, Mapping) else None
            if kind not in NODES:
                words = f"Cannot execute because node {kind} does not exist."
                return Verdict(_error("invalid_prompt", words, f"Node ID '#{id}'"))
            if NODES[kind].is_output:
                outputs.append(id)
        if not outputs:
            return Verdict(_error("prompt_no_outputs", "Prompt has no outputs", ""))
        made = Verdict(outputs=[id for id in outputs if self._is_sound_output(id)])
        for output in set(outputs) - set(made.outputs):
            for id in self._upstream(output):
                if self._errors.get(id):
                    told = made.node_errors.setdefault(
                        id,
                        {
                            "errors": self._errors[id], "dependent_outputs": [],
                            "class_type": self.graph[id]["class_type"],
                        },
                    )  # fmt: skip
                    told["dependent_outputs"].append(output)
        if not made.outputs:
            # What was wrong is told of the nodes alone.
            words = "Prompt outputs failed validation"
            made.error = _error("prompt_outputs_failed_validation", words, "")
        return made

    def _upstream(self, id: str, seen: set[str] | None = None) -> Iterator[str]:
        seen = set() if seen is None else seen
        if id in seen or id not in self.graph:
            return
        seen.add(id)
        yield id
        for value in self.graph[id].get("inputs", {}).values():
            if isinstance(value, list) and value:
                yield from self._upstream(str(value[0]), seen)

    def _is_sound_output(self, id: str) -> bool:
        try:
            return self._is_sound(id)
        except LookupError as broken:
            words = "Exception when validating node"
            extra = {"exception_type": type(broken).__name__, "traceback": []}
            error: dict[str, object] = {
                "type": "exception_during_validation",
                "message": words,
                "details": str(broken),
                "extra_info": extra,
            }
            self._errors[id] = [error]
            return False

    def _is_sound(self, id: str) -> bool:
        if id not in self._sound:
            self._sound[id] = False  # a circle is not sound
            kind = NODES[self.graph[id]["class_type"]]
            errors: Errors = []
            sound = True
            for name, expected in kind.inputs.items():
                sound &= self._input(id, kind, name, expected, errors)
            self._errors[id] = errors
            self._sound[id] = sound and not errors
        return self._sound[id]

    def _input(self, id: str, kind: Node, name: str, expected: Input, errors: Errors) -> bool:
        """Adds what is wrong with it. False where something above it is wrong."""
        inputs = self.graph[id].get("inputs", {})

        def wrong(type: str, message: str, details: str, **more: object) -> None:
            extra = {"input_name": name, **more}
            if more:
                is_long = expected.choices is not None and len(expected.choices) > _LONG_LIST
                extra["input_config"] = None if is_long else expected.told(kind.newer)
            errors.append({"type": type, "message": message, "details": details, "extra_info": extra})

        if name not in inputs:
            if not expected.optional:
                wrong("required_input_missing", "Required input is missing", name)
            return True
        value = inputs[name]
        if isinstance(value, list):
            return self._edge(name, value, expected, wrong)
        checked = _checked(value, expected)
        if checked is None:
            words = f"Failed to convert an input value to a {expected.type} value"
            wrong("invalid_input_type", words, f"{name}, {value}, cannot be converted", received_value=value)
            return True
        for bound, type, words in (
            ("min", "value_smaller_than_min", "Value {} smaller than min of {}"),
            ("max", "value_bigger_than_max", "Value {} bigger than max of {}"),
        ):
            limit: Any = expected.options.get(bound)
            if limit is not None and (checked < limit if bound == "min" else checked > limit):
                wrong(type, words.format(checked, limit), name, received_value=checked)
        if expected.choices is not None and value not in expected.choices:
            choices = list(expected.choices)
            among = f"(list of length {len(choices)})" if len(choices) > _LONG_LIST else str(choices)
            details = f"{name}: '{value}' not in {among}"
            wrong("value_not_in_list", "Value not in list", details, received_value=value)
        if kind.name.startswith("LoadImage") and name == "image" and not self.file_exists(str(value)):
            details = f"{name} - Invalid image file: {value}"
            wrong("custom_validation_failed", "Custom validation failed for node", details)
        return True

    def _edge(self, name: str, value: list[Any], expected: Input, wrong: Callable[..., None]) -> bool:
        if len(value) != 2:
            words = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            wrong("bad_linked_input", words, name, received_value=value)
            return True
        source, slot = str(value[0]), value[1]
        given = NODES[self.graph[source]["class_type"]].outputs
        if given[slot] != expected.type:
            words = "Return type mismatch between linked nodes"
            details = f"{name}, received_type({given[slot]}) mismatch input_type({expected.type})"
            wrong("return_type_mismatch", words, details, received_type=given[slot], linked_node=value)
            return True
        try:
            return self._is_sound(source)
        except LookupError as broken:
            # It is said of the node above, which looks at its own edges.
            extra = {
                "input_name": name, "exception_message": str(broken), "exception_type": type(broken).__name__,
                "traceback": [], "linked_node": value,
            }  # fmt: skip
            self._errors[source] = [
                {
                    "type": "exception_during_inner_validation", "message": "Exception when validating inner node",
                    "details": str(broken), "extra_info": extra,
                }
            ]  # fmt: skip
            return False


@dataclass
class Made:
    """What a node gave, and what of it is told."""

    values: tuple[object, ...]
    told: Mapping[str, object] | None = None


class Executor:
    """Runs graphs, one after the other. What came out of a node is kept for the next graph, and no longer."""

    def __init__(self) -> None:
        self._kept: dict[str, Made] = {}

    async def run(
        self, graph: Graph, outputs: list[str], running: Running, begun: Callable[[str, list[str]], None],
        told: Callable[[str, Mapping[str, object]], None],
    ) -> dict[str, Mapping[str, object]]:  # fmt: skip
        """What the outputs tell, by their ids.

        `begun` hears of each node before it runs, with those that did; `told` of what an output node tells.
        Raises NodeFailed.
        """
        order: list[str] = []
        for output in outputs:
            _in_order(graph, output, order)
        signatures = {id: _signature(graph, id) for id in order}
        made = {id: self._kept[signature] for id, signature in signatures.items() if signature in self._kept}
        executed: list[str] = []
        begun("", executed)
        for id in order:
            if id not in made:
                begun(id, executed)
                made[id] = await self._node(graph, id, made, running)
                self._kept[signatures[id]] = made[id]
                executed.append(id)
            if made[id].told is not None:
                told(id, made[id].told or {})
        self._kept = {signatures[id]: made[id] for id in order}
        return {id: made[id].told or {} for id in order if made[id].told is not None}

    def forget(self) -> None:
        """Empty the cache."""
        self._kept.clear()

    def cached(self, graph: Graph, outputs: list[str]) -> list[str]:
        """The nodes that will not run."""
        order: list[str] = []
        for output in outputs:
            _in_order(graph, output, order)
        return [id for id in order if _signature(graph, id) in self._kept]

    async def _node(self, graph: Graph, id: str, made: Mapping[str, Made], running: Running) -> Made:
        kind = NODES[graph[id]["class_type"]]
        inputs = {}
        for name, value in graph[id].get("inputs", {}).items():
            if name not in kind.inputs:
                continue
            if isinstance(value, list):
                inputs[name] = made[str(value[0])].values[value[1]]
            else:
                inputs[name] = _checked(value, kind.inputs[name])
        result = kind.run(running, **inputs)
        values: tuple[object, ...] = await result if inspect.isawaitable(result) else result
        if kind.is_output:
            (first,) = values
            assert isinstance(first, Mapping)
            return Made((), first)
        return Made(values)


def _in_order(graph: Graph, id: str, order: list[str]) -> None:
    if id in order:
        return
    for value in graph[id].get("inputs", {}).values():
        if isinstance(value, list):
            _in_order(graph, str(value[0]), order)
    order.append(id)


def _signature(graph: Graph, id: str) -> str:
    """Nodes with equal ones give the same, whatever their ids."""
    given = graph[id]
    inputs = {
        name: [_signature(graph, str(value[0])), value[1]] if isinstance(value, list) else value
        for name, value in given.get("inputs", {}).items()
    }
    return json.dumps([given["class_type"], inputs], sort_keys=True)


def _checked(value: object, expected: Input) -> Any:
    """A value of the type; None where it cannot be one."""
    try:
        match expected.type:
            case "INT":
                return int(value)  # type: ignore[call-overload]
            case "FLOAT":
                return float(value)  # type: ignore[arg-type]
            case "STRING":
                return str(value)
            case "BOOLEAN":
                return bool(value)
            case "COMBO":
                return value
    except (TypeError, ValueError):
        return None
    return None


def _error(type: str, message: str, details: str) -> dict[str, object]:
    return {"type": type, "message": message, "details": details, "extra_info": {}}

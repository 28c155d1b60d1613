"""How the fake InvokeAI judges a graph, runs it along its edges with its node cache, and describes its nodes."""

from __future__ import annotations

import inspect
import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sidecar.testing.foreign import invokeai_pictures
from sidecar.testing.foreign.drawing import Control
from sidecar.testing.foreign.invokeai_values import (
    CONNECTIONS,
    INVOCATIONS,
    OUTPUTS,
    REQUIRED,
    Field,
    Invocation,
    Latents,
    MissingInputException,
    Picture,
    RequiredConnectionException,
    Results,
    Running,
    Value,
)

assert invokeai_pictures  # declares its invocations by being imported

Graph = Mapping[str, Any]
_MODEL_KEYS = ("key", "hash", "name", "base", "type")
_PLAIN = frozenset({"collect", "integer", "string"})
"""What they give has no name of its own."""
_JSON_TYPES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
}


class Refused(Exception):
    """A graph that is not accepted; `detail` is that of the 422."""

    def __init__(self, kind: str, message: str, *where: str, given: object = None) -> None:
        super().__init__(message)
        location = ["body", "batch", "graph", *where]
        self.detail = [{"type": kind, "loc": location, "msg": message, "input": given}]


def judge(graph: Graph) -> None:
    """Whether every node is of a known type and every edge fits. Raises Refused."""
    nodes: Mapping[str, Any] = graph.get("nodes", {})
    for id, given in nodes.items():
        if given.get("type") not in INVOCATIONS:
            words = (
                f"Input tag '{given.get('type')}' found using 'type' does not match any of the expected tags"
            )
            raise Refused("union_tag_invalid", words, "nodes", id, given=given)
        if given.get("id") != id:
            raise Refused(
                "value_error", f"Value error, Node ids must match, got {given.get('id')} and {id}", "nodes"
            )
        kind = INVOCATIONS[given["type"]]
        for name, expected in kind.inputs.items():
            if given.get(name) is not None:
                _judge_value(given[name], expected, "nodes", id, given["type"], name)
    for edge in graph.get("edges", []):
        _judge_edge(edge, nodes)


def _judge_edge(edge: Mapping[str, Any], nodes: Mapping[str, Any]) -> None:
    ends = []
    for end, told in (("source", "outputs"), ("destination", "inputs")):
        id, name = edge[end]["node_id"], edge[end]["field"]
        if id not in nodes:
            raise Refused(
                "value_error", f"Value error, Edge {end} node {id} does not exist in the graph", "edges"
            )
        fields: Mapping[str, Any] = getattr(INVOCATIONS[nodes[id]["type"]], told)
        if name not in fields:
            words = f"Value error, Edge {end} field {name} does not exist in node {id} of type {nodes[id]['type']}"
            raise Refused("value_error", words, "edges")
        ends.append(fields[name] if end == "source" else fields[name].type)
    if "any" not in ends and ends[0] != ends[1] and ends != ["int", "float"]:
        words = f"Value error, Edge source and target types do not match ({ends[0]} to {ends[1]})"
        raise Refused("value_error", words, "edges")


def _judge_value(value: object, expected: Field, *where: str) -> None:
    if expected.type == "model":
        for key in _MODEL_KEYS:
            if not isinstance(value, Mapping) or key not in value:
                raise Refused("missing", "Field required", *where, key, given=value)
    elif expected.type == "image":
        if not isinstance(value, Mapping) or "image_name" not in value:
            raise Refused("missing", "Field required", *where, "image_name", given=value)
    elif expected.type in _PYTHON_TYPES:
        wrong_bool = isinstance(value, bool) and expected.type != "bool"
        if wrong_bool or not isinstance(value, _PYTHON_TYPES[expected.type]):
            name = _JSON_TYPES[expected.type]
            raise Refused(f"{name}_type", f"Input should be a valid {name}", *where, given=value)
        if expected.multiple_of > 1 and isinstance(value, int) and value % expected.multiple_of:
            words = f"Input should be a multiple of {expected.multiple_of}"
            raise Refused("multiple_of", words, *where, given=value)
        if expected.choices and value not in expected.choices:
            raise Refused("literal_error", f"Input should be {expected.choices}", *where, given=value)


def sessions(batch: Mapping[str, Any]) -> Iterator[tuple[Graph, list[dict[str, object]]]]:
    """The graphs of a batch, with the values that its data put into each."""
    groups = batch.get("data") or []
    columns = [list(zip(*(datum["items"] for datum in group), strict=True)) for group in groups]
    for _ in range(int(batch.get("runs", 1))):
        for chosen in itertools.product(*columns):
            graph = json.loads(json.dumps(batch["graph"]))
            put = []
            for group, values in zip(groups, chosen, strict=True):
                for datum, value in zip(group, values, strict=True):
                    graph["nodes"][datum["node_path"]][datum["field_name"]] = value
                    put.append({k: datum[k] for k in ("node_path", "field_name")} | {"value": value})
            yield graph, put


class Executor:
    """Runs graphs. What came out of a node is kept, for any graph that has the same one with the same inputs."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Value, ...]] = {}

    async def run(
        self, graph: Graph, running: Running, results: Results,
        begun: Callable[[str, str], None], done: Callable[[str, str, Mapping[str, object]], None],
    ) -> None:  # fmt: skip
        """Fills in the results. `begun` and `done` hear of each node, by its id and that of its result."""
        signatures: dict[str, str] = {}
        values: dict[str, tuple[Value, ...]] = {}
        for id in _in_order(graph):
            given = graph["nodes"][id]
            kind = INVOCATIONS[given["type"]]
            prepared = str(uuid.uuid4())
            results.prepared[prepared] = id
            begun(id, prepared)
            signatures[id] = _signature(graph, id, signatures)
            cached = kind.has_cache and given.get("use_cache", True)
            if not cached and given["type"] not in _PLAIN:
                # What it gives has a new name, so whatever comes after it is new as well.
                signatures[id] += prepared
            kept = self._kept.get(signatures[id])
            try:
                values[id] = kept or await self._made(graph, id, values, running)
            except Exception as wrong:
                results.errors[prepared] = f"{type(wrong).__name__}: {wrong}"
                raise
            if cached:
                self._kept[signatures[id]] = values[id]
            told = _told(kind, values[id])
            results.told[prepared] = told
            done(id, prepared, told)

    def forget(self) -> None:
        """Empty the cache."""
        self._kept.clear()

    async def _made(
        self, graph: Graph, id: str, values: Mapping[str, tuple[Value, ...]], running: Running
    ) -> tuple[Value, ...]:
        given = graph["nodes"][id]
        kind = INVOCATIONS[given["type"]]
        inputs: dict[str, Any] = {}
        for edge in graph.get("edges", []):
            if edge["destination"]["node_id"] != id:
                continue
            source, name = edge["source"]["node_id"], edge["destination"]["field"]
            outputs = list(INVOCATIONS[graph["nodes"][source]["type"]].outputs)
            value = values[source][outputs.index(edge["source"]["field"])]
            # Several edges into one input are a list, as `collect` takes them.
            inputs[name] = value if name not in inputs else [*_listed(inputs[name]), value]
        for name, expected in kind.inputs.items():
            if name in inputs:
                continue
            if given.get(name) is not None:
                is_image = expected.type == "image"
                inputs[name] = running.named(given[name]["image_name"]) if is_image else given[name]
            elif expected.default is REQUIRED and expected.type in CONNECTIONS:
                raise RequiredConnectionException(f"Node {kind.type} missing connections for field {name}")
            elif expected.default is REQUIRED:
                words = f"Node {kind.type} missing value or connection for field {name}"
                raise MissingInputException(words)
            else:
                inputs[name] = expected.default
        made = kind.run(running, **inputs)
        return await made if inspect.isawaitable(made) else made


def _in_order(graph: Graph) -> list[str]:
    sources: dict[str, set[str]] = {id: set() for id in graph.get("nodes", {})}
    for edge in graph.get("edges", []):
        sources[edge["destination"]["node_id"]].add(edge["source"]["node_id"])
    order: list[str] = []
    while len(order) < len(sources):
        ready = [id for id, above in sources.items() if id not in order and above <= set(order)]
        if not ready:
            raise ValueError("Graph must be acyclic")
        order += ready
    return order


def _signature(graph: Graph, id: str, above: Mapping[str, str]) -> str:
    own = {"id", "is_intermediate", "use_cache"}
    inputs = {name: value for name, value in graph["nodes"][id].items() if name not in own}
    edges = sorted(
        [edge["destination"]["field"], edge["source"]["field"], above[edge["source"]["node_id"]]]
        for edge in graph.get("edges", [])
        if edge["destination"]["node_id"] == id
    )
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([inputs, edges], sort_keys=True)))


def _told(kind: Invocation, values: tuple[Value, ...]) -> dict[str, object]:
    told: dict[str, object] = {"type": kind.output_type}
    for (name, type), value in zip(kind.outputs.items(), values, strict=False):
        if isinstance(value, Picture):
            told[name] = {"image_name": value.name}
        elif isinstance(value, Latents):
            told[name] = {"latents_name": str(uuid.uuid4())} | ({"seed": value.seed} if value.seed else {})
        elif isinstance(value, Control):
            told[name] = {"control_weight": value.weight}
        elif value is None or type in _JSON_TYPES:
            told[name] = value
        else:
            told[name] = {}
    return {name: value for name, value in told.items() if value is not None}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def openapi() -> dict[str, object]:
    """The schemas of all nodes and outputs."""
    schemas: dict[str, object] = {}
    for name, kind in INVOCATIONS.items():
        properties: dict[str, object] = {
            "id": {"type": "string", "title": "Id", "field_kind": "node_attribute"},
            "is_intermediate": {"type": "boolean", "default": False, "field_kind": "node_attribute"},
            "use_cache": {"type": "boolean", "default": kind.has_cache, "field_kind": "node_attribute"},
            "type": {"type": "string", "const": name, "default": name, "field_kind": "node_attribute"},
        }
        properties |= {field: _field_schema(expected) for field, expected in kind.inputs.items()}
        schemas[_title(name) + "Invocation"] = {
            "class": "invocation", "title": name, "type": "object", "properties": properties,
            "required": ["type", "id"], "version": "1.0.0", "category": "fake",
            "output": {"$ref": f"#/components/schemas/{_title(kind.output_type)}"},
        }  # fmt: skip
    for name, fields in OUTPUTS.items():
        properties = {
            field: {
                "field_kind": "output",
                "title": field,
                **({"type": _JSON_TYPES[type]} if type in _JSON_TYPES else {}),
            }
            for field, type in fields.items()
        }
        properties["type"] = {"type": "string", "const": name, "default": name}
        schemas[_title(name)] = {"class": "output", "title": name, "type": "object", "properties": properties}
    info = {"title": "Invoke - Community Edition", "version": "1.0.0"}
    return {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": schemas}}


def _field_schema(expected: Field) -> dict[str, object]:
    told: dict[str, object] = {
        "field_kind": "input", "input": "connection" if expected.type in CONNECTIONS else "any",
        "orig_required": expected.default is REQUIRED,
    }  # fmt: skip
    if expected.default is not REQUIRED:
        told["default"] = expected.default
    if expected.type in _JSON_TYPES:
        told["type"] = _JSON_TYPES[expected.type]
    elif expected.type in ("model", "image"):
        part = "ModelIdentifierField" if expected.type == "model" else "ImageField"
        told["anyOf"] = [{"$ref": f"#/components/schemas/{part}"}, {"type": "null"}]
    if expected.choices:
        told["enum"] = list(expected.choices)
    if expected.multiple_of > 1:
        told["multipleOf"] = expected.multiple_of
    return told


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))

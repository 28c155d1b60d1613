"""A graph in ComfyUI's API format: nodes by their ids, their inputs values or edges to outputs of other nodes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Edge = tuple[str, int]
"""A node's id, and the slot of its output."""

SAVE = "SaveImage"
LABEL = "viwo_imagegen_prompt"


@dataclass
class Graph:
    """Nodes as they are sent, and what is known of them besides."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    output: str = ""
    """The node whose pictures are the result."""
    sampler: str = ""
    """The node whose steps are the progress; empty: none is known to."""
    drawing: tuple[str, ...] = ()
    """Nodes that draw at random from a seed."""
    loaders: frozenset[str] = frozenset()
    """Nodes that bring models into memory."""
    fields: dict[Edge | tuple[str, str], str] = field(default_factory=dict)
    """The task's field that an input of a node comes from, by the node's id and the input's name."""

    def add(self, id: str, class_type: str, **inputs: Any) -> str:
        """A node, its edges given as Edge; its id."""
        assert id not in self.nodes, id
        self.nodes[id] = {
            "class_type": class_type,
            "inputs": {
                name: list(value) if isinstance(value, tuple) else value for name, value in inputs.items()
            },
        }
        return id

    def tell(self, id: str, **fields: str) -> None:
        """Remember which of the task's fields inputs come from."""
        self.fields |= {(id, name): told for name, told in fields.items()}

    def saved(self, image: Edge) -> None:
        """End in a picture that is kept by the server."""
        self.output = self.add("save", SAVE, images=image, filename_prefix="")

    def labeled(self, id: str) -> dict[str, dict[str, Any]]:
        """The nodes of one prompt: its file is named after it, and what draws is not answered from what was drawn before."""
        nodes = dict(self.nodes)
        for each in self.drawing:
            # An input that a node does not have changes nothing but its place in the server's cache.
            nodes[each] = nodes[each] | {"inputs": nodes[each]["inputs"] | {LABEL: id}}
        saving = nodes[self.output]
        if saving["class_type"] == SAVE:
            nodes[self.output] = saving | {"inputs": saving["inputs"] | {"filename_prefix": prefix(id)}}
        return nodes

    def digest(self) -> str:
        """The same for graphs that come to the same picture."""
        return hashlib.sha256(json.dumps(self.nodes, sort_keys=True).encode()).hexdigest()


def prefix(id: str) -> str:
    """The beginning of the name of a prompt's file. Folders keep few files, since the server reads through each."""
    return f"viwo-imagegen/{id[:2]}/{id}"


def edges(node: Mapping[str, Any]) -> Iterator[tuple[str, Edge]]:
    """The inputs of a node that come along edges, each with where it comes from."""
    inputs = node.get("inputs")
    for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
            yield name, (str(value[0]), value[1])


def ancestors(nodes: Mapping[str, Mapping[str, Any]], id: str) -> set[str]:
    """A node and everything that it is made from."""
    found: set[str] = set()
    waiting = [id]
    while waiting:
        each = waiting.pop()
        if each not in found and each in nodes:
            found.add(each)
            waiting += [source for _, (source, _) in edges(nodes[each])]
    return found

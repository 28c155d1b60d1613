"""A graph of InvokeAI's nodes while it is put together."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Port:
    """An output of a node, by the node's id and the field's name."""

    node: str
    field: str


class Graph:
    """Nodes by ids of ours, and the edges between them. `output`: the node that makes the picture."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: list[dict[str, dict[str, str]]] = []
        self.output = ""
        self.measured = ""
        """The node whose progress is that of the whole."""

    def add(self, id: str, type: str, *, use_cache: bool = False, **inputs: object) -> str:
        """A node; an input that is a port is joined to it, one that is None is left out. Answers the id.

        `use_cache`: the server may answer it from an earlier graph. What is drawn must not be: it would be the same file.
        """
        fields: dict[str, Any] = {}
        for name, value in inputs.items():
            if isinstance(value, Port):
                self.join(value, id, name)
            elif value is not None:
                fields[name] = value
        self.nodes[id] = {"id": id, "type": type, "is_intermediate": True, "use_cache": use_cache, **fields}
        return id

    def join(self, source: Port, id: str, name: str) -> None:
        """An edge; several may end in one input of a node that collects."""
        self.edges.append(
            {
                "source": {"node_id": source.node, "field": source.field},
                "destination": {"node_id": id, "field": name},
            }
        )

    def told(self) -> dict[str, Any]:
        """As a batch holds it."""
        return {"id": str(uuid.uuid4()), "nodes": self.nodes, "edges": self.edges}

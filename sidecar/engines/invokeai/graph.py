"""A graph of InvokeAI's nodes while it is put together."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
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

    def add(self, id: str, type: str, **inputs: object) -> str:
        """A node that the server runs anew; answers its id.

        An input that is a port is joined to it, one that is None is left out.
        """
        return self._add(id, type, inputs, use_cache=False)

    def add_kept(self, id: str, type: str, **inputs: object) -> str:
        """A node that the server may answer from an earlier graph: nothing that is drawn, which would be the same file."""
        return self._add(id, type, inputs, use_cache=True)

    def _add(self, id: str, type: str, inputs: Mapping[str, object], *, use_cache: bool) -> str:
        node: dict[str, Any] = {"id": id, "type": type, "is_intermediate": True, "use_cache": use_cache}
        for name, value in inputs.items():
            if isinstance(value, Port):
                self.join(value, id, name)
            elif value is not None:
                node[name] = value
        self.nodes[id] = node
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

"""The nodes that an InvokeAI has, as its own /openapi.json tells: which there are, and what their fields may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.engines.remote.failures import FailureKind, RemoteFailure


@dataclass(frozen=True)
class NodeTypes:
    """The schemas of fields, by the type of the node and the name of the field."""

    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: object) -> NodeTypes:
        """From the server's description of itself. Raises RemoteFailure where that describes no node."""
        found: dict[str, Mapping[str, Any]] = {}
        components = told.get("components") if isinstance(told, Mapping) else None
        schemas = components.get("schemas") if isinstance(components, Mapping) else None
        for schema in schemas.values() if isinstance(schemas, Mapping) else ():
            if isinstance(schema, Mapping) and schema.get("class") == "invocation":
                fields = schema.get("properties")
                type = fields.get("type") if isinstance(fields, Mapping) else None
                name = type.get("const") if isinstance(type, Mapping) else None
                if isinstance(fields, Mapping) and isinstance(name, str):
                    found[name] = fields
        if not found:
            raise RemoteFailure(
                FailureKind.BAD_ANSWER, "its /openapi.json describes no node: it is no InvokeAI", field="urls"
            )
        return cls(found)

    def has(self, *types: str) -> bool:
        """Whether all of these are there; an empty name counts as there."""
        return all(not type or type in self.fields for type in types)

    def choices(self, type: str, name: str) -> tuple[str, ...]:
        """What a field may be; nothing where it is not there, or may be anything."""
        schema = self.fields.get(type, {}).get(name)
        listed = schema.get("enum") if isinstance(schema, Mapping) else None
        return tuple(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()

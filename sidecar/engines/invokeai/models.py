"""Models as InvokeAI keeps records of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IDENTIFIER = ("key", "hash", "name", "base", "type")
"""What a node must be told of a model, all of it."""


@dataclass(frozen=True)
class Model:
    """A record. `defaults` are what the operator chose for it on the server's own page."""

    key: str
    hash: str
    name: str
    base: str
    type: str
    variant: str = ""
    format: str = ""
    description: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identifier(self) -> dict[str, str]:
        """What nodes take for a model."""
        return {name: getattr(self, name) for name in IDENTIFIER}


def models(told: object) -> list[Model]:
    """The records of an answer, without those that lack what nodes need."""
    listed = told.get("models") if isinstance(told, Mapping) else None
    return [
        Model(
            **{name: record[name] for name in IDENTIFIER},
            variant=_text(record, "variant"),
            format=_text(record, "format"),
            description=_text(record, "description"),
            defaults=defaults if isinstance(defaults := record.get("default_settings"), Mapping) else {},
        )
        for record in (listed if isinstance(listed, list) else ())
        if isinstance(record, Mapping)
        and all(isinstance(record.get(name), str) and record[name] for name in IDENTIFIER)
    ]


def _text(record: Mapping[str, Any], name: str) -> str:
    found = record.get(name)
    return found if isinstance(found, str) else ""

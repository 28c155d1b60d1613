"""A model of what viwo's own kernel lets the holder of a capability do to its row, by its rules as of 2026.

Its `delegate` merges what is asked into a copy of the row: a value that is there may become a part of a list, a flag that is
false may become true, numbers and texts stay as they are; a flag that is true may be added always, and any key where the row
has the wildcard.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping


class NotNarrower(Exception):
    """viwo refuses the delegation."""


def delegated(parent: Mapping[str, object], asked: Mapping[str, object]) -> dict[str, object]:
    """The parameters of the child. Raises NotNarrower."""
    for name, value in asked.items():
        if name not in parent:
            if name == "*" or not (parent.get("*") is True or value is True):
                raise NotNarrower(name)
        elif not _is_narrower(name, parent[name], value):
            raise NotNarrower(name)
    return {**parent, **asked}


def _is_narrower(name: str, parent: object, child: object) -> bool:
    if json.dumps(parent) == json.dumps(child):
        return True
    if name == "*":
        return parent is True and isinstance(child, bool)
    if isinstance(parent, list) and isinstance(child, list):
        return all(item in parent for item in child)
    if isinstance(parent, bool) and isinstance(child, bool):
        return child
    return False


def delegate(connection: sqlite3.Connection, capability_id: str, asked: Mapping[str, object]) -> str:
    """Do it in a world's file; the id of the child. Raises NotNarrower."""
    owner, kind, text = connection.execute(
        "SELECT owner_id, type, params FROM capabilities WHERE id = ?", (capability_id,)
    ).fetchone()
    child = delegated(json.loads(text), asked)
    made = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, ?, ?)",
        (made, owner, kind, json.dumps(child)),
    )
    return made

"""The prototype of every image entity, and the verbs that it and rooms have."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from entity_store import verbs
from entity_store.world import create_entity, json_property

PROTOTYPE_TYPE = "prototype"
"""The `image_type` of the prototype itself; every picture has another of its own, so none inherits it."""


def prototype(connection: sqlite3.Connection) -> int:
    """Its id; it and its verbs are made, or brought up to date, where needed."""
    row = connection.execute(
        f"SELECT id FROM entities WHERE {json_property('$.image_type')} = ? ORDER BY id LIMIT 1",
        (PROTOTYPE_TYPE,),
    ).fetchone()
    base = connection.execute(
        f"SELECT id FROM entities WHERE {json_property('$.name')} = 'Entity Base' ORDER BY id LIMIT 1"
    ).fetchone()
    if row is None:
        props = {"name": "Image", "description": "A picture.", "image_type": PROTOTYPE_TYPE}
        prototype_id = create_entity(connection, props, base[0] if base else None)
    else:
        prototype_id = int(row[0])
    _put_verbs(connection, prototype_id, verbs.SCRIPTS)
    if base:
        _put_verbs(connection, base[0], verbs.ROOM_SCRIPTS)
    return prototype_id


def is_prototype(connection: sqlite3.Connection, entity_id: int) -> bool:
    """Whether an entity that was the prototype still is."""
    row = connection.execute(
        f"SELECT {json_property('$.image_type')} FROM entities WHERE id = ?", (entity_id,)
    ).fetchone()
    return row is not None and row[0] == PROTOTYPE_TYPE


def _put_verbs(connection: sqlite3.Connection, entity_id: int, scripts: Mapping[str, verbs.Script]) -> None:
    for name, code in scripts.items():
        connection.execute(
            "INSERT INTO verbs (entity_id, name, code) VALUES (?, ?, ?) "
            "ON CONFLICT(entity_id, name) DO UPDATE SET code = excluded.code WHERE code <> excluded.code",
            (entity_id, name, json.dumps(code)),
        )

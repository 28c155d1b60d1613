"""Which entities show a picture, and who sees one that does."""

from __future__ import annotations

from collections.abc import Collection

from capabilities.errors import NotFound
from entity_store.rooms import seen_condition, sees
from entity_store.world import Rows, json_property


def is_shown(rows: Rows, owner_ids: Collection[int], ref: str) -> bool:
    """Whether one of these entities sees one that shows, or showed, a picture."""
    for (entity_id,) in rows("SELECT DISTINCT entity_id FROM imagegen_versions WHERE ref = ?", ref):
        try:
            if sees(rows, owner_ids, entity_id):
                return True
        except NotFound:
            # Destroyed since.
            continue
    return False


def showing(rows: Rows, ref: str, *, limit: int, seen_by: Collection[int] | None = None) -> list[int]:
    """Entities that show a picture now, the oldest first. `seen_by`: only what these entities see."""
    sql = (
        "SELECT id FROM entities WHERE id IN (SELECT entity_id FROM imagegen_versions WHERE ref = ?) "
        f"AND {json_property('$.image_ref')} = ?"
    )
    values: list[object] = [ref, ref]
    if seen_by is not None:
        condition, more = seen_condition(seen_by)
        sql += f" AND {condition}"
        values += more
    return [row[0] for row in rows(f"{sql} ORDER BY id LIMIT ?", *values, limit)]

"""Pictures that entities keep of themselves, given by a run over the world: found, hung, and taken away again.

They are in the property `picture_of`, as those that viwo's plugin keeps for `pictureOf`; what a run gave says so in it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capabilities.errors import NotFound, Refusal
from entity_store.world import SYSTEM_ID, World, json_object, update_props

PROPERTY = "picture_of"
GIVEN_BY = "illustrate"
"""In the place of what a call asked for: given by a run."""
MOST_DEPTH = 64
"""Most prototypes above each other."""


@dataclass(frozen=True)
class Selection:
    """Which entities are meant; 0 and "" leave none out."""

    room_id: int = 0
    prototype_id: int = 0
    name: str = ""


@dataclass(frozen=True)
class Candidate:
    """An entity that can get a picture."""

    id: int
    name: str
    description: str
    prototype: str


@dataclass(frozen=True)
class Found:
    """The entities of a selection: those without a picture, and how many have one or can have none."""

    candidates: Sequence[Candidate]
    illustrated: int
    left_out: int


class Illustrations:
    """Methods are synchronous and safe to call from any thread."""

    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, selection: Selection) -> Found:
        """Raises NotFound for a room or prototype that is not there."""
        rows = self._rows(selection)
        prototypes = {prototype for prototype, _ in rows.values() if prototype is not None}
        candidates, illustrated, left_out = [], 0, 0
        for entity_id, props in self._selected(rows, selection):
            own = rows[entity_id][1]
            if _has_picture(entity_id, own):
                illustrated += 1
            elif (
                not _text(props, "name")
                or "image_ref" in props
                or entity_id in prototypes
                or entity_id <= SYSTEM_ID
            ):
                left_out += 1
            else:
                prototype_id = rows[entity_id][0]
                above = _resolved(rows, prototype_id) if prototype_id in rows else {}
                candidates.append(
                    Candidate(
                        entity_id, _text(props, "name"), _text(props, "description"), _text(above, "name")
                    )
                )
        return Found(candidates, illustrated, left_out)

    def hang(self, entity_ids: Sequence[int], picture: Mapping[str, object]) -> dict[int, Refusal | None]:
        """Give a picture to entities, all at once; for each why it could not have it, or None. One that has got another
        meanwhile keeps that.
        """
        outcome: dict[int, Refusal | None] = {}
        with self._world.transaction() as connection:
            for entity_id in entity_ids:
                row = connection.execute("SELECT props FROM entities WHERE id = ?", (entity_id,)).fetchone()
                try:
                    if row is None:
                        raise NotFound(
                            f"entity {entity_id} is not there any more",
                            reason="UNKNOWN_ENTITY",
                            field="entity_id",
                            asked=str(entity_id),
                        )
                    if not _has_picture(entity_id, json_object(row[0])):
                        kept = {"entity": entity_id, "wanted": GIVEN_BY, **picture}
                        update_props(connection, entity_id, {PROPERTY: kept})
                    outcome[entity_id] = None
                except Refusal as refusal:
                    outcome[entity_id] = refusal
        return outcome

    def take_down(self, selection: Selection) -> int:
        """Take away what runs gave; how many lost one. Raises NotFound for a room or prototype that is not there."""
        rows = self._rows(selection)
        given = [
            entity_id
            for entity_id, _ in self._selected(rows, selection)
            if _picture(entity_id, rows[entity_id][1]).get("wanted") == GIVEN_BY
        ]
        with self._world.transaction() as connection:
            for entity_id in given:
                update_props(connection, entity_id, {PROPERTY: None})
        return len(given)

    def _rows(self, selection: Selection) -> dict[int, tuple[int | None, dict[str, Any]]]:
        rows = {
            int(entity_id): (prototype_id, json_object(raw))
            for entity_id, prototype_id, raw in self._world.rows(
                "SELECT id, prototype_id, props FROM entities ORDER BY id"
            )
        }
        for field, asked in (("room_id", selection.room_id), ("prototype_id", selection.prototype_id)):
            if asked and asked not in rows:
                raise NotFound(
                    f"there is no entity {asked} in this world",
                    reason="UNKNOWN_ENTITY",
                    field=f"selection.{field}",
                    asked=str(asked),
                )
        return rows

    @staticmethod
    def _selected(
        rows: Mapping[int, tuple[int | None, dict[str, Any]]], selection: Selection
    ) -> list[tuple[int, dict[str, Any]]]:
        """Ids and properties, those of the prototypes among them."""
        found = []
        for entity_id in rows:
            lineage = _lineage(rows, entity_id)
            if selection.prototype_id and selection.prototype_id not in lineage[1:]:
                continue
            props = _resolved(rows, entity_id)
            if selection.room_id not in (0, entity_id) and props.get("location") != selection.room_id:
                continue
            if selection.name and not fnmatch.fnmatchcase(
                _text(props, "name").lower(), selection.name.lower()
            ):
                continue
            found.append((entity_id, props))
        return found


def _lineage(rows: Mapping[int, tuple[int | None, dict[str, Any]]], entity_id: int | None) -> list[int]:
    """An entity and its prototypes, the nearest first."""
    found: list[int] = []
    while entity_id is not None and entity_id in rows and entity_id not in found and len(found) < MOST_DEPTH:
        found.append(entity_id)
        entity_id = rows[entity_id][0]
    return found


def _resolved(rows: Mapping[int, tuple[int | None, dict[str, Any]]], entity_id: int | None) -> dict[str, Any]:
    """The properties of an entity and of its prototypes, without those that everything has: a nameless thing is no Entity Base."""
    props: dict[str, Any] = {}
    for each in reversed(_lineage(rows, entity_id)):
        props |= rows[each][1] if each > SYSTEM_ID else {}
    return props


def _picture(entity_id: int, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an entity keeps of itself, and not what its prototype does."""
    kept = own.get(PROPERTY)
    return kept if isinstance(kept, dict) and kept.get("entity") == entity_id else {}


def _has_picture(entity_id: int, own: Mapping[str, Any]) -> bool:
    return bool(_picture(entity_id, own).get("ref"))


def _text(props: Mapping[str, Any], name: str) -> str:
    value = props.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""

"""Who may put a picture where, and both ends of being in a room."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from capabilities.errors import FailedPrecondition, PermissionDenied
from capabilities.policy import Caller
from entity_store.world import Rows, json_object, json_property, resolve, rows_of, update_props

CANVAS_TYPE = "canvas"
"""The `image_type` of an entity that waits for its picture."""


def require_canvas(rows: Rows, caller: Caller, canvas_id: int) -> None:
    """Raises unless the entity waits for a picture and the caller controls it."""
    canvas = resolve(rows, canvas_id, field="canvas_id")
    if canvas.props.get("image_type") != CANVAS_TYPE:
        raise FailedPrecondition(
            f"entity {canvas_id} is no blank canvas",
            reason="NO_CANVAS",
            field="canvas_id",
            asked=str(canvas_id),
        )
    if not controls(rows, caller, canvas_id):
        raise PermissionDenied(
            f"{caller} does not control the canvas {canvas_id}",
            reason="NO_CONTROL",
            field="canvas_id",
            limit="the holder of entity.control",
            asked=str(caller),
        )


def require_may_place(rows: Rows, caller: Caller, room_id: int) -> None:
    """Who is in a room, is the room, or controls it may put a picture there."""
    resolve(rows, room_id, field="room_id")
    if room_id in (caller.caller_id, caller.this_id):
        return
    for entity_id in (caller.caller_id, caller.this_id):
        if entity_id and resolve(rows, entity_id, field="caller_id").props.get("location") == room_id:
            return
    if not controls(rows, caller, room_id):
        raise PermissionDenied(
            f"{caller} is not in room {room_id} and does not control it; go there, or save without a room",
            reason="ROOM_NOT_ALLOWED",
            field="room_id",
            limit="a room you are in or control",
            asked=str(room_id),
        )


def sees(rows: Rows, owner_ids: Collection[int], entity_id: int) -> bool:
    """Whether one of these entities sees another: holds it, is in a room with it, is it, or is told by viwo to control it.

    Control of everything, which viwo gives to every player, tells nothing.
    """
    if entity_id in owner_ids:
        return True
    resolve(rows, entity_id, field="entity_id")
    # Where they are themselves: what has no place of its own takes over its prototype's, and is not there.
    location = own_location(rows, entity_id)
    for owner_id in owner_ids:
        place = own_location(rows, owner_id)
        if place == entity_id or (location and location in (owner_id, place)):
            return True
    for owner_id in owner_ids:
        held = rows(
            "SELECT params FROM capabilities WHERE type = 'entity.control' AND owner_id = ?", owner_id
        )
        if any(json_object(raw).get("target_id") == entity_id for (raw,) in held):
            return True
    return False


def seen_condition(owner_ids: Collection[int]) -> tuple[str, list[object]]:
    """The same as a condition on a row of `entities`, and its values."""
    marks = ", ".join("?" * len(owner_ids))
    location = json_property("$.location")
    control = (
        "SELECT json_extract(params, '$.target_id') FROM capabilities WHERE type = 'entity.control' "
        f"AND json_valid(params) AND owner_id IN ({marks})"
    )
    places = f"SELECT {location} FROM entities WHERE id IN ({marks})"
    condition = (
        f"(id IN ({marks}) OR {location} IN ({marks}) OR {location} IN ({places}) OR id IN ({control}))"
    )
    return condition, [*owner_ids] * 4


def controls(rows: Rows, caller: Caller, entity_id: int) -> bool:
    """Whether caller or `this` holds viwo's `entity.control` over an entity."""
    held = rows(
        "SELECT params FROM capabilities WHERE type = 'entity.control' AND owner_id IN (?, ?)",
        caller.caller_id,
        caller.this_id,
    )
    for (raw,) in held:
        params = json_object(raw)
        if params.get("*") is True or params.get("target_id") == entity_id:
            return True
    return False


def take_out(connection: sqlite3.Connection, entity_ids: Sequence[int], room_id: int) -> None:
    """Out of the `contents` of a room; where none of them is there, nothing happens."""
    contents = _own_property(rows_of(connection), room_id, "contents")
    if isinstance(contents, list):
        kept = [item for item in contents if item not in entity_ids]
        if kept != contents:
            update_props(connection, room_id, {"contents": kept})


def own_location(rows: Rows, entity_id: int) -> int:
    """The room that an entity itself is in, whatever its prototypes say; 0 for none."""
    location = _own_property(rows, entity_id, "location")
    return location if isinstance(location, int) else 0


def _own_property(rows: Rows, entity_id: int, name: str) -> object:
    """A property that an entity has itself; None where it has it from a prototype, or is not there."""
    found = rows("SELECT props FROM entities WHERE id = ?", entity_id)
    return json_object(found[0][0]).get(name) if found else None


def repair_contents(connection: sqlite3.Connection) -> dict[int, list[int]]:
    """Take out of rooms what is not there any more: such an id silences all that is done in the room, in viwo.

    Answers what was taken out, by the rooms.
    """
    found = dangling(rows_of(connection))
    for room_id, ids in found.items():
        take_out(connection, ids, room_id)
    return found


def dangling(rows: Rows) -> dict[int, list[int]]:
    """Ids in the `contents` of rooms that are no entity, by the rooms."""
    found: dict[int, list[int]] = {}
    there = {entity_id for (entity_id,) in rows("SELECT id FROM entities")}
    for room_id, raw in rows(
        "SELECT id, props FROM entities WHERE json_valid(props) AND json_type(props, '$.contents') = 'array'"
    ):
        gone = [item for item in json_object(raw)["contents"] if isinstance(item, int) and item not in there]
        if gone:
            found[room_id] = gone
    return found


def move(connection: sqlite3.Connection, entity_id: int, room_id: int) -> None:
    """Out of the room that an entity is in, and into another, both ends at once; 0 is nowhere."""
    before = own_location(rows_of(connection), entity_id)
    if before:
        take_out(connection, [entity_id], before)
    if room_id:
        put_into(connection, entity_id, room_id)
    else:
        update_props(connection, entity_id, {"location": None})


def put_into(connection: sqlite3.Connection, entity_id: int, room_id: int) -> None:
    """Both ends of being somewhere: the room's `contents` and the picture's `location`."""
    contents = resolve(rows_of(connection), room_id, field="room_id").props.get("contents")
    kept = contents if isinstance(contents, list) else []
    update_props(connection, room_id, {"contents": [*kept, entity_id]})
    update_props(connection, entity_id, {"location": room_id})

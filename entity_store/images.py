"""Image entities: a prototype "Image", one entity a picture, its place in a room, and every version it ever had."""

from __future__ import annotations

import base64
import datetime as dt
import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from capabilities import imaging
from capabilities.call_options import Placement
from capabilities.errors import FailedPrecondition, NotFound, PermissionDenied
from capabilities.plain_text import MAX_DESCRIPTION, MAX_NAME, cleaned, cleaned_metadata, require_plain
from capabilities.policy import Caller
from entity_store.blobs import Blobs, reference
from entity_store.capability_rows import insert
from entity_store.prototype import is_prototype, prototype
from entity_store.rooms import (
    controls,
    move,
    own_location,
    put_into,
    require_canvas,
    require_may_place,
    seen_condition,
    sees,
)
from entity_store.world import Entity, World, create_entity, json_property, resolve, rows_of, update_props

THUMBNAIL_SIDE = 64
"""Longest side of the property `thumbnail`, in pixels: `look` sends it with every picture in a room."""

THUMBNAIL_SIDES = (THUMBNAIL_SIDE, 256)
"""Those that are kept of a picture: the property's, and a gallery's."""

REMEMBERED = 4096
"""Files whose kind and size are kept in memory, so that none is decoded twice."""


@dataclass(frozen=True)
class Picture:
    """An encoded file that is in the store, and what the world keeps of it."""

    ref: str
    data: bytes
    info: imaging.ImageInfo
    thumbnail: bytes = b""
    """A small WebP of it, where whoever made it made one too."""


@dataclass(frozen=True)
class Version:
    """One picture in the life of an entity; `derived_from` is the reference it was made from, empty at first."""

    version: int
    ref: str
    verb: str
    arguments: str
    derived_from: str
    created: dt.datetime


def data_url(data: bytes, image_format: str) -> str:
    return f"data:image/{image_format};base64,{base64.b64encode(data).decode('ascii')}"


class Images:
    """The image entities of a world."""

    def __init__(self, world: World, blobs: Blobs, inspector: imaging.Inspector = imaging) -> None:
        """`inspector` decodes strangers' files: a server's does so in another process."""
        self._world = world
        self._blobs = blobs
        self._inspector = inspector
        # What is known of files that were decoded; requests come in several threads.
        self._inspected: OrderedDict[str, imaging.ImageInfo] = OrderedDict()
        self._lock = threading.Lock()
        # Looking for it takes a look at every entity, and writing its verbs a dozen statements: once is enough.
        self._prototype_id: int | None = None

    def inspect(self, data: bytes, *, field: str = "image") -> tuple[str, imaging.ImageInfo]:
        """The reference of a stranger's file, and what it is; decoded to its last pixel when it is first seen.

        Raises InvalidArgument for a file that cannot be read.
        """
        ref = reference(data)
        with self._lock:
            info = self._inspected.get(ref)
        if info is None:
            # What is stored was decoded before it was, or made here.
            info = (
                imaging.probe(data, field=field)
                if self._blobs.has(ref)
                else self._inspector.inspect(data, field=field)
            )
        self._remember(ref, info)
        return ref, info

    def _remember(self, ref: str, info: imaging.ImageInfo) -> None:
        with self._lock:
            self._inspected[ref] = info
            self._inspected.move_to_end(ref)
            if len(self._inspected) > REMEMBERED:
                self._inspected.popitem(last=False)

    def info(self, ref: str, *, field: str = "image") -> imaging.ImageInfo:
        """What a stored picture is; its file is read where that is not known any more. Raises as `Blobs.get`."""
        with self._lock:
            known = self._inspected.get(ref)
        if known is None:
            known = imaging.probe(self._blobs.get(ref, field=field), field=field)
            self._remember(ref, known)
        return known

    def store(self, data: bytes, *, field: str = "image") -> Picture:
        """Keep a stranger's file that can be read to its last pixel. Raises InvalidArgument for any other."""
        _, info = self.inspect(data, field=field)
        return Picture(self._blobs.put(data), data, info)

    def find_file(self, source: bytes | str | int, *, field: str = "image") -> bytes:
        """The file that a caller means: its bytes, base64 or a data URL, 'sha256:...', or an image entity's id.

        Raises InvalidArgument for anything else, NotFound where there is none.
        """
        if isinstance(source, bytes):
            return source
        if isinstance(source, int):
            return self.data(self.get(source))
        if source.startswith("sha256:"):
            return self._blobs.get(source, field=field)
        return imaging.decode_base64(source, field=field)

    def thumbnail(self, ref: str, side: int = THUMBNAIL_SIDE) -> bytes:
        """A small WebP of a stored picture; `side` is one of `THUMBNAIL_SIDES`. Raises as `Blobs.get`."""
        name = "" if side == THUMBNAIL_SIDE else f".{side}"
        return self._blobs.thumbnail(ref, lambda data: self._inspector.thumbnail(data, side), name)

    def thumbnail_url(self, ref: str) -> str:
        """The smallest as a data URL. Raises as `Blobs.get`."""
        return data_url(self.thumbnail(ref), "webp")

    def _props(self, picture: Picture) -> dict[str, object]:
        """The properties that change with the picture: small ones only, since `look` sends them all."""
        return {
            "image_ref": picture.ref,
            "thumbnail": data_url(
                picture.thumbnail or self._inspector.thumbnail(picture.data, THUMBNAIL_SIDE), "webp"
            ),
            "width": picture.info.width,
            "height": picture.info.height,
            "format": picture.info.format,
        }

    def keep_file(self, data: bytes) -> str:
        """Keep a file that was decoded before, as it is; its reference."""
        return self._blobs.put(data)

    def keep(self, data: bytes, info: imaging.ImageInfo | None = None, thumbnail: bytes = b"") -> Picture:
        """Keep a file that was encoded here; `info` and `thumbnail` as whoever made it tells them."""
        ref = self._blobs.put(data)
        info = info or imaging.probe(data)
        self._remember(ref, info)
        return Picture(ref, data, info, thumbnail)

    def save(
        self,
        picture: Picture,
        caller: Caller,
        placement: Placement,
        metadata: Mapping[str, object],
        *,
        image_type: str = "generated",
        job: tuple[str, int] | None = None,
    ) -> Entity:
        """Make an entity of a picture, with the right to control it for whoever called.

        `job` is the job and the index of the picture in it: saved twice, the first entity is answered. Raises NotFound
        for an unknown room, PermissionDenied where the caller may not put things there.
        """
        self._require_seeded()
        # Before the transaction, which must be short.
        pixels = self._props(picture)
        with self._world.transaction() as connection:
            if job is not None:
                found = connection.execute(
                    "SELECT entity_id FROM imagegen_saved WHERE job_id = ? AND image_index = ?", job
                ).fetchone()
                if found is not None:
                    return resolve(rows_of(connection), found[0], field="entity_id")
            if placement.room_id:
                require_may_place(rows_of(connection), caller, placement.room_id)
            props = {
                # Once more, whatever the way here: what stands in a row of an earlier version was never looked at.
                "name": cleaned(placement.name, MAX_NAME),
                "description": cleaned(placement.description, MAX_DESCRIPTION),
                "image_type": image_type,
                **pixels,
                "version": 1,
                "metadata": json.dumps(cleaned_metadata(metadata)),
            }
            if placement.canvas_id and (job is None or job[1] == 0):
                entity_id = placement.canvas_id
                require_canvas(rows_of(connection), caller, entity_id)
                update_props(connection, entity_id, props)
            else:
                entity_id = create_entity(connection, props, self._prototype(connection))
                owner = caller.this_id or caller.caller_id
                insert(connection, owner, "entity.control", {"target_id": entity_id})
                # The other pictures of a canvas's job hang beside it.
                room_id = placement.room_id or own_location(rows_of(connection), placement.canvas_id)
                if room_id:
                    put_into(connection, entity_id, room_id)
            insert(connection, entity_id, "image.edit", {"target_id": entity_id})
            _add_version(connection, entity_id, 1, picture.ref, "save", "[]", "")
            if job is not None:
                connection.execute("INSERT INTO imagegen_saved VALUES (?, ?, ?)", (*job, entity_id))
            return resolve(rows_of(connection), entity_id, field="entity_id")

    def get(self, entity_id: int) -> Entity:
        """An image entity. Raises NotFound, FailedPrecondition for an entity that holds no picture."""
        entity = self._world.entity(entity_id)
        if not isinstance(entity.props.get("image_ref"), str):
            raise _no_picture(entity_id)
        return entity

    def require_seen(self, owner_ids: Collection[int], entity_id: int, *, field: str = "entity_id") -> None:
        """Raises NotFound, as for an entity that is not there, where none of these entities sees it."""
        if not sees(self._world.rows, owner_ids, entity_id):
            raise NotFound(
                f"there is no entity {entity_id} in this world",
                reason="UNKNOWN_ENTITY",
                field=field,
                asked=str(entity_id),
            )

    def data(self, entity: Entity) -> bytes:
        """The current picture's file. Raises NotFound where it has been removed."""
        return self._blobs.get(str(entity.props["image_ref"]), field="entity_id")

    def page(
        self,
        *,
        room_id: int = 0,
        before: int = 0,
        limit: int = 50,
        seen_by: Collection[int] | None = None,
    ) -> list[Entity]:
        """Image entities, newest first; `before` is the id to go on from. `seen_by`: only what these entities see."""
        location = json_property("$.location")
        sql = (
            f"SELECT id FROM entities WHERE {json_property('$.image_ref')} IS NOT NULL AND (? = 0 OR id < ?) "
            f"AND (? = 0 OR {location} = ?)"
        )
        values: list[object] = [before, before, room_id, room_id]
        if seen_by is not None:
            condition, more = seen_condition(seen_by)
            sql += f" AND {condition}"
            values += more
        return [
            self._world.entity(row[0])
            for row in self._world.rows(f"{sql} ORDER BY id DESC LIMIT ?", *values, limit)
        ]

    def history(self, entity_id: int) -> list[Version]:
        """Every version of the entity's picture, oldest first."""
        sql = (
            "SELECT version, ref, verb, arguments, derived_from, created_at FROM imagegen_versions "
            "WHERE entity_id = ? ORDER BY version"
        )
        found = []
        for number, ref, verb, arguments, parent, created in self._world.rows(sql, entity_id):
            try:
                made = dt.datetime.fromtimestamp(created, dt.UTC)
            except (TypeError, ValueError, OverflowError, OSError):
                # Another hand wrote it; the other versions are told all the same.
                continue
            if isinstance(number, int) and abs(number) < 2**31:
                found.append(Version(number, str(ref), str(verb), str(arguments), str(parent), made))
        return found

    def replace(
        self, entity_id: int, expected: str, picture: Picture, verb: str, arguments: str
    ) -> Entity | None:
        """Make the picture the entity's next version; the one before stays stored and named in `derived_from`.

        `expected` is the reference that the new picture was made from: None is answered where the entity has
        another by now, and the caller works again from that one, so that no change is lost.
        """
        pixels = self._props(picture)
        with self._world.transaction() as connection:
            entity = resolve(rows_of(connection), entity_id, field="entity_id")
            if entity.props.get("image_ref") != expected:
                return None
            last = connection.execute(
                "SELECT max(version) FROM imagegen_versions WHERE entity_id = ?", (entity_id,)
            ).fetchone()[0]
            version = (last or 0) + 1
            changes = {**pixels, "version": version, "derived_from": expected}
            update_props(connection, entity_id, changes)
            _add_version(connection, entity_id, version, picture.ref, verb, arguments, expected)
            return resolve(rows_of(connection), entity_id, field="entity_id")

    def room_of(self, entity_id: int) -> int:
        """The room that a picture hangs in; 0 for none."""
        return own_location(self._world.rows, entity_id)

    def is_controlled(self, caller: Caller, entity_id: int) -> bool:
        """Whether caller or `this` holds viwo's `entity.control` over an entity."""
        return controls(self._world.rows, caller, entity_id)

    def require_control(self, caller: Caller, entity_id: int, verb: str) -> None:
        """Raises PermissionDenied unless caller or `this` holds viwo's `entity.control` over the entity."""
        if not controls(self._world.rows, caller, entity_id):
            raise PermissionDenied(
                f"{caller} may not change entity {entity_id}: '{verb}' needs its 'entity.control' capability, "
                "or an 'image.edit' capability in the context",
                reason="NO_CONTROL",
                field="entity_id",
                limit="the holder of entity.control",
                asked=str(caller),
            )

    def require_placeable(self, caller: Caller, placement: Placement) -> None:
        """Raises what `save` would raise, before any work is done for it; and InvalidArgument for a name or description
        that others may not be shown.
        """
        require_plain(placement.name, "save.name", MAX_NAME)
        require_plain(placement.description, "save.description", MAX_DESCRIPTION)
        self._require_seeded()
        if placement.canvas_id:
            require_canvas(self._world.rows, caller, placement.canvas_id)
        elif placement.room_id:
            require_may_place(self._world.rows, caller, placement.room_id)

    def place(self, entity_id: int, caller: Caller, room_id: int) -> Entity:
        """Move a picture to a room. Raises NotFound, and PermissionDenied where the caller may not put things there."""
        with self._world.transaction() as connection:
            rows = rows_of(connection)
            require_may_place(rows, caller, room_id)
            move(connection, entity_id, room_id)
            return resolve(rows, entity_id, field="entity_id")

    def take_down(self, entity_id: int) -> Entity:
        """Take a picture out of the room that it is in, both ends at once; where it is in none, nothing happens."""
        with self._world.transaction() as connection:
            move(connection, entity_id, 0)
            return resolve(rows_of(connection), entity_id, field="entity_id")

    def install(self) -> int:
        """The prototype's id; it and its verbs are made, or brought up to date, where needed."""
        self._require_seeded()
        with self._world.transaction() as connection:
            return prototype(connection)

    def _prototype(self, connection: sqlite3.Connection) -> int:
        """The prototype's id, looked for once; in a world from which it was removed meanwhile it is made again."""
        if self._prototype_id is None or not is_prototype(connection, self._prototype_id):
            self._prototype_id = prototype(connection)
        return self._prototype_id

    def _require_seeded(self) -> None:
        if not self._world.is_seeded:
            raise FailedPrecondition(
                "this world is empty: viwo fills it only while it has no entity, so start viwo once first",
                reason="WORLD_NOT_SEEDED",
                field="world_path",
                asked=str(self._world.path),
            )


def _add_version(
    connection: sqlite3.Connection,
    entity_id: int,
    version: int,
    ref: str,
    verb: str,
    arguments: str,
    parent: str,
) -> None:
    connection.execute(
        "INSERT INTO imagegen_versions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entity_id, version, ref, verb, arguments, parent, dt.datetime.now(dt.UTC).timestamp()),
    )


def _no_picture(entity_id: int) -> NotFound:
    return NotFound(
        f"entity {entity_id} holds no picture", reason="NOT_AN_IMAGE", field="entity_id", asked=str(entity_id)
    )

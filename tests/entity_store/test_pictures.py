"""Image entities, their files and their verbs."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from capabilities import imaging
from capabilities.call_options import Placement
from capabilities.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from capabilities.policy import Caller
from entity_store import verbs
from entity_store.blobs import Blobs
from entity_store.capability_rows import insert
from entity_store.images import Images
from entity_store.world import World, create_entity

METADATA = {"prompt": "a sword", "seed": 7}


@pytest.fixture
def room(world: World) -> int:
    with world.transaction() as connection:
        return create_entity(connection, {"name": "Hall"}, 2)


@pytest.fixture
def painter(world: World, room: int) -> Caller:
    with world.transaction() as connection:
        return Caller(create_entity(connection, {"name": "Painter", "location": room}, 2))


def test_the_properties_of_a_picture(world: World, images: Images, painter: Caller, png: bytes) -> None:
    entity = images.save(images.store(png), painter, Placement("sword", "rusty"), METADATA)
    props = dict(world.entity(entity.id).props)
    thumbnail = props.pop("thumbnail")
    assert props == {
        "name": "sword", "description": "rusty", "image_type": "generated", "version": 1, "location": 1,
        "image_ref": props["image_ref"],
        "width": 8, "height": 8, "format": "png", "metadata": json.dumps(METADATA),
    }  # fmt: skip
    assert imaging.probe(imaging.decode_base64(thumbnail)).format == "webp"
    assert images.data(entity) == png
    rights = world.rows("SELECT params FROM capabilities WHERE owner_id = ?", painter.caller_id)
    assert json.loads(rights[0][0]) == {"target_id": entity.id}
    # The picture holds what it needs to change itself, and nothing more.
    own = world.rows("SELECT type, params FROM capabilities WHERE owner_id = ?", entity.id)
    assert [(kind, json.loads(params)) for kind, params in own] == [("image.edit", {"target_id": entity.id})]


def test_properties_stay_small(images: Images, painter: Caller) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    data = imaging.encode(imaging.from_pixels(noise.tobytes(), 400, 400, 3))
    entity = images.save(images.store(data), painter, Placement("a", "b"), {})
    assert images.data(entity) == data
    assert len(json.dumps(entity.props)) < 6_000


def test_small_pictures_of_each_size_are_kept_beside_a_picture_and_go_with_it(
    tmp_path: Path, png: bytes
) -> None:
    blobs = Blobs(tmp_path / "blobs")
    ref, made = blobs.put(png), []

    def small(data: bytes) -> bytes:
        made.append(data)
        return b"small"

    for suffix in ("", ".256", "", ".256"):
        assert blobs.thumbnail(ref, small, suffix) == b"small"
    assert made == [png, png]
    kept = blobs.put(png + b"another")
    blobs.thumbnail(kept, small, ".256")
    blobs.remove(ref)
    left = [path.name for path in (tmp_path / "blobs" / "thumbnails").rglob("*") if path.is_file()]
    assert left == [f"{kept.removeprefix('sha256:')}.256"]


def test_the_prototype_is_made_once_and_kept_current(world: World, images: Images) -> None:
    first = images.install()
    with world.transaction() as connection:
        connection.execute("UPDATE verbs SET code = '[]' WHERE name = 'filter'")
    assert images.install() == first
    assert world.verbs(first) == verbs.SCRIPTS | verbs.ROOM_SCRIPTS
    assert world.entity(first).prototype_id == 2
    assert world.verbs(2) == verbs.ROOM_SCRIPTS
    assert len(world.rows("SELECT id FROM verbs")) == len(verbs.SCRIPTS) + len(verbs.ROOM_SCRIPTS)


def test_a_row_that_is_no_json_does_not_keep_the_prototype_from_being_made(
    world: World, images: Images
) -> None:
    with world.transaction() as connection:
        connection.execute("INSERT INTO entities (props) VALUES ('not json')")
    first = images.install()
    assert images.install() == first
    assert images.page() == []


def test_a_room_and_its_picture_know_of_each_other(
    world: World, images: Images, painter: Caller, room: int, png: bytes
) -> None:
    pictures = [images.save(images.store(png), painter, Placement("a", "b", room), {}).id for _ in range(2)]
    assert world.entity(room).props["contents"] == pictures
    assert {world.entity(item).props["location"] for item in pictures} == {room}
    assert [item.id for item in images.page(room_id=room)] == pictures[::-1]
    assert [item.id for item in images.page(before=pictures[1])] == pictures[:1]


def test_only_who_is_there_or_in_control_may_place(
    world: World, images: Images, painter: Caller, room: int, png: bytes
) -> None:
    picture = images.store(png)
    with world.transaction() as connection:
        stranger = Caller(create_entity(connection, {"name": "Stranger"}, 2))
    before = len(world.rows("SELECT id FROM entities"))
    with pytest.raises(PermissionDenied, match="is not in room"):
        images.save(picture, stranger, Placement("a", "b", room), {})
    with pytest.raises(NotFound, match="no entity 999"):
        images.save(picture, painter, Placement("a", "b", 999), {})
    assert len(world.rows("SELECT id FROM entities")) == before
    assert "contents" not in world.entity(room).props
    assert images.save(picture, Caller(stranger.caller_id, room), Placement("a", "b", room), {}), (
        "the room itself"
    )
    assert images.save(picture, Caller(3), Placement("a", "b", room), {}), "System controls everything"


def test_a_canvas_is_filled_once_and_stays_where_it_is(
    world: World, images: Images, painter: Caller, room: int, png: bytes
) -> None:
    picture = images.store(png)
    with world.transaction() as connection:
        canvas = create_entity(
            connection, {"name": "a blank canvas", "image_type": "canvas", "location": room}, 2
        )
        stranger = Caller(create_entity(connection, {"name": "Stranger"}, 2))
    with pytest.raises(PermissionDenied, match="does not control the canvas"):
        images.save(picture, painter, Placement("a", "b", 0, canvas), {})
    with world.transaction() as connection:
        insert(connection, painter.caller_id, "entity.control", {"target_id": canvas})
    filled = images.save(picture, painter, Placement("a", "b", 0, canvas), {}, job=("job", 0))
    assert filled.id == canvas
    props = world.entity(canvas).props
    assert (props["name"], props["location"], props["image_type"]) == ("a", room, "generated")
    assert images.data(filled) == png
    # The second picture of the same job is an entity of its own.
    assert images.save(picture, painter, Placement("a", "b", 0, canvas), {}, job=("job", 1)).id != canvas
    with pytest.raises(FailedPrecondition, match="is no blank canvas"):
        images.save(picture, stranger, Placement("a", "b", 0, canvas), {})


def test_a_picture_moves_to_another_room(
    world: World, images: Images, painter: Caller, room: int, png: bytes
) -> None:
    with world.transaction() as connection:
        hall = create_entity(connection, {"name": "Hall"}, 2)
    entity = images.save(images.store(png), painter, Placement("a", "b", room), {})
    with pytest.raises(PermissionDenied, match="is not in room"):
        images.place(entity.id, painter, hall)
    moved = images.place(entity.id, Caller(painter.caller_id, hall), hall)
    assert moved.props["location"] == hall
    assert world.entity(hall).props["contents"] == [entity.id]
    assert world.entity(room).props["contents"] == []


def test_the_same_result_is_saved_once(world: World, images: Images, painter: Caller, png: bytes) -> None:
    picture = images.store(png)
    first = images.save(picture, painter, Placement("a", "b"), {}, job=("job", 0))
    again = images.save(picture, painter, Placement("a", "b"), {}, job=("job", 0))
    other = images.save(picture, painter, Placement("a", "b"), {}, job=("job", 1))
    assert first.id == again.id != other.id


def test_versions_follow_each_other_and_a_late_one_is_turned_away(
    images: Images, painter: Caller, png: bytes
) -> None:
    entity = images.save(images.store(png), painter, Placement("a", "b"), {})
    first = str(entity.props["image_ref"])
    other = images.store(imaging.encode(imaging.transform(imaging.decode(png), 90, 2)))
    changed = images.replace(entity.id, first, other, "transform", "[90, 2]")
    assert changed is not None
    assert (changed.props["version"], changed.props["derived_from"], changed.props["width"]) == (2, first, 16)
    assert images.replace(entity.id, first, other, "transform", "[]") is None
    history = images.history(entity.id)
    assert [(item.version, item.verb, item.derived_from) for item in history] == [
        (1, "save", ""),
        (2, "transform", first),
    ]
    with pytest.raises(NotFound, match="holds no picture"):
        images.get(painter.caller_id)
    images.require_control(painter, entity.id, "filter")
    with pytest.raises(PermissionDenied, match="may not change entity"):
        images.require_control(Caller(99), entity.id, "filter")


class TestBlobs:
    def test_the_same_bytes_are_kept_once(self, tmp_path: Path) -> None:
        blobs = Blobs(tmp_path)
        ref = blobs.put(b"abc")
        assert (
            ref
            == blobs.put(b"abc")
            == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        assert blobs.get(ref) == b"abc"
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1

    @pytest.mark.parametrize(
        "ref", ["", "sha256:", "sha256:" + "g" * 64, "sha256:../../x", "md5:" + "0" * 64]
    )
    def test_only_references_are_references(self, tmp_path: Path, ref: str) -> None:
        with pytest.raises(InvalidArgument, match="64 hexadecimal digits"):
            Blobs(tmp_path).get(ref)

    def test_unknown_references(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="no stored picture"):
            Blobs(tmp_path).get("sha256:" + "0" * 64)

    def test_what_a_crash_left_is_removed(self, tmp_path: Path) -> None:
        blobs = Blobs(tmp_path)
        (tmp_path / "incoming" / "half").write_bytes(b"x")
        assert blobs.discard_unfinished() == 1
        assert not list((tmp_path / "incoming").iterdir())

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_a_full_disk_is_said_and_leaves_nothing_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        blobs = Blobs(tmp_path)

        def full(_: int) -> None:
            raise OSError(number, "full")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResourceExhausted, match="the operator must free space"):
            blobs.put(b"abc")
        assert not list((tmp_path / "incoming").iterdir())

    def test_other_faults_of_the_disk_are_not_hidden(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_: int) -> None:
            raise OSError(errno.EIO, "broken")

        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="broken"):
            Blobs(tmp_path).put(b"abc")


class TestVerbs:
    def test_scripts_are_expressions_that_viwo_reads(self) -> None:
        known = {
            "std.seq", "std.let", "std.var", "std.if", "std.arg", "std.this", "std.call_method", "obj.get", "send",
            "get_capability", "json.parse", "std.args", "call", "entity",
        }  # fmt: skip

        def opcodes(code: object) -> set[str]:
            if not isinstance(code, list):
                return set()
            return {str(code[0])}.union(*(opcodes(item) for item in code[1:]))

        for name, script in (*verbs.SCRIPTS.items(), *verbs.ROOM_SCRIPTS.items()):
            assert opcodes(script) <= known, name
            assert json.loads(json.dumps(script)) == script

    def test_arguments_are_checked(self, png: bytes) -> None:
        image = imaging.decode(png)

        def read(_: object) -> imaging.Image:
            return image

        assert verbs.edit("transform", image, [90], read).width == 8
        assert verbs.edit("composite", image, ["x", 1, 1.4], read).width == 8
        for verb, arguments in (
            ("transform", [None]), ("transform", [True]), ("transform", [10**30]), ("transform", [float("nan")]),
            ("filter", []), ("composite", []), ("filter", ["blur", 1]),
        ):  # fmt: skip
            with pytest.raises(InvalidArgument):
                verbs.edit(verb, image, arguments, read)
        with pytest.raises(NotFound, match="it has transform"):
            verbs.edit("explode", image, [], read)

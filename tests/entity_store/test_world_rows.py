"""The world's tables: our own file, viwo's file, and what happens when others write too."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

import pytest

from capabilities.call_options import Placement
from capabilities.errors import FailedPrecondition, NotFound, Unavailable
from entity_store.authority import Authority
from entity_store.blobs import Blobs
from entity_store.images import Images
from entity_store.world import SYSTEM_ID, World, create_entity, update_props


def test_a_world_of_our_own_begins_like_viwos(world: World) -> None:
    assert world.entity(SYSTEM_ID).props["name"] == "System"
    types = [item.type for _, item in Authority(world).page(owner_id=SYSTEM_ID)]
    assert types == ["sys.mint", "sys.create", "entity.control"]
    assert world.entity(1).prototype_id == 2
    again = World(world.path, own=True)
    assert len(again.rows("SELECT id FROM entities")) == 3
    again.close()


def test_attaching_leaves_viwos_rows_alone(viwo_file: Path) -> None:
    def snapshot() -> list[object]:
        connection = sqlite3.connect(viwo_file)
        tables = ("entities", "verbs", "scheduled_tasks", "capabilities")
        found: list[object] = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
        connection.close()
        return found

    before = snapshot()
    World(viwo_file, own=False).close()
    assert snapshot() == before


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be read as one" * 20])
def test_what_is_no_world_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(FailedPrecondition, match="is not a usable viwo world"):
        World(path, own=False)
    with pytest.raises(FailedPrecondition, match="start viwo once"):
        World(tmp_path / "missing.sqlite", own=False)


def test_a_world_that_viwo_has_not_seeded_is_not_written_to(
    viwo_file: Path, tmp_path: Path, png: bytes
) -> None:
    connection = sqlite3.connect(viwo_file)
    connection.execute("DELETE FROM entities")
    connection.commit()
    connection.close()
    world = World(viwo_file, own=False)
    images = Images(world, Blobs(tmp_path))
    with pytest.raises(FailedPrecondition, match="start viwo once first"):
        images.install()
    assert not world.is_seeded
    world.close()


def test_the_nearest_property_wins_along_the_prototypes(world: World) -> None:
    with world.transaction() as connection:
        base = create_entity(connection, {"colour": "red", "size": 1}, None)
        middle = create_entity(connection, {"size": 2}, base)
        leaf = create_entity(connection, {"name": "leaf"}, middle)
        connection.execute(
            "INSERT INTO verbs (entity_id, name, code) VALUES (?, 'look', '[\"base\"]')", (base,)
        )
        connection.execute(
            "INSERT INTO verbs (entity_id, name, code) VALUES (?, 'look', '[\"middle\"]')", (middle,)
        )
    assert world.entity(leaf).props == {"colour": "red", "size": 2, "name": "leaf"}
    assert world.verbs(leaf) == {"look": ["middle"]}
    with pytest.raises(NotFound, match="no entity 999"):
        world.entity(999)


def test_a_prototype_that_is_its_own_ancestor_does_not_hang(world: World) -> None:
    with world.transaction() as connection:
        entity = create_entity(connection, {"a": 1}, None)
        connection.execute("UPDATE entities SET prototype_id = id WHERE id = ?", (entity,))
    assert world.entity(entity).props == {"a": 1}


def test_a_transaction_is_all_or_nothing(world: World) -> None:
    def fail() -> None:
        with world.transaction() as connection:
            create_entity(connection, {"name": "ghost"}, None)
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert len(world.rows("SELECT id FROM entities")) == 3


def test_none_removes_a_property(world: World) -> None:
    with world.transaction() as connection:
        entity = create_entity(connection, {"a": 1, "b": 2}, None)
        update_props(connection, entity, {"a": None, "c": 3})
    assert world.entity(entity).props == {"b": 2, "c": 3}


def test_writers_wait_for_each_other(world: World) -> None:
    with world.transaction() as connection:
        entity = create_entity(connection, {"n": 0}, None)

    def count() -> None:
        for _ in range(25):
            with world.transaction() as inner:
                (raw,) = inner.execute("SELECT props FROM entities WHERE id = ?", (entity,)).fetchone()
                update_props(inner, entity, {"n": json.loads(raw)["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.entity(entity).props["n"] == 100


def test_a_file_that_stays_locked_ends_in_words(world: World) -> None:
    world._writer.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert world.entity(1).props["name"] == "The Void", "reading goes on"
    with pytest.raises(Unavailable, match="busy"), world.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()
    with world.transaction() as connection:
        create_entity(connection, {}, None)


def test_an_entity_that_another_process_made_is_seen_at_once(
    viwo_file: Path, tmp_path: Path, png: bytes
) -> None:
    world = World(viwo_file, own=False)
    viwo = sqlite3.connect(viwo_file)
    viwo.execute('INSERT INTO entities (props) VALUES (\'{"name": "Lobby", "contents": [2]}\')')
    viwo.execute("INSERT INTO capabilities VALUES ('own-4', 9, 'entity.control', '{\"target_id\": 4}')")
    viwo.commit()
    images = Images(world, Blobs(tmp_path))
    from capabilities.policy import Caller

    picture = images.save(images.store(png), Caller(9), Placement("a", "b", 0), {})
    assert picture.id == 6, "the prototype came before it"
    (raw,) = viwo.execute("SELECT props FROM entities WHERE id = 6").fetchone()
    assert json.loads(raw)["name"] == "a"
    viwo.close()
    world.close()

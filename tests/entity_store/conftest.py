"""A world of our own, and one as viwo leaves it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from capabilities import imaging
from entity_store.authority import Authority
from entity_store.blobs import Blobs
from entity_store.images import Images
from entity_store.world import World

VIWO_SCHEMA = """
CREATE TABLE entities (id INTEGER PRIMARY KEY AUTOINCREMENT, prototype_id INTEGER, props TEXT DEFAULT '{}');
CREATE TABLE verbs (id INTEGER PRIMARY KEY AUTOINCREMENT, entity_id INTEGER NOT NULL, name TEXT NOT NULL,
  code TEXT NOT NULL, UNIQUE(entity_id, name));
CREATE TABLE scheduled_tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, entity_id INTEGER NOT NULL, verb TEXT NOT NULL,
  args TEXT DEFAULT '[]', execute_at INTEGER NOT NULL);
CREATE TABLE capabilities (id TEXT PRIMARY KEY, owner_id INTEGER NOT NULL, type TEXT NOT NULL, params TEXT NOT NULL);
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path / "own.sqlite", own=True)
    yield opened
    opened.close()


@pytest.fixture
def viwo_file(tmp_path: Path) -> Path:
    """A file with viwo's tables, seeded with three entities and System's right to mint."""
    path = tmp_path / "viwo.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(VIWO_SCHEMA)
    for name in ("The Void", "Entity Base", "System"):
        connection.execute("INSERT INTO entities (props) VALUES (?)", (json.dumps({"name": name}),))
    connection.execute("INSERT INTO capabilities VALUES ('mint-all', 3, 'sys.mint', '{\"namespace\":\"*\"}')")
    connection.execute(
        "INSERT INTO capabilities VALUES ('mint-diffusers', 3, 'sys.mint', '{\"namespace\":\"diffusers\"}')"
    )
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def authority(world: World) -> Authority:
    return Authority(world)


@pytest.fixture
def images(world: World, tmp_path: Path) -> Images:
    return Images(world, Blobs(tmp_path / "blobs"))


@pytest.fixture
def png() -> bytes:
    return imaging.encode(imaging.from_pixels(bytes(range(48)) * 4, 8, 8, 3))

"""viwo's own database schema: entities, verbs, capabilities, in the file of a running viwo or in one of our own.

Reads use one connection, writes another, so that a read never waits for a write (the file is in WAL mode). viwo gives
up at once when the file is locked, so write transactions must be short: do the slow work before opening one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capabilities.errors import FailedPrecondition, NotFound, Unavailable, brief
from entity_store.blobs import references_in
from entity_store.permissions import private_database

Props = dict[str, Any]
Rows = Callable[..., list[tuple[Any, ...]]]
"""Runs a query with its values and answers the rows."""

# viwo's own tables, created the same way, so that viwo can open a file made here.
_VIWO_SCHEMA = """
CREATE TABLE IF NOT EXISTS entities (
  id INTEGER PRIMARY KEY AUTOINCREMENT, prototype_id INTEGER, props TEXT DEFAULT '{}',
  FOREIGN KEY(prototype_id) REFERENCES entities(id));
CREATE TABLE IF NOT EXISTS verbs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, entity_id INTEGER NOT NULL, name TEXT NOT NULL, code TEXT NOT NULL,
  FOREIGN KEY(entity_id) REFERENCES entities(id) ON DELETE CASCADE, UNIQUE(entity_id, name));
CREATE TABLE IF NOT EXISTS scheduled_tasks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, entity_id INTEGER NOT NULL, verb TEXT NOT NULL, args TEXT DEFAULT '[]',
  execute_at INTEGER NOT NULL, FOREIGN KEY(entity_id) REFERENCES entities(id) ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS capabilities (
  id TEXT PRIMARY KEY, owner_id INTEGER NOT NULL, type TEXT NOT NULL, params TEXT NOT NULL,
  FOREIGN KEY(owner_id) REFERENCES entities(id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS idx_capabilities_owner ON capabilities(owner_id);
"""

# Our tables beside viwo's: who delegated what, the versions of each picture, which jobs have been saved, the id of the
# world, by which it is told from others, and what was granted to whom (see grants.py).
_OWN_SCHEMA = """
CREATE TABLE IF NOT EXISTS imagegen_delegations (child_id TEXT PRIMARY KEY, parent_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS imagegen_delegations_parent ON imagegen_delegations(parent_id);
CREATE TABLE IF NOT EXISTS imagegen_versions (
  entity_id INTEGER NOT NULL, version INTEGER NOT NULL, ref TEXT NOT NULL, verb TEXT NOT NULL, arguments TEXT NOT NULL,
  derived_from TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY(entity_id, version));
CREATE TABLE IF NOT EXISTS imagegen_saved (
  job_id TEXT NOT NULL, image_index INTEGER NOT NULL, entity_id INTEGER NOT NULL, PRIMARY KEY(job_id, image_index));
CREATE INDEX IF NOT EXISTS imagegen_versions_ref ON imagegen_versions(ref);
CREATE TABLE IF NOT EXISTS imagegen_world (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS imagegen_grants (
  world TEXT NOT NULL, capability_id TEXT NOT NULL, budget_account TEXT NOT NULL UNIQUE, made_of TEXT NOT NULL,
  params TEXT NOT NULL, shared TEXT NOT NULL, PRIMARY KEY(world, capability_id));
"""

_OWN_TABLES = frozenset(
    f"imagegen_{name}" for name in ("delegations", "versions", "saved", "world", "grants")
)

_LINEAGE = """
WITH RECURSIVE lineage AS (
  SELECT id, prototype_id, props, 0 AS depth FROM entities WHERE id = ?
  UNION ALL
  SELECT e.id, e.prototype_id, e.props, l.depth + 1 FROM entities e JOIN lineage l ON e.id = l.prototype_id
  WHERE l.depth < 64)
"""

SYSTEM_ID = 3
"""viwo seeds its System entity third; a world of our own does the same."""


@dataclass(frozen=True)
class Entity:
    """An entity with the properties of its prototypes merged in, as viwo resolves them."""

    id: int
    prototype_id: int | None
    props: Props


class World:
    """An open world database. Methods are synchronous and safe to call from any thread."""

    def __init__(self, path: Path, *, own: bool) -> None:
        """Open a world. `own`: the file is ours to create and seed; otherwise it must be viwo's, already there."""
        self.path = path
        if own:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            private_database(path)
        elif not path.is_file():
            raise FailedPrecondition(
                f"there is no viwo world at {path}; start viwo once so that it creates its database, or set world_path",
                reason="NO_WORLD",
                field="world_path",
                asked=str(path),
            )
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        try:
            self._writer = self._connect()
        except sqlite3.Error as error:
            raise FailedPrecondition(
                f"{path} is not a usable viwo world: {error}",
                reason="BAD_WORLD",
                field="world_path",
                asked=str(path),
            ) from None
        try:
            self._prepare(own)
            self._reader = self._connect()
            self.id = self._own_id()
        except sqlite3.DatabaseError as error:
            self._writer.close()
            raise FailedPrecondition(
                f"{path} is not a usable viwo world: {error}",
                reason="BAD_WORLD",
                field="world_path",
                asked=str(path),
            ) from None
        except BaseException:
            self._writer.close()
            raise

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A short write transaction: all of it happens or none. Raises Unavailable when the file stays locked."""
        with self._write_lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise Unavailable(
                    f"the world database is busy: {error}", reason="WORLD_BUSY", retry_after=1
                ) from None
            try:
                yield self._writer
                self._writer.commit()
            except sqlite3.OperationalError as error:
                self._writer.rollback()
                raise Unavailable(
                    f"the world database cannot be written: {error}",
                    reason="WORLD_NOT_WRITABLE",
                    retry_after=5,
                ) from error
            except BaseException:
                self._writer.rollback()
                raise

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows as of the last committed transaction."""
        with self._read_lock:
            return self._reader.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        with self._read_lock:
            found: tuple[Any, ...] | None = self._reader.execute(sql, values).fetchone()
        return found

    def version(self) -> int:
        """A number that is another one after each commit to the file, whoever made it."""
        with self._read_lock:
            (number,) = self._reader.execute("PRAGMA data_version").fetchone()
        return int(number)

    def entity(self, entity_id: int, *, field: str = "entity_id") -> Entity:
        """An entity, resolved along its prototypes. Raises NotFound."""
        return resolve(self.rows, entity_id, field=field)

    def verbs(self, entity_id: int) -> dict[str, list[object]]:
        """Verb code by name, the entity's own before its prototypes'."""
        found: dict[str, list[object]] = {}
        sql = f"{_LINEAGE} SELECT v.name, v.code FROM verbs v JOIN lineage l ON v.entity_id = l.id ORDER BY l.depth"
        for name, raw in self.rows(sql, entity_id):
            try:
                code = json.loads(raw)
            except (ValueError, TypeError, RecursionError):
                continue
            found.setdefault(name, code)
        return found

    def references(self) -> set[str]:
        """Every stored picture that an entity, or a version of one, names anywhere in what it keeps."""
        return {ref for ref, _ in self.entities_by_reference()}

    def entities_by_reference(self) -> Iterator[tuple[str, int]]:
        """The same pictures, each with the entity that names it."""
        # As text, whatever else is wrong with a row: a picture that it names may not be removed.
        for entity_id, text in self.rows(
            "SELECT id, CAST(props AS TEXT) FROM entities WHERE props LIKE '%sha256:%' "
            "UNION ALL SELECT entity_id, ref || ' ' || derived_from FROM imagegen_versions"
        ):
            for ref in references_in(text):
                yield ref, entity_id

    def unreadable(self) -> list[str]:
        """Rows whose JSON cannot be read, each as "world table key: why"; they are passed over, or deny."""
        found = []
        for table, key, column, kind in (
            ("entities", "id", "props", "object"), ("capabilities", "id", "params", "object"), ("verbs", "id", "code", ""),
        ):  # fmt: skip
            for name, raw in self.rows(f"SELECT {key}, {column} FROM {table}"):
                try:
                    value = json.loads(raw)
                except (ValueError, TypeError, RecursionError) as error:
                    found.append(f"world {table} {name}: {column} is no JSON: {brief(str(error))}")
                    continue
                if kind and not isinstance(value, dict):
                    found.append(f"world {table} {name}: {column} is no JSON object")
        return found

    @property
    def is_seeded(self) -> bool:
        """viwo seeds a world only while it has no entity at all, so none may be made before it has."""
        return self.row("SELECT 1 FROM entities LIMIT 1") is not None

    def _own_id(self) -> str:
        """The world's id: random, made when it is first asked for."""
        known = self.row("SELECT id FROM imagegen_world")
        if known is None:
            with self.transaction() as connection:
                # Of two that open it at the same time, one is first.
                connection.execute(
                    "INSERT INTO imagegen_world SELECT ? WHERE NOT EXISTS (SELECT 1 FROM imagegen_world)",
                    (uuid.uuid4().hex,),
                )
            known = self.row("SELECT id FROM imagegen_world")
        assert known is not None
        return str(known[0])

    def _connect(self) -> sqlite3.Connection:
        # Autocommit: transactions are begun by hand, where they are meant.
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout = 5000")
        # One row in another encoding must not keep all the others from being read.
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        return connection

    def _prepare(self, own: bool) -> None:
        tables = {
            name for (name,) in self._writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if own:
            self._writer.execute("PRAGMA journal_mode = WAL")
            if not {"entities", "verbs", "scheduled_tasks", "capabilities"} <= tables:
                self._writer.executescript(_VIWO_SCHEMA)
        elif not {"entities", "verbs", "capabilities"} <= tables:
            raise sqlite3.DatabaseError("it lacks viwo's tables; start viwo once so that it creates them")
        if not tables >= _OWN_TABLES:
            self._writer.executescript(_OWN_SCHEMA)
        if own and self._writer.execute("SELECT 1 FROM entities LIMIT 1").fetchone() is None:
            with self.transaction() as connection:
                _seed(connection)


def rows_of(connection: sqlite3.Connection) -> Rows:
    """Rows as a running write transaction sees them."""

    def rows(sql: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(sql, values).fetchall()

    return rows


def resolve(rows: Rows, entity_id: int, *, field: str) -> Entity:
    """An entity with the properties of its prototypes merged in, the nearest winning. Raises NotFound."""
    chain = rows(f"{_LINEAGE} SELECT id, prototype_id, props FROM lineage ORDER BY depth DESC", entity_id)
    if not chain:
        raise NotFound(
            f"there is no entity {entity_id} in this world",
            reason="UNKNOWN_ENTITY",
            field=field,
            asked=str(entity_id),
        )
    props: Props = {}
    for _, _, raw in chain:
        props.update(json_object(raw))
    return Entity(id=chain[-1][0], prototype_id=chain[-1][1], props=props)


def json_object(raw: object) -> dict[str, Any]:
    """A JSON object that any program may have written; what is none counts as empty."""
    if not isinstance(raw, str):
        return {}
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def json_property(path: str) -> str:
    """SQL for a property; one row that is no JSON must not spoil the query for all."""
    return f"CASE WHEN json_valid(props) THEN json_extract(props, '{path}') END"


def create_entity(
    connection: sqlite3.Connection, props: Mapping[str, object], prototype_id: int | None
) -> int:
    """Insert an entity and answer its id."""
    sql = "INSERT INTO entities (prototype_id, props) VALUES (?, ?) RETURNING id"
    (entity_id,) = connection.execute(sql, (prototype_id, json.dumps(props))).fetchone()
    return int(entity_id)


def update_props(connection: sqlite3.Connection, entity_id: int, changes: Mapping[str, object]) -> None:
    """Merge changes into an entity's own properties; None removes one. UPDATE, since viwo's own way replaces the row.

    Raises FailedPrecondition where what is there cannot be read, and so would be lost.
    """
    row = connection.execute("SELECT props FROM entities WHERE id = ?", (entity_id,)).fetchone()
    before = json_object(row[0]) if row else {}
    if not before and (row is None or str(row[0]).strip() not in ("{}", "")):
        raise FailedPrecondition(
            f"the properties of entity {entity_id} cannot be read, so they cannot be changed; mend them in viwo",
            reason="UNREADABLE_ENTITY",
            field="entity_id",
            asked=str(entity_id),
        )
    merged = {**before, **changes}
    props = {key: value for key, value in merged.items() if value is not None}
    connection.execute("UPDATE entities SET props = ? WHERE id = ?", (json.dumps(props), entity_id))


def _seed(connection: sqlite3.Connection) -> None:
    """The first entities of a world of our own, with the ids and rights that viwo's seed gives them."""
    void = create_entity(
        connection, {"name": "The Void", "description": "An endless expanse of nothingness."}, None
    )
    base = create_entity(
        connection, {"name": "Entity Base", "description": "The base of all things.", "location": void}, None
    )
    connection.execute("UPDATE entities SET prototype_id = ? WHERE id = ?", (base, void))
    system = create_entity(
        connection, {"name": "System", "description": "The system root object.", "location": void}, None
    )
    assert system == SYSTEM_ID
    rights: tuple[tuple[str, dict[str, object]], ...] = (
        ("sys.mint", {"namespace": "*"}), ("sys.create", {}), ("entity.control", {"*": True}),
    )  # fmt: skip
    for kind, params in rights:
        connection.execute(
            "INSERT INTO capabilities (id, owner_id, type, params) "
            "VALUES (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || "
            "'-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))), ?, ?, ?)",
            (system, kind, json.dumps(params)),
        )

"""Statements that every job needs, compiled once and run by the driver itself.

SQLAlchemy takes some sixty microseconds to run a statement that SQLite does in five; a job takes about thirty of them.
So the hot ones are written as SQLAlchemy expressions, as all others are, compiled once for each kind of database, and
given to the driver with values converted by SQLAlchemy's own types. Only for statements whose text never changes: no
lists of varying length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.result import result_tuple

from sidecar.queue.model import Row

Convert = Callable[[Any], Any]
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class _Compiled:
    """A statement for one kind of database."""

    text: str
    names: tuple[str, ...]
    """Its parameters, in the order of the text."""
    defaults: Mapping[str, Any]
    """Values that stand in the statement itself."""
    binding: Mapping[str, Convert]
    reading: tuple[tuple[int, Convert], ...]
    make: Callable[[Sequence[Any]], Row]
    positional: bool

    def bound(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        given = {**self.defaults, **values}
        for name, convert in self.binding.items():
            given[name] = convert(given[name])
        return [given[name] for name in self.names] if self.positional else given

    def row(self, values: Sequence[Any]) -> Row:
        if self.reading:
            values = list(values)
            for place, convert in self.reading:
                values[place] = convert(values[place])
        return self.make(values)


class Prepared:
    """One statement. Inside a caller's transaction; raises the driver's own errors, which `Database` translates."""

    def __init__(
        self, statement: sa.Select[Any] | sa.UpdateBase | Callable[[str], Any], columns: Collection[str] = ()
    ) -> None:
        """`statement`, or what makes it for a kind of database; `columns`: those that an insert fills."""
        self._make = statement if not isinstance(statement, sa.Executable) else (lambda _: statement)
        self._columns = list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any] = NOTHING) -> list[Row]:
        """Every row that it answers."""
        compiled = self._of(connection)
        cursor = _driver(connection).execute(compiled.text, compiled.bound(values))
        found = [compiled.row(values) for values in cursor.fetchall()]
        cursor.close()
        return found

    def first(self, connection: Connection, values: Mapping[str, Any] = NOTHING) -> Row | None:
        """Its first row; None where there is none."""
        compiled = self._of(connection)
        cursor = _driver(connection).execute(compiled.text, compiled.bound(values))
        found = cursor.fetchone()
        cursor.close()
        return None if found is None else compiled.row(found)

    def run(self, connection: Connection, values: Mapping[str, Any] = NOTHING) -> int:
        """How many rows it changed."""
        compiled = self._of(connection)
        cursor = _driver(connection).execute(compiled.text, compiled.bound(values))
        count: int = cursor.rowcount
        cursor.close()
        return count

    def run_each(self, connection: Connection, many: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of several sets of values."""
        compiled = self._of(connection)
        cursor = _driver(connection).cursor()
        cursor.executemany(compiled.text, [compiled.bound(values) for values in many])
        cursor.close()

    def _of(self, connection: Connection) -> _Compiled:
        found = self._compiled.get(connection.dialect.name)
        if found is None:
            found = self._compiled[connection.dialect.name] = self._compile(connection.dialect)
        return found

    def _compile(self, dialect: sa.Dialect) -> _Compiled:
        statement = self._make(dialect.name)
        compiled: Any = statement.compile(dialect=dialect, column_keys=self._columns or None)
        if "POSTCOMPILE" in compiled.string:
            raise ValueError(f"a list of varying length cannot be prepared: {compiled.string}")
        # The driver's own SQL: where it marks parameters with %, that stands for itself nowhere else here.
        converters = {
            name: convert
            for bind, name in compiled.bind_names.items()
            if (convert := _implementation(bind.type, dialect).bind_processor(dialect)) is not None
        }
        columns = list(getattr(statement, "exported_columns", ()))
        readers = [
            (place, convert)
            for place, column in enumerate(columns)
            # The drivers answer all others as they are.
            if isinstance(column.type, sa.JSON | sa.Boolean)
            and (convert := _implementation(column.type, dialect).result_processor(dialect, None)) is not None
        ]
        return _Compiled(
            compiled.string,
            tuple(compiled.positiontup or compiled.bind_names.values()),
            dict(compiled.params),
            converters,
            tuple(readers),
            result_tuple([column.key for column in columns]),
            bool(compiled.positional),
        )


def _implementation(kind: Any, dialect: sa.Dialect) -> Any:
    return kind.dialect_impl(dialect)


def _driver(connection: Connection) -> Any:
    """The driver's connection: sqlite3's and psycopg's both run a statement and answer its cursor."""
    return connection.connection.dbapi_connection

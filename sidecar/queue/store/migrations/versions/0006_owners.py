"""Owners are entities of a world; keys, uploads, revoked rights; templates and runs have owners.

What is there already belongs to the sidecar's own world, whose id is not known here: the empty name stands for it until
the server starts. Templates from before are everybody's in it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORLD = sa.String(32)
_NAMED = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
_INDEXES = {
    "jobs_by_owner": ["owner_id", "id"],
    "jobs_in_line": ["state", "lane", "owner_id", "priority", "id"],
    "jobs_by_model": ["state", "lane", "model_id", "owner_id", "priority", "id"],
    "jobs_by_batch_key": ["batch_key", "state", "owner_id", "id"],
}


def _in_world(columns: list[str]) -> list[str]:
    place = columns.index("owner_id")
    return [*columns[:place], "world", *columns[place:]]


def _unique(old: list[str], new: list[str]) -> None:
    """Change what a job's request is unique in."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("jobs", recreate="always", naming_convention=_NAMED) as batch:
            batch.drop_constraint(f"uq_jobs_{old[0]}", type_="unique")
            batch.create_unique_constraint(f"uq_jobs_{new[0]}", new)
        return
    for constraint in sa.inspect(op.get_bind()).get_unique_constraints("jobs"):
        op.drop_constraint(str(constraint["name"]), "jobs", type_="unique")
    op.create_unique_constraint("jobs_request", "jobs", new)


def _world_column() -> sa.Column[str]:
    return sa.Column("world", _WORLD, nullable=False, server_default="")


def _owner_column(name: str = "owner_id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "jobs")
    op.add_column("jobs", _world_column())
    op.add_column("jobs", sa.Column("rights", sa.JSON))
    op.add_column("jobs", sa.Column("awaited", sa.Boolean, nullable=False, server_default=sa.false()))
    _unique(["capability_id", "request_id"], ["world", "capability_id", "request_id"])
    for name, columns in _INDEXES.items():
        op.create_index(name, "jobs", _in_world(columns))
    _accounts(128)
    _owned_by_their_jobs("batches")
    for name in ("owner_id", "caller_id"):
        op.add_column("history", _owner_column(name))
    op.add_column("history", _world_column())
    jobs = "(SELECT j.{0} FROM jobs j WHERE j.id = history.job_id)"
    for name in ("owner_id", "caller_id"):
        op.execute(f"UPDATE history SET {name} = coalesce({jobs.format(name)}, 0)")
    op.add_column("runs", _world_column())
    op.add_column("runs", _owner_column())
    _runs_of_their_callers()
    _again("lines", [
        sa.Column("lane", sa.String(64), primary_key=True), sa.Column("priority", sa.Integer, primary_key=True),
        sa.Column("world", _WORLD, primary_key=True), sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("model_id", sa.String(512), primary_key=True), sa.Column("waiting", sa.Integer, nullable=False),
    ], "lane, priority, owner_id, model_id, waiting", "'' AS world")  # fmt: skip
    _again("shares", [
        sa.Column("lane", sa.String(64), primary_key=True), sa.Column("world", _WORLD, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False), sa.Column("served", sa.BigInteger, nullable=False),
    ], "lane, owner_id, served", "'' AS world")  # fmt: skip
    _again("templates", [
        sa.Column("world", _WORLD, primary_key=True), sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(128), primary_key=True), sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("document", sa.JSON, nullable=False), sa.Column("updated", sa.Float, nullable=False),
    ], "name, document, updated", "'' AS world", "0 AS owner_id", f"{_true()} AS shared")  # fmt: skip
    op.create_table(
        "uploads",
        sa.Column("ref", sa.String(80), primary_key=True),
        sa.Column("world", _WORLD, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("world", _WORLD, nullable=False),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("label", sa.String(128), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("capabilities", sa.JSON, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("expires", sa.Float),
        sa.Column("last_used", sa.Float),
    )
    op.create_table(
        "revoked_rights",
        sa.Column("world", _WORLD, primary_key=True),
        sa.Column("capability_id", sa.String(64), primary_key=True),
        sa.Column("revoked", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for name in ("revoked_rights", "keys", "uploads"):
        op.drop_table(name)
    _accounts(96)
    _again("templates", [
        sa.Column("name", sa.String(128), primary_key=True), sa.Column("document", sa.JSON, nullable=False),
        sa.Column("updated", sa.Float, nullable=False),
    ], "name, document, updated", only="owner_id = 0")  # fmt: skip
    _again("shares", [
        sa.Column("lane", sa.String(64), primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False), sa.Column("served", sa.BigInteger, nullable=False),
    ], "lane, owner_id, served", only="world = ''")  # fmt: skip
    _again("lines", [
        sa.Column("lane", sa.String(64), primary_key=True), sa.Column("priority", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False), sa.Column("model_id", sa.String(512), primary_key=True),
        sa.Column("waiting", sa.Integer, nullable=False),
    ], "lane, priority, owner_id, model_id, waiting", only="world = ''")  # fmt: skip
    for table, columns in (("runs", ("world", "owner_id")), ("history", ("world", "owner_id", "caller_id")),
                           ("batches", ("world", "owner_id"))):  # fmt: skip
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)
    for name in _INDEXES:
        op.drop_index(name, "jobs")
    _unique(["world", "capability_id", "request_id"], ["capability_id", "request_id"])
    with op.batch_alter_table("jobs") as batch:
        batch.drop_column("world")
        batch.drop_column("rights")
        batch.drop_column("awaited")
    for name, names in _INDEXES.items():
        op.create_index(name, "jobs", names)


def _accounts(length: int) -> None:
    """The name of a world may stand in that of an account."""
    for table in ("ledger", "balances"):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("account", type_=sa.String(length), existing_nullable=False)


def _owned_by_their_jobs(table: str) -> None:
    op.add_column(table, _world_column())
    op.add_column(table, _owner_column())
    first = f"(SELECT min(j.owner_id) FROM jobs j WHERE j.batch_id = {table}.id)"
    op.execute(f"UPDATE {table} SET owner_id = coalesce({first}, 0)")


def _runs_of_their_callers() -> None:
    """A run is of whoever owns its first job; before there is one, of whoever began it."""
    connection = op.get_bind()
    runs = sa.table(
        "runs", sa.column("id", sa.String), sa.column("jobs", sa.JSON), sa.column("context", sa.JSON),
        sa.column("owner_id", sa.BigInteger),
    )  # fmt: skip
    jobs = sa.table("jobs", sa.column("id", sa.String), sa.column("owner_id", sa.BigInteger))
    for row in connection.execute(sa.select(runs.c.id, runs.c.jobs, runs.c.context)).all():
        ids = row.jobs if isinstance(row.jobs, list) else []
        owner = connection.scalar(sa.select(jobs.c.owner_id).where(jobs.c.id.in_(ids[:1])))
        calls = row.context.get("calls") if isinstance(row.context, dict) else None
        for call in calls.values() if isinstance(calls, dict) else ():
            caller = call.get("caller") if isinstance(call, dict) else None
            if owner is None and isinstance(caller, dict) and isinstance(caller.get("caller_id"), int):
                owner = caller["caller_id"]
        if owner is not None:
            connection.execute(sa.update(runs).where(runs.c.id == row.id).values(owner_id=owner))


def _again(name: str, columns: list[sa.Column[object]], kept: str, *more: str, only: str = "") -> None:
    """A table with other keys, and what stood in it."""
    op.rename_table(name, f"{name}_before")
    if op.get_bind().dialect.name != "sqlite":
        # The constraint's name is the table's otherwise, and taken.
        op.execute(f"ALTER TABLE {name}_before DROP CONSTRAINT {name}_pkey")
    op.create_table(name, *columns)
    added = [item.rpartition(" AS ")[2] for item in more]
    names = ", ".join([kept, *added])
    where = f" WHERE {only}" if only else ""
    op.execute(f"INSERT INTO {name} ({names}) SELECT {', '.join([kept, *more])} FROM {name}_before{where}")
    op.drop_table(f"{name}_before")


def _true() -> str:
    return "1" if op.get_bind().dialect.name == "sqlite" else "true"

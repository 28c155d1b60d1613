"""Lanes are named after engines, and jobs that may run as one batch share a key of that name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RENAMED = {"model": "local", "plain": "builtin"}


def upgrade() -> None:
    connection = op.get_bind()
    op.drop_index("jobs_alike", "jobs")
    op.execute("ALTER TABLE jobs RENAME COLUMN alike TO batch_key")
    op.create_index("jobs_by_batch_key", "jobs", ["batch_key", "state", "owner_id", "id"])
    for table in ("jobs", "lines", "shares"):
        if connection.dialect.name == "postgresql":
            # SQLite keeps text of any length in any column.
            op.alter_column(table, "lane", type_=sa.String(64))
        lane: sa.ColumnClause[str] = sa.column("lane")
        for old, new in _RENAMED.items():
            op.execute(sa.update(sa.table(table, lane)).where(lane == old).values(lane=new))

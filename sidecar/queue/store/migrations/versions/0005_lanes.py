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
    op.drop_index("jobs_alike", "jobs")
    op.execute("ALTER TABLE jobs RENAME COLUMN alike TO batch_key")
    op.create_index("jobs_by_batch_key", "jobs", ["batch_key", "state", "owner_id", "id"])
    for name in ("jobs", "lines", "shares"):
        with op.batch_alter_table(name) as batch:
            batch.alter_column("lane", type_=sa.String(64), existing_nullable=False)
        table = sa.table(name, sa.column("lane", sa.String))
        for old, new in _RENAMED.items():
            op.execute(sa.update(table).where(table.c.lane == old).values(lane=new))


def downgrade() -> None:
    for name in ("jobs", "lines", "shares"):
        table = sa.table(name, sa.column("lane", sa.String))
        for old, new in _RENAMED.items():
            op.execute(sa.update(table).where(table.c.lane == new).values(lane=old))
        with op.batch_alter_table(name) as batch:
            batch.alter_column("lane", type_=sa.String(8), existing_nullable=False)
    op.drop_index("jobs_by_batch_key", "jobs")
    op.execute("ALTER TABLE jobs RENAME COLUMN batch_key TO alike")
    op.create_index("jobs_alike", "jobs", ["alike", "state", "owner_id", "id"])

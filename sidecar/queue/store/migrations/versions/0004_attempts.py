"""Failures apart from attempts that the server cut short, and what is owed for calls that were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NEW = (
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent", sa.Boolean, nullable=False, server_default=sa.false()),
)


def upgrade() -> None:
    for column in _NEW:
        op.add_column("jobs", column)


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        for column in _NEW:
            table.drop_column(column.name)

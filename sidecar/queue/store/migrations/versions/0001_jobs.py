"""The table of jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("capability_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("caller_id", sa.BigInteger, nullable=False),
        sa.Column("this_id", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.String(128)),
        sa.Column("model_id", sa.String(512), nullable=False),
        sa.Column("task", sa.JSON, nullable=False),
        sa.Column("save", sa.JSON),
        sa.Column("compute", sa.Float, nullable=False),
        sa.Column("total_steps", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("started", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("work_seconds", sa.Float, nullable=False),
        sa.Column("images", sa.JSON, nullable=False),
        sa.Column("failure", sa.JSON),
        sa.UniqueConstraint("capability_id", "request_id"),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "id"])
    op.create_index("jobs_by_owner", "jobs", ["owner_id", "id"])


def downgrade() -> None:
    op.drop_table("jobs")

"""The fair queue, the ledger, batches, the memory of pictures, templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEW = (
    sa.Column("batch_id", sa.String(32)),
    sa.Column("batch_index", sa.Integer),
    sa.Column("lane", sa.String(8), nullable=False, server_default="model"),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("ready_at", sa.Float, nullable=False, server_default="0"),
    sa.Column("deadline", sa.Float),
    sa.Column("holds", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("alike", sa.String(64)),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("runner", sa.String(64)),
    sa.Column("lease_until", sa.Float),
    sa.Column("money", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("compute_spent", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("money_spent", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("answered_by", sa.String(32)),
)


def upgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        for column in _NEW:
            table.add_column(column)
    # Megapixel-steps as a fraction become whole pixel-steps, so that sums are exact.
    op.execute("UPDATE jobs SET compute = round(compute * 1000000)")
    op.execute("UPDATE jobs SET lane = 'plain' WHERE model_id = ''")
    op.execute("UPDATE jobs SET compute_spent = compute WHERE state = 'succeeded'")
    with op.batch_alter_table("jobs") as table:
        table.alter_column("compute", type_=sa.BigInteger, existing_type=sa.Float, existing_nullable=False)
        for name, kind in (("lane", sa.String(8)), ("priority", sa.Integer), ("ready_at", sa.Float), ("holds", sa.JSON),
                           ("money", sa.BigInteger), ("compute_spent", sa.BigInteger),
                           ("money_spent", sa.BigInteger), ("warnings", sa.JSON)):  # fmt: skip
            table.alter_column(name, server_default=None, existing_type=kind, existing_nullable=False)
    op.create_index("jobs_by_capability", "jobs", ["capability_id", "id"])
    op.create_index("jobs_by_batch", "jobs", ["batch_id", "batch_index"])
    op.create_index("jobs_by_end", "jobs", ["ended"])
    op.create_index("jobs_in_line", "jobs", ["state", "lane", "owner_id", "priority", "id"])
    op.create_index("jobs_by_model", "jobs", ["state", "lane", "model_id", "owner_id", "priority", "id"])
    op.create_index("jobs_alike", "jobs", ["alike", "state", "owner_id", "id"])
    op.create_index("jobs_by_deadline", "jobs", ["state", "deadline"])
    op.create_index("jobs_by_ready", "jobs", ["ready_at"])
    op.create_index("jobs_by_fingerprint", "jobs", ["fingerprint", "state"])
    op.create_table(
        "lines",
        sa.Column("lane", sa.String(8), primary_key=True),
        sa.Column("priority", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True),
        sa.Column("model_id", sa.String(512), primary_key=True),
        sa.Column("waiting", sa.Integer, nullable=False),
    )
    op.create_table(
        "shares",
        sa.Column("lane", sa.String(8), primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True),
        sa.Column("served", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(96), primary_key=True),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("session", sa.String(32), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("compute", sa.BigInteger, nullable=False),
        sa.Column("money", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    op.create_index("ledger_by_account", "ledger", ["account", "created"])
    op.create_index("ledger_by_time", "ledger", ["created"])
    op.create_table(
        "balances",
        sa.Column("account", sa.String(96), primary_key=True),
        sa.Column("period", sa.String(48), primary_key=True),
        sa.Column("compute", sa.BigInteger, nullable=False),
        sa.Column("money", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("on_error", sa.String(8), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "images",
        sa.Column("ref", sa.String(80), primary_key=True),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("role", sa.String(64), primary_key=True),
        sa.Column("ref", sa.String(80), nullable=False),
    )
    op.create_index("job_inputs_by_ref", "job_inputs", ["ref"])
    op.create_table(
        "history",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("image_index", sa.Integer, primary_key=True),
        sa.Column("ref", sa.String(80), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("task", sa.JSON, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_index("history_by_ref", "history", ["ref"])
    op.create_table(
        "models_cache",
        sa.Column("model_id", sa.String(512), primary_key=True),
        sa.Column("device", sa.String(32), primary_key=True),
        sa.Column("jobs", sa.Integer, nullable=False),
        sa.Column("compute", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "templates",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("updated", sa.Float, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("template", sa.String(128), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("jobs", sa.JSON, nullable=False),
        sa.Column("failure", sa.JSON),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
    )
    op.create_index("runs_by_state", "runs", ["state"])
    _remember_what_is_there()


def _remember_what_is_there() -> None:
    """Inputs, pictures and history of the jobs that an earlier version left."""
    connection = op.get_bind()
    metadata = sa.MetaData()
    jobs, inputs, images, history = (
        sa.Table(name, metadata, autoload_with=connection)
        for name in ("jobs", "job_inputs", "images", "history")
    )
    known: set[str] = set()
    old = connection.execute(
        sa.select(jobs.c.id, jobs.c.method, jobs.c.task, jobs.c.images, jobs.c.created, jobs.c.ended)
    ).all()
    for row in old:
        roles = _inputs(row.task)
        if roles:
            connection.execute(
                sa.insert(inputs),
                [{"job_id": row.id, "role": role, "ref": ref} for role, ref in roles.items()],
            )
        for index, image in enumerate(row.images):
            made = row.ended or row.created
            connection.execute(
                sa.insert(history).values(job_id=row.id, image_index=index, ref=image["ref"], method=row.method,
                                          task=row.task, inputs=roles, created=made)
            )  # fmt: skip
            if image["ref"] not in known:
                known.add(image["ref"])
                facts = {name: image[name] for name in ("ref", "format", "width", "height", "size")}
                connection.execute(sa.insert(images).values(**facts, created=made))


def _inputs(task: dict[str, object]) -> dict[str, str]:
    """Roles and references in a task as revision 0002 wrote them: pictures, controls, overlays."""
    found = {name: str(task[name]) for name in ("image", "mask") if task.get(name)}
    for name, role, key in (("controls", "control", "image"), ("operations", "overlay", "overlay")):
        items = task.get(name)
        refs = [item[key] for item in items if key in item] if isinstance(items, list) else []
        found |= {f"{role}_{place}": ref for place, ref in enumerate(refs)}
    return found


def downgrade() -> None:
    for name in ("runs", "templates", "models_cache", "history", "job_inputs", "images", "batches", "balances",
                 "ledger", "shares", "lines"):  # fmt: skip
        op.drop_table(name)
    for name in ("jobs_by_fingerprint", "jobs_by_ready", "jobs_by_deadline", "jobs_alike", "jobs_by_model", "jobs_in_line", "jobs_by_end",
                 "jobs_by_batch", "jobs_by_capability"):  # fmt: skip
        op.drop_index(name, "jobs")
    with op.batch_alter_table("jobs") as table:
        for column in _NEW:
            table.drop_column(column.name)
        table.alter_column("compute", type_=sa.Float, existing_type=sa.BigInteger, existing_nullable=False)
    op.execute("UPDATE jobs SET compute = compute / 1000000.0")

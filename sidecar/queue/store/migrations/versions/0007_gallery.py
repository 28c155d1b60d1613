"""What pictures are looked for by: the words of their prompts, model and seed; and who had the newest of them made."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEXES = {
    "history_by_time": ["created", "job_id", "image_index"],
    "history_by_owner": ["world", "owner_id", "created", "job_id", "image_index"],
    "history_by_caller": ["world", "caller_id", "created", "job_id", "image_index"],
}
_LARGEST = 2**63 - 1


def upgrade() -> None:
    op.add_column("history", sa.Column("words", sa.Text, nullable=False, server_default=""))
    op.add_column("history", sa.Column("model_id", sa.String(512), nullable=False, server_default=""))
    op.add_column("history", sa.Column("seed", sa.BigInteger))
    _fill()
    for name, columns in _INDEXES.items():
        op.create_index(name, "history", columns)


def _fill() -> None:
    """From the tasks of the rows that are there; one that cannot be read is found by nothing of this."""
    history = sa.table(
        "history", sa.column("job_id"), sa.column("image_index"), sa.column("task"), sa.column("words"),
        sa.column("model_id"), sa.column("seed"),
    )  # fmt: skip
    bind = op.get_bind()
    text = sa.cast(history.c.task, sa.Text).label("task")
    change = (
        sa.update(history)
        .where(
            history.c.job_id == sa.bindparam("its_job"), history.c.image_index == sa.bindparam("its_index")
        )
        .values(
            words=sa.bindparam("its_words"), model_id=sa.bindparam("its_model"), seed=sa.bindparam("its_seed")
        )
    )
    rows = bind.execute(sa.select(history.c.job_id, history.c.image_index, text)).all()
    changes = [_values(*row) for row in rows]
    for start in range(0, len(changes), 1000):
        bind.execute(change, changes[start : start + 1000])


def _values(job_id: str, index: int, text: Any) -> dict[str, Any]:
    try:
        task = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        task = None
    if not isinstance(task, dict):
        task = {}
    prompt, model, seed = task.get("prompt"), task.get("model_id"), task.get("seed")
    its_seed = None
    # Where there is a prompt, the picture was drawn at random.
    if isinstance(prompt, str) and isinstance(seed, int) and 0 <= seed + index <= _LARGEST:
        its_seed = seed + index
    return {
        "its_job": job_id,
        "its_index": index,
        "its_words": prompt.casefold() if isinstance(prompt, str) else "",
        "its_model": model[:512] if isinstance(model, str) else "",
        "its_seed": its_seed,
    }


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "history")
    for name in ("words", "model_id", "seed"):
        op.drop_column("history", name)

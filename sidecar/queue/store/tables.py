"""The tables of the job database, and the way to their newest revision: SQLAlchemy Core and Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

HEAD = "0007"
"""The revision of the tables below; the newest file in migrations/versions."""

METADATA = sa.MetaData()

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("method", sa.String(64), nullable=False),
    sa.Column("capability_id", sa.String(64), nullable=False),
    # Whose it is: an entity of a world. What a signed statement said of the capability is kept with the job.
    sa.Column("world", sa.String(32), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("rights", sa.JSON),
    sa.Column("caller_id", sa.BigInteger, nullable=False),
    sa.Column("this_id", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.String(128)),
    sa.Column("awaited", sa.Boolean, nullable=False),
    sa.Column("batch_id", sa.String(32)),
    sa.Column("batch_index", sa.Integer),
    sa.Column("model_id", sa.String(512), nullable=False),
    sa.Column("task", sa.JSON, nullable=False),
    sa.Column("save", sa.JSON),
    sa.Column("total_steps", sa.Integer, nullable=False),
    # When and in which order it is run.
    sa.Column("lane", sa.String(64), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("ready_at", sa.Float, nullable=False),
    sa.Column("deadline", sa.Float),
    sa.Column("holds", sa.JSON, nullable=False),
    sa.Column("batch_key", sa.String(64)),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("runner", sa.String(64)),
    sa.Column("lease_until", sa.Float),
    # What it costs: pixel-steps (a millionth of a megapixel-step) and millionths of the currency.
    sa.Column("compute", sa.BigInteger, nullable=False),
    sa.Column("money", sa.BigInteger, nullable=False),
    sa.Column("owed", sa.BigInteger, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False),
    sa.Column("compute_spent", sa.BigInteger, nullable=False),
    sa.Column("money_spent", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("work_seconds", sa.Float, nullable=False),
    sa.Column("images", sa.JSON, nullable=False),
    sa.Column("answered_by", sa.String(32)),
    sa.Column("failure", sa.JSON),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.UniqueConstraint("world", "capability_id", "request_id"),
    sa.Index("jobs_by_state", "state", "id"),
    sa.Index("jobs_by_owner", "world", "owner_id", "id"),
    sa.Index("jobs_by_capability", "capability_id", "id"),
    sa.Index("jobs_by_batch", "batch_id", "batch_index"),
    sa.Index("jobs_by_end", "ended"),
    sa.Index("jobs_in_line", "state", "lane", "world", "owner_id", "priority", "id"),
    sa.Index("jobs_by_model", "state", "lane", "model_id", "world", "owner_id", "priority", "id"),
    sa.Index("jobs_by_batch_key", "batch_key", "state", "world", "owner_id", "id"),
    sa.Index("jobs_by_deadline", "state", "deadline"),
    sa.Index("jobs_by_ready", "ready_at"),
    sa.Index("jobs_by_fingerprint", "fingerprint", "state"),
)

LINES = sa.Table(
    "lines",
    METADATA,
    sa.Column("lane", sa.String(64), primary_key=True),
    sa.Column("priority", sa.Integer, primary_key=True),
    sa.Column("world", sa.String(32), primary_key=True),
    sa.Column("owner_id", sa.BigInteger, primary_key=True),
    sa.Column("model_id", sa.String(512), primary_key=True),
    sa.Column("waiting", sa.Integer, nullable=False),
)
"""How many jobs each owner has waiting for each model, so that choosing one need not look at them all."""

SHARES = sa.Table(
    "shares",
    METADATA,
    sa.Column("lane", sa.String(64), primary_key=True),
    sa.Column("world", sa.String(32), primary_key=True),
    sa.Column("owner_id", sa.BigInteger, primary_key=True),
    sa.Column("served", sa.BigInteger, nullable=False),
)
"""The compute that each owner has had in a lane; the row of owner 0 in no world is the lane's clock."""

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(128), primary_key=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("session", sa.String(32), nullable=False),
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("compute", sa.BigInteger, nullable=False),
    sa.Column("money", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Index("ledger_by_account", "account", "created"),
    sa.Index("ledger_by_time", "created"),
)
"""What each job, or purchase without one, has reserved, or, once settled, spent: one row for every account that pays."""

BALANCES = sa.Table(
    "balances",
    METADATA,
    sa.Column("account", sa.String(128), primary_key=True),
    sa.Column("period", sa.String(48), primary_key=True),
    sa.Column("compute", sa.BigInteger, nullable=False),
    sa.Column("money", sa.BigInteger, nullable=False),
)
"""The sums of the ledger by account and period, kept up in the same transaction."""

BATCHES = sa.Table(
    "batches",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("on_error", sa.String(8), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("world", sa.String(32), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
)

IMAGES = sa.Table(
    "images",
    METADATA,
    sa.Column("ref", sa.String(80), primary_key=True),
    sa.Column("format", sa.String(8), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)
"""Every picture that a job made."""

JOB_INPUTS = sa.Table(
    "job_inputs",
    METADATA,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("role", sa.String(64), primary_key=True),
    sa.Column("ref", sa.String(80), nullable=False),
    sa.Index("job_inputs_by_ref", "ref"),
)
"""The pictures that jobs begin with."""

HISTORY = sa.Table(
    "history",
    METADATA,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("image_index", sa.Integer, primary_key=True),
    sa.Column("ref", sa.String(80), nullable=False),
    sa.Column("method", sa.String(64), nullable=False),
    sa.Column("task", sa.JSON, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("world", sa.String(32), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("caller_id", sa.BigInteger, nullable=False),
    # What pictures are looked for by; `words` is the prompt without its capitals, `seed` empty where nothing was random.
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("model_id", sa.String(512), nullable=False),
    sa.Column("seed", sa.BigInteger),
    sa.Index("history_by_ref", "ref"),
    sa.Index("history_by_time", "created", "job_id", "image_index"),
    sa.Index("history_by_owner", "world", "owner_id", "created", "job_id", "image_index"),
    sa.Index("history_by_caller", "world", "caller_id", "created", "job_id", "image_index"),
)
"""How each picture came to be, and whose it is; kept when its job is removed."""

UPLOADS = sa.Table(
    "uploads",
    METADATA,
    sa.Column("ref", sa.String(80), primary_key=True),
    sa.Column("world", sa.String(32), primary_key=True),
    sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("created", sa.Float, nullable=False),
)
"""Who brought a picture here, or was given the result of another's work."""

KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("world", sa.String(32), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("label", sa.String(128), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("capabilities", sa.JSON, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float),
    sa.Column("last_used", sa.Float),
)
"""Credentials of clients: of each secret the hash only."""

REVOKED_RIGHTS = sa.Table(
    "revoked_rights",
    METADATA,
    sa.Column("world", sa.String(32), primary_key=True),
    sa.Column("capability_id", sa.String(64), primary_key=True),
    sa.Column("revoked", sa.Float, nullable=False),
)
"""Capabilities of worlds on other machines that hold no longer, whatever a statement says."""

MODELS_CACHE = sa.Table(
    "models_cache",
    METADATA,
    sa.Column("model_id", sa.String(512), primary_key=True),
    sa.Column("device", sa.String(32), primary_key=True),
    sa.Column("jobs", sa.Integer, nullable=False),
    sa.Column("compute", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)
"""How fast each model has been here, for estimates of time."""

TEMPLATES = sa.Table(
    "templates",
    METADATA,
    sa.Column("world", sa.String(32), primary_key=True),
    sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("updated", sa.Float, nullable=False),
)

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("world", sa.String(32), nullable=False),
    sa.Column("owner_id", sa.BigInteger, nullable=False),
    sa.Column("template", sa.String(128), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("context", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("jobs", sa.JSON, nullable=False),
    sa.Column("failure", sa.JSON),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sa.Index("runs_by_state", "state"),
)
"""Templates that are being worked through, step by step."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision. Alembic is imported only when there is something to do: it takes a while."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def is_current(connection: Connection) -> bool:
    """Whether the tables are at their newest revision."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == HEAD

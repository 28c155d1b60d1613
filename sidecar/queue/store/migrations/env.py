"""Alembic's entry point; the connection comes from `sidecar.jobs.tables`."""

from __future__ import annotations

from alembic import context

from sidecar.queue.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()

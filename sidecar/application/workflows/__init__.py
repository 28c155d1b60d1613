"""Workflow templates and their runs."""

from __future__ import annotations

from sidecar.application.workflows.runs import run_of
from sidecar.application.workflows.saved_templates import saved_of
from sidecar.queue.store.tables import RUNS, TEMPLATES

ROW_READERS = {RUNS: run_of, TEMPLATES: saved_of}
"""What reads the rows that are written here, for those who check the database."""

"""Fixtures of the queue's tests."""

from __future__ import annotations

from tests.queue.stores import jobs
from tests.queue.worked_store import store, worked

__all__ = ["jobs", "store", "worked"]

"""Fixtures of the queue's tests."""

from __future__ import annotations

from tests.queue.stores import jobs

__all__ = ["jobs"]

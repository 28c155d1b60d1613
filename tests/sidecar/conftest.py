"""Fixtures of the sidecar's tests."""

from __future__ import annotations

from tests.sidecar.databases import place, postgres
from tests.sidecar.stores import jobs

__all__ = ["jobs", "place", "postgres"]

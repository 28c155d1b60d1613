"""Fixtures of the sidecar's tests."""

from __future__ import annotations

from tests.sidecar.databases import place, postgres

__all__ = ["place", "postgres"]

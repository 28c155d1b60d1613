"""Fixtures of the application's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import InProcess, in_process


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def here(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[InProcess]:
    """The use cases on one fake engine, which a test may tell what to do."""
    async with in_process(tmp_path, [engine]) as working:
        yield working

"""Fixtures: tiny models, and a real server with a real engine process, shared where a test leaves it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.testing import tiny_models
from sidecar.testing.server import Sidecar, started
from tests.databases import place, postgres

__all__ = ["place", "postgres"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the pipeline `sd`."""
    root = tmp_path_factory.mktemp("models")
    tiny_models.stable_diffusion(root / "sd")
    return root


@pytest.fixture(scope="session")
async def sidecar(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server that all tests share; they may add to it, but must not break it."""
    async with started(tiny, tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture(scope="session")
def icons_sidecar(sidecar: Sidecar) -> Sidecar:
    """The shared server, for what needs the embedded model."""
    return sidecar

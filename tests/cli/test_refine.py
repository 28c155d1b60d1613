"""Prompts refined from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.testing.server import Sidecar
from tests.cli.test_cli import Terminal


@pytest.fixture
def terminal(sidecar: Sidecar, tmp_path: Path) -> Terminal:
    return Terminal(sidecar, tmp_path)


async def test_refines_a_prompt(terminal: Terminal) -> None:
    shown = await terminal.run("refine", "a sword")
    assert shown.startswith("a sword, the subject centered")
    assert "refined by rules" in shown
    refined = await terminal.json("refine", "a sword", "--model", "rules")
    assert (refined["prompt"], refined["refined_by"]) == (shown.splitlines()[0], "rules")
    assert "'prompt' is empty" in await terminal.run("refine", " ", status=1)
    assert json.loads(await terminal.run("call", "refinePrompt", "a sword"))["refinedBy"] == "rules"

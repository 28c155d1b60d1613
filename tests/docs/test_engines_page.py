"""The table of what each engine can do says what the engines do."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


async def test_the_table_is_what_the_checks_find() -> None:
    made = runpy.run_path(str(DOCS / "make_engines.py"))["made"]
    assert await made() == (DOCS / "engines.md").read_text(), "run python docs/make_engines.py"

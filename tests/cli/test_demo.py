"""`viwo-imagegen demo`: the first thing that a newcomer runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from PIL import Image

from sidecar import child_process
from sidecar.demo import CELL, COLUMNS


def test_the_demo_shows_everything_and_leaves_its_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    done = subprocess.run(
        child_process.command("sidecar.cli", ["demo", "--out", str(folder)]),
        capture_output=True, text=True, check=False, env=child_process.environment(), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        rf"^demo ok: entity \d+ {re.escape(str(folder / 'picture.png'))}$", done.stdout, re.MULTILINE
    )
    for code in ("PERMISSION_DENIED: ", "nothing is lost: 4 versions are kept"):
        assert code in done.stdout
    sizes = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            sizes[path.name] = picture.size
    assert set(sizes) == {"picture.png", "transform.png", "filter.png", "composite.png", "contact-sheet.png"}
    assert sizes["picture.png"] == (128, 128)
    assert sizes["contact-sheet.png"][0] == COLUMNS * CELL

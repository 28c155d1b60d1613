"""The README's commands, run in order as they are written, in a fresh folder with a server of their own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PROGRAM = ".venv/bin/viwo-imagegen"
GO_ON = ("serve", "top")
"""Commands that go on until they are told to end."""


def commands(heading: str) -> list[str]:
    """The lines of the first block of commands under a heading."""
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return [line.partition("  #")[0].strip() for line in found[1].splitlines()]


def test_every_line_of_use_it_works(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "data"),
        "VIWO_IMAGEGEN_UNIX_SOCKET": str(tmp_path / "socket"),
    }
    program = str(Path(sys.executable).parent / "viwo-imagegen")
    going_on: list[subprocess.Popen[str]] = []
    lines = commands("Use it")
    assert len(lines) > 10
    try:
        for line in lines:
            words = [program if word == PROGRAM else word for word in shlex.split(line)]
            if words[1] in GO_ON:
                process = subprocess.Popen(
                    words,
                    cwd=tmp_path,
                    env=environment,
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
                going_on.append(process)
                assert process.stdout is not None
                # It shows something before it is ended.
                assert process.stdout.readline(), line
                continue
            done = subprocess.run(
                words, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    finally:
        for process in reversed(going_on):
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
    for name, size in {"apple.png": (512, 512), "ghost.png": (512, 512), "larger.png": (1024, 1024)}.items():
        with Image.open(tmp_path / name) as picture:
            assert picture.size == size
    assert len(list((tmp_path / "ghosts").glob("ghost-*.png"))) == 4
    assert len(list((tmp_path / "batch").glob("*.png"))) == 6


def test_every_file_that_it_links_is_there() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "deploy").glob("*.md"),
        *ROOT.glob("clients/*/*.md"),
    ]
    missing = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert missing == []

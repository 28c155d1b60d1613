"""Long work is shown where somebody watches, on standard error alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from entity_store.blobs import Blobs
from sidecar.testing.pictures import plain


def ran(words: list[str], folder: Path, *, watched: bool) -> tuple[int, str, str]:
    """Status, standard output, which goes to a pipe, and standard error, which goes to a terminal where it is watched."""
    environment = {
        **os.environ, "VIWO_IMAGEGEN_DATA_DIR": str(folder), "TERM": "xterm",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    outer, inner = pty.openpty() if watched else os.pipe()
    shown = bytearray()

    def read() -> None:
        try:
            while part := os.read(outer, 65536):
                shown.extend(part)
        except OSError:
            # So a terminal ends that nobody writes to any more.
            return

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        [sys.executable, "-m", "sidecar.cli", *words],
        env=environment, stdout=subprocess.PIPE, stderr=inner, check=False, text=True,
    )  # fmt: skip
    os.close(inner)
    reader.join()
    os.close(outer)
    return done.returncode, done.stdout, shown.decode()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    blobs = Blobs(folder)
    for side in range(8, 16):
        blobs.put(plain(side, side))
    return folder


def test_whoever_watches_sees_how_far_it_is_and_a_program_gets_its_document(store: Path) -> None:
    status, told, shown = ran(["fsck", "--json"], store, watched=True)
    assert status == 0
    assert isinstance(json.loads(told), dict)
    assert "pictures" in shown
    assert "0:00:0" in shown
    assert ran(["fsck", "--json"], store, watched=False)[2] == ""


def test_a_backup_is_shown(store: Path, tmp_path: Path) -> None:
    status, told, shown = ran(["backup", str(tmp_path / "all.tar")], store, watched=True)
    assert status == 0
    assert "pictures" in shown
    assert "all.tar" in told
    assert "pictures" not in told


def test_an_import_is_shown(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(4)}, tmp_path / "weights.pth")
    words = ["models", "import", str(tmp_path / "weights.pth"), str(tmp_path / "models"), "--json"]
    status, told, shown = ran(words, tmp_path, watched=True)
    assert status == 0
    assert "importing weights.pth" in shown
    assert Path(json.loads(told)["path"]).is_file()

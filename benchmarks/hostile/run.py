"""Runs everything hostile against a server, and counts what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.hostile import archives, folders
from benchmarks.hostile.calls import Calls
from benchmarks.hostile.trial import KINDS, Trial
from sidecar.testing.process import Served, served

MOST_MEMORY = 600
"""Megabytes above idle that the server may take at its worst."""


async def hostile() -> dict[str, Any]:
    """Crashes, hangs over 5 s, INTERNAL answers, code run and files touched outside, of everything tried."""
    trial = Trial()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        canaries, outside = root / "canaries", root / "outside"
        canaries.mkdir()
        outside.mkdir()
        (outside / "secret").write_text("nobody else's")
        before = _state(outside)
        for place in (root / "poison", root / "data"):
            folders.poison(place, canaries)
        folders.model_folders(root / "models", canaries)
        folders.poison(root / "models" / "poison", canaries)
        (root / "data").chmod(0o700)
        command = [str(Path(sys.executable).with_name("viwo-imagegen")), "serve", "--port", "0"]
        environment = {"VIWO_IMAGEGEN_MODEL_DIRS": f'["{root / "models"}"]'}
        async with served(
            folder=str(root / "data"), cwd=str(root / "poison"), command=command, **environment
        ) as sidecar:
            await sidecar.wait_ready()
            idle = _memory(sidecar, "VmRSS")
            await Calls(sidecar, trial).all(root / "data")
            peak = _memory(sidecar, "VmHWM")
            if sidecar.process.returncode is not None:
                trial.count("crashes", f"the server ended with {sidecar.process.returncode}")
            await _stops(sidecar, trial)
        await archives.restore(trial, root)
        await archives.import_weights(trial, root, canaries)
        for path in canaries.iterdir():
            trial.count("code_run", path.name)
        if _state(outside) != before or sorted(path.name for path in outside.iterdir()) != ["secret"]:
            trial.count("files_touched", str(sorted(path.name for path in outside.iterdir())))
    counts = {kind: len(trial.found[kind]) for kind in KINDS}
    return {
        "value": sum(counts.values()) + (peak - idle > MOST_MEMORY),
        "unit": "crashes + hangs + INTERNAL + code run + files touched outside",
        "n": trial.tried,
        "better": "lower",
        "baseline": 0,
        **counts,
        "server_idle_mb": round(idle),
        "server_peak_above_idle_mb": round(peak - idle),
        "found": {kind: found for kind, found in trial.found.items() if found},
    }


async def _stops(sidecar: Served, trial: Trial) -> None:
    """SIGTERM ends the server whatever was done to it."""
    sidecar.process.terminate()
    try:
        async with asyncio.timeout(20):
            await sidecar.process.wait()
    except TimeoutError:
        trial.count("hangs", "SIGTERM did not end the server")
        sidecar.process.kill()


def _state(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _memory(sidecar: Served, what: str) -> float:
    """Of the server process, in megabytes: VmRSS now, VmHWM at its worst."""
    status = Path(f"/proc/{sidecar.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1000

"""Weights made safe to load, in a process of their own: the command line does without torch."""

from __future__ import annotations

import subprocess
from pathlib import Path

from capabilities.errors import FailedPrecondition
from sidecar import child_process
from sidecar.cli.progress import byte_bar

_LOOK_AGAIN = 0.2
"""Seconds between two looks at how much is written."""


def imported(file: Path, to: Path) -> str:
    """What was written where. Raises FailedPrecondition for a file that cannot be read as weights."""
    process = subprocess.Popen(
        child_process.command("sidecar.engines.local.importer", [str(file.absolute()), str(to.absolute())]),
        cwd=child_process.folder(), env=child_process.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process, byte_bar(f"importing {file.name}") as tell:
        size = file.stat().st_size if file.is_file() else 0
        while True:
            try:
                words, complaint = process.communicate(timeout=_LOOK_AGAIN)
                break
            except subprocess.TimeoutExpired:
                if written := _written(to):
                    tell(min(written, size), size)
            except BaseException:
                process.kill()
                raise
    if process.returncode == 0:
        return words.strip()
    if process.returncode < 0:
        complaint = f"{file} cannot be read as weights: reading it took too much time or memory and was ended"
    raise FailedPrecondition(
        complaint.strip() or f"{file} cannot be read as weights",
        reason="BAD_MODEL_FILE",
        field="file",
        asked=file.name,
    )


def _written(folder: Path) -> int:
    """Bytes of the file that is being written; the importer gives it its name when it is whole."""
    try:
        return max((path.stat().st_size for path in folder.glob(".import-*/weights")), default=0)
    except OSError:
        return 0

"""Folders and files that belong to the user who runs the sidecar, and to nobody else."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

_SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; it makes them with the database's own mode, but not those that are there."""


def private_folder(path: Path) -> None:
    """Make a folder with mode 0700, or give one that is ours that mode; what lies above it stays as it is.

    Raises OSError where the folder cannot be made.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _restrict(path, 0o700)


def private_database(path: Path) -> None:
    """Make an empty database file with mode 0600 before SQLite does with another; one that is ours gets that mode.

    Raises OSError where the file cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for name in (path.name, *(path.name + suffix for suffix in _SIDE_FILES)):
        with contextlib.suppress(FileNotFoundError):
            _restrict(path.with_name(name), 0o600)


def _restrict(path: Path, mode: int) -> None:
    """Take away what a mode does not allow; only the owner can, and Windows has no such modes."""
    if os.name == "nt":
        return
    status = path.stat()
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & ~mode:
        path.chmod(mode)

"""One piece of maintenance at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from capabilities.errors import FailedPrecondition
from entity_store.blobs import Blobs

PATIENCE = 600.0
"""Seconds to wait for another piece of upkeep."""


@contextlib.contextmanager
def maintenance_lock(blobs: Blobs) -> Iterator[None]:
    """One piece of upkeep at a time: a backup must not lose what is being removed. Raises FailedPrecondition where
    another does not end."""
    lock = FileLock(blobs.folder / "upkeep.lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise FailedPrecondition(
            f"another backup, gc or fsck has been at work on {blobs.folder} for {PATIENCE:g} s; wait until it has ended, and "
            "try again",
            reason="UPKEEP_RUNNING",
            field="data_dir",
            limit="one at a time",
            asked=str(blobs.folder),
        ) from None
    try:
        yield
    finally:
        lock.release()

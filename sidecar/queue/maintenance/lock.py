"""One piece of maintenance at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock

from entity_store.blobs import Blobs


@contextlib.contextmanager
def maintenance_lock(blobs: Blobs) -> Iterator[None]:
    """One piece of upkeep at a time: a backup must not lose what is being removed."""
    lock = FileLock(blobs.folder / "upkeep.lock")
    with lock.acquire(timeout=600):
        yield

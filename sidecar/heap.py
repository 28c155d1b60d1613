"""The heaps of the C library, which keep what was freed."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

TRIM_EVERY = 10.0


class Returned:
    """Gives memory that was freed back to the system now and then.

    The C library keeps it in its heaps, one for each thread; jobs of many sizes would leave them ever fuller of holes.
    """

    def __init__(self) -> None:
        self._trim: Any = None
        self._last = time.monotonic()
        if sys.platform == "linux":
            # Only glibc has it.
            self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def __call__(self) -> None:
        if self._trim is not None and time.monotonic() - self._last >= TRIM_EVERY:
            self._trim(0)
            self._last = time.monotonic()

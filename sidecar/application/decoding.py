"""Work that decodes pictures, in threads of its own: so few at a time that their pixels fit into memory."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class DecodingThreads:
    """At most so many calls decode at a time; others wait in the order in which they came."""

    def __init__(self, most: int) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="decoding")

    async def run(self, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """What `work` answers or raises. A call that goes away while it waits is never begun."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(context.run, work, *arguments, **named)
        )

    def close(self) -> None:
        """Begin nothing more; what runs goes on to its end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

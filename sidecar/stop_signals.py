"""SIGTERM and SIGINT, heard whatever the server is doing.

asyncio hears a signal when its loop comes round. A loop that is held up would never end the process, so a thread of its
own listens: the C handler of Python writes each signal's number into a socket, whichever code is running.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

LONGEST_STOP = 20.0
"""Seconds from the first signal after which the process ends in any case; what it leaves is taken up at the next start."""


@contextlib.contextmanager
def stop_signals(stop: Callable[[], None], longest: float = LONGEST_STOP) -> Iterator[None]:
    """Calls `stop` in another thread at the first signal. A second one ends the process at once, as does the time.

    Belongs to the main thread; in any other, signals are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    waked_before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    heard = threading.Event()
    listener = threading.Thread(
        target=_listen, args=(ours, theirs, heard, stop, longest), name="signals", daemon=True
    )
    listener.start()
    try:
        yield
    finally:
        # Once told to stop, it listens on until the process is gone: threads that hang could still keep that from ending.
        if not heard.is_set():
            signal.set_wakeup_fd(waked_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            theirs.close()
            listener.join()
            ours.close()


def _listen(
    ours: socket.socket,
    theirs: socket.socket,
    heard: threading.Event,
    stop: Callable[[], None],
    longest: float,
) -> None:
    """`theirs` is held so that it stays open as long as this thread listens."""
    if not _signal(ours):
        return
    heard.set()
    stop()
    ours.settimeout(longest)
    try:
        number = _signal(ours)
    except TimeoutError:
        _end(f"not stopped {longest:g} seconds after it was told to; ending", 1)
    else:
        if number:
            _end("told to stop a second time; ending at once", 128 + number)


def _signal(ours: socket.socket) -> int:
    """The next signal that somebody sent to stop us; 0 where nobody listens any more."""
    while data := ours.recv(1):
        if data[0] in (signal.SIGINT, signal.SIGTERM):
            return data[0]
    return 0


def _end(words: str, status: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"viwo-imagegen: {words}", file=sys.stderr, flush=True)
    os._exit(status)

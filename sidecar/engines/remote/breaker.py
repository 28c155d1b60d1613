"""A circuit breaker: a server that fails again and again is left alone for a while, then asked once."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

TRIES = 5
"""Faults of the server in a row after which it is left alone."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds; each pause that did not help is followed by one twice as long."""


class BreakerState(enum.StrEnum):
    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """None does."""
    HALF_OPEN = "half_open"
    """One does, to see."""


class Breaker:
    """Belongs to the event loop's thread. Every call that `enter` let through ends in `succeeded` or `failed`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._faults = 0
        self._pause = FIRST_PAUSE
        self._open_until = 0.0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        if self._faults < TRIES:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock() < self._open_until else BreakerState.HALF_OPEN

    @property
    def opens_in(self) -> float:
        """Seconds until a call may go through; 0 where one may now."""
        return max(0.0, self._open_until - self._clock()) if self._faults >= TRIES else 0.0

    def enter(self) -> bool:
        """Whether a call may go through now."""
        match self.state:
            case BreakerState.CLOSED:
                return True
            case BreakerState.OPEN:
                return False
            case BreakerState.HALF_OPEN:
                if self._probing:
                    return False
                self._probing = True
                return True

    def succeeded(self) -> None:
        """The server answered, whatever it said."""
        self._faults, self._pause, self._probing = 0, FIRST_PAUSE, False

    def failed(self) -> None:
        """It did not, or said that it is broken."""
        self._faults += 1
        if self._faults >= TRIES:
            self._open_until = self._clock() + self._pause
            if self._probing:
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
        self._probing = False

    def gave_up(self) -> None:
        """Nobody knows: the caller did not wait for the end."""
        self._probing = False

"""How much callers may have going on at once: calls, bodies that are being received, bytes in memory, and time.

gRPC reads a message whole and tells its length only afterwards. So whoever sends a body first takes a turn, which
stands for the largest message there may be; when the message is there, its real size counts instead of the turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc

from capabilities.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted
from capabilities.imaging.decode import DEFAULT_LIMITS

MEGABYTE = 1024 * 1024
MAX_PICTURE = DEFAULT_LIMITS.max_bytes
MAX_MESSAGE = MAX_PICTURE * 11 // 8
"""Largest message that is received: a picture as base64 in JSON, which may have line breaks, and a prompt beside it."""
SMALL = 64 * 1024
"""Bytes of a message that is never refused for want of room: the limit on calls bounds those."""
WAIT = 10.0
"""Seconds that a call waits for its turn to send before it is refused."""
SLOW_FACTOR = 10
"""A stream may be sent for this many times as long as it may be idle."""
MAX_CALLERS = 10_000
"""Callers whose rate is remembered; the one that called longest ago is forgotten first, and begins again."""

OPEN_TURNS, OPEN_SECONDS, OPEN_CALLS, OPEN_WATCHES = 2, 2.0, 64, 16
"""What those who need no token may have going on: bodies, the seconds for one (and for a turn to send it), and calls."""

Context = Any


class Turns:
    """Turns to send a body: so many at once, at most half of them for one connection, first come first served."""

    def __init__(
        self, most: int, has_room: Callable[[int], bool] = lambda taken: True, wait: float = WAIT
    ) -> None:
        """`has_room` tells whether one more may begin beside so many; `wait` is in seconds."""
        self._wait = wait
        self._most = most
        self._share = max(1, most // 2)
        self._has_room = has_room
        self._taken: Counter[str] = Counter()
        self._total = 0
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    async def take(self, connection: str) -> None:
        """Raises ResourceExhausted where no turn comes in time."""
        if self._is_free(connection):
            self._begin(connection)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (connection, turn)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self._wait):
                await self._given(entry)
        except TimeoutError:
            raise ResourceExhausted(
                f"{self._most} calls are sending their messages already, {self._share} at most on one connection; "
                "try again later, or send fewer at a time",
                reason="TOO_MANY_BODIES",
                field="request",
                limit=f"{self._most} at a time, {self._share} on one connection",
                retry_after=1,
            ) from None

    async def _given(self, entry: tuple[str, asyncio.Future[None]]) -> None:
        connection, turn = entry
        try:
            await turn
        except asyncio.CancelledError:
            # It may have been given in the very moment in which the call stopped waiting for it.
            if turn.done() and not turn.cancelled():
                self.give_back(connection)
            else:
                self._waiting.remove(entry)
            raise

    def give_back(self, connection: str) -> None:
        self._total -= 1
        self._taken[connection] -= 1
        if not self._taken[connection]:
            del self._taken[connection]
        self.wake()

    def wake(self) -> None:
        """Let those begin for whom there is room by now."""
        if not self._waiting:
            return
        for entry in list(self._waiting):
            connection, turn = entry
            if not turn.done() and self._is_free(connection):
                self._waiting.remove(entry)
                self._begin(connection)
                turn.set_result(None)

    def _is_free(self, connection: str) -> bool:
        return (
            self._total < self._most and self._taken[connection] < self._share and self._has_room(self._total)
        )

    def _begin(self, connection: str) -> None:
        self._total += 1
        self._taken[connection] += 1


class Calls:
    """Counts the calls that are going on, in all and for each machine."""

    def __init__(self, most: int, most_of_peer: int) -> None:
        self._most = most
        self._most_of_peer = most_of_peer
        self._of_peer: Counter[str] = Counter()
        self._total = 0

    def enter(self, host: str) -> None:
        """Raises ResourceExhausted where there are too many."""
        in_all = self._total >= self._most
        if in_all or self._of_peer[host] >= self._most_of_peer:
            limit = f"{self._most} at a time" if in_all else f"{self._most_of_peer} at a time for one machine"
            raise ResourceExhausted(
                f"this server takes calls up to {limit}; wait for some of yours to end, then try again",
                reason="TOO_MANY_CALLS",
                field="max_calls" if in_all else "max_calls_per_peer",
                limit=limit,
                retry_after=1,
            )
        self._total += 1
        self._of_peer[host] += 1

    def leave(self, host: str) -> None:
        self._total -= 1
        self._of_peer[host] -= 1
        if not self._of_peer[host]:
            del self._of_peer[host]


class Rates:
    """A token bucket for each caller: a minute's worth at once, then evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str, method: str) -> None:
        """Raises ResourceExhausted, saying when to come back."""
        if not self._most:
            return
        now = self._clock()
        left, then = self._left.pop(caller, (float(self._most), now))
        left = min(float(self._most), left + (now - then) * self._most / 60)
        refused = left < 1
        self._left[caller] = (left if refused else left - 1, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        if refused:
            raise ResourceExhausted(
                f"{method} and other calls that make the server work without a job are limited to "
                f"{self._most} a minute for one caller (work_per_minute); try again later",
                reason="TOO_MANY_REQUESTS",
                field="work_per_minute",
                limit=f"{self._most} a minute",
                retry_after=(1 - left) * 60 / self._most,
            )


class Bodies:
    """Receives messages, within a budget of bytes and of time."""

    def __init__(self, budget: int, seconds: float) -> None:
        """`budget` in bytes; `seconds` for one message."""
        self._budget = budget
        self._seconds = seconds
        self._held = 0
        most = max(2, budget // MAX_MESSAGE)
        # One may always begin, so that calls with small messages go on when large ones fill the budget.
        self.turns = Turns(
            most, lambda taken: not taken or self._held + (taken + 1) * MAX_MESSAGE <= self._budget
        )
        self.streams = Turns(most)

    async def one(self, context: Context, connection: str) -> tuple[int, Any]:
        """The one message of a call, and its size.

        The size counts as held until `let_go`. Raises DeadlineExceeded where it does not come, ResourceExhausted where
        there is no room for it.
        """
        await self.turns.take(connection)
        try:
            size, message = await next_message(context, self._seconds)
            self.hold(size)
        finally:
            self.turns.give_back(connection)
        return size, message

    async def several(self, context: Context, told: Callable[[int], None]) -> AsyncIterator[Any]:
        """The messages of a stream; `told` hears the size of each, all of which count as held until they are let go."""
        begun = time.monotonic()
        while True:
            left = begun + self._seconds * SLOW_FACTOR - time.monotonic()
            got = await next_message(context, max(0.0, min(self._seconds, left)), more=True)
            if got is None:
                return
            self.hold(got[0])
            told(got[0])
            yield got[1]

    def hold(self, size: int) -> None:
        if size > SMALL and self._held + size > self._budget:
            raise ResourceExhausted(
                f"messages of {self._held // MEGABYTE} MiB are being worked on, of at most {self._budget // MEGABYTE} MiB "
                "(receive_budget_mib); try again later, or upload pictures once and name them by reference",
                reason="TOO_MANY_BYTES",
                field="request",
                limit=f"{self._budget} bytes",
                asked=f"{size} bytes",
                retry_after=1,
            )
        self._held += size

    def let_go(self, size: int) -> None:
        self._held -= size
        self.turns.wake()


async def next_message(context: Context, seconds: float, *, more: bool = False) -> Any:
    """The next message of a call as size and message; None at the end of a stream.

    Raises DeadlineExceeded where it does not come in time, InvalidArgument where a call ends without one.
    """
    try:
        async with asyncio.timeout(seconds):
            got = await context.read()
    except TimeoutError:
        raise DeadlineExceeded(
            f"the message did not come within {seconds:g} seconds (receive_seconds); send it at once, "
            "a large picture by BlobService.Upload in pieces",
            reason="BODY_TOO_SLOW",
            field="request",
            limit=f"{seconds:g} seconds",
        ) from None
    # The stubs do not know the mark of the end.
    if got is not grpc.aio.EOF:  # type: ignore[attr-defined]
        return got
    if more:
        return None
    raise InvalidArgument(
        "the call ended without a message; send exactly one", reason="NO_MESSAGE", field="request"
    )


@dataclass(frozen=True)
class Limits:
    """The limits of one server."""

    calls: Calls
    bodies: Bodies
    rates: Rates
    open_calls: Calls
    open_watches: Calls
    open_turns: Turns

    @classmethod
    def of(
        cls, *, max_calls: int, max_calls_per_peer: int, budget: int, seconds: float, work_per_minute: int
    ) -> Limits:
        return cls(
            Calls(max_calls, max_calls_per_peer),
            Bodies(budget, seconds),
            Rates(work_per_minute),
            Calls(OPEN_CALLS, OPEN_CALLS),
            Calls(OPEN_WATCHES, OPEN_WATCHES),
            Turns(OPEN_TURNS, wait=OPEN_SECONDS),
        )


WORK = frozenset(
    f"/viwo.imagegen.v1.{name}"
    for name in (
        "JobService/Estimate", "JobService/Export", "JobService/Import", "JobService/History",
        "BlobService/Upload", "BlobService/Describe", "EntityService/SaveImage", "EntityService/CallVerb",
        "EntityService/Install", "TemplateService/Save", "ModelService/Load", "ModelService/Unload", "ModelService/Pull",
    )
)  # fmt: skip
"""Methods that make the server work without a job, whose budgets and rates would bound it."""


def caller_of(request: Any, host: str) -> str:
    """Whose rate a request counts against: its capability's, or its machine's where it names none."""
    fields = getattr(request, "DESCRIPTOR", None)
    if fields is not None and "task" in fields.oneofs_by_name:
        kind = request.WhichOneof("task")
        request = getattr(request, kind) if kind else request
        fields = request.DESCRIPTOR
    if fields is not None and "context" in fields.fields_by_name:
        named = str(request.context.capability_id)
        if named:
            return f"capability {named[:100]}"
    return f"machine {host}"


def host_of(peer: str) -> str:
    """The machine of gRPC's name for a connection, `ipv4:127.0.0.1:51234` or `unix:`."""
    return peer if peer.startswith("unix") else peer.rpartition(":")[0]

"""What a fake can be told to do wrong, and when."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass


class Kind(enum.StrEnum):
    """A fault by its name. The first group is answered in the server's own words, the second happens to the connection,
    the third to the drawing."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    PAYMENT_REQUIRED = "payment_required"
    QUOTA_FORBIDDEN = "quota_forbidden"
    """The quota is used up, said with 403."""
    QUOTA = "quota"
    """The quota is used up, said with 429."""
    RATE_LIMITED = "rate_limited"
    """429 with Retry-After in seconds."""
    RATE_LIMITED_DATE = "rate_limited_date"
    """429 with Retry-After as an HTTP date."""
    CONTENT_REFUSED = "content_refused"
    MODEL_MISSING = "model_missing"
    BAD_REQUEST = "bad_request"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    """502 with a page of HTML, as a proxy says it."""
    UNAVAILABLE = "unavailable"
    """503 with a page of HTML."""

    HANG = "hang"
    """Answers nothing until it is released."""
    SLOW_BODY = "slow_body"
    """The answer comes in pieces, `seconds` apart."""
    GARBAGE = "garbage"
    """A body that is nothing, with the true status and headers."""
    TRUNCATED_JSON = "truncated_json"
    """Half of the body, as if that were all."""
    TRUNCATED_BODY = "truncated_body"
    """Half of the body that Content-Length promises, then the end of the connection."""
    ENDLESS = "endless"
    """An answer that does not end."""
    REDIRECT = "redirect"
    """307 to another host."""
    DROP_BEFORE = "drop_before"
    """The connection is reset, and nothing was done."""
    DROP_AFTER = "drop_after"
    """The connection is reset after the work was done, and charged."""

    TRUNCATED_PICTURE = "truncated_picture"
    GARBAGE_PICTURE = "garbage_picture"
    WRONG_SIZE = "wrong_size"
    OTHER_MODEL = "other_model"
    OTHER_SEED = "other_seed"
    STALE = "stale"
    """The picture of another prompt."""
    BLACK = "black"
    FAILS = "fails"
    """The drawing fails half-way, as the server words it."""
    STUCK = "stuck"
    """The drawing stops half-way until it is released or interrupted."""
    HOLD_START = "hold_start"
    """A job that the server has taken does not begin before it is released."""
    DIES = "dies"
    """The server's process ends half-way."""
    VANISHED = "vanished"
    """The server forgets the job when it is done."""
    QUEUE_FULL = "queue_full"
    SILENT_SOCKET = "silent_socket"
    """Nothing more is told over sockets."""


ANSWERED = frozenset(list(Kind)[: list(Kind).index(Kind.HANG)])
AT_CONNECTION = frozenset(list(Kind)[list(Kind).index(Kind.HANG) : list(Kind).index(Kind.TRUNCATED_PICTURE)])
AT_DRAWING = frozenset(Kind) - ANSWERED - AT_CONNECTION


@dataclass
class Fault:
    """One that waits for its moment."""

    fault: Kind
    route: str = ""
    """How the request's path begins; empty: any."""
    method: str = ""
    """The request's method; empty: any."""
    times: int = 1
    """How often it happens; 0: always."""
    after: int = 0
    """How many fitting requests, or drawings, go well before."""
    seconds: float = 0.02
    """The pause of `slow_body`, the Retry-After of `rate_limited`."""


class Faults:
    """Those that are set. The first that fits happens."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, told: Mapping[str, object]) -> None:
        """From JSON. Raises ValueError or TypeError where it is no fault."""
        self._waiting.append(Fault(**{**told, "fault": Kind(str(told["fault"]))}))  # type: ignore[arg-type]

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, kinds: frozenset[Kind], path: str, method: str = "") -> Fault | None:
        """The one that happens now, of these kinds; it is used up by that."""
        for fault in self._waiting:
            fits = fault.fault in kinds and path.startswith(fault.route) and fault.method in ("", method)
            if not fits:
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times == 1:
                self._waiting.remove(fault)
            fault.times -= fault.times > 0
            return fault
        return None

    def happens(self, kind: Kind, path: str) -> bool:
        """Whether this one happens now."""
        return self.take(frozenset({kind}), path) is not None

    def summary(self) -> list[dict[str, object]]:
        """What is told of them as JSON."""
        return [asdict(fault) for fault in self._waiting]

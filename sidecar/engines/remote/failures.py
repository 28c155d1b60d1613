"""What may go wrong with somebody else's image server: one taxonomy, and what each kind is for a caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from capabilities.errors import Code, brief
from sidecar.engines.events import Failed


@dataclass(frozen=True)
class _Meaning:
    """`retryable`: the same task may succeed when tried again, as far as nobody was charged."""

    code: Code
    retryable: bool = False


class FailureKind(enum.StrEnum):
    """The value is the reason that programs read, in lower case."""

    UNAUTHORIZED = "unauthorized"
    """The server does not accept the engine's key; only the operator can mend that."""
    QUOTA = "quota"
    """What was paid for is used up."""
    RATE_LIMITED = "rate_limited"
    CONTENT_REFUSED = "content_refused"
    """The server does not draw this prompt, or these pictures."""
    MODEL_MISSING = "model_missing"
    BAD_REQUEST = "bad_request"
    """The server does not take the task as it was sent."""
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    SERVER_ERROR = "server_error"
    BAD_ANSWER = "bad_answer"
    """The answer is not what the protocol says: garbage, cut off, too large, a redirect."""
    SUBSTITUTED = "substituted"
    """The server drew with another model, seed, scheduler or size than was asked, and said nothing."""


_MEANINGS = {
    FailureKind.UNAUTHORIZED: _Meaning(Code.FAILED_PRECONDITION),
    FailureKind.QUOTA: _Meaning(Code.RESOURCE_EXHAUSTED),
    FailureKind.RATE_LIMITED: _Meaning(Code.RESOURCE_EXHAUSTED, retryable=True),
    FailureKind.CONTENT_REFUSED: _Meaning(Code.INVALID_ARGUMENT),
    FailureKind.MODEL_MISSING: _Meaning(Code.FAILED_PRECONDITION),
    FailureKind.BAD_REQUEST: _Meaning(Code.INVALID_ARGUMENT),
    FailureKind.UNREACHABLE: _Meaning(Code.UNAVAILABLE, retryable=True),
    FailureKind.TIMEOUT: _Meaning(Code.UNAVAILABLE, retryable=True),
    FailureKind.SERVER_ERROR: _Meaning(Code.UNAVAILABLE, retryable=True),
    FailureKind.BAD_ANSWER: _Meaning(Code.UNAVAILABLE, retryable=True),
    FailureKind.SUBSTITUTED: _Meaning(Code.FAILED_PRECONDITION),
}

_NOTHING_BEGUN = frozenset(range(300, 500)) - {408} | {501, 503}
"""Statuses of an answer that costs nothing: what was asked was refused before anything was made."""

HOST_FAULTS = frozenset(
    {FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.SERVER_ERROR, FailureKind.BAD_ANSWER}
)
"""Kinds that say something of the server and not of the task: enough of them in a row, and it is left alone for a while."""


MAX_TOLD = 300
"""Characters of a limit, or of what was asked, that is kept: a server may have said it."""


class RemoteFailure(Exception):
    """A server did not do what it was asked.

    `field` is the task's field at fault, where one is; `retry_after` in seconds; `status` the HTTP status, 0 where there
    was no answer; `answer` the beginning of what it said; `was_sent`: the server may have read the request.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        field: str = "",
        limit: str = "",
        asked: str = "",
        retry_after: float | None = None,
        status: int = 0,
        answer: bytes = b"",
        was_sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.limit = limit
        self.asked = asked
        self.retry_after = retry_after
        self.status = status
        self.answer = answer
        self.was_sent = was_sent

    @property
    def was_refused(self) -> bool:
        """Whether the server surely did nothing: it was not reached, or said no before it began."""
        return not self.was_sent or self.status in _NOTHING_BEGUN

    @property
    def is_of_the_host(self) -> bool:
        """Whether it says something of the server and not of the task."""
        return self.kind in HOST_FAULTS

    def failed(self, engine: str, billed: int | None) -> Failed:
        """The end of a job of that engine; `billed` of its pictures have been charged for, or may have been."""
        meaning = _MEANINGS[self.kind]
        return Failed(
            meaning.code.value,
            f"the engine '{engine}': {brief(self.message, 600)}",
            f"ENGINE_{self.kind.upper()}",
            brief(self.field),
            brief(self.limit, MAX_TOLD),
            brief(self.asked, MAX_TOLD) or engine,
            retryable=meaning.retryable and not billed,
            retry_after=self.retry_after,
        )


def substituted(field: str, what: str, asked: object, used: object) -> RemoteFailure:
    """A server drew with another model, seed or scheduler than was asked for; `field` is the task's that asked."""
    return RemoteFailure(
        FailureKind.SUBSTITUTED,
        f"it drew with the {what} '{used}' where '{asked}' was asked for, and said nothing",
        field=field,
        limit=str(used),
        asked=str(asked),
    )

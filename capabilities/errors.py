"""The refusals a caller can meet, each with what was asked, what the limit is and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import ClassVar, Self, cast


class Code(enum.StrEnum):
    """Status names shared by gRPC, HTTP and in-world answers; the values are gRPC's own names."""

    CANCELLED = "CANCELLED"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    UNAUTHENTICATED = "UNAUTHENTICATED"


class Refusal(Exception):
    """A request that is answered with a reason instead of a result.

    ``field`` is the request field or capability parameter at fault, ``limit`` what is allowed and ``asked`` what
    came; both are short text made for people. ``reason`` is an UPPER_SNAKE_CASE constant for programs.
    ``retry_after`` is in seconds and only set where trying again can help.
    """

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        field: str = "",
        limit: str = "",
        asked: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code.value
        self.field = field
        self.limit = limit
        self.asked = asked
        self.retry_after = retry_after

    def spelled(self, names: Callable[[str], str]) -> Self:
        """The same with the field named as a surface writes it, also where the message quotes it.

        `names` answers the surface's spelling of a canonical path such as `loras[0].weight`, and any other as it is.
        """
        name = names(self.field)
        self.message = self.message.replace(f"'{self.field}'", f"'{name}'")
        self.args = (self.message,)
        self.field = name
        return self


class InvalidArgument(Refusal):
    code = Code.INVALID_ARGUMENT


class PermissionDenied(Refusal):
    code = Code.PERMISSION_DENIED


class NotFound(Refusal):
    code = Code.NOT_FOUND


class AlreadyExists(Refusal):
    code = Code.ALREADY_EXISTS


class FailedPrecondition(Refusal):
    code = Code.FAILED_PRECONDITION


class ResourceExhausted(Refusal):
    code = Code.RESOURCE_EXHAUSTED


class Unavailable(Refusal):
    code = Code.UNAVAILABLE


class Unimplemented(Refusal):
    code = Code.UNIMPLEMENTED


class Unauthenticated(Refusal):
    code = Code.UNAUTHENTICATED


class Canceled(Refusal):
    code = Code.CANCELLED


class DeadlineExceeded(Refusal):
    code = Code.DEADLINE_EXCEEDED


class InternalFault(Refusal):
    """A bug of ours; seen by a caller only when nothing better is known."""

    code = Code.INTERNAL


REFUSALS: dict[Code, type[Refusal]] = {
    kind.code: kind
    for kind in (
        InvalidArgument, PermissionDenied, NotFound, AlreadyExists, FailedPrecondition, ResourceExhausted,
        Unavailable, Unimplemented, Unauthenticated, Canceled, DeadlineExceeded, InternalFault,
    )
}  # fmt: skip


def data_size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def brief(value: object, limit: int = 80) -> str:
    """What was asked, short enough for a message and safe to encode (lone surrogates replaced).

    It costs no more than what it answers, however large the value is.
    """
    text = value[: limit + 1] if isinstance(value, str) else repr(_clipped(value, limit, [limit]))
    text = text.encode("utf-8", "replace").decode("utf-8")
    # What turns a line around or moves a cursor is shown as its number.
    shown = "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _clipped(value: object, limit: int, left: list[int]) -> object:
    """A value whose `repr` begins as the whole one's does, up to so many characters; `left` counts down its items."""
    left[0] -= 1
    if isinstance(value, str | bytes | bytearray):
        return value[: limit + 1]
    if not isinstance(value, list | tuple | dict | frozenset):
        return value
    items: list[object] = []
    for item in value:
        if left[0] <= 0:
            break
        items.append(
            (_clipped(item, limit, left), _clipped(value[item], limit, left))
            if isinstance(value, dict)
            else _clipped(item, limit, left)
        )
    if isinstance(value, dict):
        return dict(cast("list[tuple[object, object]]", items))
    return (
        tuple(items)
        if isinstance(value, tuple)
        else frozenset(items)
        if isinstance(value, frozenset)
        else items
    )


def brief_bytes(text: str, limit: int) -> str:
    """A text cut to so many bytes of UTF-8, whole characters only; one that fits stays as it is."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - 3].decode("utf-8", "ignore") + "…"

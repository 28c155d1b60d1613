"""What a program is told that asked for JSON and was refused: one line on standard output, `{"error": {...}}`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from typer.exceptions import TyperException

OPTION = "--json"
_wanted: ContextVar[bool] = ContextVar("json_wanted", default=False)


def json_wanted() -> bool:
    """Whether the command that runs was asked for JSON."""
    return _wanted.get()


@contextmanager
def as_asked(args: Sequence[str]) -> Iterator[bool]:
    """Whether the words of a command line ask for JSON; what runs within is told the same."""
    words = list(args)
    named = words[: words.index("--")] if "--" in words else words
    before = _wanted.set(OPTION in named)
    try:
        yield _wanted.get()
    finally:
        _wanted.reset(before)


def print_error(
    code: str, message: str, *, reason: str = "", field: str = "", limit: str = "", asked: str = ""
) -> None:
    """`code` is the name of a gRPC status; `reason` an UPPER_SNAKE_CASE constant, or empty."""
    facts = {
        "code": code,
        "reason": reason,
        "field": field,
        "limit": limit,
        "asked": asked,
        "message": message,
    }
    print(json.dumps({"error": facts}, ensure_ascii=False), flush=True)


def print_usage_error(error: TyperException) -> None:
    """The same of a command line that cannot be read."""
    parameter = getattr(error, "param", None)
    options: Sequence[str] = getattr(parameter, "opts", ())
    hint = getattr(error, "param_hint", None)
    # The longest spelling, as `--count` rather than `-n`; an argument has its name.
    named = getattr(error, "option_name", None) or (hint if isinstance(hint, str) else None)
    field = named or max(options, key=len, default="")
    print_error("INVALID_ARGUMENT", error.format_message(), reason="USAGE", field=field)

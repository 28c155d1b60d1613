"""What servers say when they refuse, in whichever of the usual shapes."""

from __future__ import annotations

import email.utils
import json
import time

from capabilities.errors import brief


def words_of(body: bytes, before: str = "") -> str:
    """What a body says in a few words, after `before`; empty for a page of HTML and for what is no text."""
    text = body.decode("utf-8", "replace").strip()
    if not text or text.startswith("<") or "\ufffd" in text:
        return ""
    try:
        told = _message(json.loads(text))
    except (ValueError, RecursionError):
        told = text
    return f"{before}{brief(' '.join(told.split()), 300)}"


def _message(found: object) -> str:
    """The message in what servers answer: `{error: {message}}`, `{error, message, detail}`, a list of faults."""
    if isinstance(found, str):
        return found
    if isinstance(found, list):
        return "; ".join(_message(item) for item in found[:3])
    if isinstance(found, dict):
        for name in ("error", "detail", "errors", "message", "msg"):
            if found.get(name):
                told = _message(found[name])
                where = found.get("loc")
                return f"{'.'.join(map(str, where))}: {told}" if isinstance(where, list) else told
    return json.dumps(found)[:300]


def retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After, which says a number or a date; None where it says neither."""
    if header is None:
        return None
    try:
        return min(86_400.0, max(0.0, float(header)))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(86_400.0, max(0.0, moment - time.time()))

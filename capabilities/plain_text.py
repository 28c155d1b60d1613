"""Names, descriptions and metadata as other people may be shown them: bounded, and free of what a reader cannot see.

Control characters move a terminal's cursor, bidirectional overrides turn a line around (CVE-2021-42574, "Trojan Source"),
tags and zero-width spaces hide words, and a lone surrogate cannot be sent at all. Joiners and variation selectors stay:
emoji and scripts need them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from capabilities.errors import InvalidArgument, brief

MAX_NAME = 256
MAX_DESCRIPTION = 4096
"""Longest name and description, in characters."""
MAX_METADATA = 65_536
"""Most characters of all keys and values of a picture's metadata together."""
MAX_METADATA_DEPTH = 8

_SPACES = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]+")
_UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\uffa0\ufeff\ufff9-\ufffc\U000e0000-\U000e007f]"
    # A variation selector without a character before it that it could select.
    "|(?<![^\\s\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# Line breaks and tabs are written everywhere; they are kept as spaces.
_REFUSED = re.compile(f"(?![\t\n\r])(?:{_UNSEEN.pattern}|[\ud800-\udfff])")
_SURROGATES = re.compile("[\ud800-\udfff]")


def cleaned(text: str, limit: int) -> str:
    """The text without what cannot be seen, cut to a length; for words that nobody can be asked to write again."""
    text = _UNSEEN.sub("", _SPACES.sub(" ", text[: 2 * limit]))
    return _SURROGATES.sub("\ufffd", text)[:limit]


def require_plain(text: str, field: str, limit: int) -> str:
    """The text as it is. Raises InvalidArgument for one that is too long, or holds what cannot be seen.

    Line breaks and tabs pass; `cleaned` makes spaces of them.
    """
    if len(text) > limit:
        raise InvalidArgument(
            f"'{field}' must have at most {limit} characters; got {len(text)}",
            reason="BAD_ARGUMENT",
            field=field,
            limit=f"at most {limit} characters",
            asked=f"{len(text)} characters",
        )
    found = _REFUSED.search(text)
    if found is not None:
        character = f"U+{ord(found.group()):04X}"
        raise InvalidArgument(
            f"'{field}' must not hold {character} (place {found.start()}): control characters, text direction "
            "overrides and hidden characters are not shown to others; leave it out",
            reason="BAD_ARGUMENT",
            field=field,
            limit="visible characters",
            asked=character,
        )
    return text


def require_plain_metadata(values: Mapping[str, object], field: str = "metadata") -> None:
    """Raises InvalidArgument where a caller's metadata is too large, too deep, or holds what cannot be seen."""
    size = _size(values, MAX_METADATA_DEPTH, field)
    if size > MAX_METADATA:
        raise InvalidArgument(
            f"'{field}' must have at most {MAX_METADATA} characters in all; got {size}",
            reason="BAD_ARGUMENT",
            field=field,
            limit=f"at most {MAX_METADATA} characters",
            asked=f"{size} characters",
        )


def _size(value: object, depth: int, field: str) -> int:
    if isinstance(value, str):
        return len(require_plain(value, field, MAX_METADATA))
    if not isinstance(value, Mapping | list):
        return 8
    if depth == 0:
        raise InvalidArgument(
            f"'{field}' is nested too deeply; at most {MAX_METADATA_DEPTH} levels",
            reason="BAD_ARGUMENT",
            field=field,
            limit=f"{MAX_METADATA_DEPTH} levels",
        )
    if isinstance(value, list):
        return 2 + sum(_size(item, depth - 1, field) for item in value)
    return 2 + sum(
        len(require_plain(str(key), field, MAX_NAME)) + _size(item, depth - 1, f"{field}.{brief(key, 40)}")
        for key, item in value.items()
    )


def cleaned_metadata(values: Mapping[str, object]) -> dict[str, object]:
    """Metadata without what cannot be seen, as much of it as may be kept; what comes first stays."""
    left = MAX_METADATA
    kept: dict[str, object] = {}
    for key, value in values.items():
        plain, size = _cleaned(value, MAX_METADATA_DEPTH - 1)
        name = cleaned(str(key), MAX_NAME)
        if size + len(name) <= left:
            kept[name] = plain
            left -= size + len(name)
    return kept


def _cleaned(value: object, depth: int) -> tuple[Any, int]:
    """A value fit to be kept, and how many characters it takes."""
    if isinstance(value, str):
        text = cleaned(value, MAX_METADATA)
        return text, len(text)
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "(nested too deeply)", 19
    if isinstance(value, list | tuple):
        items = [_cleaned(item, depth - 1) for item in value]
        return [item for item, _ in items], 2 + sum(size for _, size in items)
    if isinstance(value, Mapping):
        pairs = {cleaned(str(key), MAX_NAME): _cleaned(item, depth - 1) for key, item in value.items()}
        size = 2 + sum(len(key) + size for key, (_, size) in pairs.items())
        return {key: item for key, (item, _) in pairs.items()}, size
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return brief(str(value)[:40]), 40
    if isinstance(value, float) and not math.isfinite(value):
        return None, 4
    return value, 8

"""JSON as strangers send it: only what every file, message and database can hold."""

from __future__ import annotations

import json
import math
from typing import Any

from capabilities.errors import InvalidArgument

MAX_VALUES = 100_000
"""Values in one JSON text: two characters can be a list that takes a hundred bytes."""
MAX_DEPTH = 64
"""Levels of lists and objects within each other; nothing here needs more than ten."""
MAX_WHOLE = 2**63
"""Whole numbers stay below this, either side of 0: what a database column holds."""


def loads(text: str) -> Any:
    """The value.

    Raises ValueError for what is no JSON, NaN, Infinity and numbers that become it, whole numbers beyond 64 bits, more
    than 64 levels of nesting, more than 100,000 values, and broken Unicode.
    """
    if _most_values(text) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_int=_whole, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    require_flat(value)
    # Looked for only where there may be one: texts are megabytes where they carry pictures.
    if "\\u" in text or not text.isascii():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it holds a lone surrogate, which is no valid Unicode") from None
    return value


def require_few_values(text: str, *, field: str) -> None:
    """Raises InvalidArgument for JSON of very many values, before it is parsed."""
    if _most_values(text) > MAX_VALUES:
        raise InvalidArgument(
            f"'{field}' has more than {MAX_VALUES} values; send less in a call",
            reason="TOO_MANY_VALUES",
            field=field,
            limit=f"{MAX_VALUES} values",
        )


def _most_values(text: str) -> int:
    """How many there can be; commas within texts count as well, which no text has so many of."""
    return text.count(",") + text.count("[") + text.count("{")


def refuse_constant(constant: str) -> object:
    """For json's `parse_constant`: NaN and Infinity are no JSON."""
    raise ValueError(f"{constant} is not JSON")


def _whole(digits: str) -> int:
    # Not even read when it is long: that takes time with the square of its length.
    value = int(digits) if len(digits) <= 20 else MAX_WHOLE
    if abs(value) >= MAX_WHOLE:
        raise ValueError(f"{digits[:30]} is too large a number")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:30]} is too large a number")
    return value


def require_flat(value: object) -> None:
    """Raises ValueError for a value of more than 64 levels; what reads and writes it calls itself once for each."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = [item for item in inner if isinstance(item, dict | list)]
    if level:
        raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested too deeply: more than {MAX_DEPTH} levels")

"""JSON as strangers send it: only what every file, message and database can hold."""

from __future__ import annotations

import json
from typing import Any

from capabilities.errors import InvalidArgument

MAX_VALUES = 100_000
"""Values in one JSON text: two characters can be a list that takes a hundred bytes."""


def loads(text: str) -> Any:
    """The value. Raises ValueError for what is no JSON, NaN and Infinity, huge whole numbers and broken Unicode."""
    if _most_values(text) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_int=_whole)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
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
    value = int(digits)
    if abs(value) >= 2**63:
        raise ValueError(f"{digits[:30]} is too large a number")
    return value

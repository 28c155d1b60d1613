"""JSON as strangers send it: only what every file, message and database can hold."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str) -> Any:
    """The value. Raises ValueError for what is no JSON, NaN and Infinity, huge whole numbers and broken Unicode."""
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_int=_whole)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds a lone surrogate, which is no valid Unicode") from None
    return value


def refuse_constant(constant: str) -> object:
    """For json's `parse_constant`: NaN and Infinity are no JSON."""
    raise ValueError(f"{constant} is not JSON")


def _whole(digits: str) -> int:
    value = int(digits)
    if abs(value) >= 2**63:
        raise ValueError(f"{digits[:30]} is too large a number")
    return value

"""Numbers in a server's answers, read so that nonsense among them counts as nothing said."""

from __future__ import annotations

import math


def share(value: object, of: int = 1) -> float | None:
    """How much is done, 0 to 1, where `of` is all; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A whole number may be too long for a float.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return min(of, max(0, value)) / of


def whole(value: object, digits: int) -> int | None:
    """A number of at most so many digits, also one written as a text; None for anything else, and below 0."""
    if isinstance(value, str):
        return int(value) if len(value) <= digits and value.isascii() and value.isdecimal() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**digits else None

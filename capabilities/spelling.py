"""The known name that somebody may have meant."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable

LONGEST = 100
"""Characters; nobody mistypes a name this long, and comparing costs length times length."""
MOST = 1000


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of the first thousand known names that is most like this one; None where none is like it."""
    if len(name) > LONGEST:
        return None
    names = [item for item in itertools.islice(known, MOST) if len(item) <= LONGEST]
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)

"""Weights of words in a prompt: `(a rusty sword:1.3)`."""

from __future__ import annotations

import re

# Possessive (`++`): a number or a gap that leads to no bracket is left at once, and not tried again shorter and shorter.
_MARKS = re.compile(r"\\[()]|[()]|:\s*+(-?(?:\d++(?:\.\d++)?|\.\d++))\s*+\)")
MOST_WEIGHT = 4.0
MOST_NESTED = 1e6
"""Weights of brackets within brackets multiply, up to this: more would end in infinity, and a picture of nothing."""


def weighted_parts(text: str) -> list[tuple[str, float]]:
    """The prompt cut where its weight changes.

    `(words:1.2)` weighs 1.2 times as much, also within another; brackets without a number are plain text, and so are
    `\\(` and `\\)`. A weight beyond 4 counts as 4.
    """
    # Twice through, each time in a line: first which brackets carry weights, then the words with theirs.
    factors: dict[int, float] = {}
    opened: list[int] = []
    for place, found in enumerate(_MARKS.finditer(text)):
        if found.group() == "(":
            opened.append(place)
        elif found.group(1) is not None and opened:
            factors[place] = max(-MOST_WEIGHT, min(MOST_WEIGHT, float(found.group(1))))
            factors[opened.pop()] = factors[place]
        elif found.group() == ")":
            # Brackets without a number are what they look like.
            del opened[-1:]
    parts: list[tuple[str, float]] = []
    run: list[str] = []
    run_weight = 1.0

    def add(words: str, weight: float) -> None:
        nonlocal run_weight
        if words and weight != run_weight:
            if run:
                parts.append(("".join(run), run_weight))
            run.clear()
            run_weight = weight
        if words:
            run.append(words)

    weights = [1.0]
    plain = 0
    for place, found in enumerate(_MARKS.finditer(text)):
        add(text[plain : found.start()], weights[-1])
        plain = found.end()
        mark = found.group()
        if place not in factors:
            add(mark[1:] if mark[0] == "\\" else mark, weights[-1])
        elif mark == "(":
            weights.append(max(-MOST_NESTED, min(MOST_NESTED, weights[-1] * factors[place])))
        else:
            weights.pop()
    add(text[plain:], weights[-1])
    return [*parts, ("".join(run), run_weight)] if run else parts

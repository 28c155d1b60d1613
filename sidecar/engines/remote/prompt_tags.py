"""Tags in prompts by which some servers load models: what a caller writes must not load one that the caller did not name."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(?=\w+:)")


def without_tags(prompt: str) -> str:
    """A prompt whose `<lora:name:1>`, `<hypernet:...>` and the like are words as any others."""
    return _TAG.sub("< ", prompt)

"""Textual inversions in prompts: a server loads whichever a prompt names, and it is to name those of the task only."""

from __future__ import annotations

import re
from collections.abc import Callable

from capabilities.methods.generation import EMBEDDING, embedding_id

# A server looks for the name after blanks too, where a task names none.
_MARK = re.compile(f"{EMBEDDING.pattern}|(?i:embedding:)")


def named(text: str, file_of: Callable[[str], str]) -> str:
    """A prompt whose textual inversions are called as the server calls them, each a word of its own."""

    def word(found: re.Match[str]) -> str:
        return f" embedding:{file_of(embedding_id(found))} " if any(found.groups()) else _broken(found)

    return _MARK.sub(word, text)


def without_names(text: str) -> str:
    """A prompt that loads no textual inversion."""
    return re.sub("(?i:embedding:)", _broken, text)


def _broken(found: re.Match[str]) -> str:
    return f"{found[0][:-1]} :"

"""Reads what else a thing is called, and what it is, from WordNet: texts that no icon set has for its icons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Lexicographer files of WordNet that hold what an icon can show: animals, artifacts, bodies, food, groups, places,
# objects, people, phenomena, plants, shapes, substances.
DEPICTABLE = frozenset({"05", "06", "08", "13", "15", "17", "18", "19", "20", "25", "27"})
MOST_GLOSS_WORDS = 12
# A sense must share this many words with an icon's tags before it is trusted over the most frequent sense.
LEAST_SHARED_WORDS = 2
STOP_WORDS = frozenset(
    {"a", "an", "the", "of", "or", "and", "in", "on", "with", "to", "for", "as", "that", "is", "by", "used"}
)


@dataclass(frozen=True)
class Sense:
    """One meaning of a noun."""

    lemmas: tuple[str, ...]
    broader: tuple[str, ...]
    gloss: str

    def words(self) -> set[str]:
        text = " ".join((*self.lemmas, *self.broader, self.gloss)).lower()
        return set(re.findall(r"[a-z]+", text)) - STOP_WORDS


class WordNet:
    """The nouns of a WordNet `dict` folder."""

    def __init__(self, folder: Path) -> None:
        self.offsets: dict[str, list[str]] = {}
        for line in (folder / "index.noun").read_text().splitlines():
            if not line.startswith(" "):
                lemma, _, _, pointers, *rest = line.split()
                self.offsets[lemma.replace("_", " ")] = rest[int(pointers) + 2 :]
        self.lines = {
            line[:8]: line
            for line in (folder / "data.noun").read_text().splitlines()
            if not line.startswith(" ")
        }

    def sense(self, offset: str) -> Sense | None:
        data, _, gloss = self.lines[offset].partition(" | ")
        fields = data.split()
        if fields[1] not in DEPICTABLE:
            return None
        return Sense(self._lemmas(offset), self._broader(fields), shorten(gloss))

    def _lemmas(self, offset: str) -> tuple[str, ...]:
        fields = self.lines[offset].split(" | ")[0].split()
        count = int(fields[3], 16)
        return tuple(fields[4 + 2 * index].replace("_", " ") for index in range(count))

    def _broader(self, fields: list[str]) -> tuple[str, ...]:
        start = 4 + 2 * int(fields[3], 16)
        found: list[str] = []
        for index in range(int(fields[start])):
            symbol, target, kind, _ = fields[start + 1 + 4 * index : start + 5 + 4 * index]
            if symbol == "@" and kind == "n":
                found += self._lemmas(target)
        return tuple(found)

    def look_up(self, name: str, hints: set[str]) -> Sense | None:
        """The sense of a name that the hints bear out, or its most frequent one if an icon can show that."""
        senses = [self.sense(offset) for offset in self.offsets.get(name.lower(), ())]
        shared = [0 if sense is None else len(sense.words() & hints) for sense in senses]
        best = max(range(len(senses)), key=shared.__getitem__, default=0)
        if senses and shared[best] >= LEAST_SHARED_WORDS:
            return senses[best]
        return senses[0] if senses else None


def shorten(gloss: str) -> str:
    """The definition without examples, remarks and what follows the first clauses."""
    definition = re.sub(r"\([^)]*\)", "", gloss.split(";", maxsplit=1)[0]).replace('"', "")
    words = definition.split()
    return " ".join(words) if 2 <= len(words) <= MOST_GLOSS_WORDS else " ".join(words[:MOST_GLOSS_WORDS])

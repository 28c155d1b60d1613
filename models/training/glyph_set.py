"""Writes `models/glyphs`, what the engine `glyphs` draws from: drawings as SVG, the things that they show, and their names.

`drawings.zip` holds an SVG body for each drawing (`game/NAME`, 512 units wide; `emoji/NAME`, 32 wide), `things.json` and
`words.tsv`: every name that a thing is known by, and words that WordNet has near one.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.training import relief
from models.training.sources import ICONS_FLAT, WORDNET, Icon, IconSet, fetch
from models.training.things import Thing, read_things
from models.training.wordnet import DEPICTABLE, WordNet
from models.training.workspace import open_workspace, stage_parser

FOLDER = Path(__file__).resolve().parents[1] / "glyphs"
WRITTEN = (2026, 1, 1, 0, 0, 0)
MOST_WORDS = 3
"""Longer names are definitions."""
MOST_STEPS = 5
"""How far up a word's meanings are followed to one that has a drawing."""
LEAST_STRENGTH = 0.2
_NAME = re.compile(r"[a-z][a-z' -]*[a-z]")
TOO_GENERAL = frozenset(
    [
        "object",
        "thing",
        "artifact",
        "article",
        "unit",
        "whole",
        "item",
        "structure",
        "device",
        "instrument",
        "equipment",
        "commodity",
        "covering",
        "material",
        "substance",
        "matter",
        "part",
        "piece",
        "group",
        "person",
        "individual",
        "someone",
        "body",
        "organism",
        "animal",
        "creature",
        "plant",
        "food",
        "location",
        "area",
        "region",
        "line",
        "group",
        "people",
        "being",
        "natural",
        "object",
        "instrumentality",
        "implement",
        "consumer",
        "goods",
        "container",
        "furnishing",
        "ware",
        "fabric",
    ]
)


def strengths(things: list[Thing]) -> dict[str, tuple[float, int]]:
    """The thing that a name means most, and how strongly."""
    found: dict[str, tuple[float, int]] = {}
    for place, thing in enumerate(things):
        for name, weight in thing.names.items():
            if len(name.split()) > MOST_WORDS or not _NAME.fullmatch(name):
                continue
            strength = weight * (thing.weight if thing.kind in ("object", "creature") else 1.0)
            if strength > found.get(name, (0.0, 0))[0]:
                found[name] = (strength, place)
    return found


class Nearby:
    """Words without a drawing of their own: the nearest wider meaning that has one."""

    def __init__(self, wordnet: WordNet, names: dict[str, tuple[float, int]]) -> None:
        self.wordnet = wordnet
        self.places = {name: place for name, (strength, place) in names.items() if strength >= LEAST_STRENGTH}

    def place(self, word: str) -> int | None:
        for offset in self.wordnet.offsets[word][:2]:
            seen, level = {offset}, [offset]
            for _ in range(MOST_STEPS):
                wider = []
                for each in level:
                    fields = self.wordnet.lines[each].split(" | ")[0].split()
                    if fields[1] not in DEPICTABLE:
                        continue
                    for lemma in self._lemmas(fields):
                        if lemma != word and lemma not in TOO_GENERAL and lemma in self.places:
                            return self.places[lemma]
                    wider += [target for target in self._wider(fields) if target not in seen]
                seen |= set(wider)
                level = wider
        return None

    @staticmethod
    def _lemmas(fields: list[str]) -> Iterator[str]:
        for index in range(int(fields[3], 16)):
            yield fields[4 + 2 * index].replace("_", " ").lower()

    @staticmethod
    def _wider(fields: list[str]) -> Iterator[str]:
        start = 4 + 2 * int(fields[3], 16)
        for index in range(int(fields[start])):
            symbol, target, kind, _ = fields[start + 1 + 4 * index : start + 5 + 4 * index]
            if symbol in ("@", "@i") and kind == "n":
                yield target


def entry(thing: Thing, glyphs: list[str], icons: list[Icon]) -> dict[str, Any]:
    emoji = [icons[place].code for place in thing.emoji if "flat" in icons[place].drawings]
    return {
        "label": thing.label,
        "kind": thing.kind,
        "glyphs": [glyphs[place] for place in thing.glyphs],
        "emoji": emoji,
        "palettes": list(thing.palettes),
        "takes_colours": thing.takes_colours,
    }


def write(packages: Path, folder: Path) -> None:
    bodies = relief.glyph_bodies(packages)
    glyphs = list(bodies)
    things, icons = read_things(packages)
    flat = IconSet.open(ICONS_FLAT, packages)
    drawings = {f"game/{name}": body for name, body in bodies.items()}
    for icon in icons:
        if "flat" in icon.drawings and (name := flat.names.get(icon.code)) is not None:
            drawings[f"emoji/{icon.code}"] = flat.icons[name]["body"]
    names = strengths(things)
    wordnet = WordNet(fetch(WORDNET, packages) / "dict")
    nearby = Nearby(wordnet, names)
    words = {name: place for name, (_, place) in names.items()}
    for word in wordnet.offsets:
        if word not in words and len(word.split()) <= 2 and _NAME.fullmatch(word):
            place = nearby.place(word)
            if place is not None:
                words[word] = -1 - place
    used = sorted(
        {f"game/{glyphs[place]}" for thing in things for place in thing.glyphs}
        | {f"emoji/{icons[place].code}" for thing in things for place in thing.emoji}
    )
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "drawings.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

        def put(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(name, WRITTEN), text, zipfile.ZIP_DEFLATED, 9)

        put(
            "things.json",
            json.dumps([entry(thing, glyphs, icons) for thing in things], separators=(",", ":")),
        )
        put("words.tsv", "".join(f"{word}\t{place}\n" for word, place in sorted(words.items())))
        for name in used:
            if name in drawings:
                put(name, drawings[name])
    size = (folder / "drawings.zip").stat().st_size
    near = sum(place < 0 for place in words.values())
    print(
        f"{len(things)} things, {len(used)} drawings, {len(words)} words ({near} nearby): {size / 1e6:.1f} MB"
    )


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    write(open_workspace(options).packages, options.folder)


if __name__ == "__main__":
    main()

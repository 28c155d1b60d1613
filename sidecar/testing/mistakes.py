"""Ten mistakes of a first hour, and the words by which a message names the cause and the cure of each.

Kept here and not beside the benchmark `first_hour`, because a test makes the same mistakes.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sidecar import child_process
from sidecar.testing.process import served

HUB_MODEL = "stabilityai/sdxl-turbo"
"""A hub model that the server knows and that is not on this machine."""
SERVER = {"HF_HUB_OFFLINE": "1", "VIWO_IMAGEGEN_HUB_MODELS": f'[{{"id": "{HUB_MODEL}"}}]'}
"""Variables of the server that the mistakes are made with; no hub is ever asked."""


ANOTHER = 1
"""An entity that every world has, and that the operator does not act as."""
NO_PORT = "1"
"""Where no server is: a port that needs root, and that nobody has used for decades."""


@dataclass(frozen=True)
class Place:
    """Where mistakes are made: a folder with a server's data in `data`, its port, and a capability that is not the operator's."""

    folder: Path
    port: int
    anothers_capability: str


@dataclass(frozen=True)
class Mistake:
    """A command line, and what must be in its message. `environment` is what the command sees besides the server's place."""

    name: str
    words: tuple[str, ...]
    cause: str
    cure: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def unsaid(self, message: str) -> list[str]:
        """What the message of the command does not say; `message` is all that it printed."""
        flat = " ".join(message.split())
        return [said for said in (self.cause, self.cure) if said not in flat]


def mistakes(place: Place) -> Iterator[Mistake]:
    """Each ends with status 1. Makes the files that they need."""
    notes = place.folder / "notes.txt"
    notes.write_text("A sword, a cup and a hat.\n")
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "token").touch(0o600)
    (elsewhere / "token").write_text("x" * 43)
    out = ("--out", str(place.folder / "cup.png"))

    def generate(name: str, cause: str, cure: str, *options: str) -> Mistake:
        return Mistake(name, ("generate", "a cup", *out, *options), cause, cure)

    yield generate("model name misspelt", "no model 'iconz'", "did you mean 'icons'?", "--model", "iconz")
    yield generate(
        "5000 x 5000", "max_width of this server is 2048; asked for a width of 5000", "make it narrower",
        "--width", "5000", "--height", "5000",
    )  # fmt: skip
    yield generate("0 steps", "steps' must be at least 1", "at least 1; got 0", "--steps", "0")
    nowhere = place.folder / "nowhere"
    yield Mistake(
        "--out in a folder that does not exist", ("generate", "a cup", "--out", str(nowhere / "cup.png")),
        f"there is no folder {nowhere}", f"mkdir -p {nowhere}",
    )  # fmt: skip
    yield Mistake(
        "a text file as picture", ("call", "upscale", str(notes), *out),
        "is no PNG, JPEG, WebP or GIF picture", "save it as one of these",
    )  # fmt: skip
    yield Mistake(
        "no server", ("jobs", "list"), f"no sidecar answers at 127.0.0.1:{NO_PORT}",
        "start one with 'viwo-imagegen serve'", {"VIWO_IMAGEGEN_PORT": NO_PORT},
    )  # fmt: skip
    yield Mistake(
        "port in use", ("serve", "--data-dir", str(elsewhere)), f"cannot listen at 127.0.0.1:{place.port}: Address already in use",
        "Set another port",
    )  # fmt: skip
    yield Mistake(
        "wrong token", ("jobs", "list"), "the token that was sent is not this sidecar's",
        "in the file 'token' of the server's data folder (data_dir)", {"VIWO_IMAGEGEN_DATA_DIR": str(elsewhere)},
    )  # fmt: skip
    yield generate(
        "capability of another entity", f"capability {place.anothers_capability} belongs to entity", "its owner can give it",
        "--capability", place.anothers_capability,
    )  # fmt: skip
    yield generate(
        "offline hub model", f"'{HUB_MODEL}' has not been downloaded, and HF_HUB_OFFLINE forbids to ask a hub", "unset it",
        "--model", HUB_MODEL,
    )  # fmt: skip


async def make_them() -> dict[str, str]:
    """Make every mistake beside a server of their own; what those that are not told as they should be say instead, by name."""
    unclear = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        async with served(folder=data, **SERVER) as sidecar:
            anothers = await sidecar.mint(owner=ANOTHER)
            place = Place(folder, int(sidecar.address.rsplit(":", 1)[1]), anothers)
            for mistake in mistakes(place):
                message, status = await _made(mistake, place, data)
                if status != 1 or mistake.unsaid(message):
                    unclear[mistake.name] = f"(status {status}) {message}"
    return unclear


async def _made(mistake: Mistake, place: Place, data: Path) -> tuple[str, int]:
    """What the command says, and its status."""
    variables = {
        **os.environ, "VIWO_IMAGEGEN_DATA_DIR": str(data), "VIWO_IMAGEGEN_PORT": str(place.port), **mistake.environment,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *child_process.command("sidecar.cli", mistake.words),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=variables,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return said.decode(), process.returncode

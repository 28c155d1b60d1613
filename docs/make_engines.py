"""Writes what each engine can do into docs/engines.md, as `engines check` finds it: `python docs/make_engines.py [--check]`.

Every kind of server is tried against its fake, so a connector that loses something changes the page.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "clients" / "python")]

from sidecar.engines import connectors  # noqa: E402
from sidecar.engines.remote.checks import Check, check  # noqa: E402
from sidecar.engines.remote.connector import Ability, RemoteListing  # noqa: E402
from sidecar.engines.remote.settings import EngineSettings  # noqa: E402
from sidecar.testing.foreign.kinds import ENGINE, KINDS, Kind  # noqa: E402
from sidecar.testing.foreign.server import ForeignServer  # noqa: E402

PAGE = ROOT / "docs" / "engines.md"
BEGIN, END = "<!-- made by docs/make_engines.py -->\n", "<!-- as far as here -->\n"
QUICK = 0.02
SLOW = {"options": 3.0, "cancel": 1.5}
"""Seconds that a fake draws after these checks: until it is canceled, and until it has told how far it is."""
SIDE = 128
YES, NO, WITHOUT_EFFECT = "yes", "no", "without effect"
OPTIONS: dict[Ability, str] = {
    "negative_prompt": "negative prompt",
    "guidance_scale": "guidance scale",
    "steps": "steps",
    "seed": "seed",
    "prompt_2": "second prompt",
    "loras": "LoRAs",
    "embeddings": "textual inversions",
    "clip_skip": "clip skip",
    "vae": "another autoencoder",
    "tiling": "tiling textures",
    "transparent": "transparent ground",
    "controls": "controls",
    "control_preprocessing": "control pictures made there",
}


@dataclass
class Found:
    """What came of the checks of a kind."""

    kind: Kind
    checks: list[Check] = field(default_factory=list)
    listing: RemoteListing | None = None

    def row(self, name: str) -> str:
        return {True: YES, None: NO}[next(each.fine for each in self.checks if each.name == name)]

    def option(self, ability: Ability) -> str:
        assert self.listing is not None
        if ability in self.listing.abilities:
            return YES
        return WITHOUT_EFFECT if ability in self.listing.ignores else NO


async def tried(kind: Kind) -> Found:
    """All checks of a kind against its fake."""
    found = Found(kind)
    async with ForeignServer(kind.name, seconds=QUICK, **{"previews": True, **kind.fake}) as fake:
        settings = EngineSettings.model_validate(
            {"name": ENGINE, "kind": kind.name, "urls": [f"{fake.url}{kind.path}"], **kind.engine}
        )
        engine = connectors.engine(settings, log_level="error")
        await engine.start()
        try:
            async for each in check(engine, model=kind.model_id, side=SIDE):
                if each.fine is False:
                    raise SystemExit(f"{kind.name}: {each.name}: {each.words}")
                found.checks.append(each)
                await fake.control(set={"seconds": SLOW.get(each.name, QUICK)})
            found.listing = engine.listing(kind.model_id)
        finally:
            await engine.stop()
    return found


def table(found: list[Found]) -> str:
    """A column for each kind, a row for each thing that it may do."""
    assert set(OPTIONS) == set(get_args(Ability)) - {"scheduler"}
    methods = [
        each.name for each in found[0].checks if each.name not in ("connect", "models", "options", "cancel")
    ]
    rows = [[f"`{name}`", *(each.row(name) for each in found)] for name in methods]
    rows += [[words, *(each.option(ability) for each in found)] for ability, words in OPTIONS.items()]
    rows.append(
        ["schedulers", *(str(len(each.listing.schedulers)) if each.listing else NO for each in found)]
    )
    watched = [next(made for made in each.checks if made.name == "textToImage") for each in found]
    # The end is reported by every kind.
    rows.append(["progress", *(YES if each.reports > 1 else NO for each in watched)])
    rows.append(["previews", *(YES if each.previews else NO for each in watched)])
    rows.append(["cancel while it draws", *(each.row("cancel") for each in found)])
    lines = [
        "| | " + " | ".join(f"`{each.kind.name}`" for each in found) + " |",
        "|---" * (len(found) + 1) + "|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


async def made() -> str:
    """The page with its table."""
    kinds = sorted(KINDS, key=lambda kind: kind.name)
    found = await asyncio.gather(*(tried(kind) for kind in kinds))
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{PAGE} has no line {BEGIN}"
    assert end, f"{PAGE} has no line {END}"
    return before + BEGIN + "\n" + table(list(found)) + "\n" + END + after


def main() -> None:
    page = asyncio.run(made())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page)
    elif page != PAGE.read_text():
        raise SystemExit(
            "docs/engines.md tells something else than the engines do; run python docs/make_engines.py"
        )


if __name__ == "__main__":
    main()

"""Makes docs/images/generate.svg and top.svg: what the commands print in a terminal, recorded while they run.

    .venv/bin/python docs/make_terminals.py

A server of its own is asked; times and memory are those of the machine that it runs on, all else is the same each time.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

COLUMNS = 104
# Before rich is imported, which asks them once.
os.environ |= {
    "COLUMNS": str(COLUMNS),
    "FORCE_COLOR": "1",
    "COLORTERM": "truecolor",
    "TERM": "xterm-256color",
}

from rich.terminal_theme import MONOKAI  # noqa: E402

from sidecar.cli import app  # noqa: E402
from sidecar.cli.output import err, out  # noqa: E402
from sidecar.pb.viwo.imagegen.v1 import job_pb2  # noqa: E402
from sidecar.testing.process import Served, served  # noqa: E402
from sidecar.testing.requests import submission  # noqa: E402

IMAGES = Path(__file__).resolve().parent / "images"
FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Fonts from elsewhere: nothing is loaded for a picture of a terminal."""
BUDGETS = '[{"scope": "server", "period": "day", "compute": 100}]'


def record(name: str, title: str, commands: Sequence[Sequence[str]]) -> None:
    """Run commands one after the other and keep what they print, standard error as well."""
    err.file = out.file = open(os.devnull, "w")  # noqa: SIM115
    out.record = True
    # One terminal shows both.
    err.print = out.print  # type: ignore[method-assign]
    for words in commands:
        shown = " ".join(f'"{word}"' if " " in word else word for word in words)
        out.print(f"[bold green]$[/] viwo-imagegen {shown}", highlight=False)
        app(list(words), standalone_mode=False)
        out.print()
    picture = out.export_svg(title=title, theme=MONOKAI, unique_id=name)
    (IMAGES / f"{name}.svg").write_text(FONT.sub("", picture))
    print(f"{name}.svg", flush=True)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, work = Path(folder) / "data", Path(folder) / "work"
        work.mkdir()
        async with served(folder=data, VIWO_IMAGEGEN_BUDGETS=BUDGETS, VIWO_IMAGEGEN_THREADS="1") as sidecar:
            os.environ |= {
                "VIWO_IMAGEGEN_DATA_DIR": str(data),
                "VIWO_IMAGEGEN_PORT": sidecar.address.rsplit(":", 1)[1],
            }
            os.chdir(work)
            generate: Sequence[Sequence[str]] = (
                ("generate", "a rusty sword", "--seed", "7", "--out", "sword.png"),
                ("generate", "a ghost", "--seed", "7", "--count", "3", "--save", "--out", "ghosts"),
                ("generate", "a dragon", "--model", "icons", "--negative", "fire", "--guidance", "1", "--seed", "7",
                 "--out", "dragon.png"),
                ("generate", "a cup", "--model", "iconz"),
            )  # fmt: skip
            await in_a_thread(lambda: record("generate", "viwo-imagegen generate", generate))
            await keep_busy(sidecar)
            await in_a_thread(lambda: record("top", "viwo-imagegen top", [("top", "--once")]))
            # Jobs wait that nobody needs.
            await sidecar.kill()


async def in_a_thread(work: Callable[[], None]) -> None:
    """Beside the loop, which the server's client needs."""
    await asyncio.to_thread(work)


async def keep_busy(sidecar: Served) -> None:
    """Jobs of two owners, one of them half done."""
    steps: Any = {"steps": 48, "model_id": "icons"}
    for seed in range(6):
        context = await sidecar.context(owner=1 if seed % 2 else 3)
        first = await sidecar.jobs.Submit(submission(context, seed=seed, **steps))
        if seed == 0:
            async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=first.id)):
                if event.WhichOneof("event") == "step" and event.step.step >= 16:
                    break


if __name__ == "__main__":
    asyncio.run(main())

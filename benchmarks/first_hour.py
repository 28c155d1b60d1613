"""What a newcomer meets: from a fresh clone to the first picture in three ways, and ten mistakes.

`make setup` is part of it and takes minutes. `FIRST_HOUR_VENV=/path/to/.venv` takes an environment that is there instead,
with whose packages the clone's own code is run; then all of it takes about a minute.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.testing.mistakes import make_them

ROOT = Path(__file__).parents[1]
VENV = "FIRST_HOUR_VENV"
PYTHON_PROGRAM = """\
from viwo_imagegen_client import Client

with Client() as client:
    client.text_to_image("a red apple", seed=7).save("python.png")
"""
TYPESCRIPT_PROGRAM = """\
import { connect } from "viwo-imagegen-client";

const client = connect();
const picture = await client.textToImage("a red apple", { seed: 7 });
await picture.save("typescript.png");
client.close();
"""


async def first_hour() -> dict[str, Any]:
    """Mistakes whose message does not name cause and cure; beside them, seconds and commands to the first picture."""
    ways = await asyncio.to_thread(_ways)
    unclear = await make_them()
    return {
        "value": len(unclear),
        "unit": "mistakes that are not told with cause and cure",
        "n": 10,
        "better": "lower",
        "baseline": None,
        **ways,
        "unclear": unclear,
    }


def _ways() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = Clone(folder / "viwo-imagegen", folder)
        setup = clone.set_up()
        found: dict[str, Any] = {"setup": setup, "environment": os.environ.get(VENV, "made by make setup")}
        found["by_command_line"] = clone.by_command_line()
        with clone.serving():
            found["by_python"] = clone.by_python()
            found["by_typescript"] = clone.by_typescript()
    for way in ("by_command_line", "by_python", "by_typescript"):
        if "seconds" in found[way]:
            found[way]["seconds_with_setup"] = round(found[way]["seconds"] + setup["seconds"], 1)
            found[way]["commands"] += setup["commands"]
    return found


class Clone:
    """A fresh checkout in a folder, and commands in it as the pages of the documentation have them."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._checkout = checkout
        self._work = folder / "work"
        self._work.mkdir()
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VIWO_IMAGEGEN_", "PYTHON"))
        } | {
            "VIWO_IMAGEGEN_DATA_DIR": str(folder / "data"),
            "VIWO_IMAGEGEN_UNIX_SOCKET": str(folder / "socket"),
        }

    def set_up(self) -> dict[str, Any]:
        """Clone and install: two commands."""
        started = time.perf_counter()
        # Without the links that a clone on the same disk makes, so that it takes as long as another's.
        self._run(
            ["git", "clone", "--quiet", "--no-local", "--depth", "1", f"file://{ROOT}", str(self._checkout)]
        )
        there = os.environ.get(VENV)
        if there:
            (self._checkout / ".venv").symlink_to(Path(there).resolve())
            # It may be installed for another checkout.
            self._environment["PYTHONPATH"] = f"{self._checkout}:{self._checkout / 'clients' / 'python'}"
        else:
            self._run(["make", "setup"], cwd=self._checkout)
        return {"seconds": round(time.perf_counter() - started, 1), "commands": 2}

    def by_command_line(self) -> dict[str, Any]:
        with self._measured(1) as told:
            self._run([*self._program, "generate", "a red apple", "--out", "apple.png"])
            self._require("apple.png")
        return told

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The server that the clients need: a command of its own, whose start is counted with each of them."""
        started = time.perf_counter()
        process = subprocess.Popen(
            [*self._program, "serve", "--with-stdin"], cwd=self._work, env=self._environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert "serves at" in process.stdout.readline()
            self._server_seconds = time.perf_counter() - started
            yield
        finally:
            process.communicate()

    def by_python(self) -> dict[str, Any]:
        """The server, `pip install ./clients/python`, and a program of three lines."""
        with self._measured(3) as told:
            if VENV not in os.environ:
                self._run([".venv/bin/pip", "install", "--quiet", "./clients/python"], cwd=self._checkout)
            (self._work / "first.py").write_text(PYTHON_PROGRAM)
            self._run([str(self._checkout / ".venv" / "bin" / "python"), "first.py"])
            self._require("python.png")
        return self._with_server(told)

    def by_typescript(self) -> dict[str, Any]:
        """The server, installing and building the client, adding it to a project, and a program of four lines."""
        client = self._checkout / "clients" / "typescript"
        if not client.is_dir():
            return {"skipped": "there is no clients/typescript in this version"}
        bun = shutil.which("bun")
        if bun is None:
            return {"skipped": "bun is not on PATH"}
        with self._measured(5) as told:
            self._run([bun, "install", "--frozen-lockfile"], cwd=client)
            self._run([bun, "run", "build"], cwd=client)
            self._run([bun, "add", str(client)])
            (self._work / "first.ts").write_text(TYPESCRIPT_PROGRAM)
            self._run([bun, "first.ts"])
            self._require("typescript.png")
        return self._with_server(told)

    @property
    def _program(self) -> Sequence[str]:
        if VENV in os.environ:
            return (str(self._checkout / ".venv" / "bin" / "python"), "-m", "sidecar.cli")
        return (str(self._checkout / ".venv" / "bin" / "viwo-imagegen"),)

    @contextmanager
    def _measured(self, commands: int) -> Iterator[dict[str, Any]]:
        told: dict[str, Any] = {"commands": commands}
        started = time.perf_counter()
        yield told
        told["seconds"] = round(time.perf_counter() - started, 1)

    def _with_server(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "seconds": round(told["seconds"] + self._server_seconds, 1)}

    def _require(self, name: str) -> None:
        data = (self._work / name).read_bytes()
        assert data.startswith(b"\x89PNG"), f"{name} is no picture"

    def _run(self, words: Sequence[str], *, cwd: Path | None = None) -> None:
        done = subprocess.run(
            words, cwd=cwd or self._work, env=self._environment, text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

"""What shells are told to complete a line with, asked as their completion scripts ask."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sidecar import server
from sidecar.cli import app
from sidecar.config import Settings
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.server import Sidecar, connected
from tests.cli.test_cli import Terminal

NAME = "viwo-imagegen"
TEMPLATE = (
    '{"format": "viwo-template/1", "name": "cups", "steps": '
    '[{"name": "draw", "method": "textToImage", "arguments": {"prompt": "a cup"}}]}'
)


@pytest.fixture(scope="module")
async def sidecar(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, default_model="icons")
    async with server.running(settings, [FakeEngine()]) as running, connected(running) as made:
        yield made


@pytest.fixture
def terminal(sidecar: Sidecar, tmp_path: Path) -> Terminal:
    return Terminal(sidecar, tmp_path)


def completed(line: str, shell: str = "bash", **environment: str) -> list[str]:
    """What is told for the last word of a line."""
    words = line.split(" ")
    asked = {
        "_VIWO_IMAGEGEN_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    done = CliRunner().invoke(app, [], prog_name=NAME, env={**environment, **asked})
    assert not done.stderr
    return [value for value in done.stdout.splitlines() if value]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("pic", "pictures"),
        ("pictures sh", "show"),
        ("pictures list --wo", "--words"),
        ("call inp", "inpaint"),
        ("pictures list --method upsc", "upscale"),
        ("generate x --scheduler eule", "euler"),
        ("mint diffusers.u", "diffusers.upscale"),
        ("capabilities --type contr", "controlnet.generate"),
    ],
)
def test_what_is_known_without_a_server(line: str, told: str) -> None:
    assert told in completed(f"{NAME} {line}", VIWO_IMAGEGEN_PORT="1")


async def test_what_a_server_knows(terminal: Terminal) -> None:
    made = await terminal.json("generate", "a red cup", "--out", str(terminal.folder))
    job, ref = made["id"], made["pictures"][0]["ref"]
    batch = (await terminal.json("batch", "submit", "a hat"))["id"]
    capability = (await terminal.json("mint"))["id"]
    key = (await terminal.json("key", "create", "--entity", "3"))["key"]["id"]
    (terminal.folder / "cups.json").write_text(TEMPLATE)
    await terminal.run("template", "import", str(terminal.folder / "cups.json"))
    digits = ref.removeprefix("sha256:")

    async def told(line: str, shell: str = "bash") -> list[str]:
        return await asyncio.to_thread(completed, f"{NAME} {line}", shell, **terminal.environment)

    for line, expected in {
        "generate x --model ico": "icons",
        "models load ico": "icons",
        f"jobs get {job[:20]}": job,
        "jobs watch ": job,
        f"batch get {batch[:20]}": batch,
        f"pictures show {digits[:3]}": digits[:12],
        f"pictures get {digits[:30]}": digits,
        f"jobs history sha256:{digits[:6]}": ref,
        f"generate x --image {digits[:6]}": digits[:12],
        f"generate x --capability {capability[:8]}": capability,
        f"revoke {capability[:8]}": capability,
        f"key rotate {key[:3]}": key,
        "template run c": "cups",
    }.items():
        found = await told(line)
        assert expected in found, line
    assert await told("generate x --image ") == [], "files are completed there"
    (in_zsh,) = await told(f"pictures show {digits[:8]}", "zsh")
    assert "a red cup" in in_zsh


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "VIWO_IMAGEGEN_DATA_DIR": str(tmp_path),
            "VIWO_IMAGEGEN_PORT": str(silent.getsockname()[1]),
        }
        began = time.monotonic()
        assert completed(f"{NAME} jobs get 0", **environment) == []
        assert time.monotonic() - began < 3
    # Nor is anything told where none runs, or the configuration is bad.
    assert completed(f"{NAME} jobs get 0", **environment) == []
    assert completed(f"{NAME} jobs get 0", VIWO_IMAGEGEN_PORT="far away") == []


def test_it_is_installed_for_a_shell(tmp_path: Path) -> None:
    environment = {
        **os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    program = Path(sys.executable).parent / NAME
    done = subprocess.run(
        [program, "--install-completion", "bash"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "bash completion installed" in done.stdout
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert "_VIWO_IMAGEGEN_COMPLETE=complete_bash" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()

"""The pages' commands and programs, run in order as they are written, in a fresh folder with one server for all."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from capabilities.errors import FailedPrecondition
from capabilities.methods import Method
from entity_store.world import World, create_entity
from sidecar.auth import read_secret
from sidecar.cli.commands import COMMANDS
from sidecar.config import Settings
from sidecar.engines.comfyui.workflows import WorkflowSettings
from sidecar.engines.local.packaged import cache

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients" / "python"
TYPESCRIPT = ROOT / "clients" / "typescript"
PLAYED = ("docs/grpc.md", "docs/jobs.md", "docs/entities.md", "docs/access.md")
OTHERWISE: Mapping[tuple[str, str], str] = {
    ("README.md", "make demo"): "the demo has its test, and `make test` would run itself",
    ("README.md", ".venv/bin/viwo-imagegen serve"): "test_readme.py",
    ("README.md", "viwo-imagegen mint"): "the plugin's tests mint so, in a world that has entity 12",
    ("README.md", "const cap"): "the plugin's tests play it, from docs/viwo.md",
    (
        "docs/viwo.md",
        "",
    ): "the plugin's tests play the scripts; a checkout of viwo is not at hand, viwo_plugin/try_in_viwo.sh has one",
    (
        "docs/install.md",
        "python3 -m venv",
    ): "takes an index and minutes; tests/deploy runs pip's steps in an empty environment",
    ("docs/install.md", "pipx"): "the same with pipx, which is not among the packages of development",
    (
        "docs/install.md",
        "viwo-imagegen backup",
    ): "tests/queue/test_upgrade.py plays it on data of the first release; an upgrade needs a version before this one",
    ("docs/install.md", "rm -rf imagegen"): "takes away what runs the tests",
    ("docs/extending.md", '"""`invert`'): "test_the_method_of_the_page_is_one",
    ("deploy/README.md", "sudo useradd"): "makes users and services; tests/deploy checks the unit",
    (
        "deploy/README.md",
        "podman build",
    ): "images cannot be built where tests run; tests/deploy plays the Containerfile's steps",
    ("deploy/README.md", "sudo systemctl"): "stops the machine's service",
    ("CONTRIBUTING.md", ""): "sets up this very checkout, and runs the tests",
    ("clients/python/README.md", ""): "tests/clients",
    ("clients/typescript/README.md", ""): "its own tests",
}
"""Blocks that are not played here, by page and how they begin, and why or where they are."""
PAGES = sorted(
    str(path.relative_to(ROOT))
    for folder in (ROOT, ROOT / "docs", ROOT / "deploy", ROOT / "clients" / "python", TYPESCRIPT)
    for path in folder.glob("*.md")
)


@dataclass(frozen=True)
class Block:
    """What stands between fences; `before`: the line above it that says something."""

    language: str
    text: str
    before: str


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [
        Block(
            found[2],
            found[3].replace("\n" + found[1], "\n"),
            text[: found.start()].strip().rpartition("\n")[2],
        )
        for found in re.finditer(r"^( *)```(\w*)\n\s*(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a user whose sidecar runs: a home of their own, and the commands on the path."""
    home = tmp_path_factory.mktemp("home")
    programs = home / "bin"
    programs.mkdir()
    if shutil.which("grpcurl") is None:
        stand_in = programs / "grpcurl"
        stand_in.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("grpcurl.py")} "$@"\n'
        )
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIWO_", "XDG_"))}
    environment = {
        **kept,
        "HOME": str(home),
        "VIWO_IMAGEGEN_CACHE": str(cache()),
        "VIWO_IMAGEGEN_PORT": "0",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"], str(programs)]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(CLIENTS)]),
    }
    with subprocess.Popen(
        ["viwo-imagegen", "serve"],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split("serves at ")[1].split()[0]
            people(home)
            yield {**environment, "VIWO_IMAGEGEN_PORT": address.rpartition(":")[2]}
        finally:
            process.terminate()


def people(home: Path) -> None:
    """Rooms and things, so that the world has the entity 12 of which the pages tell."""
    world = World(home / ".local" / "share" / "viwo-imagegen" / "world.sqlite", own=False)
    with world.transaction() as connection:
        while (made := create_entity(connection, {"name": "a room"}, 2)) < 12:
            pass
        create_entity(connection, {"name": "a rusty sword", "location": made}, 2)
    world.close()


@pytest.mark.parametrize("page", PLAYED)
def test_every_block_works_as_it_is_written(page: str, server: Mapping[str, str], tmp_path: Path) -> None:
    script = ["set -eu"]
    for place, block in enumerate(blocks(page)):
        if block.language == "sh":
            script.append(block.text)
        elif block.language == "python":
            (tmp_path / f"{place}.py").write_text(block.text)
            script.append(f"python3 {place}.py")
        elif block.language == "ts" and (bun := bun_with_the_client(tmp_path)):
            (tmp_path / f"{place}.ts").write_text(block.text)
            script.append(f"{bun} {place}.ts")
        elif block.language == "json":
            (name,) = re.findall(r"`(\w[\w.-]*\.json)`", block.before)
            (tmp_path / name).write_text(block.text)
    played = "\n".join(script).replace("127.0.0.1:50061", f"127.0.0.1:{server['VIWO_IMAGEGEN_PORT']}")
    assert played.count("\n") > 2
    done = subprocess.run(
        ["bash", "-c", played], cwd=tmp_path, env=server, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"{played}\n{done.stdout}{done.stderr}"
    if page == "docs/grpc.md":
        assert (tmp_path / "apple.png").is_file()
        assert '"images"' in done.stdout


def bun_with_the_client(folder: Path) -> str:
    """Bun, with the TypeScript client among the packages of the folder; empty where `make plugin` has not been run."""
    bun = shutil.which("bun", path=os.pathsep.join([*map(str, ROOT.glob(".bun/*")), os.environ["PATH"]]))
    if bun is None or not (TYPESCRIPT / "node_modules").is_dir():
        return ""
    tsc = TYPESCRIPT / "node_modules" / ".bin" / "tsc"
    built = folder / "node_modules" / "viwo-imagegen-client"
    built.mkdir(parents=True)
    command = [bun, "--bun", str(tsc), "-p", "tsconfig.build.json", "--outDir", str(built / "dist")]
    subprocess.run(command, cwd=TYPESCRIPT, check=True)
    shutil.copy(TYPESCRIPT / "package.json", built)
    (built / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    return bun


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_played_or_it_is_told_why_not(page: str) -> None:
    known = [start for where, start in OTHERWISE if where == page]
    untold = [
        block.text.splitlines()[0]
        for block in blocks(page)
        if block.language in ("sh", "python", "ts") and page not in PLAYED
        if not any(block.text.startswith(start) for start in known)
    ]
    assert untold == []
    assert [start for start in known if not any(block.text.startswith(start) for block in blocks(page))] == []


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=page) for page in PAGES for block in blocks(page) if block.language == "toml"],
)
def test_every_configuration_is_one(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "[inputs]" in block.text:
        assert WorkflowSettings.model_validate(tomllib.loads(block.text)).inputs.prompt
        return
    file = tmp_path / "config.toml"
    file.write_text(block.text)
    monkeypatch.setenv("VIWO_IMAGEGEN_CONFIG", str(file))
    assert Settings().model_fields_set - {"data_dir"}


def test_the_method_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = (block for block in blocks("docs/extending.md") if block.language == "python")
    file = tmp_path / "invert.py"
    file.write_text(block.text)
    method = runpy.run_path(str(file))["METHOD"]
    assert isinstance(method, Method)
    assert [item.name for item in method.all_parameters if item.positional] == ["image", "amount"]


def test_every_command_that_a_page_names_exists() -> None:
    named = {
        (page, word)
        for page in PAGES
        for word in re.findall(
            r"(?m)(?:^|bin/|\()viwo-imagegen ([a-z]+)\b", "\n".join(block.text for block in blocks(page))
        )
    }
    assert len(named) > 20
    assert sorted((page, word) for page, word in named if word not in COMMANDS) == []


def messages_of_the_code() -> str:
    """Every text in the code, each on a line, with `...` where something is filled in."""
    found: list[str] = []
    for folder in (*(ROOT / name for name in ("capabilities", "entity_store", "sidecar")), CLIENTS):
        for path in folder.rglob("*.py"):
            if "pb" in path.parts or "testing" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else "..." for part in node.values]
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def test_every_message_of_the_troubleshooting_is_one_of_the_code(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "install.md").read_text().partition("## When something is wrong")[2]
    quoted = re.findall(r"^\| (`.+?`) \| ", text, re.MULTILINE)
    assert len(quoted) > 10
    secret = tmp_path / "token"
    secret.write_text("x" * 43)
    secret.chmod(0o644)
    with pytest.raises(FailedPrecondition) as refused:
        read_secret(secret)
    known = messages_of_the_code() + "\n" + str(refused.value).replace(str(secret), "...")
    missing = [message for cell in quoted for message in re.findall("`(.+?)`", cell) if message not in known]
    assert missing == []

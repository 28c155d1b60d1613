"""Every command that takes `--json` prints JSON and nothing else, whether it does its work or is refused."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sidecar import server
from sidecar.cli import app
from sidecar.cli.commands import COMMANDS, loaded
from sidecar.config import Settings
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.pictures import plain
from sidecar.testing.server import Sidecar, connected

FACTS = {"code", "reason", "field", "limit", "asked", "message"}
WITHOUT_SERVER = {
    "config",
    "config check",
    "generate",
    "call",
    "doctor",
    "batch submit",
    "refine",
    "engines check",
}
"""They need none, or run one of their own where none runs."""
OF_FILES = {"models import", "models fetch"}
"""They need neither server nor configuration."""


def every_command() -> Iterator[tuple[str, Any]]:
    """Each command by its words, groups' own included where they do something."""
    for name in COMMANDS:
        command = loaded(name)
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            yield name, command
        for child, one in (inner or {}).items():
            yield f"{name} {child}", one


COMMANDS_WITH_JSON = {
    name: command
    for name, command in every_command()
    if any("--json" in parameter.opts for parameter in command.params)
}
WITHOUT_JSON = {"serve", "demo"}
"""What they print goes on for as long as they run, or is for people."""


def run(words: list[str], **environment: str) -> tuple[int, list[Any], str]:
    """The status, each document on standard output, and standard error."""
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200", **environment})
    try:
        found = [json.loads(done.stdout)]
    except ValueError:
        found = [json.loads(line) for line in done.stdout.splitlines()]
    return done.exit_code, found, done.stderr


def arguments(command: Any, folder: Path) -> list[str]:
    """Something for each argument that must be given."""
    file = folder / "file.json"
    file.write_text("{}")
    paths = {"file": str(file), "source": str(file), "to": str(folder), "picture": "abcd"}
    return [
        paths.get(parameter.name, "1")
        for parameter in command.params
        if parameter.param_type_name == "argument" and parameter.required
    ]


def only_error(documents: list[Any]) -> dict[str, str]:
    (document,) = documents
    assert document.keys() == {"error"}
    error: dict[str, str] = document["error"]
    assert error.keys() == FACTS
    assert all(isinstance(value, str) for value in error.values())
    assert error["message"]
    return error


def test_every_command_that_tells_something_takes_it() -> None:
    lacking = {name for name, _ in every_command()} - COMMANDS_WITH_JSON.keys()
    assert lacking <= WITHOUT_JSON | {"backup", "restore"}


@pytest.mark.parametrize("name", COMMANDS_WITH_JSON)
def test_a_command_line_that_cannot_be_read_is_told_in_it(name: str) -> None:
    status, documents, stderr = run([*name.split(), "--no-such-option", "--json"])
    error = only_error(documents)
    assert (status, error["code"], error["reason"]) == (2, "INVALID_ARGUMENT", "USAGE")
    assert error["field"] == "--no-such-option"
    assert not stderr


@pytest.mark.parametrize("name", sorted(COMMANDS_WITH_JSON.keys() - OF_FILES))
def test_a_configuration_that_cannot_be_used_is_told_in_it(name: str, tmp_path: Path) -> None:
    command = COMMANDS_WITH_JSON[name]
    words = [*name.split(), *arguments(command, tmp_path), "--json"]
    status, documents, _ = run(words, VIWO_IMAGEGEN_PORT="far away")
    if name in ("doctor", "config check"):
        assert status == 1
        assert "port" in json.dumps(documents)
        return
    error = only_error(documents)
    # What is named on the command line is looked at before what is configured.
    earlier = {"call": "NOT_FOUND", "restore": "INVALID_ARGUMENT"}
    assert (status, error["code"]) == (1, earlier.get(name, "FAILED_PRECONDITION"))
    if name not in earlier:
        assert error["reason"] == "BAD_CONFIGURATION"
        assert "port" in error["message"]


@pytest.mark.parametrize("name", sorted(COMMANDS_WITH_JSON.keys() - OF_FILES - WITHOUT_SERVER))
def test_that_nobody_answers_is_told_in_it(name: str, tmp_path: Path) -> None:
    command = COMMANDS_WITH_JSON[name]
    words = [*name.split(), *arguments(command, tmp_path), "--json"]
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "none"), "VIWO_IMAGEGEN_PORT": "1"}
    status, documents, _ = run(words, **environment)
    assert status == 1
    assert only_error(documents)["reason"] in {"NO_SERVER", "NO_STORE", "BAD_BACKUP"}


def test_the_version_is_told_in_words_and_in_it() -> None:
    assert re.fullmatch(r"viwo-imagegen \d+\.\d+\.\d+\S*\n", CliRunner().invoke(app, ["--version"]).stdout)
    status, ((version),), _ = run(["--version", "--json"])
    assert (status, version.keys()) == (0, {"version"})


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["no-such-command", "--json"], ""),
        (["--json"], ""),
        (["--json", "jobs", "list"], "--json"),
        (["jobs", "--json"], "--json"),
        (["jobs", "get", "--json"], "job_id"),
        (["jobs", "list", "--limit", "many", "--json"], "--limit"),
        (["jobs", "list", "--limit", "0", "--json"], "--limit"),
        (["jobs", "list", "--state", "asleep", "--json"], ""),
        (["entity", "get", "me", "--json"], "entity_id"),
        (["template", "import", "nothing.json", "--json"], "file"),
    ],
)
def test_what_is_wrong_with_the_words_names_the_option(words: list[str], field: str) -> None:
    status, documents, _ = run(words)
    assert (status, only_error(documents)["field"].lower()) == (2, field)


@pytest.fixture(scope="module")
async def sidecar(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, default_model="icons")
    async with server.running(settings, [FakeEngine()]) as running, connected(running) as made:
        yield made


class Shell:
    """Runs commands with `--json` against a server, and knows which it has run."""

    def __init__(self, sidecar: Sidecar, folder: Path) -> None:
        self.folder = folder
        self.told: set[str] = set()
        self._environment = {
            "VIWO_IMAGEGEN_DATA_DIR": str(sidecar.running.settings.data_dir),
            "VIWO_IMAGEGEN_PORT": sidecar.running.address.rsplit(":", 1)[1],
        }

    async def __call__(self, *words: str, status: int = 0) -> Any:
        """The document that a command prints, or all of several."""
        name = " ".join(words[:2])
        self.told.add(name if name in COMMANDS_WITH_JSON else words[0])
        ended, documents, stderr = await asyncio.to_thread(run, [*words, "--json"], **self._environment)
        assert ended == status, json.dumps(documents)
        assert not status or not stderr
        return documents[0] if len(documents) == 1 else documents


@pytest.fixture
def shell(sidecar: Sidecar, tmp_path: Path) -> Shell:
    return Shell(sidecar, tmp_path)


async def test_every_command_tells_what_it_did_in_it(shell: Shell, sidecar: Sidecar) -> None:
    await of_pictures_and_jobs(shell)
    await of_templates(shell)
    await of_rights(shell, str(sidecar.painter))
    await of_the_world(shell, sidecar)
    await of_the_store(shell)
    # What is left asks other servers.
    assert COMMANDS_WITH_JSON.keys() - shell.told <= {"models fetch", "models pull", "engines check"}


async def of_pictures_and_jobs(shell: Shell) -> None:
    picture, out = shell.folder / "room.png", ("--out", str(shell.folder))
    picture.write_bytes(plain(32, 32))
    made = await shell("generate", "a cup", *out)
    ref, job = made["pictures"][0]["ref"], made["id"]
    assert (await shell("call", "transform", str(picture), "90", *out))["pictures"]
    assert (await shell("call", "getAvailableTypes"))["ok"] is True
    assert await shell("methods")
    assert await shell("engines", "list")
    assert (await shell("refine", "a cup"))["prompt"]
    for words in (("get", job), ("watch", job), ("cancel", job), ("rerun", job), ("list",), ("budget",)):
        assert isinstance(await shell("jobs", *words), dict | list)
    exported = await shell("jobs", "export", job, str(shell.folder / "job.json"))
    assert (await shell("jobs", "import", exported["path"]))["id"]
    assert (await shell("jobs", "history", ref))["ref"] == ref
    assert (await shell("pictures", "list", "--words", "cup"))[0]["ref"]
    for verb in ("get", "show"):
        assert (await shell("pictures", verb, ref, *(out if verb == "get" else ())))["ref"] == ref
    batch = (await shell("batch", "submit", "a cup"))["id"]
    for verb in ("get", "cancel"):
        assert (await shell("batch", verb, batch))["id"] == batch


async def of_templates(shell: Shell) -> None:
    step = {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a cup", "seed": 5}}
    file, written = shell.folder / "cups.json", shell.folder / "written.json"
    file.write_text(json.dumps({"format": "viwo-template/1", "name": "cups", "steps": [step]}))
    assert (await shell("template", "import", str(file)))["name"] == "cups"
    assert (await shell("template", "list"))[0]["name"] == "cups"
    assert (await shell("template", "run", "cups"))["state"] == "JOB_STATE_SUCCEEDED"
    assert (await shell("template", "export", "cups", str(written)))["path"] == str(written)
    assert json.loads(written.read_text())["name"] == "cups"
    assert await shell("template", "delete", "cups") == {"deleted": "cups"}


async def of_rights(shell: Shell, painter: str) -> None:
    capability = (await shell("mint"))["id"]
    child = (await shell("delegate", capability))["id"]
    assert (await shell("give", child, painter))["owner_id"] == painter
    assert await shell("approve", capability)
    assert await shell("capabilities")
    assert (await shell("revoke", capability))["revoked_ids"]
    key = (await shell("key", "create", "--entity", painter))["key"]["id"]
    assert (await shell("key", "rotate", key))["text"]
    assert await shell("key", "list")
    assert await shell("key", "revoke", key)


async def of_the_world(shell: Shell, sidecar: Sidecar) -> None:
    saved = (await shell("entity", "save", str(shell.folder / "room.png")))["id"]
    for words in (("list",), ("get", saved), ("verb", saved, "transform", "[90]")):
        assert await shell("entity", *words)
    room = sidecar.entity(name="a cellar")
    sidecar.entity(name="a barrel", location=room)
    lines = await shell("illustrate", "--room", str(room))
    assert (lines[0]["entities"], len(lines)) == (2, 3)
    assert (await shell("illustrate", "--room", str(room)))["illustrated"] == 2


async def of_the_store(shell: Shell) -> None:
    assert await shell("models", "list")
    for verb in ("load", "unload"):
        refused = await shell("models", verb, "icons", status=1)
        assert refused["error"]["reason"] == "ENGINE_LOADS_ITSELF"
    unreadable = await shell("models", "import", str(shell.folder / "room.png"), str(shell.folder), status=1)
    assert "cannot be read as weights" in unreadable["error"]["message"]
    assert (await shell("top"))["engines"]
    assert (await shell("config"))["data_dir"]
    assert (await shell("config", "check"))["errors"] == []
    assert await shell("doctor", "--only", "configuration")
    assert (await shell("gc"))["jobs"] == 0
    assert (await shell("fsck"))["missing"] == []
    if "backup" in COMMANDS_WITH_JSON:
        file = str(shell.folder / "all.tar")
        assert (await shell("backup", file))["files"]
        assert (await shell("restore", file, status=1))["error"]["message"]


async def test_what_a_server_refuses_has_reason_field_limit_and_what_was_asked(shell: Shell) -> None:
    error = only_error([await shell("generate", "a cup", "--width", "9000", status=1)])
    assert (error["code"], error["field"], error["asked"]) == ("PERMISSION_DENIED", "max_width", "9000")
    assert (error["limit"], error["reason"]) == ("2048", "OVER_LIMIT")


async def test_nothing_but_the_document_is_printed_where_the_work_is_ended(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sidecar.cli.picture._file", interrupt)
    made = await shell("generate", "a cup", "--out", str(shell.folder))
    error = only_error([await shell("pictures", "get", made["pictures"][0]["ref"], status=130)])
    assert (error["code"], error["reason"]) == ("CANCELLED", "INTERRUPTED")

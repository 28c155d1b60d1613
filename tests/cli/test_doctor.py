"""`doctor`: fine where all is, and what to do where something is not. With a server of its own, and with one that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sidecar.cli import app


def looked(folder: Path, *words: str, **variables: str) -> tuple[int, list[dict[str, Any]]]:
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(folder), "VIWO_IMAGEGEN_PORT": "1", **variables}
    done = CliRunner().invoke(app, ["doctor", "--json", *words], env=environment)
    return done.exit_code, json.loads(done.stdout)


def only(name: str, findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["state"], item["words"]) for item in findings if item["subject"] == name]


def test_a_fresh_machine_is_fine(tmp_path: Path) -> None:
    code, findings = looked(tmp_path / "data")
    assert (code, {item["state"] for item in findings}) == (0, {"fine"})
    assert {item["subject"] for item in findings} == {
        "versions", "configuration", "data", "world", "server", "models", "picture",
    }  # fmt: skip
    assert ("fine", "512 x 512 px by glyphs:game-icons") in only("picture", findings)
    assert any(words.startswith("engine local ready on ") for _, words in only("server", findings))


def test_what_is_wrong_is_found_without_a_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "token").write_text("short")
    world = tmp_path / "world.sqlite"
    looks = ("--only", "data", "--only", "world", "--only", "configuration")
    code, findings = looked(data, *looks, VIWO_IMAGEGEN_WORLD_PATH=str(world), VIWO_IMAGEGEN_TOKN="x")
    assert code == 1
    assert only("configuration", findings)[0][0] == "warning"
    (mode, secret, _) = only("data", findings)
    assert (mode[0], secret[0]) == ("warning", "wrong")
    assert f"chmod 700 {data}" in mode[1]
    assert "can be read by others" in secret[1]
    assert "start viwo once" in only("world", findings)[0][1]
    world.write_text("no database, " * 100)
    _, findings = looked(data, "--only", "world", VIWO_IMAGEGEN_WORLD_PATH=str(world))
    assert "is no viwo world" in only("world", findings)[0][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, findings = looked(tmp_path, "--only", "data")
    assert (code, only("data", findings)[0][0]) == (1, "wrong")


@pytest.mark.parametrize(
    ("text", "words"),
    [("port = 99999", "line 1"), ("port = ", "is not TOML"), ("prt = 1", "did you mean port?")],
)
def test_a_configuration_that_cannot_be_read_is_all_that_is_told(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "config.toml").write_text(text)
    environment = {"VIWO_IMAGEGEN_CONFIG": str(tmp_path / "config.toml")}
    done = CliRunner().invoke(app, ["doctor", "--json"], env=environment)
    findings = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [item["subject"] for item in findings] == ["versions", "configuration"]
    assert words in findings[1]["words"]


def test_a_look_that_there_is_not_is_refused() -> None:
    done = CliRunner().invoke(app, ["doctor", "--only", "wrld"])
    assert done.exit_code == 1
    assert "versions, configuration, data" in " ".join(done.stderr.split())

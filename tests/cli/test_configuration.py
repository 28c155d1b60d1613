"""The configuration is checked: what is wrong, where it is set, and what is hardly meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.config import Settings, dialled
from sidecar.configuration_check import default_model_remark, remarks
from sidecar.engines.router import Router
from sidecar.testing.fake_engine import FakeEngine


def test_configuration_is_shown_and_layered(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('port = 4000\nmax_steps = 33\n[[hub_models]]\nid = "a/b"\nsteps = 2\n')
    environment = {"VIWO_IMAGEGEN_CONFIG": str(file), "VIWO_IMAGEGEN_PORT": "5000", "COLUMNS": "200"}
    result = CliRunner().invoke(app, ["config", "--json"], env=environment)
    shown = json.loads(result.stdout)
    assert (shown["port"], shown["max_steps"], shown["hub_models"][0]["steps"]) == (5000, 33, 2)
    assert "VIWO_IMAGEGEN_<NAME>" in CliRunner().invoke(app, ["config"], env=environment).stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("prot = 1", "prot: Extra inputs"), ("port = 99999", "port: Input should be less")],
)
def test_a_wrong_configuration_names_the_setting(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["config"], env={"VIWO_IMAGEGEN_CONFIG": str(file)})
    assert result.exit_code == 1
    assert complaint in " ".join(result.stderr.split())


def checked(tmp_path: Path, text: str, **variables: str) -> tuple[int, dict[str, list[str]]]:
    file = tmp_path / "config.toml"
    file.write_text(text)
    done = CliRunner().invoke(
        app, ["config", "check", "--json"], env={"VIWO_IMAGEGEN_CONFIG": str(file), **variables}
    )
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n\nport = 99999", 3, "port: Input should be less than or equal to 65535"),
        ("# port\nmax_stps = 3", 2, "did you mean max_steps?"),
        ("threads = 1\n[[hub_models]]\nid = 3", 2, "hub_models.0.id"),
        ("'log_level' = 'loud'", 1, "log_level"),
        ("[tier_medium]\ncompute = 'much'\nmoney = 1", 1, "tier_medium.compute"),
    ],
)
def test_a_complaint_names_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    code, report = checked(tmp_path, text)
    (error,) = report["errors"]
    assert code == 1
    assert words in error
    assert error.endswith(f"(in {tmp_path / 'config.toml'}, line {line})")


def test_a_complaint_names_the_variable_that_wins(tmp_path: Path) -> None:
    code, report = checked(tmp_path, "port = 4000", VIWO_IMAGEGEN_PORT="many")
    assert code == 1
    assert report["errors"][0].endswith("(from the variable VIWO_IMAGEGEN_PORT)")


def test_what_is_hardly_meant_is_told_and_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    code, report = checked(
        tmp_path,
        f'model_dirs = ["{tmp_path}", "{tmp_path}/none", "{file}"]',
        VIWO_IMAGEGEN_MAX_STEP="3",
        VIWO_IMAGEGEN_TIER_MEDIUM__COMPUTE="3",
        VIWO_IMAGEGEN_TIER_MEDIUM__MONEY="1",
        VIWO_IMAGEGEN_KEY="of the plugin",
    )
    assert (code, report["errors"]) == (0, [])
    variable, missing, no_folder = report["warnings"]
    assert variable.startswith("the variable VIWO_IMAGEGEN_MAX_STEP is no setting")
    assert variable.endswith("did you mean VIWO_IMAGEGEN_MAX_STEPS?")
    assert f"{tmp_path}/none is not there" in missing
    assert f"{file} is no folder" in no_folder


def test_nothing_wrong_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["config", "check"], env={"VIWO_IMAGEGEN_CONFIG": str(tmp_path / "none.toml")}
    )
    assert done.exit_code == 0
    assert "as by default" in " ".join(done.stdout.split())


def test_a_value_that_is_secret_to_others_is_not_repeated(tmp_path: Path) -> None:
    _, report = checked(tmp_path, "", VIWO_IMAGEGEN_PORT="hunter2")
    assert "hunter2" not in json.dumps(report)


def test_a_default_model_that_is_not_here_is_told() -> None:
    here = Router([FakeEngine()], FakeEngine().models()[0].facts.id)
    assert default_model_remark(here) is None
    words = default_model_remark(Router([FakeEngine()], "sdxl-turb")) or ""
    assert words.startswith("default_model: ")
    assert "sdxl-turb" in words


@pytest.mark.parametrize(
    ("host", "listening", "address"),
    [
        ("127.0.0.1", "127.0.0.1:50061", "127.0.0.1:50061"),
        ("0.0.0.0", "0.0.0.0:50061", "127.0.0.1:50061"),  # noqa: S104
        ("::", "[::]:50061", "[::1]:50061"),
        ("::1", "[::1]:50061", "[::1]:50061"),
        ("10.0.0.3", "10.0.0.3:50061", "10.0.0.3:50061"),
    ],
)
def test_a_client_dials_where_the_server_can_be_reached(
    tmp_path: Path, host: str, listening: str, address: str
) -> None:
    pem = tmp_path / "any.pem"
    settings = Settings(host=host, tls_cert=pem, tls_key=pem)
    assert (settings.listening_address, settings.address) == (listening, address)
    assert dialled(f"unix:{tmp_path}/0.0.0.0:1") == f"unix:{tmp_path}/0.0.0.0:1"
    assert list(remarks(settings, {})) == []


ENGINE = '[[engines]]\nname = "pod"\nkind = "comfyui"\nurls = ["http://127.0.0.1:8188"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENGINE + "slots = 0", "engines.0.slots"),
        (ENGINE.replace("http://127", "http://me:secret@127"), "put them into key_file"),
        (ENGINE.replace("pod", "local"), "name 'local' belongs to an engine of this sidecar"),
        (ENGINE + "colour = 3", "engines.0.colour"),
    ],
)
def test_a_wrong_engine_names_its_setting(tmp_path: Path, text: str, words: str) -> None:
    code, report = checked(tmp_path, text)
    error = report["errors"][0]
    assert code == 1
    assert words in error
    assert error.endswith(f"(in {tmp_path / 'config.toml'}, line 1)")
    assert "secret@" not in json.dumps(report)


def test_two_engines_have_two_names(tmp_path: Path) -> None:
    code, report = checked(tmp_path, ENGINE + ENGINE)
    assert code == 1
    assert "two of the engines have the name 'pod'; give each its own" in report["errors"][0]


def test_engines_come_from_a_variable_as_well(tmp_path: Path) -> None:
    engines = json.dumps([{"name": "pod", "kind": "a1111", "urls": ["http://[::1]:7860/"], "slots": 2}])
    file = tmp_path / "config.toml"
    environment = {"VIWO_IMAGEGEN_CONFIG": str(file), "VIWO_IMAGEGEN_ENGINES": engines}
    shown = json.loads(CliRunner().invoke(app, ["config", "--json"], env=environment).stdout)
    assert (shown["engines"][0]["urls"], shown["engines"][0]["slots"]) == (["http://[::1]:7860"], 2)


def test_files_of_an_engine_are_looked_for(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.write_text("of a provider\n")
    seen.chmod(0o644)
    private = tmp_path / "private"
    private.write_text("short\n")
    private.chmod(0o600)
    text = (
        ENGINE
        + f'key_file = "{tmp_path}/none"\nworkflows = "{tmp_path}/flows"\nca_file = "{tmp_path}/ca"\n'
        + ENGINE.replace("pod", "b")
        + f'key_file = "{seen}"\n'
        + ENGINE.replace("pod", "c")
        + f'key_file = "{private}"\n'
    )
    code, report = checked(tmp_path, text)
    assert code == 0
    missing, ca, flows, readable = report["warnings"]
    assert missing.startswith("engines: 'pod': key_file: ")
    assert "cannot be read" in missing
    assert f"ca_file: {tmp_path}/ca is not there" in ca
    assert f"workflows: the folder {tmp_path}/flows is not there" in flows
    assert readable.startswith("engines: 'b': key_file: ")
    assert "can be read by others (mode 0644)" in readable
    assert "of a provider" not in json.dumps(report)

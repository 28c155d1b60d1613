"""`backup` and `restore` of a whole installation: data, configuration and secrets, also while a server works on them."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entity_store.blobs import Blobs
from sidecar.cli import app
from sidecar.config import Settings
from sidecar.queue.maintenance import backup as archives
from sidecar.queue.maintenance import lock
from sidecar.server import running
from sidecar.testing.server import connected

PASSPHRASE = "correct horse battery staple"
SECRETS = ("token", "kernel-key", "elsewhere/statement-key")


@dataclass
class Machine:
    """A folder with all that an installation has, and the command line on it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, *words: str, status: int = 0) -> str:
        variables = {"VIWO_IMAGEGEN_DATA_DIR": str(self.data), "COLUMNS": "250", **self.environment}
        done = CliRunner().invoke(app, list(words), env=variables)
        assert done.exit_code == status, done.output
        return " ".join(done.output.split())

    def secrets(self) -> dict[str, str]:
        found = {}
        for name in SECRETS:
            path = self.data / name
            if path.exists():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                found[name] = path.read_text()
        return found


@pytest.fixture
async def machine(tmp_path: Path) -> Machine:
    """One that has served, and was backed up meanwhile: nothing has to be stopped for that."""
    machine = Machine(tmp_path / "old")
    machine.data.mkdir(parents=True)
    key = tmp_path / "new" / "data" / "elsewhere" / "statement-key"
    (machine.data / "config.toml").write_text(f'log_level = "warning"\nstatement_key_file = "{key}"\n')
    settings = Settings(data_dir=machine.data, port=0, statement_key_file=key)
    async with running(settings) as served, connected(served):
        await asyncio.to_thread(machine.run, "backup", str(tmp_path / "running.tar"))
    return machine


@pytest.mark.parametrize("how", ["plain", "encrypted"])
async def test_an_installation_comes_back_with_its_secrets(
    machine: Machine, tmp_path: Path, how: str
) -> None:
    archive, phrase = tmp_path / "all.tar", tmp_path / "phrase"
    phrase.write_text(PASSPHRASE + "\n")
    given = ("--passphrase-file", str(phrase)) if how == "encrypted" else ()
    told = machine.run("backup", str(archive), "--secrets", how, *given)
    assert "not in it: secrets" not in told
    assert "not in it: models" in told
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    token = (machine.data / "token").read_text().strip()
    assert (token.encode() in archive.read_bytes()) is (how == "plain")
    # The statement key is made anew where its file is gone; another one would refuse what the plugin states.
    statement_key = (tmp_path / "new" / "data" / "elsewhere" / "statement-key").read_text()
    (tmp_path / "new" / "data" / "elsewhere" / "statement-key").unlink()
    new = Machine(tmp_path / "new")
    told = new.run("restore", str(archive), *given)
    assert f"configuration: {new.data / 'config.toml'}" in told
    assert new.secrets() == {
        "token": token + "\n",
        "kernel-key": (machine.data / "kernel-key").read_text(),
        "elsewhere/statement-key": statement_key,
    }
    assert (new.data / "config.toml").read_text() == (machine.data / "config.toml").read_text()
    assert "fit together" in new.run("fsck")


async def test_secrets_are_left_out_unless_asked_for(machine: Machine, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "running.tar") as archive:
        assert "installation/config.toml" in archive.getnames()
        assert not [name for name in archive.getnames() if "secrets" in name]
    told = machine.run("backup", str(tmp_path / "none.tar"), "--json")
    assert any(
        words.startswith("secrets (kernel-key, statement-key, token)")
        for words in json.loads(told)["left_out"]
    )
    new = Machine(tmp_path / "other")
    assert "new ones are made at the next start" in new.run("restore", str(tmp_path / "none.tar"))
    assert new.secrets() == {}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://viwo:hunter2@localhost/x",
        "postgresql+psycopg://viwo@localhost/x?password=hunter2",
        "postgresql+psycopg://viwo@localhost/x?sslmode=require&sslpassword=hunter2",
        "postgresql+psycopg://viwo:a#/?hunter2@localhost/x",
    ],
)
async def test_a_configuration_with_a_password_goes_with_the_secrets(
    machine: Machine, tmp_path: Path, url: str
) -> None:
    (machine.data / "config.toml").write_text(f'database_url = "{url}"\n')
    machine.environment["VIWO_IMAGEGEN_DATABASE_URL"] = ""
    told = machine.run("backup", str(tmp_path / "none.tar"))
    assert "not in it: secrets (config.toml, kernel-key," in told
    assert b"hunter2" not in (tmp_path / "none.tar").read_bytes()


@pytest.mark.parametrize("words", ["backup all.tar", "gc"])
async def test_upkeep_that_does_not_end_is_told(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    monkeypatch.chdir(tmp_path)
    options = ("--blind",) if words == "gc" else ()
    with lock.maintenance_lock(Blobs(machine.data)):
        told = machine.run(*words.split(), *options, status=1)
    assert "another backup, gc or fsck has been at work" in told
    assert "move it away" not in told
    machine.run(*words.split(), *options)


@pytest.mark.parametrize("name", ["passphrase", "token", "kernel-key", "config.toml"])
async def test_a_file_that_is_no_text_is_named(machine: Machine, tmp_path: Path, name: str) -> None:
    path = machine.data / name
    path.write_bytes(b"\xff\xfe\x00" * 20)
    archive = str(tmp_path / "all.tar")
    options = ("--secrets", "encrypted", "--passphrase-file", str(path)) if name == "passphrase" else ()
    told = machine.run("backup", archive, *options, status=1)
    assert str(path) in told
    assert "not UTF-8 text" in told
    if name == "config.toml":
        restored = ("restore", str(tmp_path / "running.tar"))
        assert "--no-configuration leaves it as it is" in machine.run(*restored, status=1)
        assert str(path) in machine.run(*restored, "--no-configuration", status=1)


async def test_a_full_disk_is_told_while_a_database_is_copied(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(archives, "_snapshot", full)
    told = machine.run("backup", str(tmp_path / "all.tar"), status=1)
    assert "database or disk is full; make room" in told
    assert not [name for name in os.listdir(tmp_path) if "all.tar" in name]


@pytest.mark.parametrize("there", ["elsewhere", "elsewhere/statement-key/x"])
async def test_a_restore_that_has_no_place_for_a_secret_changes_nothing(
    machine: Machine, tmp_path: Path, there: str
) -> None:
    archive, place = str(tmp_path / "all.tar"), tmp_path / "keys" / there
    machine.run("backup", archive, "--secrets", "plain")
    new = Machine(tmp_path / "another")
    key = tmp_path / "keys" / "elsewhere" / "statement-key"
    new.environment["VIWO_IMAGEGEN_STATEMENT_KEY_FILE"] = str(key)
    place.parent.mkdir(parents=True)
    place.touch()
    told = new.run("restore", archive, "--overwrite", status=1)
    assert f"the secret {key} cannot be written there" in told
    assert not new.folder.exists()
    place.unlink()
    if place.parent == key:
        key.rmdir()
    new.run("restore", archive)
    assert key.read_text().strip()


async def test_what_is_there_is_replaced_only_when_told_to(machine: Machine, tmp_path: Path) -> None:
    archive = str(tmp_path / "all.tar")
    machine.run("backup", archive, "--secrets", "plain")
    new = Machine(tmp_path / "another")
    new.data.mkdir(parents=True)
    (new.data / "config.toml").write_text("threads = 2\n")
    assert "--no-configuration leaves it as it is" in new.run("restore", archive, status=1)
    (new.data / "token").write_text("x" * 40)
    assert "--no-secrets leaves it as it is" in new.run("restore", archive, "--no-configuration", status=1)
    assert sorted(path.name for path in new.data.iterdir()) == ["config.toml", "token"]
    # A backup that cannot be restored changes nothing either.
    (new.data / "jobs.sqlite").touch()
    assert "is there already" in new.run("restore", archive, "--overwrite", status=1)
    assert (new.data / "config.toml").read_text() == "threads = 2\n"
    (new.data / "jobs.sqlite").unlink()
    new.run("restore", archive, "--overwrite")
    assert new.secrets()["token"] == (machine.data / "token").read_text()
    assert "log_level" in (new.data / "config.toml").read_text()


async def test_a_passphrase_is_needed_and_must_be_the_right_one(machine: Machine, tmp_path: Path) -> None:
    archive, phrase = str(tmp_path / "all.tar"), tmp_path / "phrase"
    given = ("--passphrase-file", str(phrase))
    assert "--passphrase-file" in machine.run("backup", archive, "--secrets", "encrypted", status=1)
    phrase.write_text("short")
    assert "at least 12 characters; it has 5" in machine.run(
        "backup", archive, "--secrets", "encrypted", *given, status=1
    )
    phrase.write_text(PASSPHRASE)
    machine.run("backup", archive, "--secrets", "encrypted", *given)
    phrase.write_text(PASSPHRASE[::-1])
    new = Machine(tmp_path / "another")
    assert "does not open the secrets" in new.run("restore", archive, *given, status=1)
    assert not new.data.exists()
    new.run("restore", archive, "--no-secrets")
    assert new.secrets() == {}

"""`engines check`: what an operator reads of a server that works, and of one that does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.engines.remote import engine, transport
from sidecar.testing.foreign.server import ForeignServer

KEY, OTHER = "name:a-secret", "name:not-the-secret"
EVERYTHING = (
    "connect", "models", "options", "cancel", "textToImage", "imageToImage", "inpaint", "outpaint", "upscaleImg2Img", "hiresFix",
    "apply", "upscale", "faceRestore",
)  # fmt: skip


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A configuration with engines of one fake and of nobody."""
    folder = tmp_path_factory.mktemp("check")
    for name, key in (("key", KEY), ("other", OTHER)):
        (folder / name).write_text(key)
    async with ForeignServer("a1111", seconds=0.02, key=KEY) as fake:
        for_each = {
            "home": (fake.url, "key", ""),
            "locked": (fake.url, "other", ""),
            "paid": (fake.url, "key", "models = [{ name = 'tiny-sdxl', per_image = 0.25 }]"),
            "empty": (fake.url, "key", "only_these_models = true"),
            "dead": ("http://127.0.0.1:9", "key", ""),
        }
        (folder / "config.toml").write_text(
            "\n".join(
                f"[[engines]]\nname = '{name}'\nkind = 'a1111'\nurls = ['{url}']\nkey_file = '{folder / file}'\n{more}"
                for name, (url, file, more) in for_each.items()
            )
        )
        yield folder


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at a server that is not there follow each other at once."""
    monkeypatch.setattr(engine, "LOOK_BACKOFF", (0.0,))
    monkeypatch.setattr(transport, "FIRST_BACKOFF", 0.0)


async def checked(folder: Path, *words: str) -> tuple[int, str]:
    """The status, and all that is printed."""
    environment = {"VIWO_IMAGEGEN_CONFIG": str(folder / "config.toml")}

    def run() -> tuple[int, str]:
        done = CliRunner().invoke(app, ["engines", "check", *words], env=environment)
        return done.exit_code, done.stdout + done.stderr

    status, printed = await asyncio.to_thread(run)
    assert "secret" not in printed
    assert "Traceback" not in printed
    return status, printed


def error(printed: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(printed)["error"]
    return told


async def test_everything_that_a_server_can_do_is_tried(folder: Path) -> None:
    status, printed = await checked(folder, "home", "--json", "--side", "64")
    checks = {each["name"]: each for each in json.loads(printed)}
    assert (status, tuple(checks)) == (0, EVERYTHING)
    assert [name for name, each in checks.items() if each["fine"] is False] == []
    assert checks["connect"]["fine"]
    assert "home:tiny-sd15" in checks["models"]["words"]
    assert "negative_prompt" in checks["options"]["words"]
    assert checks["textToImage"]["words"].startswith("64 x 64")
    assert checks["upscale"]["words"].startswith("128 x 128")


async def test_a_model_that_does_not_draw_from_words_is_tried_with_what_it_does(folder: Path) -> None:
    status, printed = await checked(folder, "home", "--json", "--side", "64", "--model", "R-ESRGAN 4x+")
    found = {each["name"]: each["fine"] for each in json.loads(printed)}
    assert (status, found["cancel"], found["textToImage"], found["upscale"]) == (0, None, None, True)


async def test_a_server_that_is_not_there_is_told_with_cause_and_cure(folder: Path) -> None:
    status, printed = await checked(folder, "dead")
    assert status == 1
    assert "connect" in printed
    assert "textToImage" not in printed
    assert "http://127.0.0.1:9 cannot be reached" in printed
    assert "see whether the server runs and the address in urls is right" in printed


async def test_a_wrong_key_is_told(folder: Path) -> None:
    status, printed = await checked(folder, "locked", "--json")
    (connect,) = json.loads(printed)
    assert (status, connect["name"], connect["fine"]) == (1, "connect", False)
    assert "401" in connect["words"]
    assert "key_file" in connect["words"]


async def test_a_server_without_a_model_that_draws_is_told_with_the_cure(folder: Path) -> None:
    status, printed = await checked(folder, "empty", "--json")
    (_, models) = json.loads(printed)
    assert (status, models["name"], models["fine"]) == (1, "models", False)
    assert "name under models of this engine" in models["words"]


async def test_money_is_spent_when_told_to_only(folder: Path) -> None:
    status, printed = await checked(folder, "paid", "--json")
    assert (status, error(printed)["reason"], error(printed)["field"]) == (1, "COSTS_MONEY", "--pay")
    assert "say --pay" in error(printed)["message"]
    assert (await checked(folder, "paid", "--pay", "--side", "64"))[0] == 0


@pytest.mark.parametrize(
    ("words", "reason", "limit"),
    [
        (("hom",), "UNKNOWN_ENGINE", "home, locked, paid, empty, dead"),
        (("home", "--model", "tiny-sd51"), "UNKNOWN_MODEL", "home:tiny-sd15"),
    ],
)
async def test_what_there_is_not_is_refused_with_what_there_is(
    folder: Path, words: tuple[str, ...], reason: str, limit: str
) -> None:
    status, printed = await checked(folder, *words, "--json")
    assert (status, error(printed)["reason"]) == (1, reason)
    assert limit in error(printed)["limit"]

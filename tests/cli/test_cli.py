"""The command line against a running server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.testing.pictures import pixels
from sidecar.testing.server import Sidecar


class Terminal:
    """Runs commands as an operator's shell would, with the shared server configured."""

    def __init__(self, sidecar: Sidecar, folder: Path) -> None:
        settings = sidecar.running.settings
        self.folder = folder
        self.environment = {
            "VIWO_IMAGEGEN_DATA_DIR": str(settings.data_dir),
            "VIWO_IMAGEGEN_PORT": sidecar.running.address.rsplit(":", 1)[1],
            "COLUMNS": "250",
        }

    async def run(self, *words: str, status: int = 0) -> str:
        """What a command prints; it runs on a thread, since the server lives on this one."""
        result = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=self.environment)
        assert result.exit_code == status, result.output
        return result.output if status == 0 else result.stderr

    async def json(self, *words: str) -> Any:
        result = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"], env=self.environment)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def terminal(sidecar: Sidecar, tmp_path: Path) -> Terminal:
    return Terminal(sidecar, tmp_path)


async def test_generates_a_file_and_tells_seed_seconds_and_cost(terminal: Terminal) -> None:
    words = (
        "generate",
        "a cup",
        "--steps",
        "2",
        "--seed",
        "5",
        "--count",
        "2",
        "--out",
        str(terminal.folder),
    )
    shown = await terminal.run(*words)
    files = sorted(terminal.folder.glob("*.png"))
    assert [file.stem.split("-")[1] for file in files] == ["5", "6"]
    assert pixels(files[0].read_bytes()).shape == (64, 64, 3)
    assert "megapixel-steps" in shown
    job = await terminal.json(*words, "--format", "webp", "--save", "--name", "cup")
    assert [int(image["seed"]) for image in job["images"]] == [5, 6]
    entity = await terminal.json("entity", "get", job["images"][0]["entity_id"])
    assert entity["name"] == "cup"


async def test_capabilities_are_minted_narrowed_given_and_revoked(
    terminal: Terminal, sidecar: Sidecar
) -> None:
    minted = await terminal.json(
        "mint", "diffusers.generate", "-p", "allowed_models=sd,other", "-p", "max_steps=9"
    )
    assert minted["params"].pop("budget_account")
    assert minted["params"] == {"allowed_models": ["other", "sd"], "max_steps": 9.0}
    child = await terminal.json("delegate", minted["id"], "--params", '{"max_steps": 4}')
    assert child["params"]["max_steps"] == 4.0
    given = await terminal.json("give", child["id"], str(sidecar.painter))
    assert int(given["owner_id"]) == sidecar.painter
    listed = await terminal.json("capabilities", "--owner", str(sidecar.painter))
    assert child["id"] in [item["id"] for item in listed]
    refusal = await terminal.run(
        "generate", "x", "--capability", child["id"], "--as", str(sidecar.painter), "--steps", "5", status=1
    )
    assert "max_steps of this capability is 4" in refusal
    assert "field: max_steps" in refusal
    revoked = await terminal.json("revoke", minted["id"])
    assert revoked["revoked_ids"] == [minted["id"], child["id"]]
    given_at_once = await terminal.json("mint", "--to", str(sidecar.painter))
    assert int(given_at_once["owner_id"]) == sidecar.painter
    before = await terminal.json("capabilities")
    assert "there is no entity 999" in await terminal.run("mint", "--to", "999", status=1)
    assert await terminal.json("capabilities") == before


async def test_a_file_becomes_an_entity_and_a_damaged_one_does_not(terminal: Terminal) -> None:
    file = terminal.folder / "leaf.png"
    Image.new("RGB", (12, 8), "green").save(file)
    saved = await terminal.json("entity", "save", str(file), "--description", "green")
    assert (saved["name"], saved["image"]["width"], saved["image"]["height"]) == ("leaf", 12, 8)
    file.write_bytes(file.read_bytes()[:40])
    complaint = " ".join((await terminal.run("entity", "save", str(file), status=1)).split())
    assert "'image' cannot be read" in complaint
    assert "is the file whole?" in complaint


async def test_jobs_entities_and_models(terminal: Terminal) -> None:
    job = await terminal.json("generate", "a cup", "--steps", "1", "--save", "--out", str(terminal.folder))
    assert job["id"] in await terminal.run("jobs", "list", "--state", "succeeded")
    assert (await terminal.json("jobs", "get", job["id"]))["state"] == "JOB_STATE_SUCCEEDED"
    assert (await terminal.json("jobs", "watch", job["id"]))["id"] == job["id"]
    assert (await terminal.json("jobs", "cancel", job["id"]))["state"] == "JOB_STATE_SUCCEEDED"
    entity_id = job["images"][0]["entity_id"]
    assert entity_id in await terminal.run("entity", "list")
    answer = await terminal.json("entity", "verb", entity_id, "transform", "[90, 2]")
    assert answer["entity"]["version"] == 2
    file = terminal.folder / "out.png"
    shown = await terminal.run("entity", "get", entity_id, "--out", str(file))
    assert "transform" in shown
    assert pixels(file.read_bytes()).shape == (128, 128, 3)
    assert "sd (default)" in await terminal.run("models", "list")
    cards = await terminal.run("models", "list", "--verbose")
    assert re.search(
        r"^icons$.*?licence +MIT\n +told by +viwo_defaults.json beside it", cards, re.DOTALL | re.MULTILINE
    )
    assert re.search(
        r"^glyphs:game-icons$.*?no effect +guidance_scale, negative_prompt", cards, re.DOTALL | re.MULTILINE
    )
    assert (await terminal.json("models", "load", "sd"))["loaded"] is True
    assert (await terminal.json("models", "unload", "sd"))["loaded"] is False
    assert "textToImage" in await terminal.run("methods")
    rows = [line.split() for line in (await terminal.run("engines", "list")).splitlines()]
    assert rows[0] == ["name", "kind", "state", "slots", "waiting", "models", "paid", "reason"]
    assert {row[0]: row[1:3] for row in rows if row[0] in ("local", "builtin")} == {
        "local": ["local", "ready"],
        "builtin": ["builtin", "ready"],
    }
    found = {engine["name"]: engine for engine in await terminal.json("engines", "list")}
    assert found["local"]["models"] > 1
    assert found["local"]["paid"] is False


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("generate", "x", "--model", "sdd"), "did you mean 'sd'?"),
        (("generate", "x", "--width", "9000"), "max_width of this server is 2048"),
        (("generate", "x", "--scheduler", "eular"), "did you mean 'euler'?"),
        (("generate", "x", "--format", "bmp"), "'png', 'jpeg' or 'webp'"),
        (("entity", "get", "1"), "entity 1 holds no picture"),
        (("jobs", "get", "nothing"), "there is no job 'nothing'"),
        (("mint", "sys.mint"), "is not an image capability"),
        (("mint", "-p", "max_steps"), "takes name=value"),
        (("mint", "--params", "["), "--params is not JSON"),
        (("mint", "--as", "1"), "entity 1 holds no sys.mint"),
        (("give", "nothing", "1"), "there is no capability 'nothing'"),
    ],
)
async def test_mistakes_are_told_in_words(terminal: Terminal, words: tuple[str, ...], complaint: str) -> None:
    shown = " ".join((await terminal.run(*words, status=1)).split())
    assert complaint in shown
    assert "Traceback" not in shown


def test_no_server_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viwo_imagegen_client.dialling.CONNECT_TIMEOUT", 0.2)
    result = CliRunner().invoke(
        app, ["jobs", "list"], env={"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path), "VIWO_IMAGEGEN_PORT": "1"}
    )
    assert result.exit_code == 1
    assert "start one with 'viwo-imagegen serve'" in " ".join(result.stderr.split())


async def test_generates_larger_with_an_upscaler(terminal: Terminal) -> None:
    words = ("generate", "a cup", "--steps", "2", "--upscale", "2", "--upscaler", "fast", "--save")
    job = await terminal.json(*words, "--out", str(terminal.folder))
    (path,) = terminal.folder.iterdir()
    assert pixels(path.read_bytes()).shape == (128, 128, 3)
    assert job["method"] == "upscale"
    assert int(job["images"][0]["entity_id"]) > 0


async def test_calls_any_method_with_files(terminal: Terminal) -> None:
    image, mask = terminal.folder / "a.png", terminal.folder / "m.png"
    Image.new("RGB", (64, 48), "red").save(image)
    Image.new("L", (64, 48), 255).save(mask)
    out = terminal.folder / "out"
    await terminal.run(
        "call", "inpaint", str(image), str(mask), "x", "-s", "steps=2", "-s", "seed=1", "--out", str(out)
    )
    (made,) = out.iterdir()
    assert pixels(made.read_bytes()).shape == (48, 64, 3)
    turned = await terminal.json("call", "transform", str(image), "90", "--out", str(out))
    assert turned["images"][0]["width"] == 48
    assert "canny" in await terminal.run("call", "getAvailableTypes")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("inpant",), "did you mean 'inpaint'?"),
        (("inpaint", "nothing.png"), "there is no file nothing.png"),
        (("transform", "1", "2", "3", "4"), "give options with --set"),
        (("transform", "1", "--set", "scale"), "must be name=value"),
    ],
)
async def test_wrong_calls_say_what_is_wrong(
    terminal: Terminal, words: tuple[str, ...], complaint: str
) -> None:
    assert complaint in await terminal.run("call", *words, status=1)


async def test_a_batch_from_the_command_line(terminal: Terminal) -> None:
    words = ("batch", "submit", "a cup", "a hat", "--count", "2", "--seed", "40", "--steps", "2")
    batch = await terminal.json(*words)
    assert (batch["succeeded"], len(batch["jobs"])) == (4, 4)
    assert "4 succeeded, 0 failed" in await terminal.run("batch", "get", batch["id"])
    assert "4 succeeded" in await terminal.run("batch", "cancel", batch["id"])


async def test_a_job_again_exported_imported_and_its_history(terminal: Terminal) -> None:
    made = await terminal.json(
        "generate", "a jar", "--steps", "2", "--seed", "41", "--out", str(terminal.folder)
    )
    again = await terminal.json("jobs", "rerun", made["id"])
    assert again["images"][0]["ref"] == made["images"][0]["ref"]
    file = terminal.folder / "job.json"
    await terminal.run("jobs", "export", made["id"], str(file))
    carried = await terminal.json("jobs", "import", str(file))
    assert carried["images"][0]["ref"] == made["images"][0]["ref"]
    assert "textToImage" in await terminal.run("jobs", "history", made["images"][0]["ref"])
    file.write_text("{}")
    assert "no job document" in await terminal.run("jobs", "import", str(file), status=1)


async def test_a_template_from_the_command_line(terminal: Terminal) -> None:
    document = {
        "format": "viwo-template/1",
        "name": "cli",
        "parameters": {"what": {}, "turn": {"type": "number", "default": 90}},
        "steps": [
            {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a {what}", "steps": 2}},
            {
                "name": "turn",
                "method": "transform",
                "arguments": {"image": {"from": "draw"}, "rotation": "{turn}"},
            },
        ],
    }
    file = terminal.folder / "cli.viwo-template.json"
    file.write_text(json.dumps(document))
    assert "cli" in await terminal.run("template", "import", str(file))
    assert "textToImage > transform" in await terminal.run("template", "list")
    run = await terminal.json("template", "run", "cli", "-s", "what=cup", "-s", "turn=180")
    assert (run["state"], len(run["jobs"])) == ("JOB_STATE_SUCCEEDED", 2)
    await terminal.run("template", "export", "cli", str(file))
    assert json.loads(file.read_text())["parameters"]["turn"]["default"] == 90
    assert "has no parameter 'hue'" in await terminal.run("template", "run", "cli", "-s", "hue=1", status=1)
    await terminal.run("template", "delete", "cli")
    assert "there is no template 'cli'" in await terminal.run("template", "export", "cli", status=1)


async def test_top_and_budgets(terminal: Terminal) -> None:
    shown = await terminal.run("top", "--once")
    assert "engine cpu" in shown
    assert "memory: server" in shown
    assert (await terminal.json("top"))["device"] == "cpu"
    assert "no caps" in await terminal.run("jobs", "budget")
    capped = await terminal.json("mint", "diffusers.generate", "-p", "compute_per_day=5")
    assert "capability:" in await terminal.run("jobs", "budget", "--capability", capped["id"])


async def test_illustrates_a_room_and_takes_it_back(terminal: Terminal, sidecar: Sidecar) -> None:
    room = sidecar.entity(name="a cellar")
    for name in ("a barrel", "a barrel", "a rat"):
        sidecar.entity(name=name, location=room)
    words = ("illustrate", *f"--room {room} --model glyphs:game-icons --width 64 --height 64".split())
    planned = await terminal.json(*words, "--dry-run")
    assert (planned["entities"], planned["drawings"]) == (4, 3)
    assert "4 entities without a picture, 3 drawings" in await terminal.run(*words, "--dry-run")
    assert "4 of 4 entities have a picture now" in await terminal.run(*words, "--yes")
    assert "0 entities without a picture" in await terminal.run(*words, "--yes")
    undone = await terminal.json("illustrate", "--room", str(room), "--undo")
    assert undone["removed"] == 4
    assert "{colour} stands for nothing" in await terminal.run(*words, "--prompt", "{colour}", status=1)


def opened(path: Path) -> tuple[str | None, tuple[int, int]]:
    """Format and size of a picture file."""
    with Image.open(path) as image:
        return image.format, image.size


class TestFiles:
    async def test_a_name_with_an_ending_is_a_file_and_decides_the_format(self, terminal: Terminal) -> None:
        for name, format in (("one.png", "PNG"), ("two.jpg", "JPEG"), ("Three.WEBP", "WEBP")):
            path = terminal.folder / name
            made = await terminal.json("generate", "a cup", "--steps", "1", "--seed", "3", "--out", str(path))
            written = path.with_suffix(path.suffix.lower()) if not path.exists() else path
            assert opened(written)[0] == format
            (picture,) = made["pictures"]
            assert (picture["seed"], picture["prompt"], picture["model"]) == (3, "a cup", "sd")
            assert Path(picture["path"]) == written

    async def test_names_are_made_of_prompt_and_seed(self, terminal: Terminal) -> None:
        words = ("generate", "A Rusty sword, of  the/King!", "--steps", "1", "--seed", "8", "--count", "2")
        await terminal.run(*words, "--out", str(terminal.folder / "new"))
        names = sorted(file.name for file in (terminal.folder / "new").iterdir())
        assert names == ["rusty-sword-of-the-king-8.png", "rusty-sword-of-the-king-9.png"]
        await terminal.run(*words, "--out", str(terminal.folder / "swords.png"))
        assert {file.name for file in terminal.folder.glob("swords*")} == {"swords-8.png", "swords-9.png"}

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (("--out", "nowhere/apple.png"), "make it with 'mkdir -p nowhere'"),
            (("--out", "apple.gif"), "--out ends in .gif"),
            (("--out", "apple.png", "--format", "webp"), "--format is webp"),
            (("--mask", "x.png"), "give it with --image"),
            (("--strength", "0.4"), "give it with --image"),
            (("--image", "nothing.png"), "there is no file nothing.png for --image"),
            (("--control", "canny"), "--control takes type:file"),
            (("--control", "canny:nothing.png"), "there is no file nothing.png for --control"),
        ],
    )
    async def test_mistakes_are_told_before_anything_is_drawn(
        self, terminal: Terminal, words: tuple[str, ...], complaint: str
    ) -> None:
        before = await terminal.json("jobs", "list", "--limit", "1")
        shown = " ".join((await terminal.run("generate", "a cup", *words, status=1)).split())
        assert complaint in shown
        assert await terminal.json("jobs", "list", "--limit", "1") == before

    async def test_pictures_to_begin_with(self, terminal: Terminal) -> None:
        first, mask = terminal.folder / "room.png", terminal.folder / "mask.png"
        Image.new("RGB", (64, 64), "green").save(first)
        Image.new("L", (64, 64), 255).save(mask)
        out = str(terminal.folder / "made.png")
        image = ("--image", str(first), "--out", out, "--steps", "2")
        changed = await terminal.json("generate", "a cup", *image, "--strength", "0.6")
        painted = await terminal.json("generate", "a cup", *image, "--mask", str(mask))
        large = await terminal.json("generate", "a cup", "--hires", "2", "--steps", "2", "--out", out)
        assert [job["method"] for job in (changed, painted, large)] == [
            "imageToImage",
            "inpaint",
            "textToImage",
        ]
        assert opened(Path(out))[1] == (128, 128)
        called = await terminal.json("call", "transform", str(first), "90", "--out", str(terminal.folder))
        assert called["pictures"][0]["path"].endswith("room-transform.png")

    async def test_parts_of_ids_will_do_where_they_mean_one_job(self, terminal: Terminal) -> None:
        job = await terminal.json(
            "generate", "a hat", "--steps", "1", "--seed", "77", "--out", str(terminal.folder)
        )
        out = terminal.folder / "hat.webp"
        again = await terminal.json("jobs", "get", job["id"][-10:], "--out", str(out))
        assert again["id"] == job["id"]
        # It keeps the format that it was made in.
        assert opened(out.with_suffix(".png")) == ("PNG", (64, 64))
        listed = await terminal.run("jobs", "list")
        assert job["id"] in listed
        assert "a hat" in listed
        assert "jobs have '0' in their ids" in await terminal.run("jobs", "get", "0", status=1)


async def test_where_no_server_runs_one_runs_for_the_command(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "data"), "VIWO_IMAGEGEN_PORT": str(port)}

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, list(words), env=environment)

    drawn = await asyncio.to_thread(run, "generate", "a rusty sword", "--out", str(tmp_path / "sword.png"))
    assert drawn.exit_code == 0, drawn.output
    assert "one runs for this command" in drawn.stderr
    assert opened(tmp_path / "sword.png") == ("PNG", (512, 512))
    listed = await asyncio.to_thread(run, "jobs", "list")
    assert listed.exit_code == 1
    assert f"no sidecar answers at 127.0.0.1:{port}; start one with 'viwo-imagegen serve'" in listed.stderr
    (tmp_path / "data" / "token").chmod(0o644)
    broken = await asyncio.to_thread(run, "generate", "a cup")
    assert broken.exit_code == 1

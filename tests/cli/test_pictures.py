"""Pictures from the command line: listed, fetched, shown, and named by the beginning of their references."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PIL import Image

from sidecar import server
from sidecar.cli.making import fetched
from sidecar.cli.picture_files import Target
from sidecar.config import Settings
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.server import Sidecar, connected
from tests.cli.test_cli import Terminal
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2, job_pb2


@pytest.fixture(scope="module")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("gallery"), port=0, default_model="icons")
    async with server.running(settings, [FakeEngine()]) as running, connected(running) as made:
        yield made


@pytest.fixture
def terminal(gallery: Sidecar, tmp_path: Path) -> Terminal:
    return Terminal(gallery, tmp_path)


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


async def drawn(terminal: Terminal, prompt: str, seed: int) -> str:
    """The reference of a new picture of 64 pixels."""
    made = await terminal.json(
        "generate", prompt, "--seed", str(seed), "--width", "64", "--height", "64", "--out", str(terminal.folder)
    )  # fmt: skip
    return str(made["pictures"][0]["ref"])


async def test_they_are_listed_by_what_one_remembers(terminal: Terminal) -> None:
    cup, hat = await drawn(terminal, "a RED cup", 101), await drawn(terminal, "a blue hat", 102)
    shown = await terminal.run("pictures", "list")
    assert shown.index(hat) < shown.index(cup), "the newest first, references whole in a pipe"
    for option, value, found in (
        ("--words", "cup red", cup), ("--seed", "102", hat), ("--since", "1h", hat), ("--model", "icons", hat),
        ("--method", "textToImage", hat), ("--owner", "3", hat),
    ):  # fmt: skip
        (first, *_) = await terminal.json("pictures", "list", option, value)
        assert first["ref"] == found, option
    assert await terminal.json("pictures", "list", "--words", "zebra") == []
    assert await terminal.json("pictures", "list", "--since", "2999-01-01T00:00:00Z") == []
    assert len(await terminal.json("pictures", "list", "--limit", "1")) == 1
    assert "--since" in await terminal.run("pictures", "list", "--since", "yesterday", status=1)


async def test_one_is_fetched_by_the_beginning_of_its_reference(terminal: Terminal) -> None:
    cup = await drawn(terminal, "a green cup", 103)
    folder = terminal.folder / "fetched"
    folder.mkdir()
    assert "green-cup-103.png" in await terminal.run("pictures", "get", cup[:17], "--out", str(folder))
    with Image.open(folder / "green-cup-103.png") as picture:
        assert picture.size == (64, 64)
    named = folder / "mine.png"
    told = await terminal.json("pictures", "get", cup.removeprefix("sha256:")[:10], "--out", str(named))
    assert (told["ref"], told["path"], told["seed"]) == (cup, str(named), "103")
    assert named.read_bytes() == (folder / "green-cup-103.png").read_bytes()
    complaint = await terminal.run("pictures", "get", cup, "--out", str(folder / "mine.webp"), status=1)
    assert "this picture is png, and --out ends as webp" in complaint


async def test_a_name_that_is_made_here_writes_over_no_picture(terminal: Terminal) -> None:
    words = ("generate", "a teal cup", "--seed", "107", "--height", "64", "--out", str(terminal.folder))
    small, wide = [(await terminal.json(*words, "--width", width))["pictures"][0] for width in ("64", "128")]
    first, second = Path(small["path"]), Path(wide["path"])
    assert (first.name, second.name) == ("teal-cup-107.png", "teal-cup-107-2.png")
    assert [size(path) for path in (first, second)] == [(64, 64), (128, 64)]
    # The same picture again needs no other file.
    for picture, path in ((small, first), (wide, second)):
        told = await terminal.json("pictures", "get", picture["ref"], "--out", str(terminal.folder))
        assert told["path"] == str(path)
    assert len(list(terminal.folder.glob("teal-cup*"))) == 2
    named = terminal.folder / "mine.png"
    for picture in (small, wide):
        await terminal.json("pictures", "get", picture["ref"], "--out", str(named))
    assert size(named) == (128, 64)
    called = (
        "call",
        "textToImage",
        "a teal cup",
        "--set",
        "seed=107",
        "--set",
        "width=64",
        "--set",
        "height=192",
    )
    tall = (await terminal.json(*called, "--out", str(terminal.folder)))["pictures"][0]
    assert Path(tall["path"]).name == "teal-cup-107-3.png"


@pytest.mark.parametrize("method", ["../../etc/x", "/tmp/textToImage"])
def test_what_a_server_calls_a_method_is_no_path(tmp_path: Path, method: str) -> None:
    image = common_pb2.Image(format=common_pb2.IMAGE_FORMAT_PNG, data=b"file")
    job = job_pb2.Job(id="job-0123456789", method=method, images=[image])
    jobs = SimpleNamespace(Get=lambda _: job)
    fetched(cast(Client, SimpleNamespace(jobs=jobs)), [job], Target(tmp_path, "", "png"), False)
    (written,) = tmp_path.iterdir()
    assert written.read_bytes() == b"file"
    assert written.name.endswith("-23456789.png")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("sha256:0000000000", "there is no picture whose reference begins with"),
        ("sha256:" + "0" * 64, "no stored picture"),
        ("apple", "is not a picture reference, nor the beginning of one"),
        ("abc", "4 to 64 hexadecimal digits"),
    ],
)
async def test_what_is_none_is_told(terminal: Terminal, asked: str, complaint: str) -> None:
    for command in (("pictures", "get"), ("pictures", "show"), ("jobs", "history")):
        assert complaint in await terminal.run(*command, asked, status=1)


async def test_a_beginning_that_several_have_names_them(terminal: Terminal) -> None:
    seen: dict[str, str] = {}
    for seed in range(200, 240):
        ref = await drawn(terminal, "a cup", seed)
        first = ref[:8]
        if first in seen:
            break
        seen[first] = ref
    complaint = await terminal.run("pictures", "get", first, status=1)
    assert "give more of it" in complaint
    assert seen[first][7:19] in complaint


async def test_it_stands_for_a_file_wherever_a_picture_is_given(terminal: Terminal) -> None:
    cup = await drawn(terminal, "a brown cup", 104)
    start = cup[:20]
    out = ("--out", str(terminal.folder))
    changed = await terminal.json("generate", "a hat", "--image", start, "--strength", "0.5", *out)
    painted = await terminal.json(
        "generate", "a hat", "--image", start, "--mask", f"sha256:{start[7:]}", *out
    )
    turned = await terminal.json("call", "transform", start, "90", *out)
    for made, roles in ((changed, {"image"}), (painted, {"image", "mask"}), (turned, {"image"})):
        told = await terminal.json("pictures", "show", made["pictures"][0]["ref"])
        assert {item["role"] for item in told["inputs"]} == roles
        assert {item["ref"] for item in told["inputs"]} == {cup}
    history = await terminal.json("jobs", "history", turned["pictures"][0]["ref"][:20])
    assert history["sources"][0]["ref"] == cup


async def test_a_batch_is_named_by_a_part_of_its_id(terminal: Terminal) -> None:
    batch = await terminal.json("batch", "submit", "a cup", "a hat")
    assert (await terminal.json("batch", "get", batch["id"][-8:]))["id"] == batch["id"]
    assert "there is no batch 'nothing'" in await terminal.run("batch", "get", "nothing", status=1)


async def test_without_a_terminal_it_says_where_the_file_is(terminal: Terminal, gallery: Sidecar) -> None:
    cup = await drawn(terminal, "a yellow cup", 105)
    shown = await terminal.run("pictures", "show", cup)
    assert str(gallery.running.settings.data_dir / "images" / cup[7:9] / cup[7:]) in shown
    assert "--open" in shown
    assert "a yellow cup" in shown


async def test_a_terminal_draws_it(terminal: Terminal, gallery: Sidecar) -> None:
    cup = await drawn(terminal, "a white cup", 106)
    environment = {**os.environ, **terminal.environment, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)

    def run() -> str:
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 800, 1000))
        command = [sys.executable, "-m", "sidecar.cli", "pictures", "show", cup[:20]]
        pid = os.posix_spawn(
            sys.executable, command, environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, inner, number) for number in (0, 1, 2)],
        )  # fmt: skip
        os.close(inner)
        shown = bytearray()
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        os.close(outer)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
        return shown.decode()

    shown = await asyncio.to_thread(run)
    assert "▀" in shown or "▄" in shown
    assert "a white cup" in shown
    assert "is stored in" not in shown

"""Secret files: whole or not there, private, and never an empty one that opens the door."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from capabilities import statements
from capabilities.errors import FailedPrecondition, PermissionDenied, Unauthenticated
from capabilities.policy import Capability
from capabilities.principals import Kind, Principal
from sidecar import auth, server
from sidecar.auth import MAX_SECRET, MIN_SECRET, Authenticator, ensure_secret, read_secret
from sidecar.config import Settings

GOOD = "s" * MIN_SECRET


def put(content: bytes, mode: int = 0o600) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return make


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


BAD: dict[str, Callable[[Path], object]] = {
    "empty": put(b""),
    "white space": put(b" \n\n"),
    "short": put(b"changeme\n"),
    "one too short": put(b"s" * (MIN_SECRET - 1)),
    "too long": put(b"s" * (MAX_SECRET + 1)),
    "two lines": put(f"{GOOD}\n{GOOD}\n".encode()),
    "binary": put(os.urandom(64) + b"\x00\xff"),
    "NUL bytes, as after a power cut": put(bytes(64)),
    "readable by all": put(GOOD.encode(), 0o644),
    "readable by its group": put(GOOD.encode(), 0o640),
    "writable by its group": put(GOOD.encode(), 0o620),
    "writable by all": put(GOOD.encode(), 0o602),
    "a folder": lambda path: path.mkdir(),
    "a FIFO": lambda path: os.mkfifo(path, 0o600),
    "a socket": a_socket,
    "a link to nowhere": lambda path: path.symlink_to(path.with_name("missing")),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("which", ["token", "statement_key_file"])
async def test_a_bad_secret_file_stops_the_start(tmp_path: Path, name: str, which: str) -> None:
    path = tmp_path / "data" / ("token" if which == "token" else "statement.key")
    path.parent.mkdir()
    BAD[name](path)
    key_file = None if which == "token" else path
    with pytest.raises(FailedPrecondition) as raised:
        async with server.running(Settings(data_dir=tmp_path / "data", port=0, statement_key_file=key_file)):
            pass
    assert raised.value.reason == "BAD_SECRET_FILE"
    assert raised.value.field == path.name
    assert str(path) in raised.value.message
    assert GOOD not in raised.value.message


def test_a_secret_is_made_whole_private_and_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "token"
    old = os.umask(0)
    try:
        made = ensure_secret(path)
    finally:
        os.umask(old)
    assert len(made) >= MIN_SECRET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_secret(path) == made
    assert list(path.parent.iterdir()) == [path]


def test_those_that_start_at_once_read_the_same_secret(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: set[str] = set()

    def start() -> None:
        barrier.wait()
        found.add(ensure_secret(tmp_path / "token"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_crash_while_it_is_made_leaves_no_half_a_secret(tmp_path: Path, call: str) -> None:
    code = (
        f"import os, signal; os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from pathlib import Path; from sidecar.auth import ensure_secret; ensure_secret(Path('token'))"
    )
    root = Path(auth.__file__).parents[1]
    killed = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "token").exists()
    assert len(ensure_secret(tmp_path / "token")) >= MIN_SECRET


def test_a_file_system_without_links_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    made = ensure_secret(tmp_path / "token")
    assert read_secret(tmp_path / "token") == made


@pytest.mark.parametrize(
    ("owner", "mode", "is_read_only", "is_taken"),
    [
        (0, 0o444, True, True),
        (0, 0o777, True, True),
        (0, 0o640, False, True),
        (0, 0o644, False, False),
        (0, 0o660, False, False),
        (4242, 0o600, False, False),
        (4242, 0o444, True, False),
    ],
)
def test_secrets_that_root_mounts_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, is_read_only: bool, is_taken: bool
) -> None:
    path = tmp_path / "token"
    put(GOOD.encode())(path)
    real, real_vfs = os.fstat, os.fstatvfs

    def fstat(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        values[stat.ST_MODE], values[stat.ST_UID] = stat.S_IFREG | mode, owner
        return os.stat_result(values)

    def fstatvfs(descriptor: int) -> os.statvfs_result:
        values = list(real_vfs(descriptor))
        values[8] = os.ST_RDONLY if is_read_only else 0
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "fstat", fstat)
    monkeypatch.setattr(os, "fstatvfs", fstatvfs)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if is_taken:
        assert read_secret(path) == GOOD
    else:
        with pytest.raises(FailedPrecondition):
            read_secret(path)


class NoKeys:
    def recognise(self, text: str) -> Principal:
        raise Unauthenticated("no keys here", reason="BAD_KEY")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer", "bearer x", "Basic Og=="])
def test_an_empty_credential_never_matches(authorization: str) -> None:
    def authenticator(token: str, kernel_key: str = "k" * 43) -> Authenticator:
        return Authenticator(token, kernel_key=kernel_key, keys=NoKeys(), world="w", trust_certificates=False)

    for token, kernel_key in (("", GOOD), (GOOD, "")):
        with pytest.raises(ValueError, match="at least"):
            authenticator(token, kernel_key)
    with pytest.raises(Unauthenticated):
        authenticator(GOOD).authenticate(
            peer="ipv4:127.0.0.1:1", authorization=authorization, certificate=False
        )


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer", "Basic Og==", GOOD])
def test_a_wrong_credential_does_not_do_where_none_is_needed(authorization: str) -> None:
    made = Authenticator(GOOD, kernel_key="k" * 43, keys=NoKeys(), world="w", trust_certificates=True)
    for peer, certificate in (("unix:/run/socket", False), ("ipv4:127.0.0.1:1", True)):
        assert made.authenticate(peer=peer, authorization="", certificate=certificate).kind is Kind.OPERATOR
        with pytest.raises(Unauthenticated) as refused:
            made.authenticate(peer=peer, authorization=authorization, certificate=certificate)
        assert refused.value.reason == "BAD_TOKEN"
        kernel = made.authenticate(peer=peer, authorization=f"Bearer {'k' * 43}", certificate=certificate)
        assert kernel.kind is Kind.KERNEL


def test_a_statement_signed_with_nothing_is_refused() -> None:
    capability = Capability("c", 1, "diffusers.generate", {})
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    said = statements.Statement(capability, version=1)
    forged = statements.sign(b"", said, now + dt.timedelta(minutes=2))
    with pytest.raises(PermissionDenied):
        statements.read(b"", forged, now)


async def test_the_data_folder_and_its_databases_are_their_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    # As an earlier release left them.
    for name in ("jobs.sqlite", "world.sqlite"):
        (data / name).touch(0o644)
    old = os.umask(0)
    try:
        async with server.running(Settings(data_dir=data, port=0)):
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            files = [path for path in data.iterdir() if ".sqlite" in path.name]
            assert {path.name for path in files} >= {"jobs.sqlite", "jobs.sqlite-wal", "world.sqlite"}
            assert {path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()
    finally:
        os.umask(old)


def holding(name: str, content: bytes) -> Callable[[Path], object]:
    def make(data: Path) -> None:
        data.mkdir()
        (data / name).write_bytes(content)

    return make


BROKEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a file for the data folder": ("data", lambda data: data.write_text("x")),
    "a file for the pictures": ("images", holding("images", b"x")),
    "a folder for the world": ("world.sqlite", lambda data: (data / "world.sqlite").mkdir(parents=True)),
    "noise for the jobs": ("jobs.sqlite", holding("jobs.sqlite", os.urandom(9000))),
    "noise for the world": ("world.sqlite", holding("world.sqlite", os.urandom(9000))),
    "half a configuration": ("config.toml", holding("config.toml", b"port = [")),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_keeps_it_from_starting_is_said_in_words(tmp_path: Path, what: str) -> None:
    named, make = BROKEN[what]
    make(tmp_path / "data")
    environment = {
        **os.environ,
        "VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(Path(auth.__file__).parents[1]),
        "COLUMNS": "500",
    }
    command = [sys.executable, "-m", "sidecar.cli", "serve", "--port", "0"]
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert named in ended.stderr


async def test_a_world_of_viwos_keeps_its_mode(tmp_path: Path) -> None:
    async with server.running(Settings(data_dir=tmp_path / "own", port=0)):
        pass
    theirs = tmp_path / "viwo.sqlite"
    (tmp_path / "own" / "world.sqlite").rename(theirs)
    theirs.chmod(0o664)
    async with server.running(Settings(data_dir=tmp_path / "other", port=0, world_path=theirs)):
        pass
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o664

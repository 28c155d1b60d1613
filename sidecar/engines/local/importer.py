"""Turns weights in a pickle into a .safetensors file: `python -m sidecar.engines.local.importer FILE FOLDER`."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import save_file

from capabilities.errors import FailedPrecondition
from sidecar.engines.local.model_faults import first_line
from sidecar.engines.local.model_files import UnusableModel, open_regular, shown

WRAPPERS = ("params_ema", "params", "state_dict")
"""Names under which training programs keep the weights themselves, the best first."""
MOST_LARGER = 2
"""How much larger than the file its tensors may be: weights are not compressed, and a few are used in several places."""
SPARE_MEMORY = 1024**3
"""Bytes that reading a file may take beyond copies of what is in it."""
READ_SECONDS = 300
"""Processor time for a file, beyond what its size takes."""
BYTES_PER_SECOND = 20_000_000


def convert(file: Path, folder: Path) -> str:
    """Write `folder/<name>.safetensors` and say what it holds. Only tensors and plain containers are read.

    Raises FailedPrecondition for anything else in the file; nothing that is in it is run.
    """
    try:
        tensors = _tensors(file)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{file.stem}.safetensors"
        # Whoever looks through the folder meanwhile finds the whole file or none.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as scratch:
            save_file(tensors, Path(scratch) / "weights")
            os.replace(Path(scratch) / "weights", target)
    except Exception as error:
        # A file made to do harm can raise anything in torch.
        words = error.message if isinstance(error, UnusableModel) else first_line(error)
        raise FailedPrecondition(
            f"{shown(file)} cannot be read as weights: {words}",
            reason="BAD_MODEL_FILE",
            field="file",
            asked=shown(file.name),
        ) from None
    return f"{len(tensors)} tensors in {target}"


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    opened, found = open_regular(file)
    with opened:
        if zipfile.is_zipfile(opened):
            with zipfile.ZipFile(opened) as archive:
                packed = [item for item in archive.infolist() if item.compress_type != zipfile.ZIP_STORED]
                unpacked = sum(item.file_size for item in archive.infolist())
            if packed or unpacked > found.st_size:
                raise UnusableModel("it is compressed, which weights never are")
        opened.seek(0)
        state: Any = torch.load(opened, map_location="cpu", weights_only=True)
    state = next((state[name] for name in WRAPPERS if name in state), state)
    held = {name: value for name, value in state.items() if isinstance(name, str) and torch.is_tensor(value)}
    if not held:
        raise UnusableModel("it holds no tensors by name")
    size = sum(value.numel() * value.element_size() for value in held.values())
    if size > found.st_size * MOST_LARGER:
        raise UnusableModel(f"its tensors would take {size} bytes, and the file has {found.st_size}")
    tensors, seen = {}, set()
    for name, value in held.items():
        value = value.detach().contiguous()
        place = value.untyped_storage().data_ptr()
        # Tensors that share their numbers are written each by itself.
        tensors[name] = value.clone() if place in seen else value
        seen.add(place)
    return tensors


def bound(size: int) -> None:
    """Limit what this process may take to read a file of so many bytes; it fails, or is ended, beyond that."""
    if sys.platform == "win32":
        return
    import resource

    memory = psutil.Process().memory_info().vms + (2 + 2 * MOST_LARGER) * size + SPARE_MEMORY
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, int(READ_SECONDS + size / BYTES_PER_SECOND)),
    ):
        _, hard = resource.getrlimit(kind)
        # macOS refuses some of them.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        bound(file.stat().st_size if file.is_file() else 0)
        print(convert(file, folder))
    except FailedPrecondition as refusal:
        raise SystemExit(refusal.message) from None


if __name__ == "__main__":
    main()

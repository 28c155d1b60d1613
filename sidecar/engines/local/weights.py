"""What files of weights tell without being loaded: names, counts, an identity. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from capabilities.errors import FailedPrecondition

MAX_HEADER = 64 * 1024 * 1024


def tensor_names(path: Path) -> list[str]:
    """Tensor names of a safetensors file. Raises FailedPrecondition for anything else, pickles above all."""
    return [key for key in _header(path) if key != "__metadata__"]


def parameters(path: Path) -> int:
    """How many numbers a safetensors file holds; 0 where it cannot be read."""
    try:
        header = _header(path)
        return sum(math.prod(entry["shape"]) for key, entry in header.items() if key != "__metadata__")
    except (FailedPrecondition, TypeError, KeyError):
        return 0


def shapes(path: Path) -> list[list[int]]:
    """The shapes of a safetensors file's tensors. Raises FailedPrecondition where it is none."""
    return [entry["shape"] for key, entry in _header(path).items() if key != "__metadata__"]


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if not 2 <= length <= min(MAX_HEADER, path.stat().st_size - 8):
                raise ValueError("its header has an impossible length")
            header = json.loads(file.read(length))
            if not isinstance(header, dict):
                raise ValueError("its header is no object")
    except (OSError, ValueError, struct.error) as error:
        raise FailedPrecondition(
            f"{path.name} is not a safetensors file: {error}", reason="BAD_MODEL_FILE"
        ) from None
    return header


def fingerprint(files: Iterable[Path]) -> str:
    """A cheap identity of weights: names, sizes and headers; reading gigabytes at start-up would be too slow."""
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(f"{file.name} {file.stat().st_size} ".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(65_536))
                stream.seek(max(0, file.stat().st_size - 65_536))
                digest.update(stream.read())
    return digest.hexdigest()[:16]

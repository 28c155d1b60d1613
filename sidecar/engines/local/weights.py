"""What files of weights tell without being loaded: names, counts, an identity. Imports no torch."""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.engines.local.model_files import MAX_READ, NotAModel, UnusableModel, open_regular, parsed, shown

MAX_HEADER = 8 * 1024 * 1024
"""Largest header of a safetensors file, in bytes; those of large models have a few hundred kilobytes."""
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
MAX_HASHED = 64 * 1024 * 1024
"""Largest file, in bytes, whose identity is made of all of it."""
_PART, _END = 1024 * 1024, 65_536

_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "I8": 8, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
}  # fmt: skip
"""Bits of a number by its type, where the size of a tensor can be checked."""


@dataclass(frozen=True)
class Header:
    """What a safetensors file holds, by its header, which has been checked against the file's size."""

    names: list[str]
    shapes: list[list[int]]
    size: int
    """Bytes of the whole file."""
    length: int
    """Bytes of the header itself."""

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return sum(map(math.prod, self.shapes))


def tensor_names(path: Path) -> list[str]:
    """Tensor names of a safetensors file. Raises FailedPrecondition for anything else, pickles above all."""
    return read_header(path).names


def read_header(path: Path) -> Header:
    """The header of a safetensors file.

    Raises NotAModel where it has none, and UnusableModel where what it tells of its tensors cannot be.
    """
    file, found = open_regular(path)
    with file:
        try:
            start = file.read(8)
            if len(start) < 8:
                raise ValueError("it ends before its header")
            (length,) = struct.unpack("<Q", start)
            if not 2 <= length <= found.st_size - 8:
                raise ValueError("its header has an impossible length")
            if length > MAX_HEADER:
                raise ValueError(f"its header has {length} bytes, and at most {MAX_HEADER} are read")
            header = parsed(path, file.read(length))
        except (OSError, ValueError, UnusableModel) as error:
            raise NotAModel(f"{shown(path.name)} is not a safetensors file: {error}") from None
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        _check(tensors, found.st_size - 8 - length)
    except KeyError as error:
        raise UnusableModel(f"{shown(path.name)} is broken: a tensor has no {error}") from None
    except (ValueError, TypeError) as error:
        raise UnusableModel(f"{shown(path.name)} is broken: {error}") from None
    return Header(list(tensors), [entry["shape"] for entry in tensors.values()], found.st_size, length)


def read_headers(weights: Iterable[Path]) -> list[Header]:
    """The headers of what is a model by its configuration. Raises UnusableModel."""
    headers, left = [], MAX_READ
    for file in weights:
        try:
            headers.append(read_header(file))
        except NotAModel as problem:
            raise UnusableModel(problem.message) from None
        left -= headers[-1].length
        if left < 0:
            raise UnusableModel(f"the headers of its weights have more than {MAX_READ} bytes together")
    return headers


def _check(tensors: dict[str, Any], size: int) -> None:
    """Raises ValueError, TypeError or KeyError unless the tensors cover `size` bytes of data, one after another."""
    if len(tensors) > MAX_TENSORS:
        raise ValueError(f"it has {len(tensors)} tensors, and at most {MAX_TENSORS} are read")
    spans = []
    for name, entry in tensors.items():
        shape, (start, end), kind = entry["shape"], entry["data_offsets"], entry["dtype"]
        numbers = [*shape, start, end]
        if not isinstance(shape, list) or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"the shape or place of '{shown(name)}' is no list of whole numbers")
        if len(shape) > MAX_DIMENSIONS or not start <= end <= size:
            raise ValueError(f"the data of '{shown(name)}' lie beyond its end; was it downloaded as a whole?")
        bits = _BITS.get(kind)
        if bits is not None and math.prod(shape) * bits != (end - start) * 8:
            raise ValueError(f"the data of '{shown(name)}' are not as long as its shape says")
        spans.append((start, end))
    at = 0
    for start, end in sorted(spans):
        if start != at:
            raise ValueError("its tensors overlap, or leave gaps")
        at = end
    if at != size:
        raise ValueError(f"{size - at} bytes follow its last tensor")


def fingerprint(files: Iterable[Path]) -> str:
    """An identity of weights that another file has not, whatever bytes differ.

    Small files are hashed as a whole. Reading gigabytes at start-up would be too slow, so large ones are told by their ends
    and by when they were written: a copy of one counts as another.

    Raises UnusableModel for what is no regular file.
    """
    digest = hashlib.sha256()
    for path in files:
        file, found = open_regular(path)
        with file:
            digest.update(f"{path.name} {found.st_size} ".encode("utf-8", "surrogateescape"))
            if found.st_size <= MAX_HASHED:
                while part := file.read(_PART):
                    digest.update(part)
                continue
            digest.update(f"{found.st_mtime_ns} {found.st_ctime_ns} ".encode())
            digest.update(file.read(_END))
            file.seek(-_END, os.SEEK_END)
            digest.update(file.read(_END))
    return digest.hexdigest()[:16]

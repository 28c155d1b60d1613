"""Reading files of model folders, which may hold anything: nothing here blocks, and nothing is read without a bound."""

from __future__ import annotations

import errno
import json
import os
import stat
import unicodedata
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from capabilities.errors import FailedPrecondition

MAX_NAME = 200
"""Longest id of a model, and longest name that is shown in a reason, in characters."""
MAX_ENTRIES = 2_000
"""Most entries of a folder inside a model that are looked at; models have a few dozen."""
MAX_CONFIG = 1024 * 1024
"""Largest configuration that is read, in bytes; real ones have a few kilobytes."""
MAX_READ = 64 * 1024 * 1024
"""Most bytes of a model that are read to check it: configurations, or headers of weights; real ones have a few megabytes."""
PICKLES = frozenset(
    {".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".msgpack", ".joblib", ".npy", ".npz"}
)
"""Endings of weights in formats that are never read: most of them can run code."""


_UNCLEAN = frozenset({"Cc", "Cs", "Zl", "Zp"})


class UnusableModel(FailedPrecondition):
    """What is wrong with the files of a model, in words that name the file; who catches it adds which model it is."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="BAD_MODEL_FILE", field="model_id")


class NotAModel(UnusableModel):
    """The files are no model of any kind known here."""


def shown(name: str | os.PathLike[str]) -> str:
    """A name for people and messages: without control characters or broken Unicode, and not too long."""
    text = os.fspath(name).encode("utf-8", "backslashreplace").decode()
    text = "".join(each if is_clean(each) else each.encode("unicode_escape").decode() for each in text)
    return text if len(text) <= MAX_NAME else text[: MAX_NAME // 2] + "…" + text[-MAX_NAME // 2 + 1 :]


def is_clean(text: str) -> bool:
    """Whether a text has no control characters, line ends or broken Unicode."""
    return not any(unicodedata.category(each) in _UNCLEAN for each in text)


def open_regular(path: Path) -> tuple[BinaryIO, os.stat_result]:
    """A regular file for reading, and its size and times. Raises UnusableModel for anything else, without waiting."""
    try:
        found = path.stat()
        require_regular(path, found)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
        # It may have been replaced since.
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            file.close()
            require_regular(path, found)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    return file, found


def require_regular(path: Path, found: os.stat_result) -> None:
    """Raises UnusableModel for a pipe, a socket, a device or a folder."""
    if not stat.S_ISREG(found.st_mode):
        raise UnusableModel(f"{shown(path.name)} is {kind(found)} and not a file; remove it")


def kind(found: os.stat_result) -> str:
    kinds = {
        stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device", stat.S_IFCHR: "a device",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(found.st_mode), "something else")


def unreadable(path: Path, error: OSError | ValueError) -> UnusableModel:
    """Why a path cannot be read, in words."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        why = "is a link that leads back to itself"
    elif isinstance(error, FileNotFoundError) and os.path.islink(path):
        why = "is a link to something that is not there"
    else:
        why = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return UnusableModel(f"{shown(path.name)} {why}")


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a regular file. Raises UnusableModel where it is larger than `most` bytes."""
    file, found = open_regular(path)
    with file:
        if found.st_size > most:
            raise UnusableModel(
                f"{shown(path.name)} has {found.st_size} bytes, and at most {most} are read of such a file"
            )
        try:
            return file.read(most)
        except OSError as error:
            raise unreadable(path, error) from None


def read_json(path: Path, most: int = MAX_CONFIG) -> dict[str, Any]:
    """The object in a JSON file. Raises UnusableModel for anything else, with the reason."""
    return parsed(path, read_bounded(path, most))


def parsed(path: Path, data: bytes) -> dict[str, Any]:
    """The object that JSON holds; `path` is where it comes from. Raises UnusableModel."""
    try:
        value = json.loads(data)
    except RecursionError:
        raise UnusableModel(f"{shown(path.name)} is nested too deeply") from None
    except ValueError as error:
        raise UnusableModel(f"{shown(path.name)} is not JSON: {shown(str(error))}") from None
    if not isinstance(value, dict):
        raise UnusableModel(f"{shown(path.name)} holds no JSON object")
    return value


def json_if_there(path: Path) -> Mapping[str, Any]:
    """As `read_json`, and an empty object where there is no such file."""
    return read_json(path) if os.path.lexists(path) else {}


def entries(folder: Path, most: int = MAX_ENTRIES) -> list[Path]:
    """What lies in a folder, by name. Raises UnusableModel where that is no folder, or holds more than `most`."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in islice(found, most + 1)]
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None
    if len(names) > most:
        raise UnusableModel(f"{shown(folder.name)} holds more than {most} files")
    return [folder / name for name in sorted(names)]

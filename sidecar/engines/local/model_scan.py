"""Looks through the model folders for what may be models. Bounded in files, depth and time, whatever lies there."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sidecar.engines.local.discovery import CONFIG_SUFFIX, examined
from sidecar.engines.local.local_model import LocalModel
from sidecar.engines.local.model_checks import INDEX
from sidecar.engines.local.model_files import (
    MAX_NAME,
    PICKLES,
    NotAModel,
    UnusableModel,
    is_clean,
    kind,
    unreadable,
)

MAX_FILES = 100_000
"""Most entries of all model folders together that a scan looks at."""
MAX_DEPTH = 16
WEIGHTS = ".safetensors"
FRESH = 2.0
"""Seconds by which the time of a file may be off: file systems keep it coarsely."""

Report = Callable[[Path, str], None]
"""Told of a path that is left out, and why."""


@dataclass(frozen=True)
class Candidate:
    """A folder or file that may be a model, by the id that it would have."""

    id: str
    path: Path
    is_listed: bool = False
    """It has been downloaded for an entry of hub_models."""


@dataclass(frozen=True)
class Record:
    """What was found at a path, good until one of `files` changes."""

    candidate: Candidate
    files: tuple[Path, ...]
    state: tuple[object, ...] | None
    model: LocalModel | None
    problems: tuple[UnusableModel, ...] = ()

    @property
    def is_current(self) -> bool:
        return signature(self.files) == self.state

    @property
    def refusal(self) -> UnusableModel | None:
        """Why there is no model, where one was meant to be."""
        if self.model is not None or isinstance(self.problems[0], NotAModel):
            return None
        return self.problems[0]


class Scan:
    """One look at the model folders, until `deadline` (of `time.monotonic`) at most."""

    def __init__(self, deadline: float, report: Report) -> None:
        self._deadline = deadline
        self._report = report
        self._left = MAX_FILES

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._deadline

    def candidates(self, root: Path) -> Iterator[Candidate]:
        """What may be models under a root. Folders of models are not looked into."""
        try:
            found = root.stat()
        except (OSError, ValueError) as error:
            self._report(root, unreadable(root, error).message)
            return
        if not stat.S_ISDIR(found.st_mode):
            self._report(root, f"model_dirs names it, and it is {kind(found)}, not a folder")
            return
        # Folders that are still to be looked at, each with those that it lies in.
        waiting: list[tuple[Path, tuple[tuple[int, int], ...]]] = [(root, ((found.st_dev, found.st_ino),))]
        while waiting:
            folder, inside = waiting.pop()
            below: list[tuple[Path, tuple[tuple[int, int], ...]]] = []
            for path, seen in self._entries(folder):
                if not stat.S_ISDIR(seen.st_mode):
                    if (candidate := self._file(root, path, seen)) is not None:
                        yield candidate
                    continue
                identity = (seen.st_dev, seen.st_ino)
                if identity in inside:
                    self._report(path, "is a link to a folder that it lies in")
                elif path.suffix == CONFIG_SUFFIX:
                    # The configurations of the single file beside it.
                    continue
                elif os.path.lexists(path / INDEX) or os.path.lexists(path / "config.json"):
                    if (candidate := self._named(root, path, path)) is not None:
                        yield candidate
                elif len(inside) >= MAX_DEPTH:
                    self._report(path, f"lies more than {MAX_DEPTH} folders deep and is not looked into")
                else:
                    below.append((path, (*inside, identity)))
            waiting += reversed(below)

    def _entries(self, folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
        """What lies in a folder, by name, without what is hidden."""
        try:
            with os.scandir(folder) as found:
                names = [entry.name for entry in islice(found, self._left + 1)]
        except OSError as error:
            self._report(folder, unreadable(folder, error).message)
            return
        if len(names) > self._left:
            self._report(
                folder, f"more than {MAX_FILES} files lie in the model folders; the rest is left out"
            )
            names = names[: self._left]
        self._left -= len(names)
        for name in sorted(names):
            if name.startswith("."):
                continue
            if self.is_over:
                self._report(folder, "looking through the model folders took too long; the rest is left out")
                self._left = 0
                return
            path = folder / name
            try:
                yield path, path.stat()
            except (OSError, ValueError) as error:
                self._report(path, unreadable(path, error).message)

    def _file(self, root: Path, path: Path, seen: os.stat_result) -> Candidate | None:
        if not stat.S_ISREG(seen.st_mode):
            self._report(path, f"is {kind(seen)}")
        elif path.suffix.lower() == WEIGHTS:
            return self._named(root, path, path.with_suffix(""))
        elif path.suffix.lower() in PICKLES:
            self._report(
                path,
                "is not read, as it may hold code; 'viwo-imagegen models import' turns it into safetensors",
            )
        return None

    def _named(self, root: Path, path: Path, named: Path) -> Candidate | None:
        model_id = named.relative_to(root).as_posix()
        if is_clean(model_id) and len(model_id) <= MAX_NAME:
            return Candidate(model_id, path)
        self._report(
            path,
            f"cannot be an id: it is longer than {MAX_NAME}, has control characters or is not UTF-8; rename it",
        )
        return None


def signature(files: tuple[Path, ...], read_since: float | None = None) -> tuple[object, ...] | None:
    """What changes when one of the files does.

    `read_since`: when their reading began. None where one was written at that time, as it may have been read before.
    """
    states = [_state(path) for path in files]
    if read_since is not None and any(
        state and abs(max(state[3:]) / 1e9 - read_since) < FRESH for state in states
    ):
        return None
    return tuple(states)


def _state(path: Path) -> tuple[int, int, int, int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def problem_files(path: Path) -> tuple[Path, ...]:
    """What is watched of a candidate that is no usable model: it is looked at again when one of these changes."""
    watched = [path]
    if path.is_dir():
        try:
            with os.scandir(path) as found:
                for entry in islice(found, 200):
                    watched.append(path / entry.name)
                    if entry.is_dir():
                        with os.scandir(entry.path) as parts:
                            watched += [Path(part.path) for part in islice(parts, 200)]
        except OSError:
            return (path,)
    return tuple(watched)


def examine(candidate: Candidate) -> Record:
    """What lies at a path. Never raises: whatever is wrong is told in the record."""
    began = time.time()
    try:
        model = examined(candidate.id, candidate.path)
    except UnusableModel as problem:
        files = problem_files(candidate.path)
        return Record(candidate, files, signature(files, began), None, (problem,))
    revised = replace(model, facts=replace(model.facts, revision=model.source.revision))
    return Record(candidate, model.files, signature(model.files, began), revised, model.problems)

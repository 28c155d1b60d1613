"""What has been downloaded from a hub, and where. Knows the folders of the hub's own client, and asks no hub.

Files lie in the cache that all programs share which use the hub's client. What a model consists of is put together beside
it, as a folder of links with ordinary names, which is there once all of it is: any loader takes it as a folder of model_dirs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from capabilities.errors import FailedPrecondition
from sidecar.engines.local.hub_files import Incomplete, Selection, Wanted, select
from sidecar.engines.local.model_files import UnusableModel, json_if_there, read_json

COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"
_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)
"""What comes before the host in an address: up to the last @, since a password may hold anything."""
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})
MAX_JSON = 16 * 1024 * 1024
"""Largest file of JSON that is read to find out which files a model has, in bytes."""

log = logging.getLogger("viwo_imagegen.models")


@dataclass(frozen=True)
class Kept:
    """A model that has been downloaded: its folder or file, and the commit that it is of."""

    path: Path
    commit: str


def endpoint() -> str:
    """The hub, or a mirror of it: `HF_ENDPOINT`."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def shown_endpoint() -> str:
    """The endpoint for people: without the name and password that it may hold."""
    return _USER_INFO.sub(r"\1", endpoint())


def host() -> str:
    return shown_endpoint().partition("://")[2].partition("/")[0] or shown_endpoint()


def is_offline() -> bool:
    """Whether the operator says that no hub is to be asked: `HF_HUB_OFFLINE`."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in _TRUE


def offline(name: str) -> FailedPrecondition:
    """Why a model that is not here cannot be had without a hub."""
    return FailedPrecondition(
        f"'{name}' has not been downloaded, and HF_HUB_OFFLINE forbids to ask a hub; unset it and run 'viwo-imagegen models "
        "pull', or bring the model's files into the cache",
        reason="MODEL_NOT_DOWNLOADED",
        field="model_id",
        asked=name,
    )


def refusal(name: str, most_bytes: int) -> FailedPrecondition | None:
    """Why nothing may be downloaded here, of what is not there. `most_bytes`: as `max_download_gib` says."""
    if is_offline():
        return offline(name)
    if most_bytes == 0:
        return FailedPrecondition(
            f"'{name}' has not been downloaded, and max_download_gib is 0, so nothing is; raise it, or put the model into a "
            "folder of model_dirs",
            reason="MODEL_NOT_DOWNLOADED",
            field="model_id",
            limit="max_download_gib 0",
            asked=name,
        )
    return None


def folder() -> Path:
    """The cache of the hub's client."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or Path(home) / "hub"
    return Path(os.path.expandvars(named)).expanduser().absolute()


def repository_folder(repository: str) -> Path:
    return folder() / f"models--{repository.replace('/', '--')}"


def kept(wanted: Wanted) -> Kept | None:
    """The model on this machine; None where some of its files are not there.

    Files that other programs have fetched are taken as well. Where they cannot be loaded, the folder that holds them is
    answered, whose check says why.
    """
    return _placed(wanted) or _adopted(wanted)


def place(wanted: Wanted, commit: str, selection: Selection, blobs: Mapping[str, Path]) -> Kept:
    """Put a model together from files by their names in the repository. Raises OSError."""
    shelf = _shelf(wanted)
    shelf.mkdir(parents=True, exist_ok=True)
    of_commit = f"{commit[:12]}-{_key(dataclasses.replace(wanted, revision=''))}"
    # What is there decides what is chosen, and more may be there than the last time.
    view = shelf / f"{of_commit}-{_digest(sorted(selection.files.items()))}"
    with tempfile.TemporaryDirectory(dir=shelf, prefix=".new-") as scratch:
        made = Path(scratch) / "model"
        for local, name in selection.files.items():
            link = made / local
            link.parent.mkdir(parents=True, exist_ok=True)
            _link(link, blobs[name].resolve())
        if not _is_whole(view):
            shutil.rmtree(view, ignore_errors=True)
            try:
                made.rename(view)
            except OSError:
                # Another process was faster; its links are the same.
                if not _is_whole(view):
                    raise
    pointer = {"commit": commit, "path": f"{view.name}/{selection.single}".rstrip("/")}
    _write(_pointer(wanted), json.dumps(pointer))
    for old in shelf.glob(f"{of_commit}*"):
        if old != view:
            shutil.rmtree(old, ignore_errors=True)
    return Kept(shelf / pointer["path"], commit)


def note_in_cache(wanted: Wanted, commit: str, blobs: Mapping[str, Path]) -> None:
    """Tell the hub's client what has been fetched, in its own way, so that other programs find it. Raises OSError."""
    repository = repository_folder(wanted.repository)
    snapshot = repository / "snapshots" / commit
    for name, blob in blobs.items():
        there = snapshot / name
        if not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.unlink(missing_ok=True)
            _link(there, Path(os.path.relpath(blob, there.parent)))
    if wanted.revision != commit:
        reference = repository / "refs" / (wanted.revision or MAIN)
        reference.parent.mkdir(parents=True, exist_ok=True)
        _write(reference, commit)


def _placed(wanted: Wanted) -> Kept | None:
    try:
        pointer = json_if_there(_pointer(wanted))
        commit, relative = str(pointer["commit"]), str(pointer["path"])
    except (UnusableModel, KeyError):
        return None
    whole = _is_whole(_shelf(wanted) / Path(relative).parts[0])
    return Kept(_shelf(wanted) / relative, commit) if whole else None


def _is_whole(view: Path) -> bool:
    """Whether a folder of links is there, and all that they lead to: the cache may have been emptied since."""
    found = [path for path in view.rglob("*") if not path.is_dir()]
    return bool(found) and all(path.exists() for path in found)


def _adopted(wanted: Wanted) -> Kept | None:
    """What other programs have fetched, if it is all there."""
    repository = repository_folder(wanted.repository)
    commit = wanted.revision
    try:
        if not COMMIT.fullmatch(commit):
            commit = (repository / "refs" / (wanted.revision or MAIN)).read_text().strip()
        snapshot = repository / "snapshots" / commit
        if not COMMIT.fullmatch(commit) or not snapshot.is_dir():
            return None
        there = {
            path.relative_to(snapshot).as_posix(): path for path in snapshot.rglob("*") if path.is_file()
        }
    except (OSError, ValueError):
        return None
    whole = Kept(snapshot / wanted.subfolder / wanted.file, commit)
    try:
        selection = select(wanted, there, lambda name: read_json(there[name], MAX_JSON))
        return place(wanted, commit, selection, there)
    except Incomplete:
        return None
    except UnusableModel:
        return whole
    except OSError as error:
        log.warning("what has been fetched of %s cannot be put together: %s", wanted.repository, error)
        return None if wanted.variant else whole


def _shelf(wanted: Wanted) -> Path:
    # Inside the repository's folder, where the hub's client looks for nothing, and removes it with the rest.
    return repository_folder(wanted.repository) / "viwo-imagegen"


def _pointer(wanted: Wanted) -> Path:
    return _shelf(wanted) / f"{_key(wanted)}.json"


def _key(wanted: Wanted) -> str:
    return _digest(dataclasses.asdict(wanted))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def _link(link: Path, target: Path) -> None:
    """A link, or a copy where the system has none."""
    try:
        link.symlink_to(target)
    except OSError:
        shutil.copyfile(link.parent / target, link)


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole. Who may read it is as for any file here: others may share the cache."""
    new = path.with_name(f".new-{uuid.uuid4().hex}")
    try:
        with open(new, "x") as file:
            file.write(text)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)

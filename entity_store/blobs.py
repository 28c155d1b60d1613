"""Picture files, named by the SHA-256 of their bytes, so that the same picture is kept once."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from capabilities.errors import InvalidArgument, NotFound, ResourceExhausted, brief

REFERENCE = re.compile(r"sha256:([0-9a-f]{64})")
_FULL = {errno.ENOSPC, errno.EDQUOT}


def references_in(text: str) -> set[str]:
    """Every reference that a text names."""
    return {f"sha256:{digest}" for digest in REFERENCE.findall(text)}


def reference(data: bytes) -> str:
    """What bytes are called here."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def file_of(folder: Path, ref: str) -> Path:
    """Where a store in a folder keeps a picture, whether or not it has it. Raises InvalidArgument for no reference."""
    return _file(folder / "images", _digest(ref, "ref"))


class Blobs:
    """A folder of content-addressed files: `images/<first two digits>/<sha256>`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = folder / "images"
        self._thumbnails = folder / "thumbnails"
        self._incoming = folder / "incoming"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files.mkdir(exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def put(self, data: bytes) -> str:
        """Store bytes and answer their reference; stored bytes survive a crash of the machine.

        Raises ResourceExhausted when the disk is full.
        """
        ref = reference(data)
        target = self._path(ref.removeprefix("sha256:"))
        try:
            # Stored again: what removes pictures that nobody uses must see that somebody does now.
            os.utime(target)
            return ref
        except FileNotFoundError:
            pass
        self._write(target, data)
        return ref

    def thumbnail(self, ref: str, make: Callable[[bytes], bytes], suffix: str = "") -> bytes:
        """The small picture of a stored one: made when it is first asked for, and kept beside it. Raises as `get`.

        `suffix`, such as ".256", tells those of one picture apart.
        """
        kept = self._thumbnail(self.path(ref))
        kept = kept.with_name(kept.name + suffix)
        try:
            return kept.read_bytes()
        except FileNotFoundError:
            made = make(self.get(ref))
            self._write(kept, made)
            return made

    def _write(self, target: Path, data: bytes) -> None:
        temporary = self._incoming / uuid.uuid4().hex
        try:
            target.parent.mkdir(exist_ok=True, parents=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno in _FULL:
                raise ResourceExhausted(
                    "the disk of the image store is full; the operator must free space",
                    reason="DISK_FULL",
                    field="data_dir",
                    asked=f"{len(data)} bytes",
                    retry_after=60,
                ) from None
            raise

    def has(self, ref: str) -> bool:
        """Whether the bytes of a reference are stored."""
        match = REFERENCE.fullmatch(ref)
        return match is not None and self._path(match[1]).is_file()

    def get(self, ref: str, *, field: str = "image") -> bytes:
        """The bytes of a reference. Raises InvalidArgument for what is not one, NotFound for an unknown one."""
        try:
            return self.path(ref, field=field).read_bytes()
        except FileNotFoundError:
            raise unknown_picture(ref, field) from None

    def path(self, ref: str, *, field: str = "image") -> Path:
        """The file of a reference. Raises as `get`."""
        path = self._path(_digest(ref, field))
        if not path.is_file():
            raise unknown_picture(ref, field)
        return path

    def touch(self, ref: str) -> None:
        """Say that a picture is about to be used again. Raises as `get`."""
        os.utime(self.path(ref))

    def files(self) -> Iterator[tuple[str, int, float]]:
        """Every stored picture: its reference, size in bytes, and when it was last stored, in Unix seconds.

        Whatever else lies there is passed over: links, folders, pipes, files of other names or in the wrong folder.
        """
        for folder in _listed(self._files):
            for file in _listed(folder):
                if not REFERENCE.fullmatch(f"sha256:{file.name}") or folder.name != file.name[:2]:
                    continue
                try:
                    found = file.lstat()
                except OSError:
                    # Removed since the folder was listed, perhaps.
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield f"sha256:{file.name}", found.st_size, found.st_mtime

    def size(self) -> int:
        """Bytes of all stored pictures."""
        return sum(size for _, size, _ in self.files())

    def remove(self, ref: str) -> None:
        """Remove a picture and its thumbnails; nothing happens where it is not there. Raises InvalidArgument as `get`."""
        path = self._path(_digest(ref, "ref"))
        path.unlink(missing_ok=True)
        kept = self._thumbnail(path)
        for thumbnail in (kept, *kept.parent.glob(f"{kept.name}.*")):
            thumbnail.unlink(missing_ok=True)

    def set_aside(self, ref: str) -> None:
        """Take a damaged file out of the store, to be looked at. Raises InvalidArgument as `get`."""
        digest = _digest(ref, "ref")
        aside = self.folder / "damaged"
        aside.mkdir(exist_ok=True)
        self._path(digest).replace(aside / digest)

    def unfinished(self, older_than: float = 0) -> int:
        """How many files a crash left half written; of `older_than` so many seconds only, where files are being written."""
        before = time.time() - older_than
        count = 0
        for path in _listed(self._incoming):
            with contextlib.suppress(FileNotFoundError):
                count += path.lstat().st_mtime <= before
        return count

    def discard_unfinished(self) -> int:
        """Remove what a crash left half written; how many files there were. Only safe while nobody writes."""
        leftovers = _listed(self._incoming)
        for path in leftovers:
            # What is no file was not left by us, but must not keep a server from starting either.
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()
        return len(leftovers)

    def _thumbnail(self, path: Path) -> Path:
        return self._thumbnails / path.relative_to(self._files)

    def _path(self, digest: str) -> Path:
        return _file(self._files, digest)


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest


def _digest(ref: str, field: str) -> str:
    """The hexadecimal digits of a reference: all that ever becomes part of a path. Raises InvalidArgument."""
    match = REFERENCE.fullmatch(ref)
    if match is None:
        raise InvalidArgument(
            f"'{field}' is not a picture reference; one is 'sha256:' and 64 hexadecimal digits",
            reason="BAD_REFERENCE",
            field=field,
            asked=brief(ref),
        )
    return match[1]


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; nothing for one that is none, or cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def unknown_picture(ref: str, field: str) -> NotFound:
    """What is said of a picture that is not there, or not for whoever asks."""
    return NotFound(
        f"no stored picture {brief(ref, 90)}; it was never stored here, or has been removed",
        reason="UNKNOWN_PICTURE",
        field=field,
        asked=brief(ref, 90),
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; folders cannot be synced on Windows, where the rename itself is enough."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

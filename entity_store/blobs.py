"""Picture files, named by the SHA-256 of their bytes, so that the same picture is kept once."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import uuid
from pathlib import Path

from capabilities.errors import InvalidArgument, NotFound, ResourceExhausted, brief

_REF = re.compile(r"sha256:([0-9a-f]{64})")
_FULL = {errno.ENOSPC, errno.EDQUOT}


def reference(data: bytes) -> str:
    """What bytes are called here."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Blobs:
    """A folder of content-addressed files: `images/<first two digits>/<sha256>`."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "images"
        self._incoming = folder / "incoming"
        self._files.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Store bytes and answer their reference; stored bytes survive a crash of the machine.

        Raises ResourceExhausted when the disk is full.
        """
        ref = reference(data)
        target = self._path(ref.removeprefix("sha256:"))
        if target.exists():
            return ref
        temporary = self._incoming / uuid.uuid4().hex
        try:
            target.parent.mkdir(exist_ok=True)
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
        return ref

    def get(self, ref: str, *, field: str = "image") -> bytes:
        """The bytes of a reference. Raises InvalidArgument for what is none, NotFound for an unknown one."""
        try:
            return self.path(ref, field=field).read_bytes()
        except FileNotFoundError:
            raise _unknown(ref, field) from None

    def path(self, ref: str, *, field: str = "image") -> Path:
        """The file of a reference. Raises as `get`."""
        match = _REF.fullmatch(ref)
        if match is None:
            raise InvalidArgument(
                f"'{field}' is not a picture reference; one is 'sha256:' and 64 hexadecimal digits",
                reason="BAD_REFERENCE",
                field=field,
                asked=brief(ref),
            )
        path = self._path(match[1])
        if not path.is_file():
            raise _unknown(ref, field)
        return path

    def discard_unfinished(self) -> int:
        """Remove what a crash left half written; how many files there were. Only safe while nobody writes."""
        leftovers = list(self._incoming.iterdir())
        for file in leftovers:
            file.unlink(missing_ok=True)
        return len(leftovers)

    def _path(self, digest: str) -> Path:
        return self._files / digest[:2] / digest


def _unknown(ref: str, field: str) -> NotFound:
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

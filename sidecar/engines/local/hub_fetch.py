"""Downloads one model from a hub, in a process of its own: what it is told on its command line, told of on its output.

Ending the process ends the download at any moment, and what has come so far stays and is gone on with the next time.
Started as `python -m sidecar.engines.local.hub_fetch`; it ends when its input does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import HfApi, get_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from capabilities.errors import FailedPrecondition, data_size
from sidecar.engines.events import Failed
from sidecar.engines.local import hub_cache, hub_faults
from sidecar.engines.local.download_messages import Fetched, Progress, encode
from sidecar.engines.local.hub_files import Wanted, select
from sidecar.engines.local.model_files import parsed, shown

CONNECT_SECONDS, ANSWER_SECONDS, READ_SECONDS = 3.0, 5.0, 10.0
"""Longest that the hub may take to take a connection, to say what it has, and to send more of a file."""
LOCK_SECONDS = 5.0
CHUNK = 1024 * 1024
TELL_EVERY = 0.2
"""Seconds between two words about how far it is."""
TRIES = 3
"""How often a file is begun anew, or gone on with, while nothing more of it comes."""
SPARE = 256 * 1024 * 1024
"""Bytes that are left free on the disk."""
GIB = 1024**3

log = logging.getLogger("viwo_imagegen.download")

_TIMEOUT = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


@dataclass(frozen=True)
class _File:
    """A file of the repository: `etag` is the SHA-256 of a large one, and git's hash of a small one."""

    name: str
    size: int
    etag: str
    is_large: bool


class Fetch:
    """One download."""

    def __init__(self, wanted: Wanted, most_bytes: int, tell: Callable[[Progress], None]) -> None:
        self._wanted = wanted
        self._most = most_bytes
        self._tell = tell
        self._told = 0.0
        self._repository = hub_cache.repository_folder(wanted.repository)
        self._files: dict[str, _File] = {}
        self._commit = ""
        self._done = self._total = 0

    def run(self, *, dry_run: bool = False) -> str:
        """Fetch what is not there; the commit that it is of.

        `dry_run`: only look how much that is. Raises refusals, OSError, and what the hub's client raises.
        """
        self._look_up()
        selection = select(self._wanted, self._files, self._json)
        chosen = [self._files[name] for name in selection.files.values()]
        self._total = sum(file.size for file in chosen)
        self._done = sum(self._there(file) for file in chosen)
        self._say(at_once=True)
        self._require_room()
        if dry_run:
            return self._commit
        for file in chosen:
            self._fetch(file)
        self._done = self._total
        self._say(at_once=True)
        blobs = {file.name: self._blob(file) for file in chosen}
        hub_cache.note_in_cache(self._wanted, self._commit, blobs)
        hub_cache.place(self._wanted, self._commit, selection, blobs)
        return self._commit

    def _look_up(self) -> None:
        """Which files the repository has."""
        try:
            found = HfApi(hub_cache.endpoint()).model_info(
                self._wanted.repository,
                revision=self._wanted.revision or None,
                files_metadata=True,
                timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),  # type: ignore[arg-type]
            )
        except HFValidationError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise hub_faults.no_hub(f"what it says of {self._wanted.repository} cannot be read") from error
        if not found.sha or not hub_cache.COMMIT.fullmatch(found.sha) or found.siblings is None:
            raise hub_faults.no_hub("it names no commit")
        self._commit = found.sha
        self._tell(Progress(0, 0, self._commit))
        for item in found.siblings:
            etag = item.lfs.sha256 if item.lfs else item.blob_id
            size = item.lfs.size if item.lfs else item.size
            if etag and size is not None and etag.isalnum():
                self._files[item.rfilename] = _File(item.rfilename, size, etag, item.lfs is not None)

    def _json(self, name: str) -> Mapping[str, Any]:
        file = self._files[name]
        if file.size > hub_cache.MAX_JSON:
            raise hub_faults.no_hub(f"{shown(name)} has {file.size} bytes")
        self._fetch(file)
        return parsed(Path(name), self._blob(file).read_bytes())

    def _blob(self, file: _File) -> Path:
        return self._repository / "blobs" / file.etag

    def _partial(self, file: _File) -> Path:
        blob = self._blob(file)
        return blob.with_name(f"{blob.name}.incomplete")

    def _there(self, file: _File) -> int:
        """Bytes of a file that have come already."""
        if self._blob(file).is_file():
            return file.size
        partial = self._partial(file)
        return min(file.size, partial.stat().st_size) if partial.is_file() else 0

    def _require_room(self) -> None:
        """Raises where the model is larger than may be downloaded, or than the disk has room for."""
        what = f"'{self._wanted.repository}' has {data_size(self._total)}"
        if self._total > self._most:
            raise FailedPrecondition(
                f"{what} to download, and at most {data_size(self._most)} are; raise max_download_gib, "
                "name a smaller 'variant' in hub_models, or use a smaller model",
                reason="DOWNLOAD_TOO_LARGE",
                field="model_id",
                limit=f"max_download_gib {self._most / GIB:g}",
                asked=data_size(self._total),
            )
        left = self._total - self._done
        self._repository.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._repository).free
        if left and left + SPARE > free:
            raise hub_faults.disk_full(f"{what}, of which {data_size(left)} are still to come", free)

    def _fetch(self, file: _File) -> None:
        """Have a file in the cache, whole and with the hash that the hub tells."""
        blob = self._blob(file)
        if blob.is_file():
            return
        locks = hub_cache.folder() / ".locks" / self._repository.name
        for needed in (blob.parent, locks):
            needed.mkdir(parents=True, exist_ok=True)
        before = self._there(file)
        # The same lock as the hub's client takes: whoever else fetches the file is waited for.
        with self._alone(locks / f"{file.etag}.lock"):
            if blob.is_file():
                self._done += file.size - before
                return
            self._receive(file)
            self._check(file)
            self._partial(file).rename(blob)

    @contextmanager
    def _alone(self, lock_file: Path) -> Iterator[None]:
        lock = FileLock(lock_file)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=LOCK_SECONDS)
            except Timeout:
                # A sign of life: another process fetches it.
                self._say(at_once=True)
        try:
            yield
        finally:
            lock.release()

    def _receive(self, file: _File) -> None:
        """Go on with a file until all of it has come. Raises what the connection does where nothing more comes."""
        partial = self._partial(file)
        partial.touch()
        at, tries, is_longer = partial.stat().st_size, 0, False
        furthest = at if at <= file.size else 0
        while at != file.size:
            if at > file.size:
                os.truncate(partial, 0)
                self._done -= file.size
                at = 0
            try:
                is_longer = self._receive_from(file, at)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError):
                # A hub that takes no connection is not there; one that breaks them off may go on.
                raise
            except httpx2.TransportError as error:
                is_longer = False
                log.info("%s was broken off: %s", file.name, error)
            at = partial.stat().st_size
            # What was begun anew has to come further than before; else it could be begun anew without end.
            tries = 0 if at > furthest else tries + 1
            furthest = max(at, furthest)
            if tries >= TRIES:
                told = hub_faults.too_long if is_longer else hub_faults.cut_off
                raise told(file.name, self._wanted.repository)

    def _receive_from(self, file: _File, at: int) -> bool:
        """Append what comes from an offset on. Whether it was more than the file has, so that nothing of it is kept."""
        url = hf_hub_url(
            self._wanted.repository, file.name, revision=self._commit, endpoint=hub_cache.endpoint()
        )
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if at:
            headers["Range"] = f"bytes={at}-"
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT) as response:
            hf_raise_for_status(response)
            goes_on = response.status_code == 206
            if at and not goes_on:
                self._done -= at
                at = 0
            with open(self._partial(file), "ab" if goes_on else "wb") as out:
                for part in response.iter_bytes():
                    if at + len(part) > file.size:
                        out.truncate(0)
                        self._done -= at
                        return True
                    out.write(part)
                    # The process may be ended at any moment, and what has come is kept.
                    out.flush()
                    at += len(part)
                    self._done += len(part)
                    self._say()
        return False

    def _check(self, file: _File) -> None:
        """Raises where a file is not what the hub says."""
        partial = self._partial(file)
        digest = (
            hashlib.sha256()
            if file.is_large
            else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        )
        with open(partial, "rb") as data:
            while part := data.read(CHUNK):
                digest.update(part)
                # A sign of life: this takes minutes on a slow disk.
                self._say()
        if digest.hexdigest() != file.etag:
            partial.unlink()
            raise hub_faults.corrupt(file.name, self._wanted.repository, digest.hexdigest(), file.etag)

    def _say(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._total and (at_once or now - self._told >= TELL_EVERY):
            self._told = now
            self._tell(Progress(self._done, self._total, self._commit))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wanted", help="JSON")
    parser.add_argument("--most-bytes", type=int, required=True)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    logging.basicConfig(level=options.log_level.upper(), format="download %(levelname)s %(message)s")
    # It tells of every request.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    values = json.loads(options.wanted)
    wanted = Wanted(**{**values, "files": tuple(values["files"])})
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl-C goes to the whole group of processes; the server ends its downloads itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_input, daemon=True).start()

    def tell(message: Progress | Fetched | Failed) -> None:
        sink.write(encode(message))
        sink.flush()

    try:
        tell(Fetched(Fetch(wanted, options.most_bytes, tell).run(dry_run=options.dry_run)))
    except Exception as error:
        tell(hub_faults.failure(error, wanted))


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()

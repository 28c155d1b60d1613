"""Downloads from a hub, each in a process of its own: shared by all who want the same, ended when nobody does any more."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import partial

from capabilities.errors import FailedPrecondition, InternalFault, Unavailable
from sidecar import child_process
from sidecar.engines.events import Failed
from sidecar.engines.local import hub_cache
from sidecar.engines.local.download_messages import Fetched, Progress, decode
from sidecar.engines.local.hub_files import Wanted

ANSWER_SECONDS = 10.0
"""Longest until the hub has answered at all, names looked up and the process started included."""
SILENCE = 120.0
"""Longest without a word afterwards; the hub itself may be silent for a few seconds only."""

log = logging.getLogger("viwo_imagegen.models")


class Download:
    """One that is under way: how far it is, and how it came out."""

    def __init__(self) -> None:
        self.progress = Progress(0, 0, "")
        self.outcome: Fetched | Failed | None = None
        self.wanted_by = 0
        self.task: asyncio.Task[Fetched | Failed] | None = None
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncGenerator[Progress]:
        """How far it is, whenever that may have changed, up to its end."""
        while True:
            changed = self._changed
            yield self.progress
            if self.outcome is not None:
                return
            await changed.wait()

    def notify(self) -> None:
        """Wake whoever follows it."""
        self._changed.set()
        self._changed = asyncio.Event()


class Downloads:
    """All downloads of this server. All methods belong to the event loop's thread."""

    def __init__(self, *, most_bytes: int, log_level: str = "info") -> None:
        self._most = most_bytes
        self._log_level = log_level
        self._running: dict[tuple[Wanted, bool], Download] = {}

    def refusal(self, name: str) -> FailedPrecondition | None:
        """Why nothing may be downloaded here."""
        return hub_cache.refusal(name, self._most)

    @contextmanager
    def joined(self, wanted: Wanted, *, dry_run: bool = False) -> Iterator[Download]:
        """The download of a model, begun unless someone has. When the last who wants it leaves, it is ended."""
        key = (wanted, dry_run)
        download = self._running.get(key)
        if download is None:
            download = self._running[key] = Download()
            download.task = asyncio.create_task(self._fetched(wanted, dry_run, download))
            download.task.add_done_callback(partial(self._end, key, download))
        download.wanted_by += 1
        try:
            yield download
        finally:
            download.wanted_by -= 1
            if not download.wanted_by and download.task is not None:
                download.task.cancel()
                self._forget(key, download)

    def wake(self) -> None:
        """Have everybody who follows one look again whether to go on."""
        for download in self._running.values():
            download.notify()

    async def stop(self) -> None:
        """End all of them."""
        tasks = [download.task for download in self._running.values() if download.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(
        self, key: tuple[Wanted, bool], download: Download, task: asyncio.Task[Fetched | Failed]
    ) -> None:
        """Tell whoever follows a download how it came out, whatever ended it."""
        wanted, _ = key
        if task.cancelled():
            download.outcome = _lost(wanted, "it was ended", retryable=True)
        elif (error := task.exception()) is not None:
            log.error("the download of %s failed", wanted.repository, exc_info=error)
            download.outcome = Failed.of(
                InternalFault(f"the download failed: {type(error).__name__}", reason="BUG")
            )
        else:
            download.outcome = task.result()
        # Who comes from now on begins another.
        self._forget(key, download)
        download.notify()

    def _forget(self, key: tuple[Wanted, bool], download: Download) -> None:
        if self._running.get(key) is download:
            del self._running[key]

    async def _fetched(self, wanted: Wanted, dry_run: bool, download: Download) -> Fetched | Failed:
        arguments = [json.dumps(dataclasses.asdict(wanted)), "--most-bytes", str(self._most)]
        arguments += ["--log-level", self._log_level, *(["--dry-run"] if dry_run else [])]
        try:
            process = await asyncio.create_subprocess_exec(
                *child_process.command("sidecar.engines.local.hub_fetch", arguments),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                cwd=child_process.folder(), env=child_process.environment(),
            )  # fmt: skip
        except OSError as error:
            return _lost(wanted, f"its process does not start: {error.strerror}")
        try:
            return await self._listen(process, wanted, download)
        except TimeoutError:
            return _lost(wanted, f"{hub_cache.host()} does not answer")
        finally:
            # What has come so far stays on the disk.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _listen(
        self, process: asyncio.subprocess.Process, wanted: Wanted, download: Download
    ) -> Fetched | Failed:
        assert process.stdout is not None
        while True:
            async with asyncio.timeout(SILENCE if download.progress.commit else ANSWER_SECONDS):
                line = await process.stdout.readline()
            if not line:
                return _lost(wanted, "its process ended")
            message = decode(line)
            if not isinstance(message, Progress):
                return message
            if message.total and not download.progress.total:
                log.info(
                    "downloading %s: %d of %d bytes are there", wanted.repository, message.done, message.total
                )
            download.progress = message
            download.notify()


def _lost(wanted: Wanted, why: str, *, retryable: bool = False) -> Failed:
    return Failed.of(
        Unavailable(
            f"'{wanted.repository}' has not been downloaded: {why}; try again: what has come so far is kept",
            reason="DOWNLOAD_LOST",
            field="model_id",
            asked=wanted.repository,
        ),
        retryable=retryable,
    )

"""Picture workers as the server sees them: a few child processes, each with one request at a time.

Called from threads, and waits there. A worker that dies or takes too long is ended, its request is refused, and the next
request starts another.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import subprocess
import threading
from collections.abc import Mapping
from typing import IO

from capabilities import imaging
from capabilities.errors import ResourceExhausted, Unavailable
from capabilities.tasks import Task
from sidecar import child_process
from sidecar.engines.builtin.messages import (
    FRAMING,
    Answer,
    Edit,
    Inspect,
    Inspected,
    Request,
    Small,
    Thumbnail,
)
from sidecar.engines.events import Done, Failed
from sidecar.engines.framing import LENGTHS

log = logging.getLogger("viwo_imagegen.pictures")

WORKERS = 2
MEMORY_MIB = 2048
"""What the pictures of one request may fill: two of the largest that are taken, laid on each other, and what decoders need."""
TIMEOUT = 60.0
"""Seconds that one request may take."""


class PictureWorkers:
    """Decodes, edits and shrinks pictures in child processes. Implements `imaging.Inspector`."""

    def __init__(
        self,
        workers: int = WORKERS,
        *,
        memory_mib: int = MEMORY_MIB,
        timeout: float = TIMEOUT,
        log_level: str = "info",
    ) -> None:
        arguments = ["--memory-mib", str(memory_mib), "--log-level", log_level]
        self._workers = [_Worker(arguments, timeout) for _ in range(workers)]
        # The one used last is taken first, so that those beyond the need are never started.
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)

    @property
    def pids(self) -> list[int]:
        """Process ids of those that run."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def inspect(self, data: bytes, *, field: str = "image") -> imaging.ImageInfo:
        """Decode a file to its last pixel. Raises InvalidArgument, ResourceExhausted, Unavailable."""
        found = self._ask(Inspect(data, field), field)
        assert isinstance(found, Inspected)
        return imaging.ImageInfo(found.format, found.width, found.height, found.has_alpha)

    def thumbnail(self, data: bytes, side: int) -> bytes:
        """A small WebP with the longest side at most `side` pixels. Raises as `inspect`."""
        made = self._ask(Thumbnail(data, side), "image")
        assert isinstance(made, Small)
        return made.data

    def edit(
        self,
        task: Task,
        files: Mapping[str, bytes],
        metadata: Mapping[str, object] | None,
        thumbnail_side: int = 0,
    ) -> Done:
        """The result of a task without a model, as `edits.edit`. Raises as `inspect`."""
        values = None if metadata is None else dict(metadata)
        made = self._ask(Edit(task, dict(files), values, thumbnail_side), "image")
        assert isinstance(made, Done)
        return made

    def start(self) -> None:
        """Start a worker now, so that the first request need not wait for it."""
        worker = self._idle.get()
        try:
            worker.start()
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all of them."""
        for worker in self._workers:
            worker.close()

    def _ask(self, request: Request, field: str) -> Answer:
        worker = self._idle.get()
        try:
            try:
                answer = worker.ask(request, field)
            except WorkerDied:
                # Perhaps somebody ended it; one that the picture itself ends will end again.
                answer = worker.ask(request, field)
        except WorkerDied:
            raise _too_much(field, "ended its worker twice") from None
        finally:
            self._idle.put(worker)
        if isinstance(answer, Failed):
            raise answer.refusal()
        return answer


class WorkerDied(Exception):
    """A worker ended before it answered."""


class _Worker:
    """One child process, started when it is needed. Used by one thread at a time."""

    def __init__(self, arguments: list[str], timeout: float) -> None:
        self._arguments = arguments
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        # `close` comes from another thread.
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise Unavailable("the server is being stopped", reason="STOPPING", retry_after=5)
            if self._process is not None and self._process.poll() is not None:
                _end(self._process)
                self._process = None
            if self._process is None:
                self._process = subprocess.Popen(
                    child_process.command("sidecar.engines.builtin.worker", self._arguments),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=child_process.folder(),
                    env=child_process.environment(),
                )
            return self._process

    def ask(self, request: Request, field: str) -> Answer:
        """The worker's answer. Raises WorkerDied where it ended before, ResourceExhausted where it took too long."""
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(self._timeout, end)
        clock.daemon = True
        clock.start()
        try:
            process.stdin.write(FRAMING.encode(request))
            process.stdin.flush()
            header, payload = LENGTHS.unpack(_exactly(process.stdout, LENGTHS.size))
            answer: Answer = FRAMING.decode(
                _exactly(process.stdout, header), _exactly(process.stdout, payload)
            )
            if isinstance(answer, Failed) and answer.reason == imaging.OUT_OF_MEMORY:
                # What it holds by then may keep it from the next picture as well.
                _end(process)
            return answer
        except (OSError, EOFError):
            code = _end(process)
            with self._lock:
                closed = self._closed
            if closed:
                raise Unavailable("the server is being stopped", reason="STOPPING", retry_after=5) from None
            log.error("a picture worker ended (%s) over '%s'", "too slow" if late.is_set() else code, field)
            if late.is_set():
                raise _too_much(field, f"took more than {self._timeout:g} s") from None
            raise WorkerDied from None
        finally:
            clock.cancel()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._process is not None:
                _end(self._process)


def _too_much(field: str, what: str) -> ResourceExhausted:
    return ResourceExhausted(
        f"'{field}' could not be worked on: it {what}; use a smaller or simpler picture",
        reason="PICTURE_TOO_COSTLY",
        field=field,
    )


def _exactly(source: IO[bytes], count: int) -> bytes:
    data = source.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _end(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # What could not be written is lost with the process.
            with contextlib.suppress(OSError):
                pipe.close()
    return process.wait()

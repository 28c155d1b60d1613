"""Child processes that answer requests, each one at a time: a few of the same kind, used by threads.

One that dies or takes too long is ended, its request is refused, and the next request starts another.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from capabilities import imaging
from capabilities.errors import ResourceExhausted, Unavailable
from sidecar import child_process
from sidecar.engines.events import Failed
from sidecar.engines.framing import LENGTHS, Framing

log = logging.getLogger("viwo_imagegen.pictures")

MEMORY_MIB = 2048
"""What the pictures of one request may fill: two of the largest that are taken, laid on each other, and what decoders need."""
TIMEOUT = 60.0
"""Seconds that one request may take."""


class WorkerPool:
    """Children that run `module`, whose `main` serves requests of a framing (`worker_process.serve`)."""

    def __init__(
        self,
        module: str,
        framing: Framing,
        workers: int,
        *,
        memory_mib: int = MEMORY_MIB,
        timeout: float = TIMEOUT,
        log_level: str = "info",
    ) -> None:
        arguments = ["--memory-mib", str(memory_mib), "--log-level", log_level]

        def command() -> list[str]:
            return child_process.command(module, arguments)

        self._workers = [_Worker(command, framing, timeout) for _ in range(workers)]
        # The one used last is taken first, so that those beyond the need are never started.
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)

    @property
    def pids(self) -> list[int]:
        """Process ids of those that run."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

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

    def ask(self, request: object, field: str) -> Any:
        """A worker's answer; `field` is the argument that a refusal names.

        Raises what the worker refused, ResourceExhausted where it died twice or took too long, Unavailable after `close`.
        """
        worker = self._idle.get()
        try:
            try:
                answer = worker.ask(request, field)
            except WorkerDied:
                # Perhaps somebody ended it; one that the request itself ends will end again.
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

    def __init__(self, command: Callable[[], Sequence[str]], framing: Framing, timeout: float) -> None:
        self._command = command
        self._framing = framing
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
                    self._command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=child_process.folder(),
                    env=child_process.environment(),
                )
            return self._process

    def ask(self, request: object, field: str) -> object:
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
            process.stdin.write(self._framing.encode(request))
            process.stdin.flush()
            header, payload = LENGTHS.unpack(_exactly(process.stdout, LENGTHS.size))
            answer = self._framing.decode(_exactly(process.stdout, header), _exactly(process.stdout, payload))
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

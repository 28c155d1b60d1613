"""The engine's child process: reads commands from standard input, writes reports to standard output.

Started as `python -m sidecar.engines.local.child`. It ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from capabilities import imaging
from capabilities.errors import InternalFault, Refusal
from sidecar.engines.api import EngineRequest
from sidecar.engines.encoding import encode
from sidecar.engines.events import CANCELED, Done, EncodedImage, Event, Failed, RawImage, Step
from sidecar.engines.local.cancellation import BatchItem, CancellationToken
from sidecar.engines.local.messages import (
    LENGTHS,
    Alive,
    Cancel,
    Command,
    Happened,
    Load,
    Memory,
    Message,
    ModelSource,
    Ready,
    Run,
    Unload,
    decode,
)
from sidecar.engines.local.messages import encode as frame

if TYPE_CHECKING:
    from sidecar.engines.local.executor import Executor

NICENESS = 5
BEAT = 5.0
"""Seconds between two signs of life."""

log = logging.getLogger("viwo_imagegen.engine")


class Child:
    """Commands arrive on a reader thread; work happens on the main thread, one command at a time."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._sending = threading.Lock()
        self._work: queue.SimpleQueue[Run | Load | Unload] = queue.SimpleQueue()
        self._tokens: dict[str, CancellationToken] = {}

    def serve(
        self, device: str, threads: int, max_loaded: int, memory_budget: int, max_download: int
    ) -> None:
        """Work until the input ends. Reading begins before torch is imported, which takes seconds."""
        threading.Thread(target=self._read, daemon=True).start()
        from sidecar.engines.local.executor import Executor

        executor = Executor(
            device,
            threads=threads,
            max_loaded=max_loaded,
            memory_budget=memory_budget,
            max_download=max_download,
        )
        self._send(Ready(executor.device, os.getpid()))
        threading.Thread(target=self._live, daemon=True).start()
        while True:
            command = self._work.get()
            if isinstance(command, Run):
                self._run(executor, command)
            else:
                self._report(
                    executor, command.job_id, self._outcome(partial(self._handle, executor, command))
                )

    def _run(self, executor: Executor, command: Run) -> None:
        """Jobs with equal batch keys as one batch where the executor can; whatever that leaves, one by one."""
        items = [
            BatchItem(request.task, self._emitter(executor, request.job_id), self._tokens[request.job_id])
            for request in command.requests
        ]
        outcomes = self._batch(executor, items, command.sources) if len(items) > 1 else [None]
        for request, item, outcome in zip(command.requests, items, outcomes, strict=True):
            if outcome is not None:
                self._finish(executor, request, outcome)
            elif item.token.put_off():
                self._send(Happened(request.job_id, CANCELED))
        for request, item, outcome in zip(command.requests, items, outcomes, strict=True):
            if outcome is None:
                make = partial(self._make, executor, item, command.sources, request.inputs)
                self._finish(executor, request, self._outcome(make))

    def _make(
        self, executor: Executor, item: BatchItem, sources: dict[str, ModelSource], files: Mapping[str, bytes]
    ) -> Done:
        item.token.begin()
        inputs = {role: _decoded(data, role) for role, data in files.items()}
        return executor.make(item.task, sources, inputs, item.emit, item.token)

    def _batch(
        self, executor: Executor, items: list[BatchItem], sources: dict[str, ModelSource]
    ) -> list[Done | Failed | None]:
        try:
            return executor.make_batch(items, sources)
        except Exception as error:
            # Each job is told what is wrong with it when it is done by itself.
            log.warning("a batch of %d jobs failed and is done one by one: %s", len(items), error)
            return [None] * len(items)

    def _finish(self, executor: Executor, request: EngineRequest, outcome: Done | Failed) -> None:
        """Tell how a job came out, its pictures as files."""
        if isinstance(outcome, Done):
            outcome = self._outcome(partial(_encoded, request, outcome))
        self._report(executor, request.job_id, outcome)

    def _handle(self, executor: Executor, command: Load | Unload) -> Done:
        if isinstance(command, Load):
            executor.load(
                command.source, self._emitter(executor, command.job_id), self._tokens[command.job_id]
            )
        else:
            executor.unload(command.model_id)
        return Done((), 0.0)

    def _outcome(self, work: Callable[[], Done]) -> Done | Failed:
        try:
            return work()
        except Refusal as refusal:
            return Failed.of(refusal)
        except Exception as error:
            log.exception("a job failed")
            words = f"the model failed: {type(error).__name__}: {str(error)[:300]}"
            return Failed.of(InternalFault(words, reason="MODEL_FAULT"))

    def _report(self, executor: Executor, job_id: str, outcome: Done | Failed) -> None:
        self._tokens.pop(job_id, None)
        self._send(Memory(executor.loaded, executor.device_memory))
        self._send(Happened(job_id, outcome))
        executor.give_back()

    def _emitter(self, executor: Executor, job_id: str) -> Callable[[Event], None]:
        """Sends a job's events; with its first step, which models have been loaded for it."""
        stepped = False

        def emit(event: Event) -> None:
            nonlocal stepped
            if isinstance(event, Step) and not stepped:
                stepped = True
                self._send(Memory(executor.loaded, executor.device_memory))
            self._send(Happened(job_id, event))

        return emit

    def _live(self) -> None:
        """Say that the process is alive, also while a long step keeps the main thread."""
        while True:
            time.sleep(BEAT)
            self._send(Alive())

    def _send(self, message: Message) -> None:
        with self._sending:
            self._sink.write(frame(message))
            self._sink.flush()

    def _read(self) -> None:
        while (command := self._next()) is not None:
            if isinstance(command, Run | Load | Unload):
                if isinstance(command, Run):
                    for request in command.requests:
                        self._tokens[request.job_id] = CancellationToken(request.detail)
                else:
                    self._tokens[command.job_id] = CancellationToken()
                self._work.put(command)
            elif command.job_id in self._tokens:
                token = self._tokens[command.job_id]
                if isinstance(command, Cancel):
                    # One whose turn has not come is done with at once, however long the others take.
                    if token.cancel():
                        self._send(Happened(command.job_id, CANCELED))
                else:
                    token.observe(command.detail)
        # The server is gone. A loading model or a running step would keep a normal exit waiting.
        os._exit(0)

    def _next(self) -> Command | None:
        lengths = self._source.read(LENGTHS.size)
        if len(lengths) < LENGTHS.size:
            return None
        header, payload = LENGTHS.unpack(lengths)
        message = decode(self._source.read(header), self._source.read(payload))
        if not isinstance(message, Command):
            raise TypeError(f"not a command: {message}")
        return message


def _encoded(request: EngineRequest, done: Done) -> Done:
    images = tuple(
        image
        if isinstance(image, EncodedImage)
        else encode(request.task, image, request.metadata, request.thumbnail_side)
        for image in done.images
    )
    return dataclasses.replace(done, images=images)


def _decoded(data: bytes, role: str) -> RawImage:
    picture = imaging.decode(data, field=role)
    return RawImage(imaging.to_pixels(picture), picture.width, picture.height, picture.bands, 0)


def refuse_pickles(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: nothing in this process makes objects out of a pickle, whichever library is asked to.

    Weights are checked before a loader sees them; this is for a loader that finds another way. Plain containers, and
    what torch reads with `weights_only`, name no classes and so come through.
    """
    if event == "pickle.find_class":
        raise pickle.UnpicklingError(f"pickles are not loaded here ({arguments[1:3]})")


def main() -> None:
    sys.addaudithook(refuse_pickles)
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--max-loaded", type=int, default=2)
    parser.add_argument("--memory-budget", type=int, default=0, help="bytes; 0: by the device")
    parser.add_argument("--max-download", type=int, default=0, help="bytes; 0: nothing is downloaded")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="engine %(levelname)s %(message)s"
    )
    # Ctrl-C goes to the whole process group; the server decides when its child ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        # The server's answers come first: it needs little, and whoever asks it waits.
        os.nice(NICENESS)
    # Libraries print to standard output at will; messages keep the real one and the rest goes to standard error.
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Child(sys.stdin.buffer, sink).serve(
        options.device, options.threads, options.max_loaded, options.memory_budget, options.max_download
    )


if __name__ == "__main__":
    main()

"""The engine's child process: reads commands from standard input, writes reports to standard output.

Started as `python -m sidecar.engines.local.child`. It ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

from capabilities.errors import InternalFault, Refusal
from capabilities.tasks import read_task
from sidecar.engines.events import Done, Event, Failed
from sidecar.engines.local.watch import Watch
from sidecar.engines.local.wire import (
    LENGTHS,
    Cancel,
    Command,
    Happened,
    Load,
    Memory,
    Message,
    Ready,
    Run,
    Unload,
    decode,
    encode,
)

if TYPE_CHECKING:
    from sidecar.engines.local.maker import Maker

log = logging.getLogger("viwo_imagegen.engine")


class Child:
    """Commands arrive on a reader thread; work happens on the main thread, one command at a time."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._sending = threading.Lock()
        self._work: queue.SimpleQueue[Run | Load | Unload] = queue.SimpleQueue()
        self._watches: dict[str, Watch] = {}

    def serve(self, device: str, threads: int, max_loaded: int, memory_budget: int) -> None:
        """Work until the input ends. Reading begins before torch is imported, which takes seconds."""
        threading.Thread(target=self._read, daemon=True).start()
        from sidecar.engines.local.maker import Maker

        maker = Maker(device, threads=threads, max_loaded=max_loaded, memory_budget=memory_budget)
        self._send(Ready(maker.device, os.getpid()))
        while True:
            command = self._work.get()
            outcome = self._outcome(maker, command)
            self._watches.pop(command.job_id, None)
            self._send(Memory(maker.loaded))
            self._send(Happened(command.job_id, outcome))

    def _outcome(self, maker: Maker, command: Run | Load | Unload) -> Done | Failed:
        def emit(event: Event) -> None:
            self._send(Happened(command.job_id, event))

        watch = self._watches[command.job_id]
        try:
            if isinstance(command, Run):
                return maker.make(read_task(command.task), command.sources, command.inputs, emit, watch)
            if isinstance(command, Load):
                maker.load(command.source, emit, watch)
            else:
                maker.unload(command.model_id)
            return Done((), 0.0)
        except Refusal as refusal:
            return Failed.of(refusal)
        except Exception as error:
            log.exception("job %s failed", command.job_id)
            words = f"the model failed: {type(error).__name__}: {str(error)[:300]}"
            return Failed.of(InternalFault(words, reason="MODEL_FAULT"))

    def _send(self, message: Message) -> None:
        with self._sending:
            self._sink.write(encode(message))
            self._sink.flush()

    def _read(self) -> None:
        while (command := self._next()) is not None:
            if isinstance(command, Run | Load | Unload):
                watch = Watch()
                if isinstance(command, Run):
                    watch = Watch(attended=command.attended, preview_every=command.preview_every)
                self._watches[command.job_id] = watch
                self._work.put(command)
            elif command.job_id in self._watches:
                watch = self._watches[command.job_id]
                if isinstance(command, Cancel):
                    watch.canceled = True
                else:
                    watch.attended = True
                    watch.preview_every = command.preview_every or watch.preview_every
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--max-loaded", type=int, default=2)
    parser.add_argument("--memory-budget", type=int, default=0, help="bytes; 0: by the device")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="engine %(levelname)s %(message)s"
    )
    # Ctrl-C goes to the whole process group; the server decides when its child ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries print to standard output at will; messages keep the real one and the rest goes to standard error.
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Child(sys.stdin.buffer, sink).serve(
        options.device, options.threads, options.max_loaded, options.memory_budget
    )


if __name__ == "__main__":
    main()

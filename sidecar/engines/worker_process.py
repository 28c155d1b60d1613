"""The child's side of a worker pool: requests from standard input, answers to standard output, one at a time.

It ends when its input does, so it never outlives the server. Its memory is limited, so that a picture which decodes to
more than it may is an answer and not the end of the machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from capabilities import imaging
from capabilities.errors import InternalFault, Refusal
from sidecar.engines.events import Failed
from sidecar.engines.framing import LENGTHS, Framing

log = logging.getLogger("viwo_imagegen.pictures")

Answering = Callable[[Any], object]


def answer(request: object, do: Answering) -> object:
    """What a request comes to; a refusal is an answer too."""
    try:
        return do(request)
    except Refusal as refusal:
        return Failed.of(refusal)
    except Exception as error:
        if imaging.is_out_of_memory(error):
            return Failed.of(imaging.out_of_memory("image"))
        log.exception("a picture worker failed")
        words = f"the picture worker failed: {type(error).__name__}: {str(error)[:300]}"
        return Failed.of(InternalFault(words, reason="BUG"))


def serve(source: BinaryIO, sink: BinaryIO, framing: Framing, do: Answering) -> None:
    """Answer until the input ends."""
    while len(lengths := source.read(LENGTHS.size)) == LENGTHS.size:
        header, payload = LENGTHS.unpack(lengths)
        request = framing.decode(source.read(header), source.read(payload))
        sink.write(framing.encode(answer(request, do)))
        sink.flush()


def run(serve: Callable[[BinaryIO, BinaryIO], None]) -> None:
    """The whole of such a process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-mib", type=int, default=0, help="most memory for pictures; 0: no bound")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s pictures: %(message)s"
    )
    # libvips tells of every thread that it starts.
    logging.getLogger("pyvips").setLevel(logging.WARNING)
    # Ctrl-C goes to the whole group of processes; the server ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not land among the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory(options.memory_mib)
    serve(source, sink)


def _limit_memory(mebibytes: int) -> None:
    """Bound what this process may allocate beyond what it has mapped already; Windows has no such bound."""
    if mebibytes == 0 or os.name == "nt":
        return
    import resource

    mapped = 0
    try:
        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        pass
    resource.setrlimit(resource.RLIMIT_AS, (mapped + mebibytes * 1024**2, resource.RLIM_INFINITY))

"""A server for one command, where none runs: started beside it, and ended with it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from capabilities.errors import Unavailable
from sidecar import child_process

LONGEST_REASON = 500
"""Characters of the server's own words that are passed on."""


@contextmanager
def own_server() -> Iterator[str]:
    """Its address. Raises Unavailable with the server's own words where it does not come to serve."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            child_process.command(
                "sidecar.cli", ["serve", "--port", "0", "--host", "127.0.0.1", "--with-stdin"]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if "serves at " not in line:
                process.wait()
                errors.seek(0)
                words = errors.read().strip()[-LONGEST_REASON:]
                raise Unavailable(
                    f"no sidecar runs, and none could be started for this command: {words or 'it ended at once'}",
                    reason="NO_SERVER",
                )
            yield line.split("serves at ")[1].split()[0]
        finally:
            # It ends with its input.
            process.stdin.close()
            process.wait()
            process.stdout.close()

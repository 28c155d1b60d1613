"""What a benchmark starts ends with it, also when it is killed and cannot end anything itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]

SERVED = """
import asyncio
from sidecar.testing.process import served
async def run():
    async with served() as sidecar:
        context = await sidecar.context()
        {work}
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(run())
"""
ECHO = """
import asyncio
from sidecar.testing.echo_server import echoing
async def run():
    async with echoing():
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(run())
"""
WORK = {
    "idle": "await sidecar.wait_ready()",
    "while its engine starts": "pass",
    "while a picture is made": "asyncio.create_task(sidecar.paint(context, count=16)); await sidecar.wait_ready()",
}


@contextmanager
def started(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    script = folder / "benchmark.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, script], env=environment, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        for left in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
            left.kill()
        process.kill()
        process.communicate()


@pytest.mark.parametrize("what", [*WORK, "echo"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_a_benchmark_that_is_killed(tmp_path: Path, what: str, number: int) -> None:
    code = ECHO if what == "echo" else SERVED.format(work=WORK[what])
    with started(code, tmp_path) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=60)
        for left in alive:
            left.kill()
        assert alive == []

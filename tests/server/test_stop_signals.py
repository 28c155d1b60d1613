"""SIGTERM and SIGINT end the server whatever it is doing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from capabilities import imaging
from entity_store.world import World
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, entity_pb2, job_pb2
from sidecar.testing.process import settings_of, start
from sidecar.testing.refusals import refused

BUSY = """
import asyncio, re, sys, threading, time
from sidecar.stop_signals import stop_signals

async def serve():
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    with stop_signals(lambda: loop.call_soon_threadsafe(ended.set), longest=float(sys.argv[2])):
        if sys.argv[1] == "thread":
            # A thread that never ends keeps the interpreter from ending.
            loop.run_in_executor(None, threading.Event().wait)
        print("ready", flush=True)
        if sys.argv[1] == "loop":
            while True:
                pass
        if sys.argv[1] == "sleep":
            time.sleep(1000)
        await ended.wait()

asyncio.run(serve())
"""


async def busy(kind: str, longest: float) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BUSY, kind, str(longest),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_quiet_server_ends_by_itself(number: signal.Signals) -> None:
    process = await busy("quiet", 60)
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.mark.parametrize("kind", ["loop", "sleep", "thread"])
async def test_what_hangs_is_ended_when_its_time_is_over(kind: str) -> None:
    process = await busy(kind, 0.5)
    process.send_signal(signal.SIGTERM)
    _, words = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"not stopped 0.5 seconds after" in words


@pytest.mark.parametrize("kind", ["loop", "sleep", "thread"])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once(kind: str, second: signal.Signals) -> None:
    process = await busy(kind, 600)
    # Two of one kind at the same time may be heard as one.
    first = signal.SIGINT if second is signal.SIGTERM else signal.SIGTERM
    process.send_signal(first)
    process.send_signal(second)
    _, words = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode in (128 + first, 128 + second)
    assert b"a second time" in words


async def test_sigterm_ends_a_server_at_hostile_work(tiny: Path, tmp_path: Path) -> None:
    """Delegations in a circle and a long chain of them in the world, and pictures that are decoded without end."""
    server = await start(tmp_path, settings_of(tiny))
    world = World(tmp_path / "world.sqlite", own=True)
    with world.transaction() as connection:
        for name, parent in [
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            *((f"l{k}", f"l{k + 1}") for k in range(3000)),
        ]:
            connection.execute("INSERT INTO capabilities VALUES (?, 3, 'diffusers.generate', '{}')", (name,))
            connection.execute("INSERT INTO imagegen_delegations VALUES (?, ?)", (name, parent))
    world.close()
    for name in ("a", "l0"):
        error = await refused(server.capabilities.Get(capability_pb2.GetCapabilityRequest(id=name)))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    context = await server.context()
    picture = imaging.encode(imaging.from_pixels(bytes(4000 * 4000 * 3), 4000, 4000, 3), "png")
    work = [
        asyncio.ensure_future(_ignored(call))
        for _ in range(30)
        for call in (
            server.entities.SaveImage(
                entity_pb2.SaveImageRequest(context=context, image=common_pb2.ImageSource(data=picture))
            ),
            server.jobs.Import(job_pb2.ImportJobRequest(context=context, document_json="[" * 90_000)),
        )
    ]
    await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(server.process.wait(), 40) == 0
    await asyncio.gather(*work)
    await server.channel.close(None)


async def _ignored(call: Any) -> None:
    try:
        await call
    except grpc.aio.AioRpcError:
        return

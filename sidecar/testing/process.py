"""A sidecar in a process of its own, as an operator runs it, and a client of it."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from sidecar import child_process
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, model_pb2
from sidecar.testing.client import Client
from sidecar.testing.requests import text_to_image
from viwo_imagegen_client.dialling import OPTIONS

COMMAND = tuple(child_process.command("sidecar.cli", ["serve", "--port", "0"]))
"""`viwo-imagegen serve`."""
MODEL = "icons"
LOG = "BENCH_LOG"
"""Set in the environment, it lets the server's log through."""


class Served(Client):
    """A running server process. `started` is the moment of its start, `serving_after` the seconds until it served."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, token: str, started: float) -> None:
        super().__init__(grpc.aio.insecure_channel(address, options=OPTIONS), token)
        self.process = process
        self.address = address
        self.started = started
        self.serving_after = time.perf_counter() - started

    async def wait_ready(self) -> None:
        """Until the engine's child has imported its libraries: unloading waits for it, and this model is not there."""
        await self.models.Unload(model_pb2.UnloadModelRequest(id=MODEL))

    async def load_model(self) -> None:
        await self.models.Load(model_pb2.LoadModelRequest(id=MODEL))

    async def paint(self, context: common_pb2.CallContext, **options: Any) -> image_pb2.ImageResponse:
        """A picture by the embedded model, with its own number of steps unless `options` say otherwise."""
        request = text_to_image(context, "a red apple", **{"steps": None, "model_id": MODEL, **options})
        answer: image_pb2.ImageResponse = await self.images.TextToImage(request)
        return answer

    async def kill(self) -> None:
        """End it at once, by SIGKILL; its data folder is left as it is."""
        self.process.kill()
        await self._gone()

    async def stop(self) -> int:
        """Tell it to end, and answer its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await self._gone()

    async def _gone(self) -> int:
        code = await self.process.wait()
        await self.channel.close(None)
        return code


@asynccontextmanager
async def served(
    *, folder: Path | str = "", cwd: str | None = None, command: Sequence[str] = COMMAND, **environment: str
) -> AsyncIterator[Served]:
    """`viwo-imagegen serve` in a process of its own, and in a folder of its own unless one is named."""
    with tempfile.TemporaryDirectory() as fresh:
        sidecar = await start(folder or fresh, environment, cwd=cwd, command=command)
        try:
            yield sidecar
        finally:
            await sidecar.stop()


async def start(
    folder: Path | str,
    environment: Mapping[str, str],
    *,
    cwd: str | None = None,
    command: Sequence[str] = COMMAND,
) -> Served:
    """A server process that serves; it ends when this process does, however that ends."""
    started = time.perf_counter()
    process = await spawn(folder, environment, cwd=cwd, command=command)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert "serves at " in line, f"the server ended with {await process.wait()}; set {LOG}=1 to see why"
    address = line.split("serves at ")[1].split()[0]
    secret = await asyncio.to_thread((Path(folder) / "token").read_text)
    return Served(process, address, secret.strip(), started)


async def spawn(
    folder: Path | str,
    environment: Mapping[str, str],
    *,
    cwd: str | None = None,
    command: Sequence[str] = COMMAND,
    stderr: int | None = None,
) -> asyncio.subprocess.Process:
    """The process alone, whether it comes to serve or not."""
    if stderr is None and not os.environ.get(LOG):
        stderr = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *command, "--data-dir", str(folder), "--with-stdin",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr, cwd=cwd,
        env={**os.environ, **environment},
    )  # fmt: skip


def settings_of(models: Path, **more: str) -> dict[str, str]:
    """The environment of a server with tiny models in a folder, of which 'sd' is the default."""
    return {
        "VIWO_IMAGEGEN_MODEL_DIRS": f'["{models}"]',
        "VIWO_IMAGEGEN_DEFAULT_MODEL": "sd",
        "VIWO_IMAGEGEN_THREADS": "1",
        **more,
    }

"""A sidecar process on the embedded model, as an operator runs it, and a way to talk to it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from sidecar.client import MESSAGE_OPTIONS
from sidecar.pb.viwo.imagegen.v1 import (
    capability_pb2,
    capability_pb2_grpc,
    common_pb2,
    image_pb2,
    image_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
)
from sidecar.surfaces.proto.conversions import to_struct

COMMAND = (sys.executable, "-m", "sidecar.cli")
MODEL = "icons"
SYSTEM = 3


@dataclass
class Served:
    """A running server process; `serving_after` in seconds from its start."""

    process: asyncio.subprocess.Process
    channel: grpc.aio.Channel
    token: tuple[tuple[str, str], ...]
    serving_after: float
    started: float
    address: str

    async def context(
        self, owner: int = SYSTEM, *, kind: str = "diffusers.generate", **params: Any
    ) -> common_pb2.CallContext:
        stub: Any = capability_pb2_grpc.CapabilityServiceStub(self.channel)
        held = await stub.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM, type="sys.mint"), metadata=self.token
        )
        made = await stub.Mint(
            capability_pb2.MintRequest(
                authority_id=held.capabilities[0].id,
                caller_id=SYSTEM,
                type=kind,
                params=to_struct({"*": True, **params}),
            ),
            metadata=self.token,
        )
        if owner != SYSTEM:
            give = capability_pb2.GiveRequest(id=made.id, caller_id=SYSTEM, target_id=owner)
            await stub.Give(give, metadata=self.token)
        return common_pb2.CallContext(capability_id=made.id, caller_id=owner, this_id=owner)

    async def wait_ready(self) -> None:
        """Until the engine's child has imported its libraries: unloading waits for it, and this model is not there."""
        stub: Any = model_pb2_grpc.ModelServiceStub(self.channel)
        await stub.Unload(model_pb2.UnloadModelRequest(id=MODEL), metadata=self.token)

    async def load_model(self) -> None:
        stub: Any = model_pb2_grpc.ModelServiceStub(self.channel)
        await stub.Load(model_pb2.LoadModelRequest(id=MODEL), metadata=self.token)

    async def paint(self, context: common_pb2.CallContext, **options: Any) -> image_pb2.ImageResponse:
        stub: Any = image_pb2_grpc.ImageServiceStub(self.channel)
        request = image_pb2.TextToImageRequest(
            context=context, prompt="a red apple", options=image_pb2.GenerationOptions(seed=7, **options),
            output=common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=common_pb2.REUSE_NEVER)),
        )  # fmt: skip
        answer: image_pb2.ImageResponse = await stub.TextToImage(request, metadata=self.token)
        return answer


@asynccontextmanager
async def served(
    *, folder: str = "", cwd: str | None = None, command: Sequence[str] = COMMAND, **environment: str
) -> AsyncIterator[Served]:
    """`viwo-imagegen serve` in a process of its own, and in a folder of its own unless one is named."""
    with tempfile.TemporaryDirectory() as fresh:
        sidecar = await start(folder or fresh, environment, cwd=cwd, command=command)
        try:
            yield sidecar
        finally:
            await sidecar.channel.close(None)
            if sidecar.process.returncode is None:
                sidecar.process.terminate()
            await sidecar.process.wait()


async def start(
    folder: str, environment: Mapping[str, str], *, cwd: str | None = None, command: Sequence[str] = COMMAND
) -> Served:
    """A server process that serves; it ends when this process does, however that ends."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, "serve", "--port", "0", "--data-dir", folder, "--with-stdin",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None if os.environ.get("BENCH_LOG") else asyncio.subprocess.DEVNULL, env={**os.environ, **environment}, cwd=cwd,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    serving_after = time.perf_counter() - started
    address = line.split("serves at ")[1].split()[0]
    secret = await asyncio.to_thread((Path(folder) / "token").read_text)
    token = (("authorization", f"Bearer {secret.strip()}"),)
    channel = grpc.aio.insecure_channel(address, options=MESSAGE_OPTIONS)
    return Served(process, channel, token, serving_after, started, address)


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

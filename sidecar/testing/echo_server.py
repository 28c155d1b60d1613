"""A bare gRPC server in a process of its own, which answers a capability and does nothing for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from sidecar import child_process
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, capability_pb2_grpc

ANSWER = capability_pb2.Capability(id="0" * 36, owner_id=3, type="diffusers.generate")
"""A capability of usual size."""


class Echo(capability_pb2_grpc.CapabilityServiceServicer):
    async def Get(self, request: Any, context: Any) -> Any:
        return ANSWER


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """The address of a running one, which ends with this process, however that ends."""
    process = await asyncio.create_subprocess_exec(
        *child_process.command("sidecar.testing.echo_server"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def main() -> None:
    server = grpc.aio.server()
    capability_pb2_grpc.add_CapabilityServiceServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(_read_to_end)


def _read_to_end() -> None:
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    asyncio.run(main())

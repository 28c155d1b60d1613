"""A fake as a process: how it is started, told what to do, looked at, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import uvicorn

from sidecar import child_process
from sidecar.testing.foreign.fake import ForeignFake
from sidecar.testing.foreign.gate import Connection

LOOPBACK = "127.0.0.1"
_POLL = 0.005
_LONGEST_WAIT = 20.0


class ForeignServer:
    """A running fake: `async with ForeignServer("a1111") as server`. It ends with this process, however that ends.

    `options` are those of the command: `seconds=0.05, key="name:password"`.
    """

    def __init__(self, kind: str, *, port: int = 0, **options: object) -> None:
        self.kind = kind
        self.url = ""
        self._port = port
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
        """Serve; on the port it had before, where it did."""
        arguments = [self.kind, "--port", str(self._port)]
        for name, value in self._options.items():
            arguments += [f"--{name.replace('_', '-')}", str(value)]
        self._process = await asyncio.create_subprocess_exec(
            *child_process.command("sidecar.testing.foreign", arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=child_process.folder(),
        )  # fmt: skip
        assert self._process.stdout is not None
        self.url = (await self._process.stdout.readline()).decode().strip()
        assert self.url, f"the fake {self.kind} ended with {await self._process.wait()}"
        self._port = int(self.url.rpartition(":")[2])

    async def stop(self) -> None:
        """Tell it to end, and wait for that."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
        await self.ended()

    async def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Its exit code, once it is gone."""
        assert self._process is not None
        return await self._process.wait()

    async def control(self, **told: object) -> dict[str, Any]:
        """Change what it does: `fault="hang", route="/prompt", times=1`, `clear=True`, `release=True`, `set={...}`."""
        return await self._ask("POST", "/_control", told)

    async def state(self) -> dict[str, Any]:
        """Requests seen, jobs drawn, what was charged, interrupts."""
        return await self._ask("GET", "/_state")

    async def wait_until(self, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Its state, once something is true of it. Raises TimeoutError."""
        async with asyncio.timeout(_LONGEST_WAIT):
            while not true(state := await self.state()):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(_POLL)
        return state

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return await asyncio.to_thread(self._asked, method, path, json.dumps(body))

    def _asked(self, method: str, path: str, body: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=_LONGEST_WAIT)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            told: dict[str, Any] = json.load(answer)
        assert answer.status == 200, told
        return told


def serve(fake: ForeignFake, port: int) -> None:
    """Serve on loopback until SIGTERM, or until whoever started this process is gone; the URL is the first line printed."""
    # asyncio sends small pieces at once only over sockets that say that they are TCP; otherwise each answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((LOOPBACK, port))
    listening.listen()
    asyncio.run(_serve(fake, listening))


async def _serve(fake: ForeignFake, listening: socket.socket) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            fake.gate, http=Connection, ws="websockets-sansio", lifespan="off", log_level="error",
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    beside = [asyncio.create_task(work) for work in (_stop_with_parent(server), *fake.background())]
    print(f"http://{LOOPBACK}:{listening.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listening])
    for task in beside:
        task.cancel()


async def _stop_with_parent(server: uvicorn.Server) -> None:
    """Standard input ends when the parent does; a terminal, or a file, has none to wait for."""
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            gone.set()

    loop.add_reader(sys.stdin.fileno(), readable)
    await gone.wait()
    server.should_exit = True
    server.force_exit = True

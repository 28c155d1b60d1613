"""A sidecar in this process: server, engine process and world, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from entity_store.world import create_entity
from sidecar import server
from sidecar.config import Settings
from sidecar.testing.client import Client
from viwo_imagegen_client.dialling import OPTIONS


class Sidecar(Client):
    """A running server, and an entity in a room that holds what is minted: `painter`, `room`."""

    def __init__(self, running: server.Running, channel: grpc.aio.Channel, painter: int, room: int) -> None:
        super().__init__(channel, running.token, owner=painter)
        self.running = running
        self.painter = painter
        self.room = room

    def entity(self, **props: object) -> int:
        """A new plain entity in the world, as viwo would make it."""
        with self.running.world.transaction() as connection:
            return create_entity(connection, props, 2)


@asynccontextmanager
async def started(models: Path, data_dir: Path, **settings: Any) -> AsyncIterator[Sidecar]:
    """A server of its own with the models of a folder, of which 'sd' is the default."""
    values: dict[str, Any] = {
        "data_dir": data_dir, "model_dirs": [models], "default_model": "sd", "port": 0, "threads": 1, **settings,
    }  # fmt: skip
    async with server.running(Settings(**values)) as running, connected(running) as sidecar:
        yield sidecar


@asynccontextmanager
async def connected(running: server.Running) -> AsyncIterator[Sidecar]:
    """A client of a server that runs already."""
    async with grpc.aio.insecure_channel(running.address, options=OPTIONS) as channel:
        with running.world.transaction() as connection:
            room = create_entity(connection, {"name": "Studio"}, 2)
            painter = create_entity(connection, {"name": "Painter", "location": room}, 2)
        yield Sidecar(running, channel, painter, room)

"""The use cases on a fake engine, a world and a data folder of their own, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capabilities import methods
from capabilities.call_options import CallOptions, JobOptions, Reuse
from capabilities.methods import Method
from capabilities.policy import Caller
from capabilities.principals import Kind, Principal
from entity_store import capability_rows
from entity_store.world import World, create_entity
from sidecar.application.access import Call
from sidecar.application.generation import GenerationRequest
from sidecar.application.use_cases import UseCases
from sidecar.assembly import Assembly, assembled
from sidecar.config import Settings
from sidecar.engines.api import Engine
from sidecar.queue.model import Job

WORLD = "0123456789abcdef0123456789abcdef"
"""The id of the world of each test."""
ASKER = Principal("operator", Kind.OPERATOR, WORLD)


@dataclass
class InProcess:
    """Use cases that work, and an entity in a room that holds what is minted: `painter`, `room`."""

    assembly: Assembly
    painter: int
    room: int

    @property
    def use(self) -> UseCases:
        return self.assembly.use_cases

    def entity(self, **props: object) -> int:
        with self.assembly.world.transaction() as connection:
            return create_entity(connection, props, 2)

    def right(self, kind: str = "diffusers.generate", owner: int = 0, **params: object) -> Call:
        """The right to call the methods of a type."""
        holder = owner or self.painter
        with self.assembly.world.transaction() as connection:
            made = capability_rows.mint(connection, holder, kind, params)
        return Call(made.id, Caller(holder))

    def request(
        self, call: Call | None = None, method: str = "textToImage", *, keep: bool = False,
        request_id: str = "", options: CallOptions | None = None, **arguments: Any,
    ) -> GenerationRequest:  # fmt: skip
        """A picture of a cup with seed 7 that is not answered from the store, unless something else is asked for."""
        found: Method = methods.find(method)
        fresh = CallOptions(job=JobOptions(reuse=Reuse.NEVER))
        if method == "textToImage":
            arguments = {"prompt": "a cup", "seed": 7, **arguments}
        return GenerationRequest(
            call or self.right(), found, found.arguments.read(arguments), options or fresh,
            request_id, keep,
        )  # fmt: skip

    async def made(self, **arguments: Any) -> Job:
        """A job that has succeeded."""
        return await self.use.generation.wait(ASKER, self.request(**arguments))


@asynccontextmanager
async def in_process(folder: Path, engines: Sequence[Engine], /, **settings: Any) -> AsyncIterator[InProcess]:
    """Use cases on these engines; what they leave is there for the next on the same folder."""
    values = {"data_dir": folder, "default_model": "icons", **settings}
    world = World(Settings(**values).world_file, own=True)
    with world.transaction() as connection:
        connection.execute("UPDATE imagegen_world SET id = ?", (WORLD,))
    world.close()
    async with assembled(Settings(**values), engines) as assembly:
        with assembly.world.transaction() as connection:
            room = create_entity(connection, {"name": "Studio"}, 2)
            painter = create_entity(connection, {"name": "Painter", "location": room}, 2)
        yield InProcess(assembly, painter, room)

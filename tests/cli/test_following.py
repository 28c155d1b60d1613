"""What is told where a server dies while a command follows its work, and the pictures of a batch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.process import Served, served, settings_of


@pytest.fixture
async def server(tiny: Path, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(folder=tmp_path / "data", **settings_of(tiny, VIWO_IMAGEGEN_PORT="0")) as running:
        yield running


async def ran(server: Served, folder: Path, *words: str) -> Any:
    environment = {
        "VIWO_IMAGEGEN_DATA_DIR": str(folder / "data"),
        "VIWO_IMAGEGEN_PORT": server.address.rsplit(":", 1)[1],
    }
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environment)


async def begun(server: Served) -> str:
    """The id of the job that the engine works on, once it has done a step."""
    while True:
        listed = await server.jobs.List(
            job_pb2.ListJobsRequest(states=[job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING])
        )
        for job in listed.jobs:
            async for event in server.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)):
                if event.WhichOneof("event") == "step":
                    return str(job.id)


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """The pictures of a folder by name."""
    found = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            found[path.name] = picture.size
    return found


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("generate", "a slow cup"), "jobs watch {job}"),
        (("call", "textToImage", "a slow cup", "--set", "count=8"), "jobs watch {job}"),
        (("batch", "submit", "a slow cup", "a slow hat", "--count", "4"), "batch get {batch}"),
    ],
)
async def test_a_lost_connection_tells_what_goes_on(
    server: Served, tmp_path: Path, words: tuple[str, ...], cure: str
) -> None:
    steps = ("--set", "steps=150") if words[0] == "call" else ("--steps", "150")
    if words[0] == "generate":
        words = (*words, "--count", "8")
    command = asyncio.create_task(ran(server, tmp_path, *words, *steps))
    job = await server.jobs.Get(job_pb2.GetJobRequest(id=await begun(server)))
    await server.kill()
    result = await command
    told = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "the connection to the sidecar was lost" in told
    assert cure.format(job=job.id, batch=job.batch_id) in told


async def test_the_pictures_of_a_batch_are_written(server: Served, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    words = ("batch", "submit", "a cup", "the cup", "--count", "2", "--seed", "40", "--steps", "1")
    done = await ran(server, tmp_path, *words, "--out", str(folder), "--json")
    batch = json.loads(done.stdout)
    assert batch["succeeded"] == 4
    written = sizes(folder)
    assert len(written) == 4
    assert {"cup-40.png", "cup-41.png"} < written.keys()
    assert set(written.values()) == {(64, 64)}
    one = await ran(server, tmp_path, "batch", "get", batch["id"], "--out", str(tmp_path / "cups.png"))
    assert one.exit_code == 0, one.output
    assert {"cups-40.png", "cups-41.png"} < sizes(tmp_path).keys()
    refused = await ran(server, tmp_path, *words, "--out", str(tmp_path / "none" / "cup.png"))
    assert (refused.exit_code, "there is no folder" in " ".join(refused.stderr.split())) == (1, True)

"""Keys and approvals on the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from entity_store.capability_rows import insert
from entity_store.world import create_entity
from sidecar.cli import app
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, job_pb2
from sidecar.testing.client import Client
from sidecar.testing.refusals import error_info
from sidecar.testing.server import Sidecar
from tests.cli.test_cli import Terminal


@pytest.fixture
def terminal(sidecar: Sidecar, tmp_path: Path) -> Terminal:
    return Terminal(sidecar, tmp_path)


@pytest.fixture
def painter(sidecar: Sidecar) -> int:
    with sidecar.running.world.transaction() as connection:
        return create_entity(connection, {"name": "Painter"}, 2)


async def test_a_key_is_made_used_rotated_and_revoked(
    terminal: Terminal, sidecar: Sidecar, painter: int
) -> None:
    made = await terminal.json(
        "key", "create", "--entity", str(painter), "--limits", '{"max_steps": 3}', "--type", "diffusers.generate",
        "--expires", "30d", "--label", "page",
    )  # fmt: skip
    text, key = made["text"], made["key"]
    assert text.startswith(f"vk_{key['id']}_")
    assert list(key["capabilities"]) == ["diffusers.generate"]
    client = Client(sidecar.channel, text)
    held = await sidecar.capabilities.Get(
        capability_pb2.GetCapabilityRequest(id=key["capabilities"]["diffusers.generate"])
    )
    assert (held.owner_id, held.params["max_steps"]) == (painter, 3)
    assert not (await client.jobs.List(job_pb2.ListJobsRequest())).jobs
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.keys.List(job_pb2.ListJobsRequest())
    assert error_info(refused.value).reason == "MISSING_SCOPE"

    rotated = (await terminal.json("key", "rotate", key["id"]))["text"]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.jobs.List(job_pb2.ListJobsRequest())
    assert error_info(refused.value).reason == "BAD_KEY"
    client = Client(sidecar.channel, rotated)
    await client.jobs.List(job_pb2.ListJobsRequest())
    listed = next(item for item in await terminal.json("key", "list") if item["id"] == key["id"])
    assert listed["last_use_time"]
    assert "text" not in listed
    shown = await terminal.run("key", "list")
    assert f"entity {painter}" in shown
    assert "page" in shown

    assert "has ended" in await terminal.run("key", "revoke", key["id"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.jobs.List(job_pb2.ListJobsRequest())
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "there is no key" in await terminal.run("key", "revoke", key["id"], status=1)


async def test_the_text_of_a_key_stands_alone_on_its_line(terminal: Terminal, painter: int) -> None:
    shown = await terminal.run(
        "key", "create", "--entity", str(painter), "--scopes", "jobs.read, models.read"
    )
    assert sum(line.startswith("vk_") for line in shown.splitlines()) == 1
    assert "jobs.read, models.read" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--entity", "999999"), "no entity 999999"),
        (("--scopes", "everything"), "scopes[0]"),
        (("--expires", "soon"), "30d"),
        (("--expires", "2001-01-01T00:00:00Z"), "must lie ahead"),
        (("--capability", "none"), "no capability"),
        (("--limits", '{"colour": 1}'), "unknown capability parameter"),
        (("--type", "diffusers.generate"), "goes with limits"),
        (("--kernel",), "of no entity"),
    ],
)
async def test_what_is_wrong_with_a_key_is_told(
    terminal: Terminal, painter: int, words: tuple[str, ...], told: str
) -> None:
    given = ("--entity", str(painter)) if "--entity" not in words else ()
    assert told in " ".join((await terminal.run("key", "create", *given, *words, status=1)).split())


async def test_a_row_of_viwos_making_is_approved(terminal: Terminal, sidecar: Sidecar, painter: int) -> None:
    with sidecar.running.world.transaction() as connection:
        row = insert(connection, painter, "diffusers.generate", {"max_priority": 4})
    answer = await terminal.json("approve", row.id)
    params = answer["params"]
    assert (params["max_priority"], len(params["budget_account"])) == (4, 24)
    assert '{"max_priority": 4.0}' in await terminal.run("capabilities", "--owner", str(painter))
    assert "no capability" in await terminal.run("approve", "none", status=1)


async def test_from_another_machine_an_address_and_a_key_are_enough(
    terminal: Terminal, sidecar: Sidecar, painter: int, tmp_path: Path
) -> None:
    made = await terminal.json("key", "create", "--entity", str(painter), "--limits", '{"max_steps": 3}')
    elsewhere = {
        "VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "nothing"),
        "VIWO_IMAGEGEN_ADDRESS": sidecar.running.address,
        "VIWO_IMAGEGEN_KEY": made["text"],
    }
    words = ["generate", "a cup", "--steps", "2", "--json", "--out", str(tmp_path / "cup.png")]
    drawn = await asyncio.to_thread(CliRunner().invoke, app, words, env=elsewhere)
    assert drawn.exit_code == 0, drawn.output
    (job,) = (await sidecar.jobs.List(job_pb2.ListJobsRequest(owner_id=painter))).jobs
    assert job.id == json.loads(drawn.stdout)["id"]
    refused = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--steps", "4"], env=elsewhere)
    assert "max_steps of this capability is 3" in json.loads(refused.stdout)["error"]["message"]
    # Who names an address wants no other sidecar, nor one of their own.
    nobody = {**elsewhere, "VIWO_IMAGEGEN_ADDRESS": "127.0.0.1:1"}
    unreached = await asyncio.to_thread(CliRunner().invoke, app, words, env=nobody)
    assert unreached.exit_code == 1
    assert "no sidecar answers at 127.0.0.1:1" in json.loads(unreached.stdout)["error"]["message"]
    assert not (tmp_path / "nothing").exists()

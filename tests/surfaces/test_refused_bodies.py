"""What bodies cost the server's process: those of refused calls nothing, those of others a bounded sum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sidecar.surfaces.grpc.limits import MAX_MESSAGE
from sidecar.testing.process import Served, served, settings_of
from sidecar.testing.refusals import error_info, refused

MEGABYTE = 1024 * 1024
BODIES = 24
FEWER = 10
UNLIMITED = (("grpc.max_send_message_length", -1),)


def memory(pid: int, field: str) -> int:
    """Resident memory of a process in bytes: now (`VmRSS`) or at most (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def begun(pid: int) -> int:
    """Its memory now, from which on the highest is kept."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return memory(pid, "VmRSS")


@pytest.fixture(scope="module")
async def process(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(folder=tmp_path_factory.mktemp("limits"), **settings_of(tiny)) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "megabytes", "authorization", "code"),
    [
        ("viwo.imagegen.v1.ImageService/TextToImage", 60, None, "UNAUTHENTICATED"),
        ("viwo.imagegen.v1.JobService/Submit", 40, "Bearer nonsense", "UNAUTHENTICATED"),
        ("viwo.imagegen.v1.EntityService/SaveImage", 40, "Basic eDp5", "UNAUTHENTICATED"),
        ("viwo.imagegen.v1.JobService/Watch", 40, "", "UNAUTHENTICATED"),
        ("viwo.imagegen.v1.BlobService/Upload", 40, None, "UNAUTHENTICATED"),
        ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", 40, None, "UNAUTHENTICATED"),
        ("no.Such/Method", 40, None, "UNIMPLEMENTED"),
    ],
)
async def test_the_bodies_of_refused_calls_are_not_received(
    process: Served, method: str, megabytes: int, authorization: str | None, code: str
) -> None:
    pid = process.process.pid
    before = begun(pid)
    body = bytes(megabytes * MEGABYTE)
    metadata = None if authorization is None else (("authorization", authorization),)
    async with grpc.aio.insecure_channel(process.address, options=UNLIMITED) as channel:
        call: Any = cast(Any, channel).unary_unary(f"/{method}")
        errors = await asyncio.gather(*(refused(call(body, metadata=metadata)) for _ in range(BODIES)))
    assert {error.code().name for error in errors} == {code}
    peak = memory(pid, "VmHWM") - before
    assert peak < 60 * MEGABYTE, f"{BODIES} bodies of {megabytes} MB took {peak / MEGABYTE:.0f} MiB"


async def test_who_needs_no_token_costs_little_either(process: Served) -> None:
    pid = process.process.pid
    before = begun(pid)
    async with grpc.aio.insecure_channel(process.address, options=UNLIMITED) as channel:
        check: Any = cast(Any, channel).unary_unary("/grpc.health.v1.Health/Check")
        errors = await asyncio.gather(*(refused(check(b"\x07" + bytes(40 * MEGABYTE))) for _ in range(FEWER)))
        assert {error_info(error).reason for error in errors} <= {"MALFORMED_MESSAGE", "TOO_MANY_BODIES"}
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
    assert memory(pid, "VmHWM") - before < 250 * MEGABYTE


async def test_large_bodies_of_those_who_may_are_received_by_turns(process: Served) -> None:
    pid = process.process.pid
    before = begun(pid)
    async with grpc.aio.insecure_channel(process.address, options=UNLIMITED) as channel:
        call: Any = cast(Any, channel).unary_unary("/viwo.imagegen.v1.EntityService/SaveImage")
        errors = await asyncio.gather(
            *(refused(call(b"\x07" + bytes(40 * MEGABYTE), metadata=process.token)) for _ in range(FEWER))
        )
        assert {error_info(error).reason for error in errors} <= {"MALFORMED_MESSAGE", "TOO_MANY_BODIES"}
        too_large = await refused(call(bytes(MAX_MESSAGE + 1), metadata=process.token))
    assert too_large.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(MAX_MESSAGE) in (too_large.details() or "")
    assert memory(pid, "VmHWM") - before < 450 * MEGABYTE

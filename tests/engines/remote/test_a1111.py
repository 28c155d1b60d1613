"""What only A1111's relatives have: one command to interrupt whoever draws, and servers that name no task."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.engines.a1111.connector import A1111Connector
from sidecar.engines.remote.connector import Call, Drawing
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.foreign.drawing import shows
from sidecar.testing.foreign.kinds import KINDS, Far, far
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.requests import submission
from tests.engines.remote.test_scenarios import HEIGHT, WIDTH, generated, pixels

(A1111,) = (kind for kind in KINDS if kind.name == "a1111")


@pytest.fixture(scope="module", params=["", "forge", "nowebui", "sdnext"])
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Far]:
    kind = dataclasses.replace(A1111, fake={"variant": request.param})
    async with far(kind, tmp_path_factory.mktemp("a1111")) as running:
        yield running


async def test_each_relative_draws_and_ends_what_is_canceled(server: Far) -> None:
    assert shows(pixels(await generated(server, "a pear")), prompt="a pear")
    await server.fault("stuck")
    context = await server.sidecar.context({})
    options = {"model_id": server.kind.model_id, "width": WIDTH, "height": HEIGHT}
    job = await server.sidecar.jobs.Submit(submission(context, "the canceled one", **options))
    await server.fake.wait_until(lambda state: state["running"])
    await server.sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
    assert (await server.sidecar.ended(job.id)).state == job_pb2.JOB_STATE_CANCELED
    await server.fake.wait_until(lambda state: not state["running"])
    assert (await server.fake.state())["interrupts"]


async def test_anothers_drawing_is_not_interrupted(server: Far) -> None:
    """Somebody draws on the server's own page while a job of ours waits behind that, and is canceled."""
    before = len((await server.fake.state())["interrupts"])
    await server.fault("stuck")
    url = server.fake.url
    host = Host(url, EngineSettings(name="other", kind="a1111", urls=(url,)))
    body = {"prompt": "somebody else's", "width": 64, "height": 64, "steps": 4}
    other = asyncio.create_task(host.call("POST", "/sdapi/v1/txt2img", body=body, draws=True))
    await server.fake.wait_until(lambda state: state["running"])
    context = await server.sidecar.context({})
    options = {"model_id": server.kind.model_id, "width": WIDTH, "height": HEIGHT}
    sent = len((await server.fake.state())["requests"])
    job = await server.sidecar.jobs.Submit(submission(context, "behind it", **options))
    await server.fake.wait_until(
        lambda state: any(request["path"].endswith("txt2img") for request in state["requests"][sent:])
    )
    await server.sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
    await server.fake.control(release=True)
    assert (await other).status == 200
    assert (await server.sidecar.ended(job.id)).state == job_pb2.JOB_STATE_CANCELED
    hit = (await server.fake.state())["interrupts"][before:]
    drawn = [drawing for drawing in await server.drawn() if drawing["prompt"] == "somebody else's"]
    assert drawn[-1]["done"] == 1.0, hit
    await host.close()


@pytest.mark.skipif(
    "VIWO_TEST_A1111_URL" not in os.environ, reason="set VIWO_TEST_A1111_URL to a server of your own"
)
async def test_a_real_server() -> None:
    """It lists what it has, draws a small picture, and ends one that is canceled."""
    url = os.environ["VIWO_TEST_A1111_URL"]
    settings = EngineSettings(name="far", kind="a1111", urls=(url,))
    host = Host(url, settings)
    connector = A1111Connector(host, settings)
    found = await connector.look()
    draws = [listing for listing in found.models if "textToImage" in listing.facts.methods]
    assert draws, "it has no checkpoint"
    wanted = Drawing("text", draws[0].name, 64, 64, seed=1, prompt="a red apple", steps=2, guidance_scale=7)
    told: list[object] = []
    drawn = await connector.draw(Call(wanted, told.append))
    assert len(drawn.pictures) == 1
    long = asyncio.create_task(connector.draw(Call(dataclasses.replace(wanted, steps=50), told.append)))
    await asyncio.sleep(1)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    await host.close()


async def test_a_dead_server_is_told(tmp_path: Path) -> None:
    async with ForeignServer("a1111") as fake:
        url = fake.url
    async with far(A1111, tmp_path) as server:
        await server.fake.kill()
        error = await generated(server)
        assert error["error"]["code"] == "UNAVAILABLE"
        assert url.rpartition(":")[0] in error["error"]["message"]

"""Looks at a ComfyUI that go wrong while a prompt is drawn: some cost nothing, and after more nothing is left there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sidecar.engines.comfyui import connector
from sidecar.engines.comfyui.connector import ComfyUIConnector
from sidecar.engines.remote.connector import Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.testing.foreign.drawing import decoded, shows
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.remote.test_comfyui import Comfy
from tests.engines.remote.test_comfyui_graphs import drawing


@pytest.fixture
async def comfy() -> AsyncIterator[Comfy]:
    async with ForeignServer("comfyui") as fake:
        settings = EngineSettings.model_validate({"name": "far", "kind": "comfyui", "urls": [fake.url]})
        host = Host(fake.url, settings)
        made = ComfyUIConnector(host, settings)
        await made.look()
        yield Comfy(fake, host, made)
        await fake.control(clear=True, release=True)
        await made.close()
        await host.close()


@pytest.fixture
def wanted() -> Drawing:
    return drawing(prompt="a long one", job_id="long")


@pytest.mark.parametrize("route", ["/history", "/queue"])
@pytest.mark.parametrize("fault", ["garbage", "truncated_json"])
async def test_a_look_that_goes_wrong_does_not_end_a_drawing(
    comfy: Comfy, wanted: Drawing, monkeypatch: pytest.MonkeyPatch, route: str, fault: str
) -> None:
    monkeypatch.setattr(connector, "QUEUE_EVERY", 1)
    monkeypatch.setattr(connector, "POLL_EVERY", 0.01)
    await comfy.fake.control(fault="stuck", route="/prompt")
    drawn = asyncio.create_task(comfy.draw(wanted))
    await comfy.fake.wait_until(lambda state: state["running"])
    looks = len((await comfy.fake.state())["requests"])
    await comfy.fake.control(fault=fault, route=route, times=2)
    await comfy.fake.wait_until(
        lambda state: sum(each["path"].startswith(route) for each in state["requests"][looks:]) > 2
    )
    await comfy.fake.control(release=True)
    assert shows(decoded((await drawn).pictures[0].data), prompt=wanted.prompt)


@pytest.mark.parametrize("fault", ["garbage", "truncated_json"])
async def test_a_drawing_that_cannot_be_followed_is_taken_back(
    comfy: Comfy, wanted: Drawing, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(connector, "POLL_EVERY", 0.01)
    await comfy.fake.control(fault="stuck", route="/prompt")
    drawn = asyncio.create_task(comfy.draw(wanted))
    await comfy.fake.wait_until(lambda state: state["running"])
    await comfy.fake.control(fault=fault, route="/history", times=0)
    with pytest.raises(RemoteFailure) as failure:
        await drawn
    assert failure.value.kind is FailureKind.BAD_ANSWER
    queue = await comfy.host.get_json("/queue")
    assert queue == {"queue_running": [], "queue_pending": []}

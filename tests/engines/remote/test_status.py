"""What an operator sees of a server that fails: its cause in the status, its circuit breaker in the metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.engines.remote import engine, transport
from sidecar.engines.remote.engine import RemoteEngine
from sidecar.engines.remote.settings import EngineSettings
from sidecar.pb.viwo.imagegen.v1 import system_pb2
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.server import started

NOBODY = "http://127.0.0.1:9"


async def test_a_server_that_is_left_alone_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOOK_BACKOFF", (0.0,))
    monkeypatch.setattr(transport, "FIRST_BACKOFF", 0.0)
    async with ForeignServer("a1111") as fake:
        key = tmp_path / "key"
        key.write_text("name:a-secret")
        engines = [
            EngineSettings(name="gone", kind="a1111", urls=(NOBODY,), key_file=key),
            EngineSettings(name="there", kind="a1111", urls=(fake.url,)),
        ]
        async with started(
            tmp_path / "models", tmp_path / "data", engines=engines, default_model="glyphs:game-icons"
        ) as sidecar:
            running = sidecar.running.engines
            gone = running["gone"]
            assert isinstance(gone, RemoteEngine)
            await gone.wait_known()
            await running["there"].wait_ready()
            status = await sidecar.system.Status(system_pb2.StatusRequest())
            metrics = (await sidecar.system.Metrics(system_pb2.MetricsRequest())).text
    told = {each.name: each for each in status.engines}
    assert told["gone"].state == system_pb2.ENGINE_STATE_DOWN
    assert f"{NOBODY} cannot be reached" in told["gone"].reason
    assert "is left alone for a while" in told["gone"].reason
    assert told["there"].reason == ""
    assert 'viwo_imagegen_engine_breaker{engine="gone",host="127.0.0.1:9"} 2.0' in metrics
    live = fake.url.removeprefix("http://")
    assert f'viwo_imagegen_engine_breaker{{engine="there",host="{live}"}} 0.0' in metrics
    assert "a-secret" not in metrics + str(status)

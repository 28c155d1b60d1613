"""`viwo-imagegen top`: what the screen says, and how watching ends."""

from __future__ import annotations

import asyncio
import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sidecar.cli import app
from sidecar.cli.top import screen
from sidecar.testing.server import Sidecar
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2, job_pb2, system_pb2

BAR = str.maketrans("━╸╺", "   ")


def shown(status: system_pb2.StatusResponse) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(screen(status))
    return console.export_text()


def test_a_server_that_has_just_started_has_a_short_screen() -> None:
    text = shown(system_pb2.StatusResponse())
    assert "engine starting" in text
    assert "models none" in text
    assert "waiting 0   running 0   ended none yet" in text
    assert "budget" not in text


def test_budgets_are_shown_where_they_are_capped() -> None:
    caps = job_pb2.Budget(
        account="server", period="day", caps_compute=True, caps_money=True,
        spent=common_pb2.Cost(compute=1.5, money_micros=250_000),
        cap=common_pb2.Cost(compute=5, money_micros=2_000_000, currency="EUR"),
    )  # fmt: skip
    only_money = job_pb2.Budget(account="owner:7", period="month", caps_money=True, cap=caps.cap)
    status = system_pb2.StatusResponse(
        budgets=[caps, only_money], engine_starts=2, device="cpu", engine_pid=41
    )
    rows = [" ".join(line.translate(BAR).split()) for line in shown(status).splitlines()]
    assert "server day 1.5 5 MP-steps" in rows
    assert "server day 0.25 2 EUR" in rows
    assert "owner:7 month 0 2 EUR" in rows
    assert not any(row.startswith("owner:7 month") and "MP-steps" in row for row in rows)
    assert any("engine cpu pid 41, started 2 times" in row for row in rows)


async def test_it_looks_again_and_again_until_it_is_interrupted(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sidecar.cli.top.time", SimpleNamespace(sleep=pause, time=time.time))
    environment = {
        "VIWO_IMAGEGEN_DATA_DIR": str(sidecar.running.settings.data_dir),
        "VIWO_IMAGEGEN_PORT": sidecar.running.address.rsplit(":", 1)[1],
    }
    result = await asyncio.to_thread(CliRunner().invoke, app, ["top", "--every", "0.5"], env=environment)
    assert (result.exit_code, pauses) == (0, [0.5, 0.5, 0.5])
    assert "memory: server" in result.output

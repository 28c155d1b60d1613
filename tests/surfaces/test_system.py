"""How the sidecar is doing: Status, metrics, traces, `top` and JSON logs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rich.console import Console

from capabilities.errors import FailedPrecondition
from sidecar import telemetry
from sidecar.cli.top import screen
from sidecar.pb.viwo.imagegen.v1 import common_pb2, job_pb2
from sidecar.testing.refusals import refused
from sidecar.testing.requests import SLOW, submission, text_to_image
from sidecar.testing.server import Sidecar, started
from viwo_imagegen_client.pb.viwo.imagegen.v1 import system_pb2


async def status(sidecar: Sidecar) -> system_pb2.StatusResponse:
    answer: system_pb2.StatusResponse = await sidecar.system.Status(system_pb2.StatusRequest())
    return answer


def read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text


async def test_status_tells_what_runs_and_what_waits(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    running = await sidecar.jobs.Submit(submission(context, **SLOW))
    await sidecar.until(running.id, "step")
    for place in range(3):
        await sidecar.jobs.Submit(submission(context, steps=4 + place))
    now = await status(sidecar)
    assert [job.id for job in now.running] == [running.id]
    assert now.running[0].step > 0
    (line,) = now.lines
    assert (line.lane, line.owner_id, line.waiting) == ("local", sidecar.painter, 3)
    assert now.engine_pid == sidecar.running.engine.pid
    assert "sd" in now.loaded_models
    assert min(now.server_memory_bytes, now.engine_memory_bytes) > 1e7
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(screen(now))
    shown = console.export_text()
    assert running.id in shown
    assert "waiting 3" in shown
    await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=running.id))
    await sidecar.ended(running.id)


async def test_metrics_over_grpc_and_http(tiny: Path, tmp_path: Path) -> None:
    budget = {"scope": "server", "period": "day", "compute": 5}
    async with started(tiny, tmp_path, metrics_port=0, budgets=[budget]) as sidecar:
        context = await sidecar.context({"max_steps": 5})
        fixed = common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=common_pb2.REUSE_FIXED_SEED))
        for _ in range(2):
            await sidecar.images.TextToImage(text_to_image(context, output=fixed))
        error = await refused(sidecar.images.TextToImage(text_to_image(context, steps=6)))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        text = (await sidecar.system.Metrics(system_pb2.MetricsRequest())).text
        for line in (
            'viwo_imagegen_jobs_accepted_total{method="textToImage"} 2.0',
            'viwo_imagegen_jobs_ended_total{method="textToImage",state="succeeded"} 2.0',
            "viwo_imagegen_jobs_reused_total 1.0",
            'viwo_imagegen_refusals_total{code="PERMISSION_DENIED",reason="OVER_LIMIT"} 1.0',
            'viwo_imagegen_model_loads_total{model="sd"} 1.0',
            'viwo_imagegen_steps_total{model="sd"} 3.0',
            "viwo_imagegen_engine_starts 1.0",
        ):
            assert line in text
        port = sidecar.running.metrics_port
        assert port
        page = await asyncio.to_thread(read, f"http://127.0.0.1:{port}/metrics")
        assert "viwo_imagegen_queue_wait_seconds_bucket" in page
        now = await status(sidecar)
        assert (dict(now.ended), now.reused) == ({"succeeded": 2}, 1)
        assert now.budgets[0].spent.compute == pytest.approx(64 * 64 * 3 / 1e6)


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


async def test_a_job_is_in_the_trace_of_its_call(sidecar: Sidecar, spans: InMemorySpanExporter) -> None:
    context = await sidecar.context()
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    metadata = (*sidecar.token, ("traceparent", f"00-{trace_id}-b7ad6b7169203331-01"))
    await sidecar.images.TextToImage(text_to_image(context), metadata=metadata)
    found = [
        span
        for span in spans.get_finished_spans()
        if span.context and f"{span.context.trace_id:032x}" == trace_id
    ]
    names = {span.name: span for span in found}
    assert set(names) >= {"/viwo.imagegen.v1.ImageService/TextToImage", "job", "wait", "engine"}
    job = names["job"]
    assert job.attributes is not None
    assert job.attributes["job.method"] == "textToImage"
    assert job.context is not None
    parents = [names[name].parent for name in ("wait", "engine")]
    assert [parent and parent.span_id for parent in parents] == [job.context.span_id] * 2
    assert "a rusty sword" not in str([span.to_json() for span in found])


def test_tracing_is_set_up_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry._ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    telemetry.set_up_tracing()
    monkeypatch.setenv(telemetry._ENDPOINTS[0], "http://127.0.0.1:1")
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )
    with pytest.raises(FailedPrecondition, match="viwo-imagegen\\[tracing\\]"):
        telemetry.set_up_tracing()


def test_log_lines_as_json() -> None:
    record = logging.LogRecord("viwo_imagegen.jobs", logging.INFO, "", 0, "job %s ended", ("j1",), None)
    record.job, record.capability = "j1", "c1"
    line = json.loads(telemetry.JsonFormatter().format(record))
    assert (line["level"], line["message"], line["job"], line["capability"]) == (
        "info",
        "job j1 ended",
        "j1",
        "c1",
    )


def test_many_owners_do_not_fill_the_memory() -> None:
    meter = telemetry.Meter()
    labels = {meter.owner(number) for number in range(2 * telemetry.MAX_OWNERS)}
    assert len(labels) == telemetry.MAX_OWNERS + 1
    assert meter.owner(0) == "0"

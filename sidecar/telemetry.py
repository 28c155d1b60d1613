"""What can be measured from outside: Prometheus metrics, and OpenTelemetry spans where an exporter is set up."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from capabilities.errors import FailedPrecondition

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
TRACER = trace.get_tracer("viwo-imagegen")

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
MAX_OWNERS = 200
"""Owners told apart in the metrics; the others are counted together, so that their number cannot fill the memory."""


class Meter:
    """The metrics of one server, each with its own registry, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._owners: set[int] = set()
        self.accepted = Counter(
            "viwo_imagegen_jobs_accepted", "Jobs accepted.", ["method"], registry=registry
        )
        self.ended = Counter(
            "viwo_imagegen_jobs_ended", "Jobs ended, by state.", ["method", "state"], registry=registry
        )
        self.refused = Counter(
            "viwo_imagegen_refusals",
            "Calls refused, by status and reason.",
            ["code", "reason"],
            registry=registry,
        )
        self.reused = Counter("viwo_imagegen_jobs_reused", "Jobs answered from the store.", registry=registry)
        self.retried = Counter(
            "viwo_imagegen_jobs_retried", "Attempts that were begun again.", ["reason"], registry=registry
        )
        self.wait = Histogram(
            "viwo_imagegen_queue_wait_seconds",
            "From accepted to begun.",
            ["owner"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.work = Histogram(
            "viwo_imagegen_work_seconds", "In the engine, loading not counted.", ["method", "model"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.depth = Gauge(
            "viwo_imagegen_queue_depth", "Jobs that wait.", ["lane", "owner"], registry=registry
        )
        self.busy = Gauge(
            "viwo_imagegen_lane_busy", "Whether a lane works: model or plain.", ["lane"], registry=registry
        )
        self.together = Histogram(
            "viwo_imagegen_jobs_together",
            "Jobs run as one batch.",
            buckets=(1, 2, 4, 8, 16),
            registry=registry,
        )
        self.steps = Counter("viwo_imagegen_steps", "Denoising steps done.", ["model"], registry=registry)
        self.compute = Counter(
            "viwo_imagegen_compute_megapixel_steps",
            "Compute spent, in megapixel-steps.",
            ["model"],
            registry=registry,
        )
        self.loads = Counter(
            "viwo_imagegen_model_loads", "Models brought into memory.", ["model"], registry=registry
        )
        self.starts = Gauge("viwo_imagegen_engine_starts", "Engine processes started.", registry=registry)
        self.breaker = Gauge(
            "viwo_imagegen_engine_breaker",
            "Circuit breaker of a server of an engine: 0 closed, 1 half open, 2 open.",
            ["engine", "host"],
            registry=registry,
        )
        self.memory = Gauge(
            "viwo_imagegen_memory_bytes",
            "Memory in use: resident of the server and the engine, and the engine's of its device.",
            ["process"],
            registry=registry,
        )

    def owner(self, owner_id: int) -> str:
        """The label of an owner."""
        if owner_id not in self._owners and len(self._owners) >= MAX_OWNERS:
            return "other"
        self._owners.add(owner_id)
        return str(owner_id)

    def set_depths(self, lines: Iterable[tuple[str, int, int]]) -> None:
        """How many jobs wait, by lane and owner."""
        self.depth.clear()
        for lane, owner_id, waiting in lines:
            self.depth.labels(lane, self.owner(owner_id)).inc(waiting)

    def ended_by_state(self) -> dict[str, int]:
        """How many jobs have ended since the server was started."""
        totals: dict[str, int] = {}
        for metric in self.ended.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    state = sample.labels["state"]
                    totals[state] = totals.get(state, 0) + int(sample.value)
        return totals

    def reused_jobs(self) -> int:
        """How many of them were answered from the store."""
        return sum(
            int(sample.value)
            for metric in self.reused.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Traces:
    """A span for each job, from being accepted to its end, with the engine's work inside it.

    It belongs to the trace of the call that submitted the job; a job that a restarted server takes up begins a new one.
    """

    def __init__(self) -> None:
        self._parents: dict[str, Context] = {}
        self._spans: dict[str, tuple[Span, Span]] = {}

    def accepted(self, job_id: str) -> None:
        """Remember by which call."""
        if is_tracing() and trace.get_current_span().get_span_context().is_valid:
            self._parents[job_id] = otel_context.get_current()

    def begun(self, job_id: str, created: float, **attributes: str | int) -> None:
        """The job leaves the queue for the engine."""
        if not is_tracing():
            return
        named = {f"job.{name}": value for name, value in {"id": job_id, **attributes}.items()}
        whole = TRACER.start_span(
            "job", context=self._parents.get(job_id), attributes=named, start_time=int(created * 1e9)
        )
        inside = trace.set_span_in_context(whole)
        TRACER.start_span("wait", context=inside, start_time=int(created * 1e9)).end()
        self._spans[job_id] = whole, TRACER.start_span("engine", context=inside)

    def note(self, job_id: str, what: str, **attributes: str | int) -> None:
        """Something happened in the engine."""
        if job_id in self._spans:
            self._spans[job_id][1].add_event(what, attributes)

    def worked(self, job_id: str) -> None:
        """The engine is done with it; what follows is keeping the result."""
        if job_id in self._spans:
            self._spans[job_id][1].end()

    def ended(self, job_id: str, failure: str = "", *, again: bool = False) -> None:
        """The attempt is over. `again`: another follows, in the same trace."""
        spans = self._spans.pop(job_id, None)
        if not again:
            self._parents.pop(job_id, None)
        if spans is not None:
            whole, engine = spans
            if failure:
                whole.set_status(Status(StatusCode.ERROR, failure))
            engine.end()
            whole.end()


def is_tracing() -> bool:
    """Whether spans go anywhere: making those that do not takes as long as a small call."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def caller_context(metadata: Iterable[tuple[str, str | bytes]]) -> Context:
    """The trace that a call belongs to, by its `traceparent`."""
    return propagate.extract({key: value for key, value in metadata if isinstance(value, str)})


def set_up_tracing() -> None:
    """Send spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, if it names one.

    Raises FailedPrecondition where the packages for it are not installed.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise FailedPrecondition(
            f"{' or '.join(_ENDPOINTS)} is set, but what sends traces is not installed: "
            "install viwo-imagegen[tracing], or unset it",
            reason="NO_TRACING",
            field=_ENDPOINTS[0],
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "viwo-imagegen"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


class JsonFormatter(logging.Formatter):
    """A log line as a JSON object: time, level, logger, message, and whatever a call added (`job`, `capability`)."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            name: getattr(record, name) for name in ("job", "capability", "state") if hasattr(record, name)
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

"""What can be measured from outside: Prometheus metrics, and OpenTelemetry spans where an exporter is set up."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
            "Jobs drawn in one go.",
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
        self.memory = Gauge(
            "viwo_imagegen_memory_bytes",
            "Resident memory: of the server, of the engine.",
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


def mark_failed(span: Span, reason: str) -> None:
    span.set_status(Status(StatusCode.ERROR, reason))

"""The fake InvokeAI's queue: its items, how they are run, and what is told of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sidecar.testing.foreign.fake import Job
from sidecar.testing.foreign.invokeai_graph import Graph
from sidecar.testing.foreign.invokeai_values import Results

QUEUE = "default"
PENDING, RUNNING, COMPLETED, FAILED, CANCELED = "pending", "in_progress", "completed", "failed", "canceled"
ENDED = (COMPLETED, FAILED, CANCELED)
Emit = Callable[[str, Mapping[str, object]], None]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@dataclass
class Item:
    """A graph in the queue."""

    item_id: int
    batch_id: str
    graph: Graph
    field_values: list[dict[str, object]]
    origin: str | None = None
    destination: str | None = None
    status: str = PENDING
    results: Results = field(default_factory=Results)
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    error_type: str | None = None
    error_message: str | None = None
    created_at: str = field(default_factory=now)
    started_at: str | None = None
    completed_at: str | None = None
    job: Job | None = None

    def told(self) -> dict[str, object]:
        """What is nothing is left out."""
        told: dict[str, object | None] = {
            "item_id": self.item_id, "status": self.status, "priority": 0, "batch_id": self.batch_id,
            "origin": self.origin, "destination": self.destination, "session_id": self.session_id,
            "error_type": self.error_type, "error_message": self.error_message,
            "error_traceback": self.error_message, "created_at": self.created_at, "updated_at": now(),
            "started_at": self.started_at, "completed_at": self.completed_at, "queue_id": QUEUE, "user_id": "system",
            "field_values": self.field_values or None, "session": self._session(),
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def _session(self) -> dict[str, object]:
        """Results have ids of their own, which the mapping leads to."""
        mapping: dict[str, list[str]] = {}
        for prepared, source in self.results.prepared.items():
            mapping.setdefault(source, []).append(prepared)
        executed = [
            source for prepared, source in self.results.prepared.items() if prepared in self.results.told
        ]
        return {
            "id": self.session_id, "graph": self.graph,
            "execution_graph": {
                "id": str(uuid.uuid4()), "edges": [],
                "nodes": {new: {**self.graph["nodes"][old], "id": new} for new, old in self.results.prepared.items()},
            },
            "executed": executed, "executed_history": executed, "results": self.results.told,
            "errors": self.results.errors, "prepared_source_mapping": self.results.prepared,
            "source_prepared_mapping": mapping,
        }  # fmt: skip

    def event(self, **more: object) -> dict[str, object]:
        """What every event of an item says."""
        return {
            "queue_id": QUEUE, "item_id": self.item_id, "batch_id": self.batch_id, "origin": self.origin,
            "destination": self.destination, "user_id": "system", "session_id": self.session_id, **more,
        }  # fmt: skip


class Queue:
    """Items in their order; `emit` tells events."""

    def __init__(self, emit: Emit) -> None:
        self.items: dict[int, Item] = {}
        self.order: list[Item] = []
        """Those that wait."""
        self.current: Item | None = None
        self.arrived = asyncio.Event()
        self._emit = emit
        self._last = 0

    def add(self, item: Item, *, first: bool) -> None:
        self.items[item.item_id] = item
        self.order.insert(0 if first else len(self.order), item)
        self.arrived.set()

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def counts(self, batch_id: str | None = None) -> dict[str, int]:
        """How many items are in each state."""
        states = [item.status for item in self.items.values() if batch_id in (None, item.batch_id)]
        named = {state: states.count(state) for state in (PENDING, RUNNING, "waiting", *ENDED)}
        return {**named, "total": len(states)}

    def told(self) -> dict[str, object]:
        current = self.current
        return {
            "queue_id": QUEUE, "item_id": current and current.item_id, "batch_id": current and current.batch_id,
            "session_id": current and current.session_id, **self.counts(),
        }  # fmt: skip

    def batch_told(self, batch_id: str) -> dict[str, object]:
        return {
            "queue_id": QUEUE,
            "batch_id": batch_id,
            "origin": None,
            "destination": None,
            **self.counts(batch_id),
        }

    def change(self, item: Item, status: str, *, silent: bool = False) -> None:
        """Another state, of which an event tells unless it is one of many."""
        if item.status in ENDED:
            return
        item.status = status
        if status == RUNNING:
            item.started_at = now()
        elif status in ENDED:
            item.completed_at = now()
        if silent:
            return
        told: dict[str, Any] = {
            "status": status, "error_type": item.error_type, "error_message": item.error_message,
            "error_traceback": item.error_message, "created_at": item.created_at, "updated_at": now(),
            "started_at": item.started_at, "completed_at": item.completed_at,
            "batch_status": self.batch_told(item.batch_id), "queue_status": self.told(),
        }  # fmt: skip
        self._emit("queue_item_status_changed", item.event(**told))

    def cancel(self, items: list[Item], *, bulk: bool) -> list[Item]:
        """Those of them that were not ended."""
        ended = [item for item in items if item.status not in ENDED]
        for item in ended:
            self.change(item, CANCELED, silent=bulk)
            if item in self.order:
                self.order.remove(item)
            if item.job is not None:
                item.job.interrupted.set()
        if bulk and ended:
            ids = [item.item_id for item in ended]
            self._emit("queue_items_canceled", {"queue_id": QUEUE, "canceled_item_ids": ids})
        return ended

    def clear(self) -> int:
        """Cancel and forget all; how many there were."""
        self.cancel(list(self.items.values()), bulk=True)
        count = len(self.items)
        self.items.clear()
        self._emit("queue_cleared", {"queue_id": QUEUE})
        return count

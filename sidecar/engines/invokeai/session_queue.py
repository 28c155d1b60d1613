"""The queue of an InvokeAI: one graph is sent, and its item is looked at until it has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from capabilities.errors import brief
from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.graph import Graph
from sidecar.engines.remote.failures import FailureKind, RemoteFailure

QUEUE = "default"
ORIGIN = "viwo-imagegen"
"""Who asks, for whoever looks at the queue on the server's own page."""
_PATH = f"/api/v1/queue/{QUEUE}"
_COMPLETED, _FAILED, _CANCELED = "completed", "failed", "canceled"
_ENDS = frozenset({_COMPLETED, _FAILED, _CANCELED})
_OF_THE_GRAPH = frozenset(
    {"ValueError", "TypeError", "ValidationError", "RequiredConnectionException", "NotImplementedError"}
)
"""Types of errors that the same graph ends with again."""
_FULL_FOR = 10.0
"""Seconds after which a queue that took nothing is asked again."""


@dataclass(frozen=True)
class Item:
    """An item of the queue. What is nothing is left out of what the server tells."""

    id: int
    batch_id: str
    status: str
    session_id: str = ""
    has_begun: bool = False
    error_type: str = ""
    error_message: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)
    """By ids that the server made up while it ran the graph."""
    prepared: Mapping[str, Any] = field(default_factory=dict)
    """Those ids, by the ids that the graph's nodes have."""

    @property
    def has_ended(self) -> bool:
        return self.status in _ENDS

    @property
    def is_canceled(self) -> bool:
        return self.status == _CANCELED

    @property
    def has_failed(self) -> bool:
        return self.status == _FAILED

    def result(self, node: str) -> Mapping[str, Any]:
        """What a node of the graph came to; nothing where it was not run, or more than once."""
        ids = self.prepared.get(node)
        if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str):
            return {}
        found = self.results.get(ids[0])
        return found if isinstance(found, Mapping) else {}

    def image(self, node: str) -> str:
        """The name of a node's picture; empty where it made none."""
        picture = self.result(node).get("image")
        name = picture.get("image_name") if isinstance(picture, Mapping) else None
        return name if isinstance(name, str) else ""

    @property
    def images(self) -> list[str]:
        """The names of all pictures that were made on the way, the last one too."""
        return [name for node in self.prepared if (name := self.image(node))]

    @property
    def failure(self) -> RemoteFailure | None:
        """Why there is no picture; None where there is one."""
        if self.status == _COMPLETED:
            return None
        if self.is_canceled:
            return RemoteFailure(
                FailureKind.SERVER_ERROR, "somebody canceled the drawing there, or started the server anew"
            )
        words = _last_line(self.error_message) or self.error_type or "it does not say why"
        if self.error_type == "UnknownModelException" or "Unknown model" in words:
            return RemoteFailure(FailureKind.MODEL_MISSING, f"a model is gone: {words}", field="model_id")
        is_final = self.error_type in _OF_THE_GRAPH
        kind = FailureKind.BAD_REQUEST if is_final else FailureKind.SERVER_ERROR
        return RemoteFailure(kind, f"the drawing failed ({self.error_type or 'no type'}): {words}")


class SessionQueue:
    """Belongs to the event loop's thread. All methods raise RemoteFailure."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def enqueue(self, graph: Graph, batch_id: str) -> int:
        """Send a graph; the id of its item."""
        batch = {"batch_id": batch_id, "graph": graph.told(), "runs": 1, "origin": ORIGIN}
        # The only name by which items can be looked for.
        batch["destination"] = batch_id
        try:
            answer = await self._access.call(
                "POST", f"{_PATH}/enqueue_batch", body={"batch": batch, "prepend": False}
            )
        except RemoteFailure as failure:
            raise explained(failure) from None
        told = await self._access.host.json_of(answer)
        ids = told.get("item_ids") if isinstance(told, Mapping) else None
        if not isinstance(ids, list):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its queue does not tell the item that it took")
        if not ids:
            raise RemoteFailure(
                FailureKind.RATE_LIMITED,
                f"the queue of {self._access.host.url} is full",
                retry_after=_FULL_FOR,
                was_sent=False,
            )
        if len(ids) > 1 or not isinstance(ids[0], int):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its queue tells of other items than the one sent")
        return ids[0]

    async def find(self, batch_id: str) -> int | None:
        """The id of a batch's item, where the answer that told it was lost; None where it was not taken."""
        told = await self._access.get_json(f"{_PATH}/list_all", params={"destination": batch_id})
        items = [_item(item) for item in told] if isinstance(told, list) else []
        return next((item.id for item in items if item.batch_id == batch_id), None)

    async def item(self, id: int) -> Item | None:
        """How an item is now; None where there is none of that id."""
        try:
            told = await self._access.get_json(f"{_PATH}/i/{id}")
        except RemoteFailure as failure:
            if failure.status == 404:
                return None
            raise
        return _item(told)

    async def cancel(self, id: int) -> Item | None:
        """End an item; how it is then. One that has ended already stays as it is."""
        try:
            answer = await self._access.call("PUT", f"{_PATH}/i/{id}/cancel", repeatable=True)
        except RemoteFailure as failure:
            if failure.status == 404:
                return None
            raise
        return _item(await self._access.host.json_of(answer))

    async def cancel_batch(self, batch_id: str) -> None:
        """End whatever came of a batch: for when its item is not known."""
        body = {"batch_ids": [batch_id]}
        await self._access.call("PUT", f"{_PATH}/cancel_by_batch_ids", body=body, repeatable=True)


def _item(told: object) -> Item:
    """What is told of an item. Raises RemoteFailure where it is something else."""
    id, status = (told.get("item_id"), told.get("status")) if isinstance(told, Mapping) else (None, None)
    if not isinstance(told, Mapping) or not isinstance(id, int) or not isinstance(status, str):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer does not tell of an item of its queue")
    session = _mapping(told, "session")
    return Item(
        id,
        _text(told, "batch_id"),
        status,
        _text(told, "session_id"),
        bool(told.get("started_at")),
        _text(told, "error_type"),
        _text(told, "error_message"),
        _mapping(session, "results"),
        _mapping(session, "source_prepared_mapping"),
    )


_FIELDS = {
    "steps": "steps",
    "num_steps": "steps",
    "cfg_scale": "guidance_scale",
    "guidance": "guidance_scale",
    "scheduler": "scheduler",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "prompt": "prompt",
    "style": "prompt_2",
    "denoising_start": "strength",
    "skipped_layers": "clip_skip",
    "weight": "loras",
    "lora": "loras",
    "model": "model_id",
    "image_to_image_model": "model_id",
    "vae_model": "vae",
    "control_model": "type",
    "control_weight": "strength",
    "begin_step_percent": "start",
    "end_step_percent": "end",
}
"""Fields of nodes, and the field of the task that each comes from."""


def explained(failure: RemoteFailure) -> RemoteFailure:
    """A refused graph in terms of the task: the server names the node and the field."""
    if failure.status != 422:
        return failure
    try:
        detail = json.loads(failure.answer).get("detail")
    except (ValueError, AttributeError, RecursionError):
        return failure
    for fault in detail if isinstance(detail, list) else ():
        where = fault.get("loc") if isinstance(fault, Mapping) else None
        for part in reversed(where) if isinstance(where, list) else ():
            if isinstance(part, str) and part in _FIELDS:
                failure.field = _FIELDS[part]
                return failure
    return failure


def _last_line(message: str) -> str:
    """What went wrong; some messages are whole tracebacks, at the end of which it stands."""
    lines = message.strip().splitlines()
    return brief(lines[-1], 300) if lines else ""


def _mapping(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(told: Mapping[str, Any], name: str) -> str:
    found = told.get(name)
    return found if isinstance(found, str) else ""

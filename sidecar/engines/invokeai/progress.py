"""What an InvokeAI tells on its socket while it draws: how far it is, glimpses, and that it is worth looking at the item.

Everything here is a hint. Sockets fall silent, and events of other items come by.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from sidecar.engines.events import Loading, Preview
from sidecar.engines.invokeai.graph import Graph
from sidecar.engines.remote.answers import picture_of, share
from sidecar.engines.remote.connector import Call
from sidecar.engines.remote.failures import RemoteFailure

_ENDS = ("completed", "failed", "canceled")


class Progress:
    """Follows one item, by the id of its batch, which is ours."""

    def __init__(self, call: Call, graph: Graph, batch_id: str, model_id: str) -> None:
        self.worth_a_look = asyncio.Event()
        """The socket told of the item's end, or of something that may be it."""
        self.over = asyncio.Event()
        """Nothing more is to be told of it."""
        self._call = call
        self._graph = graph
        self._batch_id = batch_id
        self._model_id = model_id
        self._is_running = False
        self._has_loaded = False

    async def hear(self, event: str, told: object) -> None:
        """An event of the queue."""
        if self.over.is_set() or not isinstance(told, Mapping):
            return
        match event:
            case "queue_items_canceled" | "queue_cleared":
                # These name no batch.
                self.worth_a_look.set()
            case "model_load_started" if self._is_running and not self._has_loaded:
                # One item is run at a time, so that what is loaded is for it; a model is many such parts.
                self._has_loaded = True
                self._call.tell(Loading(self._model_id))
            case _ if told.get("batch_id") == self._batch_id:
                await self._hear_own(event, told)

    async def _hear_own(self, event: str, told: Mapping[str, Any]) -> None:
        match event:
            case "queue_item_status_changed":
                self._is_running = told.get("status") == "in_progress"
                if told.get("status") in _ENDS:
                    self.worth_a_look.set()
            case "invocation_progress" if told.get("invocation_source_id") == self._graph.measured:
                if (done := share(told.get("percentage"))) is not None:
                    self._call.tell(done)
                await self._see(told.get("image"))

    async def _see(self, image: object) -> None:
        if not self._call.wants_previews or not isinstance(image, Mapping):
            return
        # A glimpse that cannot be read is not worth a job.
        with contextlib.suppress(RemoteFailure):
            preview = Preview(await picture_of(image.get("dataURL")), 0, 0, 0)
            if not self.over.is_set():
                self._call.tell(preview)

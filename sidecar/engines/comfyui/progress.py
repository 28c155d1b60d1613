"""What a ComfyUI tells on its socket while it draws: how far it is, glimpses, and that it is worth looking at the history.

Everything here is a hint. Sockets fall silent after hours, and messages of other prompts come by.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any

from sidecar.engines.comfyui.graph import Graph
from sidecar.engines.events import Loading, Preview
from sidecar.engines.remote import sockets
from sidecar.engines.remote.connector import Call
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

PREVIEW_IMAGE = 1
"""Kind of a binary message; after it come the picture's format and its bytes."""
JPEG = 1
"""The format that previews have; a PNG, which some nodes show, is no preview of a picture."""
MOST_STEPS = 1_000_000
_HEADER = struct.Struct(">II")
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


class Progress:
    """Follows one prompt."""

    def __init__(self, call: Call, graph: Graph, model_id: str) -> None:
        self.prompt_id = ""
        self.ended = asyncio.Event()
        """The socket told of the prompt's end."""
        self.opened = asyncio.Event()
        """The socket tells something, or never will: it begins with how the server is."""
        self._call = call
        self._graph = graph
        self._model_id = model_id
        self._done: set[str] = set()
        self._is_loading = False
        self._step_now = 0.0
        self._shown_at = float("-inf")
        """The step of the last preview."""
        self._is_ours = False
        """Whether the last message that names a prompt named this one: previews name none."""

    async def follow(self, host: Host, settings: EngineSettings, client: str) -> None:
        """Until the socket ends, or this is canceled."""
        try:
            async for message in sockets.messages(host, settings, "/ws", {"clientId": client}):
                self.opened.set()
                self._take(message)
        finally:
            self.opened.set()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._see(message)
            return
        try:
            told = json.loads(message)
        except (ValueError, RecursionError):
            return
        if isinstance(told, Mapping) and isinstance(told.get("data"), Mapping):
            self._hear(told.get("type"), told["data"])

    def _hear(self, event: object, data: Mapping[str, Any]) -> None:
        if "prompt_id" in data:
            self._is_ours = data["prompt_id"] == self.prompt_id
        if not self._is_ours or "prompt_id" not in data:
            return
        node = data.get("node")
        if event in _ENDS or (event == "executing" and node is None):
            self.ended.set()
        elif event == "execution_cached":
            nodes = data.get("nodes")
            self._done |= {str(each) for each in nodes} if isinstance(nodes, list) else set()
        elif event == "executing":
            self._begin(str(node))
        elif event == "progress":
            self._step(str(node), data.get("value"), data.get("max"))

    def _begin(self, node: str) -> None:
        if node in self._graph.loaders and not self._is_loading:
            self._is_loading = True
            self._call.tell(Loading(self._model_id))
        if not self._graph.sampler:
            self._call.tell(min(1.0, len(self._done) / len(self._graph.nodes)))
        self._done.add(node)

    def _step(self, node: str, value: object, most: object) -> None:
        if not isinstance(value, int | float) or not isinstance(most, int | float):
            return
        if node == self._graph.sampler and 0 <= value <= most < MOST_STEPS and most:
            self._step_now = value
            self._call.tell(value / most)

    def _see(self, message: bytes) -> None:
        detail = self._call.detail
        if detail is None or not self._call.wants_previews or not self._is_ours:
            return
        if len(message) <= _HEADER.size or _HEADER.unpack_from(message) != (PREVIEW_IMAGE, JPEG):
            return
        if self._step_now - self._shown_at >= detail.preview_every:
            self._shown_at = self._step_now
            self._call.tell(Preview(message[_HEADER.size :], 0, 0, 0))

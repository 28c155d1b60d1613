"""A ComfyUI's queue: what is sent to it, what became of that, and how our part of it is taken back.

Its history is the truth. Prompts have ids that we choose, so that what was sent is found again whatever became of the answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sidecar.engines.comfyui.failures import failed, refused
from sidecar.engines.comfyui.graph import Graph
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.transport import Host

AGAIN_AFTER = 0.1
"""Seconds until a cancellation that may have been lost is repeated."""

_ID = re.compile(r"[\w-]{1,128}")

Place = Literal["running", "pending", ""]


@dataclass(frozen=True)
class Entry:
    """What the history says of a prompt: the files that each node gave, and its end."""

    succeeded: bool
    outputs: Mapping[str, Any] = field(default_factory=dict)
    failure: RemoteFailure | None = None

    def files(self, node: str) -> list[dict[str, str]]:
        """The pictures of a node, each by filename, subfolder and type. Raises RemoteFailure where there are none."""
        told = self.outputs.get(node)
        images = told.get("images") if isinstance(told, Mapping) else None
        found = [_file(each) for each in images] if isinstance(images, list) else []
        if not found:
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its history tells of no picture")
        return found


class PromptQueue:
    """One server's. All methods raise RemoteFailure."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def submit(self, graph: Graph, id: str, client: str) -> str:
        """Send a graph; the id that it got. One that was taken though the answer was lost is found again."""
        body = {"prompt": graph.labeled(id), "prompt_id": id, "client_id": client}
        try:
            answer = await self._host.post_json("/prompt", body)
        except RemoteFailure as failure:
            if failure.status == 400:
                raise refused(failure, graph) from None
            if failure.was_sent and failure.is_of_the_host and await self._was_taken(id):
                return id
            raise
        taken = answer.get("prompt_id") if isinstance(answer, Mapping) else None
        if not isinstance(taken, str) or not _ID.fullmatch(taken):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "it does not tell the id of what it was sent")
        if errors := answer.get("node_errors"):
            await self.withdraw(taken)
            raise failed(errors, graph)
        return taken

    async def entry(self, id: str) -> Entry | None:
        """What became of a prompt; None until it has ended."""
        told = await self._host.get_json(f"/history/{id}")
        if not isinstance(told, Mapping):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its history is not what the protocol says")
        return None if id not in told else _entry(told[id])

    async def place(self, id: str) -> Place:
        """Whether a prompt is being drawn, or waits for that; empty where it does neither."""
        told = await self._host.get_json("/queue")
        if not isinstance(told, Mapping):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its queue is not what the protocol says")
        if id in _ids(told.get("queue_running")):
            return "running"
        return "pending" if id in _ids(told.get("queue_pending")) else ""

    async def withdraw(self, id: str) -> bool:
        """End a prompt, and no other, wherever it is; whether it had begun."""
        while place := await self.place(id):
            if place == "pending":
                await self._host.call("POST", "/queue", body={"delete": [id]}, repeatable=True)
                if await self.place(id) == "":
                    return await self.entry(id) is not None
            else:
                # One that comes just before the prompt begins is lost, so it is looked whether it helped.
                await self._host.call("POST", "/interrupt", body={"prompt_id": id}, repeatable=True)
                await asyncio.sleep(AGAIN_AFTER)
        return True

    async def _was_taken(self, id: str) -> bool:
        try:
            return await self.place(id) != "" or await self.entry(id) is not None
        except RemoteFailure:
            return False


def _ids(items: object) -> set[str]:
    """Items are lists whose second is the id; what else is in them differs between versions."""
    if not isinstance(items, list):
        return set()
    return {str(item[1]) for item in items if isinstance(item, list) and len(item) > 1}


def _entry(told: object) -> Entry:
    if not isinstance(told, Mapping):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its history is not what the protocol says")
    outputs, status = told.get("outputs"), told.get("status")
    outputs = outputs if isinstance(outputs, Mapping) else {}
    if not isinstance(status, Mapping):
        # Early versions write none.
        return Entry(bool(outputs), outputs, None if outputs else _ended(()))
    if status.get("status_str") == "success":
        return Entry(True, outputs)
    messages = status.get("messages")
    return Entry(False, outputs, _ended(messages if isinstance(messages, list) else ()))


def _ended(messages: Any) -> RemoteFailure:
    """Why a prompt ended badly, by the last that was told of it."""
    for message in reversed(messages):
        if not isinstance(message, list) or len(message) != 2 or not isinstance(message[1], Mapping):
            continue
        event, told = message
        if event == "execution_interrupted":
            return RemoteFailure(
                FailureKind.SERVER_ERROR, "somebody else interrupted the drawing at the server"
            )
        if event == "execution_error":
            return _broken(told)
    return RemoteFailure(FailureKind.SERVER_ERROR, "the drawing failed, and the server does not say why")


def _broken(told: Mapping[str, Any]) -> RemoteFailure:
    node, words = str(told.get("node_type") or "a node"), str(told.get("exception_message") or "")
    kind = str(told.get("exception_type") or "")
    plain = f"{kind} {words}".lower()
    if "outofmemory" in plain or "out of memory" in plain or "allocation on device" in plain:
        return RemoteFailure(
            FailureKind.SERVER_ERROR, f"it ran out of memory in {node}; ask for a smaller picture"
        )
    if node.startswith("LoadImage"):
        return RemoteFailure(FailureKind.BAD_REQUEST, f"it cannot read the picture: {words}", field="image")
    if "shapes cannot be multiplied" in plain or "size mismatch" in plain or "size of tensor" in plain:
        return RemoteFailure(
            FailureKind.BAD_REQUEST,
            f"parts of it do not fit the model ({node}: {words}); use LoRAs, ControlNets and autoencoders of its family",
            field="model_id",
        )
    return RemoteFailure(FailureKind.SERVER_ERROR, f"the drawing failed in {node}: {words}")


def _file(told: object) -> dict[str, str]:
    names = ("filename", "subfolder", "type")
    if not isinstance(told, Mapping) or not all(isinstance(told.get(name), str) for name in names):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its history names a file in no known way")
    return {name: told[name] for name in names}

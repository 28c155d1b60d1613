"""How messages between the server and its child processes are framed on a pipe.

A frame is two big-endian 32-bit lengths, a JSON header, and the binary parts that the header names one after another.
No pickle: neither side can make the other run anything.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any

from capabilities.methods import read_task
from capabilities.tasks import Task

LENGTHS = struct.Struct(">II")


class Framing:
    """Frames for messages of these dataclasses, whose fields hold JSON values, bytes, tuples, tasks and one another."""

    def __init__(self, *kinds: type[Any]) -> None:
        self._kinds = {kind.__name__: kind for kind in kinds}

    def encode(self, message: object) -> bytes:
        """One frame."""
        parts: list[bytes] = []
        header = json.dumps(_pack(message, parts)).encode()
        return b"".join([LENGTHS.pack(len(header), sum(map(len, parts))), header, *parts])

    def decode(self, header: bytes, payload: bytes) -> Any:
        """The message of a frame's two halves. Raises ValueError for a kind that is not among them."""
        return self._unpack(json.loads(header), memoryview(payload))

    def _unpack(self, value: object, payload: memoryview) -> Any:
        if isinstance(value, list):
            return [self._unpack(item, payload) for item in value]
        if not isinstance(value, dict):
            return value
        if "!" not in value:
            return {name: self._unpack(item, payload) for name, item in value.items()}
        kind = value["!"]
        if kind == "bytes":
            return bytes(payload[value["start"] : value["start"] + value["length"]])
        if kind == "task":
            return read_task(value["values"])
        if kind == "tuple":
            return tuple(self._unpack(item, payload) for item in value["items"])
        if kind not in self._kinds:
            raise ValueError(f"unknown message kind {kind!r}")
        fields = {name: self._unpack(item, payload) for name, item in value.items() if name != "!"}
        return self._kinds[kind](**fields)


def _pack(value: object, parts: list[bytes]) -> object:
    if isinstance(value, bytes):
        start = sum(map(len, parts))
        parts.append(value)
        return {"!": "bytes", "start": start, "length": len(value)}
    if isinstance(value, Task):
        return {"!": "task", "values": value.model_dump(mode="json")}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _pack(getattr(value, field.name), parts) for field in dataclasses.fields(value)}
        return {"!": type(value).__name__, **fields}
    if isinstance(value, list):
        return [_pack(item, parts) for item in value]
    if isinstance(value, tuple):
        return {"!": "tuple", "items": [_pack(item, parts) for item in value]}
    if isinstance(value, dict):
        return {name: _pack(item, parts) for name, item in value.items()}
    return value

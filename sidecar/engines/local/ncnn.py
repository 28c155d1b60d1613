"""Reads the weights of an ncnn network: the format in which Real-ESRGAN's weights come inside a Python package.

The `.param` text lists the layers, the `.bin` file holds their numbers one after another: a convolution's weights behind
a 32-bit tag that tells their type, its bias in float32 without a tag, and the slopes of a PReLU in float32.
Source of the format: the documentation of ncnn, "param and model file structure".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]

MAGIC = "7767517"
FLOAT16 = 0x01306B47
FLOAT32 = 0


@dataclass(frozen=True)
class Layer:
    """A layer that has weights: a convolution (`bias` set) or a PReLU."""

    kind: str
    weight: Array
    bias: Array | None = None


def read_layers(param: str, data: bytes) -> list[Layer]:
    """The layers with weights, in the order of the network. Raises ValueError for anything unexpected."""
    lines = param.splitlines()
    if not lines or lines[0].strip() != MAGIC:
        raise ValueError("not an ncnn network: it does not begin with 7767517")
    reader = _Reader(data)
    layers: list[Layer] = []
    channels = 3
    for line in lines[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        numbers = dict(_numbers(rest[int(inputs) + int(outputs) :]))
        if kind == "Convolution":
            count, side, weights = int(numbers["0"]), int(numbers["1"]), int(numbers["6"])
            channels = weights // (count * side * side)
            weight = reader.tagged(weights).reshape(count, channels, side, side)
            layers.append(Layer(kind, weight, reader.plain(count)))
        elif kind == "PReLU":
            layers.append(Layer(kind, reader.plain(int(numbers["0"]))))
    reader.expect_end()
    return layers


def compact_state(layers: list[Layer]) -> Mapping[str, Array]:
    """Names of Real-ESRGAN's compact network: convolutions and PReLUs by turns in one list."""
    state: dict[str, Array] = {}
    for index, layer in enumerate(layers):
        state[f"body.{index}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"body.{index}.bias"] = layer.bias
    return state


def rrdb_state(layers: list[Layer]) -> Mapping[str, Array]:
    """Names of ESRGAN's network: residual-in-residual dense blocks between a first and the last five convolutions."""
    blocks, left = divmod(len(layers) - 6, 15)
    if left or any(layer.kind != "Convolution" for layer in layers):
        raise ValueError(f"{len(layers)} layers are no ESRGAN network")
    names = ["conv_first"]
    names += [
        f"body.{block}.rdb{dense}.conv{place}"
        for block in range(blocks)
        for dense in range(1, 4)
        for place in range(1, 6)
    ]
    names += ["conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    state: dict[str, Array] = {}
    for name, layer in zip(names, layers, strict=True):
        assert layer.bias is not None
        state |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    return state


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def tagged(self, count: int) -> Array:
        tag = int.from_bytes(self._take(4), "little")
        if tag == FLOAT16:
            # Half-precision blocks are padded to whole 32-bit words.
            raw = self._take((count * 2 + 3) // 4 * 4)
            return np.frombuffer(raw, "<f2", count).astype(np.float32)
        if tag == FLOAT32:
            return self.plain(count)
        raise ValueError(f"weights of an unknown type {tag:#x}")

    def plain(self, count: int) -> Array:
        return np.frombuffer(self._take(count * 4), "<f4", count).astype(np.float32)

    def expect_end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes are left after the last layer")

    def _take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise ValueError("the file ends within a layer")
        self._at += count
        return part


def _numbers(fields: list[str]) -> Iterator[tuple[str, str]]:
    for item in fields:
        key, _, value = item.partition("=")
        yield key, value

"""Models in memory: which are there, what they weigh, and which makes room for the next."""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from capabilities.errors import ResourceExhausted

T = TypeVar("T")
CPU_SHARE = 0.6
"""Part of the machine's memory that models may fill where nothing is configured; pictures and the system need the rest."""
GPU_SHARE = 0.8
GIBIBYTE = 1024**3


@dataclass(frozen=True)
class _Kept:
    thing: Any
    size: int
    is_base: bool
    revision: str


class ModelCache:
    """Things by model id, the one used longest ago first. What the running job uses is never thrown out."""

    def __init__(self, device: str, *, budget: int, most: int) -> None:
        self._device = device
        self.budget = budget or default_budget(device)
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._in_use: set[str] = set()

    @property
    def ids(self) -> list[str]:
        return list(self._kept)

    @property
    def size(self) -> int:
        """Bytes of all weights in memory."""
        return sum(kept.size for kept in self._kept.values())

    def begin(self) -> None:
        """A new job: nothing is in use yet."""
        self._in_use.clear()

    def take(
        self,
        model_id: str,
        estimate: int,
        load: Callable[[], T],
        modules: Callable[[T], Iterable[Any]],
        *,
        is_base: bool = False,
        revision: str = "",
    ) -> T:
        """The thing of that id, loaded if it is not there; `estimate` is what it will weigh, in bytes.

        One whose weights have been replaced since, by `revision`, is loaded again.

        Raises ResourceExhausted where it cannot fit, however much is thrown out, and whatever the loader raises.
        """
        self._in_use.add(model_id)
        if model_id in self._kept and self._kept[model_id].revision != revision:
            self.drop(model_id)
        if model_id in self._kept:
            self._kept.move_to_end(model_id)
            thing: T = self._kept[model_id].thing
            return thing
        if estimate > self.budget:
            raise ResourceExhausted(
                f"the model '{model_id}' needs about {estimate / GIBIBYTE:.1f} GiB and models may fill "
                f"{self.budget / GIBIBYTE:.1f} GiB of this {self._device}; use a smaller model or raise memory_budget_gib",
                reason="MODEL_TOO_LARGE",
                field="model_id",
                limit=f"{self.budget / GIBIBYTE:.1f} GiB",
                asked=model_id,
            )
        self._make_room(estimate, is_base)
        made = load()
        self._kept[model_id] = _Kept(made, weight(modules(made)), is_base, revision)
        return made

    def drop(self, model_id: str) -> None:
        if self._kept.pop(model_id, None) is not None:
            release(self._device)

    def _make_room(self, estimate: int, is_base: bool) -> None:
        for model_id in [name for name in self._kept if name not in self._in_use]:
            bases = sum(kept.is_base for kept in self._kept.values())
            if self.size + estimate <= self.budget and not (is_base and bases >= self._most):
                return
            if self.size + estimate > self.budget or self._kept[model_id].is_base:
                self.drop(model_id)


def default_budget(device: str) -> int:
    """Bytes that models may fill where nothing is configured."""
    if device == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory * GPU_SHARE)
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * CPU_SHARE)
    except (ValueError, OSError, AttributeError):
        # Windows tells it in no way that the standard library knows.
        return 8 * GIBIBYTE


def weight(modules: Iterable[Any]) -> int:
    """Bytes of the parameters and buffers of some modules, shared ones counted once."""
    seen: dict[int, int] = {}
    for module in modules:
        if isinstance(module, torch.nn.Module):
            for tensor in (*module.parameters(), *module.buffers()):
                seen[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
    return sum(seen.values())


def release(device: str) -> None:
    """Give freed memory back to the device and the system."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()

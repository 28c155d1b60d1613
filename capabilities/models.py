"""What the layers above must tell about a model before a task for it can be written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ModelFacts:
    """A model as far as a request needs to know it.

    `granularity` is the number of pixels that width and height must divide by. `methods` are in-world method names.
    """

    id: str
    steps: int
    guidance_scale: float
    width: int
    height: int
    granularity: int = 8
    methods: frozenset[str] = frozenset({"textToImage"})


class Models(Protocol):
    """Where a request finds its model."""

    def find(self, model_id: str) -> ModelFacts:
        """The model of that id. Raises NotFound with the nearest ids."""
        ...

    @property
    def default(self) -> str:
        """Id of the model used where neither call nor capability names one."""
        ...

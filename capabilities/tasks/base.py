"""What all kinds of work have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_SEED = 2**53 - 1
"""Largest seed: the largest whole number that JavaScript and JSON carry exactly."""

Format = Literal["png", "jpeg", "webp"]


class Output(BaseModel):
    """How the pictures of a task are encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format = "png"
    quality: Annotated[int, Field(ge=1, le=100)] = 90


class Task(BaseModel):
    """What all kinds of work have in common. Sizes in pixels, of the result; picture k of the batch has seed + k."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    model_id: str = ""
    """The model that does the main part; empty where none is needed."""
    width: int
    height: int
    steps: int = 1
    """Denoising steps; 1 for work that has none."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    count: Annotated[int, Field(ge=1)] = 1
    output: Output = Output()

    @property
    def inputs(self) -> Mapping[str, str]:
        """The pictures that the work begins with: their role, and where they are stored."""
        return {}

    @property
    def models(self) -> frozenset[str]:
        """Every model that the work touches."""
        return frozenset({self.model_id} - {""})

    @property
    def seeds(self) -> list[int]:
        return [self.seed + index for index in range(self.count)]

    @property
    def total_steps(self) -> int:
        return self.steps * self.count

    @property
    def compute(self) -> float:
        """Megapixel-steps: width x height x steps / 1 000 000, times pictures."""
        return self.width * self.height * self.steps * self.count / 1_000_000

    @property
    def title(self) -> str:
        """A few words for what the picture shows; empty where nobody said."""
        return ""

    def facts(self, seed: int) -> dict[str, object]:
        """What is kept with a picture: enough to make it again."""
        facts: dict[str, object] = {"method": self.kind, "model": self.model_id}
        facts |= {"width": self.width, "height": self.height, "cost": self.compute / self.count}
        return facts | {f"source_{role}": ref for role, ref in self.inputs.items()}

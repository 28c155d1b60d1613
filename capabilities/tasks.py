"""One model for each kind of work: complete, validated, and enough to repeat the work exactly."""

from __future__ import annotations

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


class TextToImage(BaseModel):
    """Pictures from words. Sizes in pixels; picture k of the batch has seed + k."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["text_to_image"] = "text_to_image"
    model_id: str
    prompt: str
    negative_prompt: str = ""
    width: int
    height: int
    steps: int
    guidance_scale: float
    scheduler: str
    """A name from `schedulers.NAMES`, or "default" for the scheduler that the model ships."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    count: Annotated[int, Field(ge=1)]
    allow_unsafe: bool = False
    """Whether pictures that the model's safety checker flagged may be answered."""
    output: Output = Output()

    @property
    def seeds(self) -> list[int]:
        return [self.seed + index for index in range(self.count)]

    @property
    def models(self) -> frozenset[str]:
        """Every model that the work touches."""
        return frozenset({self.model_id})

    @property
    def total_steps(self) -> int:
        return self.steps * self.count

    @property
    def compute(self) -> float:
        """Megapixel-steps: width x height x steps / 1 000 000, times pictures."""
        return self.width * self.height * self.steps * self.count / 1_000_000


Task = TextToImage
"""The union of all kinds of work, told apart by `kind`."""

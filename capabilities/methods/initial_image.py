"""Diffusion runs that begin with a picture: what their methods have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from capabilities.arguments import PictureSource, spelled
from capabilities.methods.generation import Generation, GenerationArguments, generation
from capabilities.models import Means, ModelFacts
from capabilities.tasks import Text


class InitialImageArguments(GenerationArguments):
    """A diffusion run that begins with a picture."""

    image: Annotated[
        PictureSource, Field(description="The picture.", validation_alias=spelled("image", "init_image"))
    ]
    prompt: Annotated[Text, Field(description="What the picture shows.", validation_alias=spelled("prompt"))]
    strength: Annotated[
        float | None,
        Field(ge=0, le=1, description="How far to go from what is there: 0 not at all, 1 ignore it.",
              validation_alias=spelled("strength", "denoising_strength", "denoise_strength")),
    ] = None  # fmt: skip

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image}


class InitialImage(Generation):
    """A diffusion run that begins with a picture and goes `strength` of the way from it to something new."""

    image: str
    strength: Annotated[float, Field(ge=0, le=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    @property
    def steps_taken(self) -> int:
        """Steps that are really done for each picture: those before the starting point fall away."""
        return min(self.steps, int(self.steps * self.strength))

    @property
    def total_steps(self) -> int:
        return max(1, self.steps_taken) * self.count

    @property
    def compute_of_steps(self) -> float:
        return self.width * self.height * self.total_steps / 1_000_000

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


def image_generation(
    arguments: InitialImageArguments, model: ModelFacts, means: Means, strength: float
) -> dict[str, Any]:
    """The settings that every run has that begins with a picture."""
    asked = strength if arguments.strength is None else arguments.strength
    return generation(arguments, model, means) | {"prompt": arguments.prompt, "strength": asked}

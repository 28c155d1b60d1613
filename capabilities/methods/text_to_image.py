"""`textToImage`: pictures from words, in one pass or, with `hiresFix`, in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from capabilities.arguments import Members, spelled
from capabilities.errors import FailedPrecondition
from capabilities.methods.declaration import Method
from capabilities.methods.generation import Generation, GenerationArguments, generation, size
from capabilities.methods.upscalers import filter_or_upscaler
from capabilities.models import Means, ModelFacts, usable_model
from capabilities.operations import RESAMPLES
from capabilities.tasks import Extent, Side, Text


class HiresFix(Members):
    """A second pass at a larger size."""

    scale: Annotated[
        float,
        Field(gt=1, le=4, allow_inf_nan=False, description="How many times larger the result is."),
    ] = 2.0
    strength: Annotated[float, Field(ge=0, le=1, description="How much of the detail is regenerated.")] = 0.5
    upscaler: Annotated[
        str | None,
        Field(
            max_length=512,
            description="What enlarges: a resampling filter or an upscaler; left out: lanczos.",
        ),
    ] = None


def _scale_alone(value: object) -> object:
    return {"scale": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class TextToImageArguments(GenerationArguments):
    prompt: Annotated[Text, Field(description="What the picture shows.", validation_alias=spelled("prompt"))]
    hires_fix: Annotated[
        HiresFix | None,
        BeforeValidator(_scale_alone),
        Field(description="Generate at width x height, enlarge, refine: {scale, strength, upscaler} or the scale alone.",
              validation_alias=spelled("hires_fix", "hires")),
    ] = None  # fmt: skip


class Refinement(BaseModel):
    """A second pass: the first one's picture enlarged, and its detail regenerated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Side
    height: Side
    """Size of the first pass, in pixels; the task's own is that of the result."""
    strength: Annotated[float, Field(ge=0, le=1)]
    method: str
    """A resampling filter, or the id of a trained upscaler."""


class TextToImage(Generation):
    """Pictures from words."""

    kind: Literal["text_to_image"] = "text_to_image"
    refine: Refinement | None = None

    @property
    def models(self) -> frozenset[str]:
        if self.refine is None or self.refine.method in RESAMPLES:
            return super().models
        return super().models | {self.refine.method}

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        if self.refine is None:
            return super().needs
        enlarger = () if self.refine.method in RESAMPLES else ((self.refine.method, "upscale"),)
        return (*super().needs, (self.model_id, "imageToImage"), *enlarger)

    @property
    def on_the_way(self) -> Sequence[Extent]:
        return () if self.refine is None else (Extent("refine", self.refine.width, self.refine.height),)

    @property
    def steps_refining(self) -> int:
        """Steps of the second pass for each picture."""
        return 0 if self.refine is None else min(self.steps, int(self.steps * self.refine.strength))

    @property
    def drawings(self) -> int:
        return self.count if self.refine is None else 2 * self.count

    @property
    def total_steps(self) -> int:
        return (self.steps + self.steps_refining) * self.count

    @property
    def compute_of_steps(self) -> float:
        if self.refine is None:
            return super().compute_of_steps
        first = self.refine.width * self.refine.height * self.steps
        second = self.width * self.height * self.steps_refining
        return (first + second) * self.count / 1_000_000

    def facts(self, seed: int) -> dict[str, object]:
        more = {} if self.refine is None else {"refine": self.refine.model_dump()}
        return super().facts(seed) | more


def text_to_image(arguments: TextToImageArguments, means: Means) -> TextToImage:
    """The complete task: every default filled in from the model, the seed drawn."""
    model = usable_model(means, arguments.model_id, "textToImage")
    width, height = size(arguments, model)
    settings = generation(arguments, model, means)
    if arguments.hires_fix is None:
        return TextToImage(**settings, prompt=arguments.prompt, width=width, height=height)
    model.require("imageToImage")
    if model.fixed_size:
        raise FailedPrecondition(
            f"the model '{model.id}' draws at {model.width} x {model.height} only, so a second pass adds nothing; "
            "use upscale",
            reason="MODEL_CANNOT",
            field="hires_fix",
            asked=f"{arguments.hires_fix.scale:g}",
        )
    return TextToImage(
        **settings,
        prompt=arguments.prompt,
        width=_scaled(width, arguments.hires_fix.scale, model),
        height=_scaled(height, arguments.hires_fix.scale, model),
        refine=Refinement(
            width=width,
            height=height,
            strength=arguments.hires_fix.strength,
            method=filter_or_upscaler(arguments.hires_fix.upscaler, means, "hires_fix.upscaler"),
        ),
    )


def _scaled(pixels: int, scale: float, model: ModelFacts) -> int:
    """The nearest size that the model's granularity divides."""
    return max(1, round(pixels * scale / model.granularity)) * model.granularity


METHOD = Method(
    capability_type="diffusers.generate",
    name="textToImage",
    label="Text to image",
    description="Makes pictures from words.",
    rpc="TextToImage",
    positional=("prompt",),
    arguments=TextToImageArguments,
    task=TextToImage,
    build=text_to_image,
)

"""What every diffusion run has in common: the arguments, the task, and how one becomes the other."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from capabilities.arguments import LONGEST_SIDE, Members, ModelId, OutputArguments, spelled
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.models import Means, Metering, ModelFacts, usable_model
from capabilities.params import MAX_AMOUNT
from capabilities.schedulers import canonical
from capabilities.tasks import MAX_SEED, Task, Text

Background = Literal["opaque", "transparent"]
MAX_LORAS = 16
EMBEDDING = re.compile(r"""\bembedding:(?:"([^"\n]{1,512})"|'([^'\n]{1,512})'|([\w/.-]*\w))""")
"""How a prompt names a textual inversion: in quotes where its id has spaces, commas or brackets."""


def embedding_ids(text: str) -> list[str]:
    """The textual inversions that a prompt names, in order."""
    return [embedding_id(found) for found in EMBEDDING.finditer(text)]


def embedding_id(found: re.Match[str]) -> str:
    return next(name for name in found.groups() if name)


class Lora(Members):
    """A LoRA by its model id, and how strongly it acts."""

    id: Annotated[ModelId, Field(description="Model id.")]
    weight: Annotated[float, Field(ge=-4, le=4, allow_inf_nan=False, description="How strongly it acts.")] = (
        1.0
    )


class GenerationArguments(OutputArguments):
    """Settings of a diffusion run; what is left out takes the model's own default."""

    model_id: Annotated[
        ModelId | None,
        Field(description="Model id; left out: the capability's default, else the server's.",
              validation_alias=spelled("model_id", "model")),
    ] = None  # fmt: skip
    width: Annotated[
        int | None,
        Field(ge=1, le=LONGEST_SIDE, description="Width in pixels.", validation_alias=spelled("width")),
    ] = None
    height: Annotated[
        int | None,
        Field(ge=1, le=LONGEST_SIDE, description="Height in pixels.", validation_alias=spelled("height")),
    ] = None
    steps: Annotated[
        int | None,
        Field(ge=1, le=1000, description="Denoising steps.",
              validation_alias=spelled("num_inference_steps", "steps")),
    ] = None  # fmt: skip
    guidance_scale: Annotated[
        float | None,
        Field(ge=0, le=100, allow_inf_nan=False, description="Classifier-free guidance; 1 or less turns it off.",
              validation_alias=spelled("guidance_scale", "cfg_scale")),
    ] = None  # fmt: skip
    negative_prompt: Annotated[
        Text, Field(description="What not to show.", validation_alias=spelled("negative_prompt"))
    ] = ""
    seed: Annotated[
        int | None,
        Field(ge=0, le=MAX_SEED, description="Seed of the first picture; left out: drawn, and told in the answer.",
              validation_alias=spelled("seed")),
    ] = None  # fmt: skip
    count: Annotated[
        int | None,
        Field(ge=1, le=64, description="How many pictures; picture k has seed + k.",
              validation_alias=spelled("count", "num_images")),
    ] = None  # fmt: skip
    scheduler: Annotated[
        str | None,
        Field(max_length=64, description="Scheduler, such as 'dpm++ 2m'; left out: the model's own.",
              validation_alias=spelled("scheduler", "sampler")),
    ] = None  # fmt: skip
    prompt_2: Annotated[
        Text,
        Field(
            description="Second prompt, for models with two text encoders.",
            validation_alias=spelled("prompt_2", "prompt2"),
        ),
    ] = ""
    negative_prompt_2: Annotated[
        Text,
        Field(
            description="Second negative prompt.",
            validation_alias=spelled("negative_prompt_2", "negativePrompt2"),
        ),
    ] = ""
    loras: Annotated[
        tuple[Lora, ...],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        Field(max_length=MAX_LORAS, description="LoRAs as {id, weight}.", validation_alias=spelled("loras")),
    ] = ()
    clip_skip: Annotated[
        int | None,
        Field(ge=0, le=12, description="Layers of the text encoder to leave out at its end.",
              validation_alias=spelled("clip_skip")),
    ] = None  # fmt: skip
    vae: Annotated[
        ModelId | None,
        Field(description="Another autoencoder, by model id.", validation_alias=spelled("vae")),
    ] = None
    tiling: Annotated[
        bool, Field(description="Make the picture tile seamlessly.", validation_alias=spelled("tiling"))
    ] = False
    background: Annotated[
        Background | None,
        Field(description="'transparent' clears the plain ground that icons are drawn on.",
              validation_alias=spelled("background")),
    ] = None  # fmt: skip

    @property
    def canonical_scheduler(self) -> str:
        return canonical(self.scheduler) if self.scheduler else "default"


class LoraUse(BaseModel):
    """A LoRA and how strongly it acts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    weight: Annotated[float, Field(allow_inf_nan=False)]


_EXTRAS = {"prompt_2", "negative_prompt_2", "loras", "embeddings", "clip_skip", "vae", "tiling"}


class Generation(Task):
    """A diffusion run."""

    model_id: Annotated[str, Field(min_length=1)]
    prompt: Text
    negative_prompt: Text = ""
    guidance_scale: Annotated[float, Field(allow_inf_nan=False)]
    scheduler: str
    """A name from `schedulers.NAMES`, or "default" for the scheduler that the model ships."""
    allow_unsafe: bool = False
    """Whether pictures that the model's safety checker flagged may be answered."""
    background: Background = "opaque"
    """"transparent" makes the plain ground behind the subject clear."""
    prompt_2: Text = ""
    negative_prompt_2: Text = ""
    loras: tuple[LoraUse, ...] = ()
    embeddings: tuple[str, ...] = ()
    """Textual inversions that the prompts name, by model id."""
    clip_skip: Annotated[int, Field(ge=0)] = 0
    """Layers of the text encoder that are left out at its end."""
    vae: str = ""
    """Another autoencoder than the model's own."""
    tiling: bool = False
    """Left joins right and top joins bottom."""
    # Left out where they say nothing, so that a task is the same as before there were models without steps.
    metering: Annotated[Metering, Field(exclude_if=lambda value: value == "steps")] = "steps"
    compute_per_image: Annotated[
        float, Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False, exclude_if=lambda value: value == 0)
    ] = 0.0
    """What each drawing of a picture counts as where its steps do not count, in megapixel-steps."""
    takes_seed: Annotated[bool, Field(exclude_if=lambda value: value)] = True
    """Whether the model makes the same picture of the same seed; where it does not, none is told."""

    @property
    def models(self) -> frozenset[str]:
        parts = {*(lora.id for lora in self.loras), *self.embeddings, self.vae}
        return super().models | (parts - {""})

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        parts = [(lora.id, "lora") for lora in self.loras] + [(name, "embedding") for name in self.embeddings]
        return ((self.model_id, to_camel(self.kind)), *parts, *([(self.vae, "vae")] if self.vae else ()))

    @property
    def compute(self) -> float:
        match self.metering:
            case "steps":
                return self.compute_of_steps
            case "image":
                return self.compute_per_image * self.drawings
            case "none":
                return 0.0

    @property
    def takes_steps(self) -> bool:
        return self.metering == "steps"

    @property
    def is_metered(self) -> bool:
        return self.metering != "none"

    @property
    def compute_of_steps(self) -> float:
        """Megapixel-steps, by the steps that it takes."""
        return super().compute

    @property
    def title(self) -> str:
        return self.prompt

    @property
    def has_seed(self) -> bool:
        return self.takes_seed

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            **({"seed": seed} if self.takes_seed else {}),
            **({"steps": self.steps} if self.takes_steps else {}),
            "guidance_scale": self.guidance_scale,
            "scheduler": self.scheduler,
            **{
                name: value
                for name, value in self.model_dump(include=_EXTRAS).items()
                if value not in ("", (), 0, False)
            },
        }


def generation(arguments: GenerationArguments, model: ModelFacts, means: Means) -> dict[str, Any]:
    """The settings that every diffusion run has, each default filled in from the model."""
    count = arguments.count or 1
    loras = [
        LoraUse(
            id=usable_model(means, lora.id, "lora", field=f"loras[{place}].id", beside=model.id).id,
            weight=lora.weight,
        )
        for place, lora in enumerate(arguments.loras)
    ]
    vae = ""
    if arguments.vae is not None:
        vae = usable_model(means, arguments.vae, "vae", field="vae", beside=model.id).id
    return {
        "model_id": model.id,
        "prompt_2": arguments.prompt_2,
        "negative_prompt_2": arguments.negative_prompt_2,
        "loras": tuple(loras),
        "embeddings": embeddings(arguments, means),
        "clip_skip": arguments.clip_skip or 0,
        "vae": vae,
        "tiling": arguments.tiling,
        "negative_prompt": arguments.negative_prompt,
        "steps": arguments.steps or model.steps,
        "guidance_scale": model.guidance_scale
        if arguments.guidance_scale is None
        else arguments.guidance_scale,
        "scheduler": arguments.canonical_scheduler,
        # One that has no effect is kept only where it was asked for, to be told so.
        "seed": draw_seed(arguments.seed, count) if model.has_seed else arguments.seed or 0,
        "count": count,
        "background": background(arguments, model),
        "output": arguments.output,
        **decided_by(model),
    }


def decided_by(model: ModelFacts) -> dict[str, Any]:
    """The fields of a task that its model alone decides: how its compute is counted, and whether it takes a seed."""
    return {
        "takes_seed": model.has_seed,
        "metering": model.metering,
        "compute_per_image": model.compute_per_image or 0.0 if model.metering == "image" else 0.0,
    }


def embeddings(arguments: GenerationArguments, means: Means) -> tuple[str, ...]:
    """The textual inversions that the prompts name as `embedding:ID`, each once.

    Raises NotFound, PermissionDenied and FailedPrecondition as for any model.
    """
    texts = {
        "prompt": getattr(arguments, "prompt", ""),
        "negative_prompt": arguments.negative_prompt,
        "prompt_2": arguments.prompt_2,
        "negative_prompt_2": arguments.negative_prompt_2,
    }
    named: dict[str, str] = {}
    for field, text in texts.items():
        for name in embedding_ids(text):
            named.setdefault(name, field)
    for name, field in named.items():
        usable_model(means, name, "embedding", field=field)
    return tuple(named)


def size(arguments: GenerationArguments, model: ModelFacts) -> tuple[int, int]:
    """Width and height in pixels. Raises InvalidArgument where one does not divide by the model's granularity."""
    width, height = arguments.width or model.width, arguments.height or model.height
    for name, pixels in (("width", width), ("height", height)):
        if pixels % model.granularity:
            below = max(model.granularity, pixels // model.granularity * model.granularity)
            raise InvalidArgument(
                f"'{name}' must divide by {model.granularity} for the model '{model.id}'; got {pixels}, "
                f"try {below} or {below + model.granularity}",
                reason="BAD_SIZE",
                field=name,
                limit=f"a multiple of {model.granularity}",
                asked=str(pixels),
            )
    return width, height


def background(arguments: GenerationArguments, model: ModelFacts) -> Background:
    """Raises FailedPrecondition or InvalidArgument where a clear background cannot be had."""
    if arguments.background != "transparent":
        return "opaque"
    if not model.plain_ground:
        raise FailedPrecondition(
            f"the model '{model.id}' does not draw on a plain ground, so its background cannot be made transparent",
            reason="NO_PLAIN_GROUND",
            field="background",
            limit="opaque",
            asked="transparent",
        )
    if arguments.format == "jpeg":
        raise InvalidArgument(
            "'format' jpeg has no transparency; use png or webp, or an opaque background",
            reason="BAD_ARGUMENT",
            field="format",
            limit="png, webp",
            asked="jpeg",
        )
    return "transparent"


def draw_seed(asked: int | None, count: int) -> int:
    """The seed of the first picture, leaving room for the seeds of the others."""
    if asked is None:
        return secrets.randbelow(2**31)
    if asked + count - 1 > MAX_SEED:
        raise InvalidArgument(
            f"'seed' plus 'count' must stay at or below {MAX_SEED}; got {asked} and {count}",
            reason="BAD_ARGUMENT",
            field="seed",
            limit=f"at most {MAX_SEED - count + 1}",
            asked=str(asked),
        )
    return asked

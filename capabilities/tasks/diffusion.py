"""Work that a diffusion model does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from capabilities.operations import RESAMPLES
from capabilities.tasks.base import Extent, Side, Size, Task, Text

MAX_FEATHER = 256
"""Widest soft edge, in pixels."""

Background = Literal["opaque", "transparent"]


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

    @property
    def models(self) -> frozenset[str]:
        parts = {*(lora.id for lora in self.loras), *self.embeddings, self.vae}
        return super().models | (parts - {""})

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        parts = [(lora.id, "lora") for lora in self.loras] + [(name, "embedding") for name in self.embeddings]
        return ((self.model_id, to_camel(self.kind)), *parts, *([(self.vae, "vae")] if self.vae else ()))

    @property
    def title(self) -> str:
        return self.prompt

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "seed": seed,
            "steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "scheduler": self.scheduler,
            **{
                name: value
                for name, value in self.model_dump(include=_EXTRAS).items()
                if value not in ("", (), 0, False)
            },
        }


class Refinement(BaseModel):
    """A second pass: the first one's picture enlarged, and its detail drawn anew."""

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
    def total_steps(self) -> int:
        return (self.steps + self.steps_refining) * self.count

    @property
    def compute(self) -> float:
        if self.refine is None:
            return super().compute
        first = self.refine.width * self.refine.height * self.steps
        second = self.width * self.height * self.steps_refining
        return (first + second) * self.count / 1_000_000

    def facts(self, seed: int) -> dict[str, object]:
        more = {} if self.refine is None else {"refine": self.refine.model_dump()}
        return super().facts(seed) | more


class ControlInput(BaseModel):
    """One control of a generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    type: str
    model_id: str
    strength: Annotated[float, Field(ge=0, le=2)]
    start: Annotated[float, Field(ge=0, le=1)]
    end: Annotated[float, Field(ge=0, le=1)]
    preprocess: bool = False
    preprocessor: str = ""
    """The model that makes the control picture first, where one is needed."""


class Apply(Generation):
    """Pictures from words that follow control pictures."""

    kind: Literal["apply"] = "apply"
    controls: Annotated[tuple[ControlInput, ...], Field(min_length=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {f"control_{place}": item.image for place, item in enumerate(self.controls)}

    @property
    def models(self) -> frozenset[str]:
        touched = {name for item in self.controls for name in (item.model_id, item.preprocessor)}
        return super().models | (touched - {""})

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        controls = [(item.model_id, "control") for item in self.controls]
        made = [(item.preprocessor, "preprocess") for item in self.controls if item.preprocessor]
        return (*super().needs, *controls, *made)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"controls": [item.model_dump() for item in self.controls]}


class Repainting(Generation):
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
    def compute(self) -> float:
        return self.width * self.height * self.total_steps / 1_000_000

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


class ImageToImage(Repainting):
    """A picture drawn anew from words."""

    kind: Literal["image_to_image"] = "image_to_image"


class Masked(Repainting):
    """A part of a picture drawn anew; the rest stays bit for bit."""

    feather: Annotated[int, Field(ge=0, le=MAX_FEATHER)]
    """Pixels outside the repainted part over which new and old are blended."""


class Inpaint(Masked):
    """White parts of a mask drawn anew."""

    kind: Literal["inpaint"] = "inpaint"
    mask: str
    crop_padding: Annotated[int | None, Field(ge=0)] = None
    """Work on the masked region only, enlarged to the model's own size, with this many pixels around it."""
    crop_side: Side | None = None
    """Longer side at which a smaller region is drawn, in pixels; None in tasks of earlier releases: the model's."""

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image, "mask": self.mask}

    @property
    def on_the_way(self) -> Sequence[Extent]:
        side = self.crop_side or 0
        return (Extent("crop", side, side),) if side > max(self.width, self.height) else ()

    @property
    def compute(self) -> float:
        side = self.crop_side or 0
        return max(self.width * self.height, side * side) * self.total_steps / 1_000_000

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return sizes["image"] == (self.width, self.height)


class Outpaint(Masked):
    """A picture continued beyond its edges."""

    kind: Literal["outpaint"] = "outpaint"
    left: Annotated[int, Field(ge=0)] = 0
    right: Annotated[int, Field(ge=0)] = 0
    top: Annotated[int, Field(ge=0)] = 0
    bottom: Annotated[int, Field(ge=0)] = 0

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        width, height = sizes["image"]
        return (width + self.left + self.right, height + self.top + self.bottom) == (self.width, self.height)

    def facts(self, seed: int) -> dict[str, object]:
        sides = {"left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom}
        return super().facts(seed) | sides


class UpscaleImg2Img(Repainting):
    """A larger picture whose detail is drawn anew, tile by tile."""

    kind: Literal["upscale_img2img"] = "upscale_img2img"
    method: str
    """A resampling filter, or the id of a trained upscaler: what enlarges before the detail is drawn."""
    tile: Side
    """Side of a tile, in pixels."""
    overlap: Annotated[int, Field(ge=0)]
    """Pixels that neighbouring tiles share and blend: at most half of a tile."""

    @model_validator(mode="after")
    def _overlaps_by_half_at_most(self) -> Self:
        if self.overlap > self.tile // 2:
            raise ValueError("the overlap must be at most half of a tile")
        return self

    @property
    def models(self) -> frozenset[str]:
        return super().models | (frozenset() if self.method in RESAMPLES else {self.method})

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return super().needs if self.method in RESAMPLES else (*super().needs, (self.method, "upscale"))

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return all(
            side <= own <= 4 * side
            for side, own in zip(sizes["image"], (self.width, self.height), strict=True)
        )

    @property
    def tiles(self) -> int:
        """How many tiles cover the picture."""
        return len(starts(self.width, self.tile, self.overlap)) * len(
            starts(self.height, self.tile, self.overlap)
        )

    @property
    def total_steps(self) -> int:
        return super().total_steps * self.tiles

    @property
    def compute(self) -> float:
        side = self.tile
        area = min(side, self.width) * min(side, self.height) * self.tiles
        return area * max(1, self.steps_taken) * self.count / 1_000_000

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"upscale_method": self.method, "tile": self.tile}


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin that cover a length, evenly spread and sharing at least `overlap` with each other."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(place * (length - tile) / (count - 1)) for place in range(count)]

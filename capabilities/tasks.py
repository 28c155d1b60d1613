"""One model for each kind of work: complete, validated, and enough to repeat the work exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from capabilities.operations import RESAMPLES, AnyOperation, Composite, Operation, Resample, Resize

MAX_SEED = 2**53 - 1
"""Largest seed: the largest whole number that JavaScript and JSON carry exactly."""

MAX_FEATHER = 256
"""Widest soft edge, in pixels."""

Format = Literal["png", "jpeg", "webp"]
Background = Literal["opaque", "transparent"]


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


class LoraUse(BaseModel):
    """A LoRA and how strongly it acts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    weight: float


_EXTRAS = {"prompt_2", "negative_prompt_2", "loras", "clip_skip", "vae", "tiling"}


class Generation(Task):
    """A diffusion run."""

    prompt: str
    negative_prompt: str = ""
    guidance_scale: float
    scheduler: str
    """A name from `schedulers.NAMES`, or "default" for the scheduler that the model ships."""
    allow_unsafe: bool = False
    """Whether pictures that the model's safety checker flagged may be answered."""
    background: Background = "opaque"
    """"transparent" makes the plain ground behind the subject clear."""
    prompt_2: str = ""
    negative_prompt_2: str = ""
    loras: tuple[LoraUse, ...] = ()
    clip_skip: int = 0
    """Layers of the text encoder that are left out at its end."""
    vae: str = ""
    """Another autoencoder than the model's own."""
    tiling: bool = False
    """Left joins right and top joins bottom."""

    @property
    def models(self) -> frozenset[str]:
        return super().models | {lora.id for lora in self.loras} | (frozenset({self.vae}) - {""})

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


class TextToImage(Generation):
    """Pictures from words."""

    kind: Literal["text_to_image"] = "text_to_image"


class ControlInput(BaseModel):
    """One control of a generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    type: str
    model_id: str
    strength: float
    start: float
    end: float
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

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"controls": [item.model_dump() for item in self.controls]}


class Preprocess(Task):
    """A control picture made from an ordinary one."""

    kind: Literal["preprocess"] = "preprocess"
    image: str
    type: str
    low: int
    high: int
    resolution: int
    blur: int

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"control_type": self.type}


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
    crop_padding: int | None = None
    """Work on the masked region only, enlarged to the model's own size, with this many pixels around it."""

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image, "mask": self.mask}


class Outpaint(Masked):
    """A picture continued beyond its edges."""

    kind: Literal["outpaint"] = "outpaint"
    left: Annotated[int, Field(ge=0)] = 0
    right: Annotated[int, Field(ge=0)] = 0
    top: Annotated[int, Field(ge=0)] = 0
    bottom: Annotated[int, Field(ge=0)] = 0

    def facts(self, seed: int) -> dict[str, object]:
        sides = {"left": self.left, "right": self.right, "top": self.top, "bottom": self.bottom}
        return super().facts(seed) | sides


class Upscale(Task):
    """A larger picture from a trained upscaler."""

    kind: Literal["upscale"] = "upscale"
    image: str
    factor: Literal[2, 4]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor}


class UpscaleImg2Img(Repainting):
    """A larger picture whose detail is drawn anew, tile by tile."""

    kind: Literal["upscale_img2img"] = "upscale_img2img"
    method: str
    """A resampling filter, or the id of a trained upscaler: what enlarges before the detail is drawn."""
    tile: int
    """Side of a tile, in pixels."""
    overlap: int
    """Pixels that neighbouring tiles share and blend."""

    @property
    def models(self) -> frozenset[str]:
        return super().models | (frozenset() if self.method in RESAMPLES else {self.method})

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


class FaceRestore(Task):
    """A picture whose faces are made clear; 0 leaves them as they are, 1 restores them fully."""

    kind: Literal["face_restore"] = "face_restore"
    image: str
    strength: Annotated[float, Field(ge=0, le=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


class UpscaleTraditional(Task):
    """A larger picture by interpolation."""

    kind: Literal["upscale_traditional"] = "upscale_traditional"
    image: str
    factor: Literal[2, 4]
    method: Resample

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (Resize(width=self.width, height=self.height, method=self.method),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor, "resampling": self.method}


class Edit(Task):
    """A picture changed by operations, one after another."""

    kind: Literal["edit"] = "edit"
    image: str
    operations: Annotated[tuple[AnyOperation, ...], Field(min_length=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        overlays = (item.overlay for item in self.operations if isinstance(item, Composite))
        return {"image": self.image} | {f"overlay_{place}": ref for place, ref in enumerate(overlays)}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"operations": [item.model_dump() for item in self.operations]}


_TASKS: TypeAdapter[Task] = TypeAdapter(
    Annotated[
        TextToImage
        | Apply
        | Preprocess
        | ImageToImage
        | Inpaint
        | Outpaint
        | Upscale
        | UpscaleImg2Img
        | UpscaleTraditional
        | FaceRestore
        | Edit,
        Field(discriminator="kind"),
    ]
)


def read_task(values: Mapping[str, Any]) -> Task:
    """The task that `model_dump` wrote. Raises pydantic's ValidationError."""
    return _TASKS.validate_python(dict(values))

"""What all tasks have in common: one model for each kind, complete, validated, and enough to repeat the work exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_SEED = 2**53 - 1
"""Largest seed: the largest whole number that JavaScript and JSON carry exactly."""

MAX_SIDE = 1_000_000
"""Longest side of any picture, in pixels: what a task may say at all; capabilities and the server allow less."""
MAX_STEPS = 100_000

MAX_PROMPT = 16_384
"""Longest prompt, in characters."""


def encodable(text: str) -> str:
    """The text. Raises ValueError for one that no file and no message can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text; it holds a lone surrogate") from None
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


@dataclass(frozen=True)
class Extent:
    """A picture that some work holds: what it is, and its size in pixels."""

    name: str
    """The role of an input, such as "image"; what is made on the way, such as "operations[2]"; or "result"."""
    width: int
    height: int
    is_input: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


Text = Annotated[str, Field(max_length=MAX_PROMPT), AfterValidator(encodable)]
Size = tuple[int, int]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Format = Literal["png", "jpeg", "webp"]
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
"""Red, green and blue in hexadecimal, as on web pages: #ff8800."""


class Output(BaseModel):
    """How the pictures of a task are encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format = "png"
    quality: Annotated[int, Field(ge=1, le=100)] = 90
    background_color: Color = "#ffffff"
    """What shows through clear parts where the format has no transparency."""


class Task(BaseModel):
    """What all kinds of work have in common. Sizes in pixels, of the result; picture k of the batch has seed + k."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    model_id: str = ""
    """The model that does the main part; empty where none is needed."""
    width: Side
    height: Side
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] = 1
    """Denoising steps; 1 for work that has none."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
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
    def needs(self) -> Sequence[tuple[str, str]]:
        """Models that it touches, each with the method which the model must be able to do."""
        return ()

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        """Whether its own size is what comes of pictures of these sizes, by their roles."""
        return True

    @property
    def on_the_way(self) -> Sequence[Extent]:
        """Pictures of other sizes that are made before the result, as far as the task alone tells."""
        return ()

    def extents(self, sizes: Mapping[str, Size]) -> Sequence[Extent]:
        """Every picture that the work holds, the result last; `sizes` are those of its inputs, by their roles.

        Limits of size hold for each of them: what is small in the end may be huge on the way.
        """
        inputs = [Extent(role, width, height, is_input=True) for role, (width, height) in sizes.items()]
        return (*inputs, *self.on_the_way, Extent("result", self.width, self.height))

    def charge(self, sizes: Mapping[str, Size]) -> float:
        """What the work is charged, in megapixel-steps; `sizes` are those of its inputs, by their roles."""
        return self.compute

    @property
    def has_seed(self) -> bool:
        """Whether anything is drawn at random."""
        return False

    @property
    def takes_steps(self) -> bool:
        """Whether `steps` says how many are taken; where it does not, limits of steps have nothing to hold."""
        return True

    @property
    def is_metered(self) -> bool:
        """Whether anybody knows how much compute it takes."""
        return True

    @property
    def seeds(self) -> list[int]:
        return [self.seed + index for index in range(self.count)]

    @property
    def drawings(self) -> int:
        """How often a model draws for it, which a provider may charge for each time: a picture may take parts and passes."""
        return self.count

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


class PictureTask(Task):
    """Work on one picture that takes no diffusion; the picture's size gives that of the result."""

    image: str

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def sized(self, width: int, height: int) -> Size:
        """The size that comes of a picture of this size."""
        return width, height

    def charge(self, sizes: Mapping[str, Size]) -> float:
        """What is read or what is made, whichever is more: reading a huge picture to cut out a corner costs as well."""
        extents = self.extents(sizes)
        read = sum(extent.pixels for extent in extents if extent.is_input)
        made = sum(extent.pixels for extent in extents if not extent.is_input)
        return max(read, made) * self.count / 1_000_000

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return self.sized(*sizes["image"]) == (self.width, self.height)


class Unreadable(Task):
    """What a job was to do in the words of another version, which this one does not understand."""

    kind: str = "unreadable"
    width: int = 0
    height: int = 0
    values: dict[str, Any] = {}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Unreadable:
        return cls(model_id=str(values.get("model_id", "")), values=dict(values))

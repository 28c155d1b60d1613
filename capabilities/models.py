"""What the layers above must tell about a model before a task for it can be written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from capabilities.errors import FailedPrecondition, Refusal

Metering = Literal["steps", "image", "none"]
"""What counts the compute of a model: its steps; its pictures, each so much; or nothing, since nobody says how much it is."""

MOST_NAMED = 5
"""Models that a refusal names as able."""

GENERATION = frozenset({"textToImage"})
"""Methods of a model that makes pictures from words."""
INPAINTING = frozenset({"inpaint", "outpaint"})
"""Methods of a model that was trained for inpainting only."""
IMAGE_TO_IMAGE = INPAINTING | {"imageToImage", "upscaleImg2Img"}
"""Methods that an ordinary model of most families has besides."""


@dataclass(frozen=True)
class ModelFacts:
    """A model as far as a request needs to know it.

    `granularity` is the number of pixels that width and height must divide by. `methods` are in-world method names.
    `fixed_size`: it draws at `width` x `height` only, and other sizes are made from that. `plain_ground`: it draws its
    subject on a plain ground, which can be made transparent. `factor`: how much an upscaler enlarges, at most. `side`: the
    pixels a side that it was trained on. `text_width`: the size of its text states, which a ControlNet must share.
    `control`: the control type of a ControlNet. `variety`: which kind of face restorer it is. `ready`: its weights are on
    this machine. `revision` identifies the exact weights. `has_steps`: how many are taken is known and can be asked for;
    where it is not, `compute_per_image` is what a picture counts as, in megapixel-steps; None: nobody says. `has_seed`: the
    same seed makes the same picture again. `ignores`: options that change nothing with it, among
    `capabilities.without_effect.OPTIONS`.
    """

    id: str
    steps: int = 1
    guidance_scale: float = 0.0
    width: int = 0
    height: int = 0
    granularity: int = 8
    methods: frozenset[str] = GENERATION
    fixed_size: bool = False
    plain_ground: bool = False
    factor: int = 1
    side: int = 512
    text_width: int = 0
    control: str = ""
    variety: str = ""
    ready: bool = True
    revision: str = ""
    has_steps: bool = True
    compute_per_image: float | None = None
    has_seed: bool = True
    ignores: frozenset[str] = frozenset()

    @property
    def metering(self) -> Metering:
        if self.has_steps:
            return "steps"
        return "none" if self.compute_per_image is None else "image"

    def require(self, method: str, others: Sequence[str] = ()) -> None:
        """Raises FailedPrecondition where the model cannot do the method; `others` are the ids of models that can."""
        if method not in self.methods:
            able = ", ".join(sorted(self.methods))
            raise FailedPrecondition(
                f"the model '{self.id}' cannot do {method}; it can do {able or 'nothing here'}{instead(others)}",
                reason="MODEL_CANNOT",
                field="model_id",
                limit=able,
                asked=method,
            )


def instead(model_ids: Sequence[str]) -> str:
    """What a refusal adds where other models can do what is asked for; empty where none can."""
    if not model_ids:
        return ""
    more = f" and {len(model_ids) - MOST_NAMED} more" if len(model_ids) > MOST_NAMED else ""
    return f"; {', '.join(model_ids[:MOST_NAMED])}{more} can"


class Models(Protocol):
    """Where a request finds its model."""

    def find(self, model_id: str) -> ModelFacts:
        """The model of that id. Raises NotFound with the nearest ids."""
        ...

    def able(self, method: str) -> list[ModelFacts]:
        """All models that can do a method."""
        ...

    @property
    def default(self) -> str:
        """Id of the model used where neither call nor capability names one."""
        ...


@dataclass(frozen=True)
class Picture:
    """A picture that a call brings along: where it is stored, and its size in pixels."""

    ref: str
    width: int
    height: int
    has_alpha: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


class Means(Protocol):
    """What a call has to work with when it is turned into a task: only models that it may use, and its pictures."""

    def model(self, asked: str | None, *, beside: str = "") -> ModelFacts:
        """The model of that id, or the default one. Raises PermissionDenied, NotFound.

        One that goes with another model, `beside`, is looked for in the same engine where the id names none.
        """
        ...

    def able(self, method: str, *, beside: str = "") -> list[ModelFacts]:
        """The models that it may use for a method; those in the engine of another model only, where it is named."""
        ...

    @property
    def pictures(self) -> Mapping[str, Picture]:
        """Its pictures by the argument that named them."""
        ...


def usable_model(
    means: Means, asked: str | None, method: str, *, field: str = "model_id", beside: str = ""
) -> ModelFacts:
    """The model of that id, or the default one, that can do a method; `field` is the argument that named it, `beside` the
    model that it goes with.

    Where none is named and the default one cannot do it, the first that can. Raises PermissionDenied, NotFound, and
    FailedPrecondition, which names models that can, where it cannot do the method.
    """
    try:
        model = means.model(asked, beside=beside)
        if method not in model.methods:
            able = means.able(method, beside=beside)
            if asked is None and able:
                model = means.model(able[0].id)
            model.require(method, [facts.id for facts in able])
    except Refusal as refusal:
        if refusal.field == "model_id":
            refusal.field = field
        raise
    return model

"""`outpaint`: a picture continued beyond its edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from capabilities.arguments import LONGEST_SIDE, Members, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.methods.initial_image import InitialImage, InitialImageArguments, image_generation
from capabilities.methods.masked import Feather, FeatherArgument, refuse_size
from capabilities.models import Means, usable_model
from capabilities.tasks import Size

STRENGTH = 0.9
"""How far to go where nothing is asked for: below 1, so that the new area grows out of the extended edge and not out of
plain noise.
"""
FEATHER = 16
"""Width of the soft edge where nothing is asked for, in pixels."""

_SIDES = {
    "left": ("left",), "right": ("right",), "top": ("top",), "up": ("top",), "bottom": ("bottom",), "down": ("bottom",),
    "horizontal": ("left", "right"), "vertical": ("top", "bottom"), "all": ("left", "right", "top", "bottom"),
}  # fmt: skip


class Sides(Members):
    """Pixels to add on each side."""

    left: Annotated[int, Field(ge=0, le=LONGEST_SIDE, description="Pixels to add on the left.")] = 0
    right: Annotated[int, Field(ge=0, le=LONGEST_SIDE, description="Pixels to add on the right.")] = 0
    top: Annotated[int, Field(ge=0, le=LONGEST_SIDE, description="Pixels to add at the top.")] = 0
    bottom: Annotated[int, Field(ge=0, le=LONGEST_SIDE, description="Pixels to add at the bottom.")] = 0


Direction = Literal["left", "right", "top", "bottom", "up", "down", "horizontal", "vertical", "all"]


def _kind_of_direction(value: object) -> str:
    return "sides" if isinstance(value, Mapping | Sides) else "name"


class OutpaintArguments(FeatherArgument, InitialImageArguments):
    direction: Annotated[
        Annotated[Direction, Tag("name")] | Annotated[Sides, Tag("sides")],
        Discriminator(_kind_of_direction),
        Field(description="A side to extend (with 'pixels'), or {left, right, top, bottom} in pixels.",
              validation_alias=spelled("direction", "sides")),
    ]  # fmt: skip
    pixels: Annotated[
        int | None,
        Field(ge=1, le=LONGEST_SIDE, description="How far to extend, where 'direction' names a side.",
              validation_alias=spelled("pixels")),
    ] = None  # fmt: skip


class Outpaint(InitialImage):
    """A picture continued beyond its edges; what was there stays bit for bit."""

    kind: Literal["outpaint"] = "outpaint"
    feather: Feather
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


def outpaint(arguments: OutpaintArguments, means: Means) -> Outpaint:
    """The complete task. Raises InvalidArgument where nothing is to be added."""
    model = usable_model(means, arguments.model_id, "outpaint")
    picture = means.pictures["image"]
    refuse_size(arguments, "outpaint's size is the picture's and what is added")
    sides = _sides(arguments)
    return Outpaint(
        **image_generation(arguments, model, means, STRENGTH),
        **sides.model_dump(),
        image=picture.ref,
        width=picture.width + sides.left + sides.right,
        height=picture.height + sides.top + sides.bottom,
        feather=FEATHER if arguments.feather is None else arguments.feather,
    )


def _sides(arguments: OutpaintArguments) -> Sides:
    direction = arguments.direction
    if isinstance(direction, Sides):
        sides = direction
    elif arguments.pixels is None:
        raise InvalidArgument(
            "'pixels' is required where 'direction' names a side", reason="MISSING_ARGUMENT", field="pixels"
        )
    else:
        sides = Sides(**dict.fromkeys(_SIDES[direction], arguments.pixels))
    if not any(sides.model_dump().values()):
        raise InvalidArgument(
            "'direction' adds nothing; give pixels for at least one side",
            reason="BAD_ARGUMENT",
            field="direction",
        )
    return sides


METHOD = Method(
    capability_type="diffusers.inpaint",
    name="outpaint",
    label="Outpaint",
    description="Continues a picture beyond its edges.",
    rpc="Outpaint",
    positional=("image", "direction", "pixels", "prompt"),
    arguments=OutpaintArguments,
    task=Outpaint,
    build=outpaint,
)

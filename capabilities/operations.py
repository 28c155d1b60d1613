"""The edits that `image.edit` does: what each takes, and the size that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from capabilities import imaging

Resample = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]
RESAMPLES: tuple[str, ...] = get_args(Resample)
Blend = Literal["normal", "multiply", "screen", "overlay", "darken", "lighten", "add", "difference"]
_KERNELS: dict[Resample, str] = {
    "nearest": "nearest", "bilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos3", "area": "area",
}  # fmt: skip

Read = Callable[[str], imaging.Image]
"""Gives the picture of a reference."""
Size = tuple[int, int]


class Operation(BaseModel):
    """One edit; a picture that it takes besides is named by `overlay`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def size(self, width: int, height: int) -> Size:
        """Width and height of the result, in pixels."""
        return width, height

    def sizes(self, width: int, height: int) -> Sequence[Size]:
        """Width and height of every picture that is made, in pixels; the result is the last."""
        return (self.size(width, height),)

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        """The edited picture. Raises InvalidArgument."""
        raise NotImplementedError


class Transform(Operation):
    """Rotate clockwise by degrees, then scale the rotated picture."""

    kind: Literal["transform"] = "transform"
    rotation: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    scale: Annotated[float, Field(gt=-1e6, lt=1e6)] = 1.0

    def size(self, width: int, height: int) -> Size:
        turned = imaging.rotated_size(width, height, self.rotation)
        return imaging.scaled_size(*turned, abs(self.scale))

    def sizes(self, width: int, height: int) -> Sequence[Size]:
        turned, scaled = imaging.rotated_size(width, height, self.rotation), self.size(width, height)
        return (scaled,) if turned in ((width, height), scaled) else (turned, scaled)

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        return imaging.transform(image, self.rotation, self.scale)


class Filter(Operation):
    """Blur, sharpen or turn grey."""

    kind: Literal["filter"] = "filter"
    name: Literal["blur", "sharpen", "grayscale"]
    sigma: float = imaging.BLUR_SIGMA

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        return imaging.filter_image(image, self.name, sigma=self.sigma)


class Composite(Operation):
    """Lay a picture on top, its left top corner at x, y pixels."""

    kind: Literal["composite"] = "composite"
    overlay: str
    x: int = 0
    y: int = 0
    blend: Blend = "normal"

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        return imaging.composite(image, read(self.overlay), self.x, self.y, blend=self.blend)


class Crop(Operation):
    """Cut out a part, in pixels from the left top."""

    kind: Literal["crop"] = "crop"
    x: int = 0
    y: int = 0
    width: Annotated[int, Field(ge=1, le=1_000_000)]
    height: Annotated[int, Field(ge=1, le=1_000_000)]

    def size(self, width: int, height: int) -> Size:
        return self.width, self.height

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        return imaging.crop(image, self.x, self.y, self.width, self.height)


class Resize(Operation):
    """Another size in pixels; a side that is 0 follows in proportion."""

    kind: Literal["resize"] = "resize"
    width: Annotated[int, Field(ge=0)] = 0
    height: Annotated[int, Field(ge=0)] = 0
    method: Resample = "lanczos"

    def size(self, width: int, height: int) -> Size:
        new_width = self.width or (round(width * self.height / height) if self.height else width)
        new_height = self.height or (round(height * self.width / width) if self.width else height)
        return max(1, new_width), max(1, new_height)

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        width, height = self.size(image.width, image.height)
        return imaging.resize(image, width, height, _KERNELS[self.method])


NO_MODEL = "none"
"""In the place of a model id: the ground is told from the subject by the picture's border alone."""


class RemoveBackground(Operation):
    """Make the ground around the subject transparent: any ground by a matting model, a plain one without."""

    kind: Literal["remove_background"] = "remove_background"
    tolerance: Annotated[int, Field(ge=0, le=255)] = imaging.TOLERANCE
    model: Annotated[str, Field(max_length=512)] = ""
    """The id of a matting model, or "none"; nothing: of a call, the best that is there, and of a task, none."""

    def apply(self, image: imaging.Image, read: Read) -> imaging.Image:
        return imaging.clear_ground(image, self.tolerance)


AnyOperation = Annotated[
    Transform | Filter | Composite | Crop | Resize | RemoveBackground, Field(discriminator="kind")
]


OPERATIONS: Mapping[str, type[Operation]] = {
    "transform": Transform, "filter": Filter, "composite": Composite, "crop": Crop, "resize": Resize,
    "remove_background": RemoveBackground,
}  # fmt: skip
"""Every operation by its kind."""


def perform(operations: tuple[Any, ...], image: imaging.Image, read: Read) -> imaging.Image:
    """All operations in order."""
    for operation in operations:
        image = operation.apply(image, read)
    return image

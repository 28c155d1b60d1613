"""Work on a picture that takes no diffusion: control pictures, upscalers, face restorers, edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from capabilities.operations import AnyOperation, Composite, Operation, Resample, Resize
from capabilities.tasks.base import Extent, Side, Size, Task

WITHOUT_MODEL = frozenset({"canny", "tile"})
"""Control types whose pictures no model is needed for."""


class _Direct(Task):
    """Work on one picture, whose size gives that of the result."""

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


class _Enlarged(_Direct):
    """A picture made larger by a whole number."""

    factor: Literal[2, 4]

    def sized(self, width: int, height: int) -> Size:
        return width * self.factor, height * self.factor


class Preprocess(_Direct):
    """A control picture made from an ordinary one."""

    kind: Literal["preprocess"] = "preprocess"
    type: str
    low: Annotated[int, Field(ge=0, le=255)]
    high: Annotated[int, Field(ge=0, le=255)]
    resolution: Side
    blur: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _has_its_model(self) -> Self:
        if not self.model_id and self.type not in WITHOUT_MODEL:
            raise ValueError(f"control pictures of type '{self.type}' are made by a model")
        return self

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "preprocess"),) if self.model_id else ()

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"control_type": self.type}


class Upscale(_Enlarged):
    """A larger picture from a trained upscaler."""

    kind: Literal["upscale"] = "upscale"
    model_id: Annotated[str, Field(min_length=1)]

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "upscale"),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor}


class FaceRestore(_Direct):
    """A picture whose faces are made clear; 0 leaves them as they are, 1 restores them fully."""

    kind: Literal["face_restore"] = "face_restore"
    model_id: Annotated[str, Field(min_length=1)]
    strength: Annotated[float, Field(ge=0, le=1)]

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "faceRestore"),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


class UpscaleTraditional(_Enlarged):
    """A larger picture by interpolation."""

    kind: Literal["upscale_traditional"] = "upscale_traditional"
    method: Resample

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (Resize(width=self.width, height=self.height, method=self.method),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor, "resampling": self.method}


class Edit(_Direct):
    """A picture changed by operations, one after another."""

    kind: Literal["edit"] = "edit"
    operations: Annotated[tuple[AnyOperation, ...], Field(min_length=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        overlays = (item.overlay for item in self.operations if isinstance(item, Composite))
        return {"image": self.image} | {f"overlay_{place}": ref for place, ref in enumerate(overlays)}

    def sized(self, width: int, height: int) -> Size:
        for operation in self.operations:
            width, height = operation.size(width, height)
        return width, height

    def extents(self, sizes: Mapping[str, Size]) -> Sequence[Extent]:
        inputs = [Extent(role, width, height, is_input=True) for role, (width, height) in sizes.items()]
        made: list[Extent] = []
        width, height = sizes["image"]
        for place, operation in enumerate(self.operations):
            made += (Extent(f"operations[{place}]", *size) for size in operation.sizes(width, height))
            width, height = operation.size(width, height)
        # The last operation's picture is the result.
        return (*inputs, *made[:-1], Extent("result", self.width, self.height))

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"operations": [item.model_dump() for item in self.operations]}

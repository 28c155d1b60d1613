"""`upscaleImg2Img`: a larger picture whose detail is regenerated, tile by tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from capabilities.arguments import spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.methods.initial_image import InitialImage, InitialImageArguments, image_generation
from capabilities.methods.upscalers import filter_or_upscaler
from capabilities.models import Means, usable_model
from capabilities.operations import RESAMPLES
from capabilities.tasks import Side, Size

STRENGTH = 0.3
"""How much of the detail is regenerated where nothing is asked for."""


class UpscaleImg2ImgArguments(InitialImageArguments):
    factor: Annotated[
        float | None,
        Field(ge=1, le=4, description="1 to 4.", validation_alias=spelled("factor", "scale")),
    ] = None
    method: Annotated[
        str | None,
        Field(max_length=512, description="What enlarges first: a resampling filter or an upscaler.",
              validation_alias=spelled("upscale_method", "method")),
    ] = None  # fmt: skip
    tile_size: Annotated[
        int | None,
        Field(ge=64, le=4096, description="Side of a tile, in pixels.", validation_alias=spelled("tile_size", "tile")),
    ] = None  # fmt: skip
    tile_overlap: Annotated[
        int | None,
        Field(ge=0, le=2048, description="Pixels that tiles share.", validation_alias=spelled("tile_overlap")),
    ] = None  # fmt: skip


class UpscaleImg2Img(InitialImage):
    """A larger picture whose detail is regenerated, tile by tile."""

    kind: Literal["upscale_img2img"] = "upscale_img2img"
    method: str
    """A resampling filter, or the id of a trained upscaler: what enlarges before the detail is regenerated."""
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
    def drawings(self) -> int:
        return super().drawings * self.tiles

    @property
    def total_steps(self) -> int:
        return super().total_steps * self.tiles

    @property
    def compute_of_steps(self) -> float:
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


def upscale_img2img(arguments: UpscaleImg2ImgArguments, means: Means) -> UpscaleImg2Img:
    """The complete task. Raises InvalidArgument where tiles would not fit their overlap."""
    model = usable_model(means, arguments.model_id, "upscaleImg2Img")
    method = filter_or_upscaler(arguments.method, means, "method")
    picture = means.pictures["image"]
    factor = 2.0 if arguments.factor is None else arguments.factor
    width, height = round(picture.width * factor), round(picture.height * factor)
    # A model that draws at one size only knows whole pictures: in each tile it would draw another one.
    tile = max(width, height) if model.fixed_size else arguments.tile_size or model.side
    tile = max(model.granularity, tile // model.granularity * model.granularity)
    overlap = tile // 8 if arguments.tile_overlap is None else arguments.tile_overlap
    if overlap > tile // 2:
        raise InvalidArgument(
            f"'tile_overlap' must be at most half of a tile ({tile // 2} px); got {overlap}",
            reason="BAD_ARGUMENT",
            field="tile_overlap",
            limit=f"at most {tile // 2}",
            asked=str(overlap),
        )
    return UpscaleImg2Img(
        **image_generation(arguments, model, means, STRENGTH),
        image=picture.ref,
        width=width,
        height=height,
        method=method,
        tile=tile,
        overlap=overlap,
    )


METHOD = Method(
    capability_type="diffusers.upscale",
    name="upscaleImg2Img",
    label="Upscale with new detail",
    description="Enlarges a picture and regenerates its detail, tile by tile.",
    rpc="UpscaleImg2Img",
    positional=("image", "prompt", "factor"),
    arguments=UpscaleImg2ImgArguments,
    task=UpscaleImg2Img,
    build=upscale_img2img,
)

"""`apply`: pictures from words that follow control pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from capabilities.arguments import ModelId, PictureSource, spelled
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.methods.control_types import ControlType, control_type
from capabilities.methods.declaration import Method
from capabilities.methods.generation import Generation, GenerationArguments, generation
from capabilities.methods.image_to_image import STRENGTH as IMAGE_STRENGTH
from capabilities.methods.inpaint import STRENGTH as MASK_STRENGTH
from capabilities.methods.masked import (
    CropPadding,
    Feather,
    MaskArguments,
    MaskThreshold,
    cropped_compute,
    mask_settings,
    refuse_size,
)
from capabilities.models import Means, ModelFacts, usable_model
from capabilities.tasks import Side, Size, Text

MAX_CONTROLS = 8


def _many(value: object) -> object:
    """One where several may stand is one of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Several = BeforeValidator(_many)


class ApplyArguments(MaskArguments, GenerationArguments):
    """Each list has one entry for every control; one value stands for all."""

    image: Annotated[
        tuple[PictureSource, ...],
        Several,
        Field(description="Control pictures.", validation_alias=spelled("image", "images", "control_image")),
    ]
    prompt: Annotated[Text, Field(description="What the picture shows.", validation_alias=spelled("prompt"))]
    type: Annotated[
        tuple[str, ...],
        Several,
        Field(description="Control types, such as 'canny'.", validation_alias=spelled("type", "types")),
    ]
    strength: Annotated[
        tuple[float, ...],
        Several,
        Field(description="Conditioning scale, 0 to 2.",
              validation_alias=spelled("strength", "conditioning_scale", "controlnet_conditioning_scale")),
    ] = (1.0,)  # fmt: skip
    guidance_start: Annotated[
        tuple[float, ...],
        Several,
        Field(description="Part of the steps at which it starts to act, 0 to 1.",
              validation_alias=spelled("guidance_start", "control_guidance_start")),
    ] = (0.0,)  # fmt: skip
    guidance_end: Annotated[
        tuple[float, ...],
        Several,
        Field(description="Part of the steps at which it stops to act, 0 to 1.",
              validation_alias=spelled("guidance_end", "control_guidance_end")),
    ] = (1.0,)  # fmt: skip
    control_model_id: Annotated[
        tuple[ModelId | None, ...],
        Several,
        Field(description="ControlNet model ids; left out: the one for the type and the model.",
              validation_alias=spelled("control_model_id", "controlnet_id")),
    ] = (None,)  # fmt: skip
    preprocess: Annotated[
        tuple[bool, ...],
        Several,
        Field(description="Run the type's preprocessor on the picture first.",
              validation_alias=spelled("preprocess")),
    ] = (False,)  # fmt: skip

    init_image: Annotated[
        PictureSource | None,
        Field(description="A picture to begin with, or to change a part of.",
              validation_alias=spelled("init_image", "initial_image")),
    ] = None  # fmt: skip
    mask: Annotated[
        PictureSource | None,
        Field(description="White is regenerated, black is kept; with an initial image.",
              validation_alias=spelled("mask", "mask_image")),
    ] = None  # fmt: skip
    denoise_strength: Annotated[
        float | None,
        Field(ge=0, le=1, description="How far to go from the initial image: 0 not at all, 1 ignore it.",
              validation_alias=spelled("denoise_strength", "denoising_strength")),
    ] = None  # fmt: skip

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        own = {"init_image": self.init_image, "mask": self.mask}
        given = {name: item for name, item in own.items() if item is not None}
        return {f"image[{place}]": item for place, item in enumerate(self.image)} | given


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
    image: str = ""
    """What it begins with; nothing: with noise alone."""
    mask: str = ""
    """Of that picture, the part that is regenerated; nothing: all of it."""
    denoise_strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    feather: Feather = 0
    crop_padding: CropPadding = None
    mask_threshold: MaskThreshold = 0
    crop_side: Side | None = None

    @property
    def inputs(self) -> Mapping[str, str]:
        own = {name: ref for name, ref in (("image", self.image), ("mask", self.mask)) if ref}
        return {f"control_{place}": item.image for place, item in enumerate(self.controls)} | own

    @property
    def steps_taken(self) -> int:
        """Steps that are really done for each picture: those before the starting point fall away."""
        return min(self.steps, int(self.steps * self.denoise_strength)) if self.image else self.steps

    @property
    def total_steps(self) -> int:
        return max(1, self.steps_taken) * self.count

    @property
    def compute_of_steps(self) -> float:
        return cropped_compute(self.width, self.height, self.crop_side, self.total_steps)

    def fits(self, sizes: Mapping[str, Size]) -> bool:
        return not self.mask or sizes["image"] == (self.width, self.height)

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
        told = super().facts(seed) | {"controls": [item.model_dump() for item in self.controls]}
        return told | {"strength": self.denoise_strength} if self.image else told


def apply(arguments: ApplyArguments, means: Means) -> Apply:
    """The complete task: a ControlNet for each control, of the model's own family. The first picture gives the size."""
    model = usable_model(means, arguments.model_id, "apply")
    count = len(arguments.image)
    if not 1 <= count <= MAX_CONTROLS:
        raise InvalidArgument(
            f"'image' must hold 1 to {MAX_CONTROLS} control pictures; got {count}",
            reason="BAD_ARGUMENT",
            field="image",
            limit=f"1 to {MAX_CONTROLS}",
            asked=str(count),
        )
    controls = []
    for place in range(count):
        kind = control_type(_of(arguments, "type", place), _path(arguments, "type", place))
        start, end = _of(arguments, "guidance_start", place), _of(arguments, "guidance_end", place)
        strength = _of(arguments, "strength", place)
        _within(_path(arguments, "strength", place), strength, 0, 2)
        _within(_path(arguments, "guidance_start", place), start, 0, 1)
        _within(_path(arguments, "guidance_end", place), end, start, 1)
        if end == start:
            raise InvalidArgument(
                f"'guidance_end' must be above guidance_start, {start:g}; got {end:g}: the control would act on no step",
                reason="BAD_ARGUMENT",
                field=_path(arguments, "guidance_end", place),
                limit=f"above {start:g}",
                asked=f"{end:g}",
            )
        needs_preprocessor = _of(arguments, "preprocess", place)
        preprocessor = ""
        if needs_preprocessor and kind.preprocessor:
            field = _path(arguments, "type", place)
            preprocessor = usable_model(means, kind.preprocessor, "preprocess", field=field).id
        controls.append(
            ControlInput(
                image=means.pictures[f"image[{place}]"].ref,
                type=kind.name,
                model_id=_control_model(arguments, place, kind, model, means),
                strength=strength,
                start=start,
                end=end,
                preprocess=needs_preprocessor,
                preprocessor=preprocessor,
            )
        )
    first = means.pictures.get("init_image", means.pictures["image[0]"])
    values = generation(arguments, model, means)
    values |= {"width": arguments.width or first.width, "height": arguments.height or first.height}
    values |= _beginning(arguments, model, means)
    return Apply(**values, prompt=arguments.prompt, controls=tuple(controls))


def _beginning(arguments: ApplyArguments, model: ModelFacts, means: Means) -> dict[str, Any]:
    """A task's fields for the picture that it begins with. Raises InvalidArgument for what only goes with one."""
    if arguments.init_image is None:
        for name in ("mask", "denoise_strength", *MaskArguments.model_fields):
            if getattr(arguments, name) is not None:
                raise InvalidArgument(
                    f"'{name}' is about the picture to begin with; give it as init_image, or leave {name} out",
                    reason="BAD_ARGUMENT",
                    field=name,
                )
        return {}
    picture = means.pictures["init_image"]
    if arguments.mask is None:
        for name in MaskArguments.model_fields:
            if getattr(arguments, name) is not None:
                raise InvalidArgument(
                    f"'{name}' is about the mask; give one, or leave {name} out",
                    reason="BAD_ARGUMENT",
                    field=name,
                )
        usable_model(means, model.id, "imageToImage")
        strength = IMAGE_STRENGTH
    else:
        usable_model(means, model.id, "inpaint")
        refuse_size(arguments, "with a mask the size of the picture is kept")
        strength = MASK_STRENGTH
    asked = strength if arguments.denoise_strength is None else arguments.denoise_strength
    found: dict[str, Any] = {"image": picture.ref, "denoise_strength": asked}
    if arguments.mask is not None:
        found |= mask_settings(arguments, means.pictures["mask"], picture, model)
    return found


def _of(arguments: ApplyArguments, name: str, place: int) -> Any:
    """The value for one control: its own, or the one that stands for all."""
    values = getattr(arguments, name)
    if len(values) == 1:
        return values[0]
    if len(values) != len(arguments.image):
        raise InvalidArgument(
            f"'{name}' must have one entry, or one for each of the {len(arguments.image)} pictures; got {len(values)}",
            reason="BAD_ARGUMENT",
            field=name,
            limit=f"1 or {len(arguments.image)}",
            asked=str(len(values)),
        )
    return values[place]


def _path(arguments: ApplyArguments, name: str, place: int) -> str:
    """The field that says it for one control."""
    return f"{name}[{place if len(getattr(arguments, name)) > 1 else 0}]"


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InvalidArgument(
            f"'{name}' must be {least:g} to {most:g}; got {value:g}",
            reason="BAD_ARGUMENT",
            field=name,
            limit=f"{least:g} to {most:g}",
            asked=f"{value:g}",
        )


def _control_model(
    arguments: ApplyArguments, place: int, kind: ControlType, base: ModelFacts, means: Means
) -> str:
    """The ControlNet to use. Raises FailedPrecondition where none fits, saying which there are."""
    asked = _of(arguments, "control_model_id", place)
    if asked is not None:
        field = _path(arguments, "control_model_id", place)
        found = usable_model(means, asked, "control", field=field, beside=base.id)
        if found.text_width != base.text_width:
            raise FailedPrecondition(
                f"the ControlNet '{found.id}' is for another family than the model '{base.id}'",
                reason="CONTROL_FAMILY",
                field=field,
                asked=found.id,
            )
        return found.id
    fitting = [
        model
        for model in means.able("control", beside=base.id)
        if model.control in (kind.name, "softedge" if kind.name == "hed" else kind.name)
        and model.text_width == base.text_width
    ]
    if not fitting:
        there = ", ".join(sorted(f"{model.id} ({model.control})" for model in means.able("control")))
        raise FailedPrecondition(
            f"no ControlNet of type '{kind.name}' for the model '{base.id}' here; there are {there or 'none'}. "
            "Put a diffusers ControlNet folder into model_dirs",
            reason="NO_CONTROLNET",
            field=_path(arguments, "type", place),
            limit=there,
            asked=kind.name,
        )
    return fitting[0].id


METHOD = Method(
    capability_type="controlnet.generate",
    name="apply",
    label="Apply ControlNet",
    description="Makes pictures from words that follow one or more control pictures.",
    rpc="Apply",
    positional=("image", "prompt", "type"),
    arguments=ApplyArguments,
    task=Apply,
    build=apply,
    defaults={
        "width": "width",
        "height": "height",
        "num_inference_steps": "steps",
        "guidance_scale": "guidance_scale",
        "strength": "strength",
        "negative_prompt": "negative_prompt",
        "seed": "seed",
    },
)

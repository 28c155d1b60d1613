"""`controlnet.generate`: control pictures, and generation that follows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from capabilities.arguments import (
    GenerationArguments,
    ModelId,
    PictureArguments,
    PictureSource,
    spelled,
)
from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.generate import generation
from capabilities.models import Means, ModelFacts
from capabilities.tasks import Apply, ControlInput, Preprocess, Text

TYPE = "controlnet.generate"
MAX_CONTROLS = 8


@dataclass(frozen=True)
class ControlType:
    """What a control picture shows; `preprocessor` is the model that makes one, empty where none is needed."""

    name: str
    description: str
    preprocessor: str = ""


CONTROL_TYPES: Mapping[str, ControlType] = {
    item.name: item
    for item in (
        ControlType("canny", "Hard edges, white on black."),
        ControlType("depth", "Distance: near is bright.", "midas-depth"),
        ControlType("hed", "Soft edges as a person would draw them.", "hed"),
        ControlType("openpose", "People as stick figures.", "openpose"),
        ControlType("scribble", "A rough sketch.", "hed"),
        ControlType("lineart", "Clean lines of a drawing.", "lineart"),
        ControlType("softedge", "Soft edges; the same as hed.", "hed"),
        ControlType("normal", "Which way surfaces face.", "normalbae"),
        ControlType("tile", "The picture without its fine detail."),
    )
}


def control_type(name: str, field: str = "type") -> ControlType:
    """The type of that name. Raises InvalidArgument with the known ones."""
    found = CONTROL_TYPES.get(name.lower().replace("soft_edge", "softedge"))
    if found is None:
        known = ", ".join(CONTROL_TYPES)
        raise InvalidArgument(
            f"no control type '{name[:40]}'; known are {known}",
            reason="UNKNOWN_CONTROL_TYPE",
            field=field,
            limit=known,
            asked=name[:40],
        )
    return found


def _many(value: object) -> object:
    """One where several may stand is one of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Several = BeforeValidator(_many)


class PreprocessArguments(PictureArguments):
    type: Annotated[
        str,
        Field(max_length=64, description="Control type, such as 'canny'.", validation_alias=spelled("type")),
    ]
    low: Annotated[
        int,
        Field(ge=0, le=255, description="canny: weaker edges than this are dropped.",
              validation_alias=spelled("low", "low_threshold")),
    ] = 100  # fmt: skip
    high: Annotated[
        int,
        Field(ge=0, le=255, description="canny: stronger edges than this are kept.",
              validation_alias=spelled("high", "high_threshold")),
    ] = 200  # fmt: skip
    resolution: Annotated[
        int,
        Field(ge=64, le=4096, description="Side at which a model looks at the picture, in pixels.",
              validation_alias=spelled("resolution", "detect_resolution")),
    ] = 512  # fmt: skip
    blur: Annotated[
        int, Field(ge=1, le=64, description="tile: how many times smaller the detail is that goes.",
                   validation_alias=spelled("blur", "down_sampling_rate"))
    ] = 4  # fmt: skip


class ApplyArguments(GenerationArguments):
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

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {f"image_{place}": item for place, item in enumerate(self.image)}


def preprocess(arguments: PreprocessArguments, means: Means) -> Preprocess:
    """The complete task. Raises InvalidArgument for an unknown type."""
    kind = control_type(arguments.type)
    picture = means.pictures["image"]
    model_id = means.model(kind.preprocessor).id if kind.preprocessor else ""
    return Preprocess(
        model_id=model_id,
        image=picture.ref,
        type=kind.name,
        width=picture.width,
        height=picture.height,
        low=min(arguments.low, arguments.high),
        high=arguments.high,
        resolution=arguments.resolution,
        blur=arguments.blur,
        output=arguments.output,
    )


def apply(arguments: ApplyArguments, means: Means) -> Apply:
    """The complete task: a ControlNet for each control, of the model's own family. The first picture gives the size."""
    model = means.model(arguments.model_id)
    model.require("apply")
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
        kind = control_type(_of(arguments, "type", place))
        start, end = _of(arguments, "guidance_start", place), _of(arguments, "guidance_end", place)
        strength = _of(arguments, "strength", place)
        _within("strength", strength, 0, 2)
        _within("guidanceStart", start, 0, 1)
        _within("guidanceEnd", end, start, 1)
        needs_preprocessor = _of(arguments, "preprocess", place)
        preprocessor = means.model(kind.preprocessor).id if needs_preprocessor and kind.preprocessor else ""
        controls.append(
            ControlInput(
                image=means.pictures[f"image_{place}"].ref,
                type=kind.name,
                model_id=_control_model(_of(arguments, "control_model_id", place), kind, model, means),
                strength=strength,
                start=start,
                end=end,
                preprocess=needs_preprocessor,
                preprocessor=preprocessor,
            )
        )
    first = means.pictures["image_0"]
    values = generation(arguments, model, means)
    values |= {"width": arguments.width or first.width, "height": arguments.height or first.height}
    return Apply(**values, prompt=arguments.prompt, controls=tuple(controls))


def available_types(means: Means) -> dict[str, object]:
    """Every control type: whether its picture can be made here, and whether a ControlNet for it is here."""
    ready = {model.id for model in means.able("preprocess") if model.ready}
    there = {model.control for model in means.able("control")}
    return {
        "types": [
            {
                "name": kind.name,
                "description": kind.description,
                "preprocess": not kind.preprocessor or kind.preprocessor in ready,
                "apply": kind.name in there or (kind.name == "hed" and "softedge" in there),
            }
            for kind in CONTROL_TYPES.values()
        ]
    }


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


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InvalidArgument(
            f"'{name}' must be {least:g} to {most:g}; got {value:g}",
            reason="BAD_ARGUMENT",
            field=name,
            limit=f"{least:g} to {most:g}",
            asked=f"{value:g}",
        )


def _control_model(asked: str | None, kind: ControlType, base: ModelFacts, means: Means) -> str:
    """The ControlNet to use. Raises FailedPrecondition where none fits, saying which there are."""
    if asked is not None:
        found = means.model(asked)
        found.require("control")
        if found.text_width != base.text_width:
            raise FailedPrecondition(
                f"the ControlNet '{found.id}' is for another family than the model '{base.id}'",
                reason="CONTROL_FAMILY",
                field="controlModelId",
                asked=found.id,
            )
        return found.id
    fitting = [
        model
        for model in means.able("control")
        if model.control in (kind.name, "softedge" if kind.name == "hed" else kind.name)
        and model.text_width == base.text_width
    ]
    if not fitting:
        there = ", ".join(sorted(f"{model.id} ({model.control})" for model in means.able("control")))
        raise FailedPrecondition(
            f"no ControlNet of type '{kind.name}' for the model '{base.id}' here; there are {there or 'none'}. "
            "Put a diffusers ControlNet folder into model_dirs",
            reason="NO_CONTROLNET",
            field="type",
            limit=there,
            asked=kind.name,
        )
    return fitting[0].id

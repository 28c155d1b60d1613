"""What a caller may pass to each method, in camelCase or snake_case, before defaults are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from capabilities.errors import InvalidArgument, brief
from capabilities.schedulers import canonical
from capabilities.spelling import nearest
from capabilities.tasks import MAX_SEED, Background, Format, Output, Text, encodable

MAX_ARGUMENTS = 100
"""No method has half as many."""

ModelId = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(encodable)]


def _entity_to_id(value: object) -> object:
    """A script may pass an image entity itself."""
    if isinstance(value, Mapping) and isinstance(value.get("id"), int):
        return value["id"]
    return value


def _picture(value: bytes | str | int) -> bytes | str | int:
    if isinstance(value, bool) or (isinstance(value, int) and not 0 < value < 2**63):
        raise ValueError("is no entity id")
    if isinstance(value, str) and value.startswith("sha256:") and not _REF.fullmatch(value):
        raise ValueError("is not a picture reference; one is 'sha256:' and 64 hexadecimal digits")
    return value


_REF = re.compile(r"sha256:[0-9a-f]{64}")

PictureSource = Annotated[bytes | str | int, AfterValidator(_picture), BeforeValidator(_entity_to_id)]
"""A picture: a file's bytes, base64 or a data URL of them, 'sha256:...' of a stored one, or an image entity('s id)."""


def spelled(name: str, *others: str) -> AliasChoices:
    """The spellings of an argument: snake_case, camelCase, and the names other programs use."""
    return AliasChoices(
        to_camel(name), name, *(form for other in others for form in (to_camel(other), other))
    )


class Arguments(BaseModel):
    """Base of every method's arguments: strict types, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        """The pictures among the arguments, by the argument's name."""
        return {}

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Arguments from a mapping. Raises InvalidArgument that names the first field at fault and its limit."""
        if len(values) > MAX_ARGUMENTS:
            # Each unknown one would be looked at, and only the first be told.
            raise InvalidArgument(
                f"at most {MAX_ARGUMENTS} arguments; got {len(values)}",
                reason="TOO_MANY_ARGUMENTS",
                field="arguments",
                limit=f"{MAX_ARGUMENTS} arguments",
                asked=f"{len(values)} arguments",
            )
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _refusal(cls, error) from None


class OutputArguments(Arguments):
    """How the result is encoded."""

    format: Annotated[
        Format | None,
        Field(description="Encoding of the result.", validation_alias=spelled("format")),
    ] = None
    quality: Annotated[
        int | None,
        Field(ge=1, le=100, description="Quality of lossy encodings.", validation_alias=spelled("quality")),
    ] = None

    @property
    def output(self) -> Output:
        return Output(format=self.format or "png", quality=self.quality or 90)


class Lora(BaseModel):
    """A LoRA by its model id, and how strongly it acts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: ModelId
    weight: Annotated[float, Field(ge=-4, le=4, allow_inf_nan=False)] = 1.0


class GenerationArguments(OutputArguments):
    """Settings of a diffusion run; what is left out takes the model's own default."""

    model_id: Annotated[
        ModelId | None,
        Field(description="Model id; left out: the capability's default, else the server's.",
              validation_alias=spelled("model_id", "model")),
    ] = None  # fmt: skip
    width: Annotated[
        int | None, Field(ge=1, le=16_384, description="Width in pixels.", validation_alias=spelled("width"))
    ] = None
    height: Annotated[
        int | None,
        Field(ge=1, le=16_384, description="Height in pixels.", validation_alias=spelled("height")),
    ] = None
    steps: Annotated[
        int | None,
        Field(ge=1, le=1000, description="Denoising steps.",
              validation_alias=spelled("num_inference_steps", "steps")),
    ] = None  # fmt: skip
    guidance_scale: Annotated[
        float | None,
        Field(ge=0, le=100, allow_inf_nan=False, description="Classifier-free guidance; 1 or less turns it off.",
              validation_alias=spelled("guidance_scale", "cfg_scale")),
    ] = None  # fmt: skip
    negative_prompt: Annotated[
        Text, Field(description="What not to show.", validation_alias=spelled("negative_prompt"))
    ] = ""
    seed: Annotated[
        int | None,
        Field(ge=0, le=MAX_SEED, description="Seed of the first picture; left out: drawn, and told in the answer.",
              validation_alias=spelled("seed")),
    ] = None  # fmt: skip
    count: Annotated[
        int | None,
        Field(ge=1, le=64, description="How many pictures; picture k has seed + k.",
              validation_alias=spelled("count", "num_images")),
    ] = None  # fmt: skip
    scheduler: Annotated[
        str | None,
        Field(max_length=64, description="Scheduler, such as 'dpm++ 2m'; left out: the model's own.",
              validation_alias=spelled("scheduler", "sampler")),
    ] = None  # fmt: skip
    prompt_2: Annotated[
        Text,
        Field(
            description="Second prompt, for models with two text encoders.",
            validation_alias=spelled("prompt_2", "prompt2"),
        ),
    ] = ""
    negative_prompt_2: Annotated[
        Text,
        Field(
            description="Second negative prompt.",
            validation_alias=spelled("negative_prompt_2", "negativePrompt2"),
        ),
    ] = ""
    loras: Annotated[
        tuple[Lora, ...],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        Field(max_length=16, description="LoRAs as {id, weight}.", validation_alias=spelled("loras")),
    ] = ()
    clip_skip: Annotated[
        int | None,
        Field(ge=0, le=12, description="Layers of the text encoder to leave out at its end.",
              validation_alias=spelled("clip_skip")),
    ] = None  # fmt: skip
    vae: Annotated[
        ModelId | None,
        Field(description="Another autoencoder, by model id.", validation_alias=spelled("vae")),
    ] = None
    tiling: Annotated[
        bool, Field(description="Make the picture tile seamlessly.", validation_alias=spelled("tiling"))
    ] = False
    background: Annotated[
        Background | None,
        Field(description="'transparent' clears the plain ground that icons are drawn on.",
              validation_alias=spelled("background")),
    ] = None  # fmt: skip

    @property
    def canonical_scheduler(self) -> str:
        return canonical(self.scheduler) if self.scheduler else "default"


class HiresFix(BaseModel):
    """A second pass at a larger size."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    scale: Annotated[float, Field(gt=1, le=4, allow_inf_nan=False)] = 2.0
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5
    upscaler: Annotated[str | None, Field(max_length=512)] = None


def _scale_alone(value: object) -> object:
    return {"scale": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class TextToImageArguments(GenerationArguments):
    prompt: Annotated[Text, Field(description="What the picture shows.", validation_alias=spelled("prompt"))]
    hires_fix: Annotated[
        HiresFix | None,
        BeforeValidator(_scale_alone),
        Field(description="Draw at width x height, enlarge, refine: {scale, strength, upscaler} or the scale alone.",
              validation_alias=spelled("hires_fix", "hires")),
    ] = None  # fmt: skip


class PictureArguments(OutputArguments):
    """A method that begins with one picture."""

    image: Annotated[
        PictureSource, Field(description="The picture.", validation_alias=spelled("image", "init_image"))
    ]

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image}


_TYPES = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "bool_type": "true or false", "finite_number": "a finite number",
}  # fmt: skip


def _refusal(cls: type[Arguments], error: ValidationError) -> InvalidArgument:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "arguments"
    kind, context = first["type"], first.get("ctx", {})
    asked = brief(first["input"]) if first["loc"] and kind != "missing" else ""
    if kind == "extra_forbidden":
        known = [
            spelling for info in cls.model_fields.values() for spelling in spellings(info.validation_alias)
        ]
        near = nearest(name, known)
        hint = f"did you mean '{near}'?" if near else f"known are {', '.join(_first_spellings(cls))}"
        return InvalidArgument(
            f"unknown option '{brief(name, 40)}'; {hint}",
            reason="UNKNOWN_ARGUMENT",
            field=brief(name, 40),
            asked=asked,
        )
    if kind == "missing":
        return InvalidArgument(f"'{name}' is required", reason="MISSING_ARGUMENT", field=name)
    limit = ""
    if kind in ("bytes_type", "bytes_invalid_encoding"):
        problem = "must be a picture: base64, a data URL, 'sha256:...' or an image entity"
    elif kind in _TYPES:
        problem = f"must be {_TYPES[kind]}"
    elif "ge" in context or "le" in context:
        limit = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        problem = f"must be {limit}"
    elif kind == "string_too_long":
        limit = f"at most {context['max_length']} characters"
        problem, asked = f"must have {limit}", f"{len(first['input'])} characters"
    elif kind == "literal_error":
        limit = str(context["expected"])
        problem = f"must be one of {limit}"
    elif kind == "value_error":
        problem = str(context["error"])
    else:
        problem = first["msg"][:1].lower() + first["msg"][1:]
    return InvalidArgument(
        f"'{name}' {problem}" + (f"; got {asked}" if asked else ""),
        reason="BAD_ARGUMENT", field=name, limit=limit, asked=asked,
    )  # fmt: skip


def spellings(alias: object) -> list[str]:
    """Every accepted spelling of a field, the preferred first."""
    assert isinstance(alias, AliasChoices)
    return list(dict.fromkeys(str(choice) for choice in alias.choices))


def field_names(cls: type[Arguments]) -> list[str]:
    """Its arguments in the order in which people want to read them: how the result is encoded comes last."""
    last = OutputArguments.model_fields
    return [name for name in cls.model_fields if name not in last] + [
        name for name in last if name in cls.model_fields
    ]


def _first_spellings(cls: type[Arguments]) -> list[str]:
    return [spellings(cls.model_fields[name].validation_alias)[0] for name in field_names(cls)]

"""Each in-world method, declared once: from here come Invoke, the typed calls, DescribeMethods and the docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from capabilities import control, edit, generate, repaint, strict_json, upscale
from capabilities.arguments import Arguments, TextToImageArguments, field_names
from capabilities.errors import InvalidArgument, NotFound, brief
from capabilities.models import Means
from capabilities.operations import Transform
from capabilities.signature import Parameter, json_type, parameter
from capabilities.spelling import LONGEST, nearest
from capabilities.tasks import Edit, Task


@dataclass(frozen=True)
class Method:
    """A method of a capability type. `positional` names the arguments that come before the options object."""

    capability_type: str
    name: str
    label: str
    description: str
    rpc: str
    positional: tuple[str, ...]
    arguments: type[Arguments]
    build: Callable[[Any, Means], Task] | None = None
    answer: Callable[[Means], dict[str, object]] | None = None
    """Set for a method that only tells something, and so becomes no job."""

    def from_script(self, values: Sequence[object]) -> Arguments:
        """Arguments as a script passes them: positional ones, then an options object.

        Raises InvalidArgument that names what is missing, unknown or out of range.
        """
        if len(values) > len(self.positional) + 1:
            raise InvalidArgument(
                f"{self.name} takes {self.signature}; got {len(values)} arguments",
                reason="TOO_MANY_ARGUMENTS",
                field="arguments",
                limit=f"{len(self.positional) + 1} arguments",
                asked=f"{len(values)} arguments",
            )
        given: dict[str, object] = {}
        options = values[len(self.positional)] if len(values) > len(self.positional) else None
        if options is None and values and isinstance(values[-1], Mapping):
            # Optional arguments may be left out before the options; an object where a picture belongs is an entity.
            place = len(values) - 1
            if place and not (place < len(self.positional) and self._takes_object(self.positional[place])):
                *values, options = values
        for name, value in zip(self.positional, values, strict=False):
            if value is not None:
                given[to_camel(name)] = value
        if options is not None:
            if not isinstance(options, Mapping):
                raise InvalidArgument(
                    f"the last argument of {self.name} must be an options object; got {brief(options)}",
                    reason="BAD_ARGUMENT",
                    field="options",
                    limit="an object",
                    asked=brief(options),
                )
            given.update({key: value for key, value in options.items() if value is not None})
        return self.arguments.read(given)

    def _takes_object(self, name: str) -> bool:
        return json_type(self.arguments.model_fields[name].annotation)[0] in ("image", "object")

    @property
    def signature(self) -> str:
        return f"({', '.join([*(to_camel(name) for name in self.positional), 'options'])})"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        fields = self.arguments.model_fields
        others = (name for name in field_names(self.arguments) if name not in self.positional)
        ordered = [*self.positional, *others]
        return tuple(parameter(fields[name], name in self.positional) for name in ordered)


METHODS: tuple[Method, ...] = (
    Method(
        capability_type=generate.TYPE,
        name="textToImage",
        label="Text to image",
        description="Makes pictures from words.",
        rpc="TextToImage",
        positional=("prompt",),
        arguments=TextToImageArguments,
        build=generate.text_to_image,
    ),
    Method(
        capability_type=generate.TYPE,
        name="imageToImage",
        label="Image to image",
        description="Draws a picture anew from words.",
        rpc="ImageToImage",
        positional=("image", "prompt", "strength"),
        arguments=repaint.ImageToImageArguments,
        build=repaint.image_to_image,
    ),
    Method(
        capability_type=control.TYPE,
        name="getAvailableTypes",
        label="Control types",
        description="Tells which control types can be made and applied here.",
        rpc="ControlTypes",
        positional=(),
        arguments=Arguments,
        answer=control.available_types,
    ),
    Method(
        capability_type=control.TYPE,
        name="preprocess",
        label="Preprocess",
        description="Makes a control picture from an ordinary one.",
        rpc="Preprocess",
        positional=("image", "type"),
        arguments=control.PreprocessArguments,
        build=control.preprocess,
    ),
    Method(
        capability_type=control.TYPE,
        name="apply",
        label="Apply ControlNet",
        description="Makes pictures from words that follow one or more control pictures.",
        rpc="Apply",
        positional=("image", "prompt", "type"),
        arguments=control.ApplyArguments,
        build=control.apply,
    ),
    Method(
        capability_type=repaint.TYPE,
        name="inpaint",
        label="Inpaint",
        description="Draws the white part of a mask anew and keeps the rest.",
        rpc="Inpaint",
        positional=("image", "mask", "prompt"),
        arguments=repaint.InpaintArguments,
        build=repaint.inpaint,
    ),
    Method(
        capability_type=repaint.TYPE,
        name="outpaint",
        label="Outpaint",
        description="Continues a picture beyond its edges.",
        rpc="Outpaint",
        positional=("image", "direction", "pixels", "prompt"),
        arguments=repaint.OutpaintArguments,
        build=repaint.outpaint,
    ),
    Method(
        capability_type=upscale.TYPE,
        name="upscale",
        label="Upscale",
        description="Enlarges a picture with a trained upscaler.",
        rpc="Upscale",
        positional=("image", "model_id", "factor"),
        arguments=upscale.UpscaleArguments,
        build=upscale.upscale,
    ),
    Method(
        capability_type=upscale.TYPE,
        name="upscaleImg2Img",
        label="Upscale with new detail",
        description="Enlarges a picture and draws its detail anew, tile by tile.",
        rpc="UpscaleImg2Img",
        positional=("image", "prompt", "factor"),
        arguments=upscale.UpscaleImg2ImgArguments,
        build=upscale.upscale_img2img,
    ),
    Method(
        capability_type=upscale.TYPE,
        name="upscaleTraditional",
        label="Upscale (interpolation)",
        description="Enlarges a picture by interpolation, with no model.",
        rpc="UpscaleTraditional",
        positional=("image", "method", "factor"),
        arguments=upscale.UpscaleTraditionalArguments,
        build=upscale.upscale_traditional,
    ),
    Method(
        capability_type=upscale.TYPE,
        name="faceRestore",
        label="Restore faces",
        description="Makes the faces of a picture clear.",
        rpc="FaceRestore",
        positional=("image", "strength"),
        arguments=upscale.FaceRestoreArguments,
        build=upscale.face_restore,
    ),
    Method(
        capability_type=edit.TYPE,
        name="transform",
        label="Transform",
        description="Rotates a picture clockwise, then scales it.",
        rpc="Edit",
        positional=("image", "rotation", "scale"),
        arguments=edit.TransformArguments,
        build=edit.transform,
    ),
    Method(
        capability_type=edit.TYPE,
        name="filter",
        label="Filter",
        description="Blurs, sharpens or turns grey.",
        rpc="Edit",
        positional=("image", "name"),
        arguments=edit.FilterArguments,
        build=edit.filter_image,
    ),
    Method(
        capability_type=edit.TYPE,
        name="composite",
        label="Composite",
        description="Lays a picture on top of another.",
        rpc="Edit",
        positional=("image", "overlay", "x", "y"),
        arguments=edit.CompositeArguments,
        build=edit.composite,
    ),
    Method(
        capability_type=edit.TYPE,
        name="crop",
        label="Crop",
        description="Cuts out a part.",
        rpc="Edit",
        positional=("image", "x", "y", "width", "height"),
        arguments=edit.CropArguments,
        build=edit.crop,
    ),
    Method(
        capability_type=edit.TYPE,
        name="resize",
        label="Resize",
        description="Brings a picture to another size.",
        rpc="Edit",
        positional=("image", "width", "height"),
        arguments=edit.ResizeArguments,
        build=edit.resize,
    ),
    Method(
        capability_type=edit.TYPE,
        name="convert",
        label="Convert",
        description="Encodes a picture in another format.",
        rpc="Edit",
        positional=("image", "format"),
        arguments=edit.ConvertArguments,
        build=edit.convert,
    ),
    Method(
        capability_type=edit.TYPE,
        name="removeBackground",
        label="Remove background",
        description="Makes the plain ground around a subject transparent.",
        rpc="Edit",
        positional=("image",),
        arguments=edit.RemoveBackgroundArguments,
        build=edit.remove_background,
    ),
)

EDIT = Method(
    capability_type=edit.TYPE,
    name="edit",
    label="Edit",
    description="Changes a picture by several operations, in order.",
    rpc="Edit",
    positional=(),
    arguments=edit.EditArguments,
    build=edit.edit,
)
"""What the typed call does; a script calls the operations one by one."""

TYPES: frozenset[str] = frozenset(method.capability_type for method in METHODS) | {
    "controlnet.generate", "diffusers.inpaint", "diffusers.upscale", "image.edit",
}  # fmt: skip
"""Capability types whose parameters this project defines."""


def find(name: str) -> Method:
    """The method of that name, in camelCase or snake_case. Raises NotFound with the nearest name."""
    wanted = to_camel(name) if "_" in name and len(name) <= LONGEST else name
    for method in METHODS:
        if method.name == wanted:
            return method
    names = [method.name for method in METHODS]
    near = nearest(wanted, names)
    hint = f"did you mean '{near}'?" if near else f"this server has {', '.join(names)}"
    raise NotFound(
        f"no method '{brief(name, 40)}' here; {hint}",
        reason="UNKNOWN_METHOD",
        field="method",
        asked=brief(name, 40),
    )


def require_task(method: Method, task: Task) -> None:
    """Raises InvalidArgument where a task is not what a method makes."""
    if isinstance(task, Edit):
        single = task.operations[0] if len(task.operations) == 1 else None
        made = single is not None and (
            to_camel(single.kind) == method.name or (method.name == "convert" and single == Transform())
        )
        fits = method.capability_type == edit.TYPE and (method == EDIT or made)
    else:
        fits = to_camel(task.kind) == method.name
    if not fits:
        raise InvalidArgument(
            f"the method '{method.name}' does not do a task of the kind '{task.kind}'",
            reason="WRONG_METHOD",
            field="method",
            limit=task.kind,
            asked=method.name,
        )


def arguments_from_json(text: str) -> list[object]:
    """The JSON array of a call. Raises InvalidArgument where it is none, or holds what no task can."""
    strict_json.require_few_values(text, field="arguments_json")
    values = _from_json(text or "[]", "arguments_json", "the arguments must be a JSON array")
    if not isinstance(values, list):
        raise InvalidArgument(
            f'the arguments must be a JSON array, such as ["a rusty sword", {{"seed": 7}}]; got {brief(text)}',
            reason="BAD_JSON",
            field="arguments_json",
            asked=brief(text),
        )
    return values


def options_from_json(text: str) -> dict[str, object]:
    """The JSON object of a call's options. Raises InvalidArgument where it is none, or holds what no task can."""
    value = _from_json(text, "options_json", "'options_json' must be a JSON object")
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"'options_json' must be a JSON object; got {brief(text)}",
            reason="BAD_JSON",
            field="options_json",
            asked=brief(text),
        )
    return value


def _from_json(text: str, field: str, what: str) -> object:
    try:
        return strict_json.loads(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{what}: {brief(str(error))}", reason="BAD_JSON", field=field, asked=brief(text)
        ) from None

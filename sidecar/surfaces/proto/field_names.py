"""Canonical paths of fields, such as `loras[0].weight`, as paths in the messages of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from capabilities.field_paths import Step, join, split
from sidecar.pb.viwo.imagegen.v1 import image_pb2

_OPTIONS = image_pb2.GenerationOptions.DESCRIPTOR
_IN_OUTPUT: Mapping[str, Sequence[Step]] = {
    "format": ("output", "format"),
    "quality": ("output", "quality"),
    "background_color": ("output", "background_color"),
    "save": ("output", "save"),
    "name": ("output", "save", "name"),
    "description": ("output", "save", "description"),
    "room": ("output", "save", "room_id"),
    "room_id": ("output", "save", "room_id"),
    "canvas": ("output", "save", "canvas_id"),
    "canvas_id": ("output", "save", "canvas_id"),
    "reference": ("output", "references_only"),
    "priority": ("output", "job", "priority"),
    "timeout": ("output", "job", "timeout"),
    "reuse": ("output", "job", "reuse"),
}
"""Options of saving, of the answer and of the job, and how the result is encoded."""
_OWN_NAMES: Mapping[str, Mapping[str, str]] = {
    "UpscaleRequest": {"model_id": "model"},
    "FaceRestoreRequest": {"model_id": "model"},
    "UpscaleImg2ImgRequest": {"strength": "denoise_strength", "method": "upscale_method"},
}
"""Fields that a message calls otherwise than the method does."""
_OF_CONTROL = {
    "image": "image",
    "type": "type",
    "strength": "strength",
    "guidance_start": "guidance_start",
    "guidance_end": "guidance_end",
    "control_model_id": "model_id",
    "preprocess": "preprocess",
}
"""Arguments of `apply` that are lists, as fields of a control."""


def path_in(descriptor: Any, field: str) -> str:
    """The path of a field in a request of this type; what is no field of a request, such as a limit, stays as it is."""
    steps = split(field)
    if not steps or not isinstance(steps[0], str):
        return field
    first, others = steps[0], steps[1:]
    if descriptor.name == "ApplyRequest":
        # A picture among several is named by its place: image_1.
        name, _, place = first.rpartition("_")
        if name == "image" and place.isdecimal():
            return join(["controls", int(place), "image", *others])
        if first in _OF_CONTROL:
            place_of_control = others[0] if others and isinstance(others[0], int) else None
            where: list[Step] = ["controls"] if place_of_control is None else ["controls", place_of_control]
            return join([*where, _OF_CONTROL[first]])
    if descriptor.name == "SaveImageRequest":
        if first == "save" and others:
            first, others = str(others[0]), others[1:]
        in_output = _IN_OUTPUT.get(first, ())
        return join(["options", *in_output[2:], *others]) if in_output[:2] == ("output", "save") else field
    first = _OWN_NAMES.get(descriptor.name, {}).get(first, first)
    if descriptor.name == "OutpaintRequest" and first == "direction":
        return join(others) if others else field
    if descriptor.name == "EditRequest" and first == "operations" and others[1:] == ["filter", "name"]:
        return join([first, others[0], "filter", "kind"])
    if first == "save" and others and others[0] in _IN_OUTPUT and "output" in descriptor.fields_by_name:
        # As the world names them.
        return join([*_IN_OUTPUT[str(others[0])], *others[1:]])
    if first in descriptor.fields_by_name:
        return join([first, *others])
    if first in _OPTIONS.fields_by_name and "options" in descriptor.fields_by_name:
        return join(["options", first, *others])
    if first in _IN_OUTPUT and "output" in descriptor.fields_by_name:
        return join([*_IN_OUTPUT[first], *others])
    return field

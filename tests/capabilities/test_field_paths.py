"""Refusals name the field at fault by its whole path, in the spelling of the surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import AliasChoices

from capabilities import field_paths, methods
from capabilities.call_options import (
    CallOptionArguments,
    CallOptions,
    JobOptions,
    Placement,
    Reuse,
    require_job_options,
)
from capabilities.errors import InvalidArgument, NotFound, Refusal
from capabilities.methods.edit import EditArguments
from capabilities.models import ModelFacts, Picture

PICTURE = "sha256:" + "0" * 64
EVERYTHING = frozenset(
    {"textToImage", "imageToImage", "apply", "inpaint", "outpaint", "upscaleImg2Img", "lora", "control"}
)


@dataclass(frozen=True)
class Models:
    """One model that can do everything but be an autoencoder; pictures of 64 x 64 pixels."""

    roles: tuple[str, ...] = ("image",)
    pictures: Mapping[str, Picture] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pictures", {role: Picture(PICTURE, 64, 64) for role in self.roles})

    def model(self, asked: str | None, *, beside: str = "") -> ModelFacts:
        if asked == "gone":
            raise NotFound("no model 'gone'", field="model_id")
        return ModelFacts(asked or "one", 1, 0, 64, 64, methods=EVERYTHING, control="canny")

    def able(self, method: str, *, beside: str = "") -> list[ModelFacts]:
        return [self.model(None)]


def refused(method: str, *values: object, means: Models | None = None) -> Refusal:
    """What a script is told, of its arguments or of the task that they would be."""
    found = methods.find(method)
    assert found.build is not None
    try:
        call = found.from_script(values)
    except InvalidArgument as refusal:
        return refusal
    with pytest.raises(Refusal) as caught:
        found.build(call.arguments, means or Models())
    return caught.value.spelled(call.spelled)


NESTED: list[tuple[str, list[Any], str, str]] = [
    ("textToImage", ["a", {"loras": [{"id": "x"}, {"id": "x", "weight": 9}]}], "loras[1].weight", "at most 4; got 9"),
    ("textToImage", ["a", {"loras": [{"weight": 1}]}], "loras[0].id", "required"),
    ("textToImage", ["a", {"loras": [{"id": 3}]}], "loras[0].id", "must be text"),
    ("textToImage", ["a", {"loras": [{"id": "x", "wieght": 1}]}], "loras[0].wieght", "did you mean 'weight'?"),
    ("textToImage", ["a", {"loras": [{"id": "x", "zzz": 1}]}], "loras[0].zzz", "known are id, weight"),
    ("textToImage", ["a", {"loras": ["x"]}], "loras[0]", "must be"),
    ("textToImage", ["a", {"loras": "x"}], "loras", "must be a list"),
    ("textToImage", ["a", {"loras": [{"id": "x"}] * 17}], "loras", "at most 16 entries; got 17 entries"),
    ("textToImage", ["a", {"hiresFix": {"scale": 9}}], "hiresFix.scale", "at most 4; got 9"),
    ("textToImage", ["a", {"hires_fix": {"scale": 1}}], "hires_fix.scale", "more than 1; got 1"),
    ("textToImage", ["a", {"hires": 9}], "hires", "at most 4; got 9"),
    ("textToImage", ["a", {"hiresFix": {"strenght": 1}}], "hiresFix.strenght", "did you mean 'strength'?"),
    ("textToImage", ["a", {"hiresFix": {"strength": "x"}}], "hiresFix.strength", "must be a number"),
    ("outpaint", [PICTURE, {"left": -1}, None, "a"], "direction.left", "at least 0; got -1"),
    ("outpaint", [PICTURE, {"left": 1.5}, None, "a"], "direction.left", "must be a whole number"),
    ("outpaint", [PICTURE, {"rigth": 1}, None, "a"], "direction.rigth", "did you mean 'right'?"),
    ("outpaint", [PICTURE, None, None, "a", {"sides": {"top": 99_999}}], "sides.top", "at most 16384"),
    ("outpaint", [PICTURE, "sideways", 8, "a"], "direction", "must be one of"),
    ("apply", [PICTURE, "a", ["canny", 3]], "type[1]", "must be text"),
    ("apply", [PICTURE, "a", 3], "type", "must be text"),
    ("apply", [[PICTURE, "sha256:x"], "a", "canny"], "image[1]", "is not a picture reference"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "values", "path", "words"), NESTED)
def test_nested_mistakes_name_the_nested_field(method: str, values: list[Any], path: str, words: str) -> None:
    refusal = refused(method, *values)
    assert refusal.field == path
    assert f"'{path}'" in refusal.message
    assert words in refusal.message


BUILT: list[tuple[str, list[Any], str]] = [
    ("apply", [[PICTURE] * 2, "a", "canny", {"strength": [1, 3]}], "strength[1]"),
    ("apply", [[PICTURE] * 2, "a", "canny", {"conditioningScale": [1, 3]}], "conditioningScale[1]"),
    ("apply", [[PICTURE] * 2, "a", "canny", {"strength": 3}], "strength"),
    ("apply", [[PICTURE] * 2, "a", "canny", {"guidanceStart": [0, 2]}], "guidanceStart[1]"),
    ("apply", [[PICTURE] * 2, "a", "canny", {"guidanceStart": 0.5, "guidance_end": [1, 0.2]}], "guidance_end[1]"),
    ("apply", [[PICTURE] * 2, "a", ["canny", "cany"]], "type[1]"),
    ("apply", [[PICTURE] * 2, "a", ["canny"] * 3], "type"),
    ("apply", [[PICTURE] * 2, "a", "canny", {"controlModelId": ["x", "gone"]}], "controlModelId[1]"),
    ("apply", [[PICTURE] * 9, "a", "canny"], "image"),
    ("textToImage", ["a", {"loras": [{"id": "x"}, {"id": "gone"}]}], "loras[1].id"),
    ("textToImage", ["a", {"vae": "x"}], "vae"),
    ("textToImage", ["embedding:x"], "prompt"),
    ("textToImage", ["a", {"model": "gone"}], "model"),
    ("textToImage", ["a", {"hiresFix": {"scale": 2, "upscaler": "fast"}}], "hiresFix.upscaler"),
    ("upscaleImg2Img", [PICTURE, "a", {"tile": 64, "tileOverlap": 60}], "tileOverlap"),
    ("outpaint", [PICTURE, {"left": 0}, None, "a"], "direction"),
    ("inpaint", [PICTURE, PICTURE, "a", {"width": 64}], "width"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "values", "path"), BUILT)
def test_a_task_that_cannot_be_names_the_field_too(method: str, values: list[Any], path: str) -> None:
    roles = tuple(f"image[{place}]" for place in range(9)) if method == "apply" else ("image", "mask")
    refusal = refused(method, *values, means=Models(roles))
    assert refusal.field == path


@pytest.mark.parametrize(
    ("operation", "path", "words"),
    [
        ({"kind": "crop", "width": 0, "height": 1}, "operations[1].crop.width", "at least 1; got 0"),
        ({"kind": "crop", "height": 1}, "operations[1].crop.width", "required"),
        ({"kind": "crop", "width": 1, "height": 1, "witdh": 2}, "operations[1].crop.witdh", "mean 'width'?"),
        ({"kind": "filter", "name": "blurr"}, "operations[1].filter.name", "must be one of"),
        (
            {"kind": "remove_background", "tolerance": "x"},
            "operations[1].remove_background.tolerance",
            "input",
        ),
    ],
)
def test_operations_name_their_place_and_kind(operation: dict[str, Any], path: str, words: str) -> None:
    arguments = EditArguments.read({"image": PICTURE, "operations": ({"kind": "transform"}, operation)})
    assert methods.EDIT.build is not None
    with pytest.raises(InvalidArgument) as caught:
        methods.EDIT.build(arguments, Models())
    assert caught.value.field == path
    assert words in caught.value.message


def test_what_is_read_without_a_script_is_named_in_snake_case() -> None:
    arguments = methods.find("textToImage").arguments
    for values, path in (
        ({"prompt": "a", "hires_fix": {"scale": 9}}, "hires_fix.scale"),
        ({"prompt": "a", "cfgScale": -1}, "guidance_scale"),
        ({"prompt": "a", "loras": [{"id": "x", "weight": 9}]}, "loras[0].weight"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            arguments.read(values)
        assert caught.value.field == path


def test_paths_are_split_as_they_are_joined() -> None:
    for path in ("prompt", "loras[0].weight", "operations[12].crop.width", "image[3]"):
        assert field_paths.join(field_paths.split(path)) == path


def test_a_field_of_somewhere_else_keeps_its_name() -> None:
    call = methods.find("textToImage").from_script(["a"])
    refusal = InvalidArgument("'max_width' is 64", field="max_width")
    assert refusal.spelled(call.spelled).field == "max_width"
    assert call.spelled("guidance_scale") == "guidanceScale"
    assert call.spelled("loras[0].weight") == "loras[0].weight"
    assert call.spelled("") == ""


def test_options_of_the_call_are_taken_from_the_methods_own() -> None:
    call = methods.find("filter").from_script(
        [PICTURE, "blur", {"save": True, "name": "mist", "room": {"id": 7}, "reference": True, "priority": 2.0,
                           "timeout": 60, "reuse": False, "sigma": 2, "canvas": None}]
    )  # fmt: skip
    assert call.arguments == methods.find("filter").arguments.read(
        {"image": PICTURE, "filter": "blur", "sigma": 2}
    )
    assert call.options == CallOptions(
        Placement("mist", "", 7), references_only=True, job=JobOptions(2, 60, Reuse.NEVER)
    )
    assert methods.find("textToImage").from_script(["a"]).options == CallOptions()


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"name": "x"}, "name", "add save: true"),
        ({"room": 3, "save": False}, "room", "add save: true"),
        ({"save": 1}, "save", "must be true or false"),
        ({"save": True, "name": 3}, "name", "must be text"),
        ({"save": True, "name": "x" * 257}, "name", "at most 256 characters; got 257"),
        ({"save": True, "name": "\ud800"}, "name", "unicode"),
        ({"save": True, "room": "x"}, "room", "must be an entity or its id"),
        ({"save": True, "canvas": 0}, "canvas", "must be an entity or its id"),
        ({"priority": 11}, "priority", "at most 10; got 11"),
        ({"priority": 1.5}, "priority", "whole number"),
        ({"timeout": 0}, "timeout", "more than 0; got 0"),
        ({"timeout": float("inf")}, "timeout", "finite"),
        ({"timeout": 1e9}, "timeout", "at most 2592000"),
        ({"reuse": "yes"}, "reuse", "must be true or false"),
        ({"reference": []}, "reference", "must be true or false"),
    ],
)
def test_mistakes_in_the_options_of_the_call(options: dict[str, Any], path: str, words: str) -> None:
    refusal = refused("textToImage", "a", options)
    assert refusal.field == path
    assert words in refusal.message


def test_job_options_from_elsewhere_keep_to_the_same_limits() -> None:
    require_job_options(JobOptions(-10, 1.5))
    for options, path in ((JobOptions(11), "priority"), (JobOptions(0, 0.0), "timeout")):
        with pytest.raises(InvalidArgument) as caught:
            require_job_options(options)
        assert caught.value.field == path


@pytest.mark.parametrize("method", methods.METHODS, ids=lambda method: method.name)
def test_every_spelling_that_is_accepted_is_described(method: methods.Method) -> None:
    described = [word for item in method.all_parameters for word in (item.name, *item.aliases)]
    assert len(described) == len(set(described)), "one spelling, one meaning"
    assert all(item.description for item in method.all_parameters)
    assert all(part.description for item in method.all_parameters for part in item.members)
    accepted = [info.validation_alias for info in method.arguments.model_fields.values()]
    if method.makes_pictures:
        accepted += [info.validation_alias for info in CallOptionArguments.model_fields.values()]
    spelled = {word for alias in accepted if isinstance(alias, AliasChoices) for word in alias.choices}
    assert set(described) == spelled
    makes = {item.group for item in method.all_parameters} == {"", "saving", "answer", "job"}
    assert makes == method.makes_pictures


def test_members_and_limits_are_described() -> None:
    described = {item.name: item for item in methods.find("textToImage").all_parameters}
    assert [part.name for part in described["loras"].members] == ["id", "weight"]
    assert (described["loras"].type, described["loras"].max_length) == ("array", 16)
    scale = described["hiresFix"].members[0]
    assert (scale.exclusive_minimum, scale.minimum, scale.maximum) == (1, None, 4)
    sides = {item.name: item for item in methods.find("outpaint").all_parameters}["direction"]
    assert [part.name for part in sides.members] == ["left", "right", "top", "bottom"]
    assert "vertical" in sides.enum

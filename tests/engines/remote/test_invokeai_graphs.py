"""Graphs for InvokeAI as data: every node and edge is judged as the server judges it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sidecar.engines.invokeai.drawn_graphs import graph, pictures
from sidecar.engines.invokeai.families import FAMILIES
from sidecar.engines.invokeai.graph import Graph
from sidecar.engines.invokeai.inventory import Stock, control_type
from sidecar.engines.invokeai.models import Model, models
from sidecar.engines.invokeai.node_types import NodeTypes
from sidecar.engines.invokeai.session_queue import Item, explained
from sidecar.engines.remote.connector import ControlPart, Drawing, LoraPart
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.testing.foreign.invokeai_graph import judge, openapi
from sidecar.testing.foreign.invokeai_values import record, records

FAMILY_MODELS = ("tiny-sd15", "tiny-sd2", "tiny-sdxl", "tiny-sd3", "tiny-flux")
TEXT = Drawing(
    "text",
    "tiny-sd15",
    64,
    96,
    seed=5,
    prompt="a red apple",
    negative_prompt="blue",
    steps=4,
    guidance_scale=6.5,
    scheduler="euler_a",
)


def listed(*more: dict[str, object]) -> list[Model]:
    sd2 = record("tiny-sd2", "sd-2", "main")
    return models({"models": [*records().values(), sd2, *more]})


def stock(*more: dict[str, object]) -> Stock:
    return Stock.of(listed(*more), NodeTypes.of(openapi()))


def made(wanted: Drawing, having: Stock | None = None) -> Graph:
    """A graph that the server accepts."""
    names = {picture: f"{place}.png" for place, picture in enumerate(pictures(wanted))}
    result = graph(wanted, having or stock(), names)
    told = json.loads(json.dumps(result.told()))
    judge(told)
    inputs = {(edge["destination"]["node_id"], edge["destination"]["field"]) for edge in result.edges}
    reached = {end["node_id"] for edge in result.edges for end in edge.values()}
    assert reached == set(result.nodes) or len(result.nodes) == 1
    # Nothing is said twice.
    assert not [(id, name) for id, name in inputs if name in result.nodes[id]]
    return result


def edges(result: Graph) -> set[str]:
    return {
        f"{edge['source']['node_id']}.{edge['source']['field']} "
        f"{edge['destination']['node_id']}.{edge['destination']['field']}"
        for edge in result.edges
    }


def refused(wanted: Drawing, having: Stock | None = None) -> RemoteFailure:
    with pytest.raises(RemoteFailure) as caught:
        made(wanted, having)
    assert caught.value.was_refused
    return caught.value


def control(model: str, type: str = "canny", **more: Any) -> ControlPart:
    values = {"picture": b"control", "strength": 0.5, "start": 0.1, "end": 0.9, "preprocess": False, **more}
    return ControlPart(model=model, type=type, **values)


def test_a_text_to_image_graph_of_stable_diffusion() -> None:
    result = made(TEXT)
    assert edges(result) == {
        "model.clip positive.clip",
        "model.clip negative.clip",
        "model.unet denoise.unet",
        "positive.conditioning denoise.positive_conditioning",
        "negative.conditioning denoise.negative_conditioning",
        "noise.noise denoise.noise",
        "denoise.latents output.latents",
        "model.vae output.vae",
    }
    nodes = result.nodes
    assert nodes["model"]["model"] == {
        name: value
        for name, value in next(one for one in records().values() if one["name"] == "tiny-sd15").items()
        if name in ("key", "hash", "name", "base", "type")
    }
    assert (nodes["noise"]["seed"], nodes["noise"]["width"], nodes["noise"]["height"]) == (5, 64, 96)
    assert nodes["denoise"].items() >= {"steps": 4, "cfg_scale": 6.5, "scheduler": "euler_a"}.items()
    assert [id for id, node in nodes.items() if node["use_cache"]] == ["model", "positive", "negative"]
    assert all(node["is_intermediate"] for node in nodes.values())


@pytest.mark.parametrize("model", FAMILY_MODELS)
@pytest.mark.parametrize("kind", ["text", "image", "masked"])
def test_each_family_draws_each_kind(model: str, kind: Any) -> None:
    wanted = replace(TEXT, kind=kind, model=model, width=64, height=96, scheduler="", strength=0.75)
    if kind != "text":
        wanted = replace(wanted, image=b"image", mask=b"mask" if kind == "masked" else b"")
    result = made(wanted)
    denoiser = result.nodes["denoise"]
    assert denoiser.get("denoising_start", 0) == (0 if kind == "text" else 0.25)
    assert ("mask.denoise_mask denoise.denoise_mask" in edges(result)) == (kind == "masked")
    assert ("initial.latents denoise.latents" in edges(result)) == (kind != "text")
    assert 5 in (denoiser.get("seed"), result.nodes.get("noise", {}).get("seed"))
    assert (result.output, result.measured) == ("output", "denoise")


def test_what_is_to_be_drawn_is_black_in_its_mask() -> None:
    result = made(replace(TEXT, kind="masked", image=b"image", mask=b"mask"))
    assert (
        result.nodes["inverted"].items() >= {"image": {"image_name": "1.png"}, "min": 255, "max": 0}.items()
    )
    assert "image" not in result.nodes["mask"]
    special = {**record("painter", "sd-1", "main"), "variant": "inpaint"}
    wanted = replace(TEXT, kind="masked", model="painter", image=b"image", mask=b"mask")
    assert made(wanted, stock(special)).nodes["mask"]["image"] == {"image_name": "0.png"}


@pytest.mark.parametrize(
    ("model", "loras", "chain"),
    [
        ("tiny-sd15", ("tiny-lora", "tiny-style"), ("unet", "clip")),
        ("tiny-sdxl", ("tiny-sdxl-lora",), ("unet", "clip", "clip2")),
        ("tiny-flux", ("tiny-flux-lora",), ("transformer", "clip", "t5_encoder")),
    ],
)
def test_loras_follow_one_another(model: str, loras: tuple[str, ...], chain: tuple[str, ...]) -> None:
    parts = tuple(LoraPart(name, 0.5) for name in loras)
    result = made(replace(TEXT, model=model, scheduler="", loras=parts))
    joined = edges(result)
    assert {f"model.{name} lora_0.{name}" for name in chain} <= joined
    last = f"lora_{len(loras) - 1}"
    assert f"{last}.{chain[0]} denoise.{chain[0]}" in joined
    assert f"{last}.clip positive.clip" in joined
    assert [result.nodes[f"lora_{place}"]["lora"]["name"] for place in range(len(loras))] == list(loras)


def test_parts_of_stable_diffusion() -> None:
    wanted = replace(
        TEXT,
        prompt='a house, embedding:"far:tiny-inversion"',
        embeddings={"far:tiny-inversion": "tiny-inversion"},
        vae="tiny-vae",
        clip_skip=1,
        tiling=True,
        loras=(LoraPart("tiny-lora", 1.0),),
    )
    result = made(wanted)
    assert result.nodes["positive"]["prompt"] == "a house, <tiny-inversion>"
    assert result.nodes["clip_skip"]["skipped_layers"] == 1
    assert {
        "vae.vae seamless.vae",
        "lora_0.unet seamless.unet",
        "lora_0.clip clip_skip.clip",
        "clip_skip.clip positive.clip",
        "seamless.unet denoise.unet",
        "seamless.vae output.vae",
    } <= edges(result)


def test_a_prompt_calls_no_textual_inversion_by_itself() -> None:
    nodes = made(replace(TEXT, prompt="a <tiny-inversion>, 1 < 2 > 0", negative_prompt="<<a b>>")).nodes
    assert (nodes["positive"]["prompt"], nodes["negative"]["prompt"]) == (
        "a tiny-inversion, 1  2  0",
        "a b",
    )


def test_the_second_prompt_and_the_size_go_to_the_second_encoder() -> None:
    wanted = replace(TEXT, model="tiny-sdxl", prompt_2="in oil", negative_prompt_2="flat")
    nodes = made(wanted).nodes
    assert (nodes["positive"]["style"], nodes["negative"]["style"]) == ("in oil", "flat")
    assert (nodes["positive"]["original_width"], nodes["positive"]["target_height"]) == (64, 96)


def test_flux_takes_its_encoders_from_other_records() -> None:
    loader = made(replace(TEXT, model="tiny-flux", scheduler="heun")).nodes["model"]
    found = {name: loader[name]["name"] for name in loader if name.endswith("_model")}
    assert found == {
        "t5_encoder_model": "t5-base",
        "clip_embed_model": "clip-vit-large-patch14",
        "vae_model": "tiny-flux-vae",
    }


def test_controls_are_collected() -> None:
    parts = (control("tiny-canny", preprocess=True), control("tiny-depth", "depth", picture=b"another"))
    result = made(replace(TEXT, controls=parts))
    assert {
        "detected_0.image control_0.image",
        "control_0.control controls.item",
        "control_1.control controls.item",
        "controls.collection denoise.control",
    } <= edges(result)
    assert result.nodes["control_1"]["image"] == {"image_name": "1.png"}
    told = {"control_weight": 0.5, "begin_step_percent": 0.1, "end_step_percent": 0.9}
    assert result.nodes["control_0"].items() >= told.items()


def test_controls_of_flux_take_its_autoencoder() -> None:
    having = stock(record("flux-canny", "flux", "controlnet"))
    result = made(replace(TEXT, model="tiny-flux", scheduler="", controls=(control("flux-canny"),)), having)
    assert result.nodes["control_0"]["type"] == "flux_controlnet"
    assert "model.vae denoise.controlnet_vae" in edges(result)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"loras": (LoraPart("tiny-sdxl-lora", 1.0),)}, "loras", "Stable Diffusion XL"),
        ({"controls": (control("tiny-sdxl-canny"),)}, "type", "Stable Diffusion XL"),
        ({"vae": "tiny-flux-vae"}, "vae", "Flux"),
        (
            {
                "model": "tiny-sdxl",
                "prompt": "embedding:tiny-inversion",
                "embeddings": {"tiny-inversion": "tiny-inversion"},
            },
            "prompt",
            "Stable Diffusion 1",
        ),
        ({"controls": (control("tiny-depth", "depth", preprocess=True),)}, "preprocess", "depth"),
        ({"kind": "faces"}, "model_id", "InvokeAI"),
    ],
)
def test_what_does_not_go_together_is_refused(change: dict[str, Any], field: str, words: str) -> None:
    failure = refused(replace(TEXT, **change))
    assert (failure.kind, failure.field) == (FailureKind.BAD_REQUEST, field)
    assert words in failure.message


def test_a_model_that_is_gone_is_missing() -> None:
    failure = refused(replace(TEXT, loras=(LoraPart("gone", 1.0),)))
    assert (failure.kind, failure.field, failure.asked) == (FailureKind.MODEL_MISSING, "loras", "gone")


def test_enlarging() -> None:
    wanted = Drawing("upscale", "tiny-x4", 0, 0, image=b"image", factor=2)
    (node,) = made(wanted).nodes.values()
    assert node.items() >= {"type": "spandrel_image_to_image_autoscale", "scale": 2.0}.items()
    result = made(replace(wanted, model="RealESRGAN_x4plus.pth"))
    assert result.nodes["enlarge"]["model_name"] == "RealESRGAN_x4plus.pth"
    assert result.nodes["output"]["scale_factor"] == 0.5


def test_models_of_one_name_are_told_apart() -> None:
    again = record("tiny-sd15", "sdxl", "lora")
    third = {**again, "key": "another-key"}
    names = [name for name in stock(again, third).models if name.startswith("tiny-sd15")]
    assert sorted(names) == [
        "tiny-sd15",
        "tiny-sd15 (sdxl lora)",
        f"tiny-sd15 {max('another-key', str(again['key']))}",
    ]
    assert stock(again).models["tiny-sd15"].type == "main"


def test_records_that_nodes_cannot_take_stay_out() -> None:
    lacking = [{"name": "no key"}, "text", {**record("no hash", "sd-1", "main"), "hash": None}]
    assert models({"models": lacking}) == []
    assert models(["models"]) == []


def test_a_control_net_says_its_type_in_its_name_or_its_settings() -> None:
    (named,) = models({"models": [record("control_v11p_sd15_lineart", "sd-1", "controlnet")]})
    assert control_type(named) == "lineart"
    told = {
        **record("mine", "sd-1", "controlnet"),
        "default_settings": {"preprocessor": "normalbae_image_processor"},
    }
    assert control_type(models({"models": [told]})[0]) == "normal"


def test_every_family_is_drawn_by_the_nodes_there_are() -> None:
    nodes = NodeTypes.of(openapi())
    assert all(family.is_drawn_by(nodes) for family in FAMILIES.values())
    answers: list[object] = [
        {},
        {"components": []},
        {"components": {"schemas": {"a": {"class": "invocation"}}}},
    ]
    for told in answers:
        with pytest.raises(RemoteFailure, match="no InvokeAI"):
            NodeTypes.of(told)


@pytest.mark.parametrize(
    ("type", "words", "kind"),
    [
        ("OutOfMemoryError", "CUDA out of memory", FailureKind.SERVER_ERROR),
        ("UnknownModelException", "Unknown model: 1", FailureKind.MODEL_MISSING),
        ("ValueError", "'latents' or 'noise' must be provided!", FailureKind.BAD_REQUEST),
        ("", "", FailureKind.SERVER_ERROR),
        ("Exception", "Unknown model 1", FailureKind.MODEL_MISSING),
    ],
)
def test_a_failed_item_says_why(type: str, words: str, kind: FailureKind) -> None:
    failure = Item(1, "batch", "failed", error_type=type, error_message=words).failure
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message


def test_no_traceback_is_passed_on() -> None:
    words = 'Traceback (most recent call last):\n  File "a.py", line 1\nConnectionError: no route to models\n'
    failure = Item(1, "batch", "failed", error_type="Exception", error_message=words).failure
    assert failure is not None
    assert failure.message == "the drawing failed (Exception): ConnectionError: no route to models"


def test_results_are_found_by_the_nodes_that_were_sent() -> None:
    image = {"type": "image_output", "image": {"image_name": "a.png"}}
    results = {"x1": {"type": "noise_output"}, "x2": image, "x3": {**image, "image": {"image_name": "b.png"}}}
    item = Item(1, "b", "completed", results=results, prepared={"output": ["x2"], "noise": ["x1"]})
    assert (item.image("output"), item.images) == ("a.png", ["a.png"])
    wrong: list[object] = [[], ["x2", "x3"], [["x2"]], "x2", ["x4"], None]
    for ids in wrong:
        assert replace(item, prepared={"output": ids}).image("output") == ""


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (["body", "batch", "graph", "nodes", "denoise", "denoise_latents", "scheduler"], "scheduler"),
        (["body", "batch", "graph", "nodes", "noise", "noise", "width"], "width"),
        (["body", "batch", "graph", "nodes", "lora_0", "lora_loader", "lora", "hash"], "loras"),
        (["body", "batch", "graph", "edges"], ""),
        (None, ""),
    ],
)
def test_a_refused_graph_names_the_field_of_the_task(where: object, field: str) -> None:
    answer = json.dumps({"detail": [{"loc": where, "msg": "no"}]}).encode()
    failure = RemoteFailure(FailureKind.BAD_REQUEST, "no", status=422, answer=answer)
    assert explained(failure).field == field

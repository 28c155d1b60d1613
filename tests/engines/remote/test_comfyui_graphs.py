"""Graphs for a ComfyUI, along the edges that its nodes have, and what it says of nodes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from sidecar.engines.comfyui import drawn_graphs, families
from sidecar.engines.comfyui.failures import failed, refused
from sidecar.engines.comfyui.families import FAMILIES, ModelFile
from sidecar.engines.comfyui.graph import LABEL, Graph, edges, prefix
from sidecar.engines.comfyui.node_classes import NodeClass, NodeClasses
from sidecar.engines.remote.connector import ControlPart, Drawing, LoraPart
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.testing.foreign.comfyui_graph import Judge
from sidecar.testing.foreign.comfyui_values import NODES
from sidecar.testing.foreign.drawing import decoded, digest

WIDTH, HEIGHT = 96, 64
MODEL = "tiny-sd15.safetensors"


def png(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return file.getvalue()


def picture(level: int = 90) -> bytes:
    return png(Image.new("RGB", (WIDTH, HEIGHT), (level, 120, 200)))


def mask() -> bytes:
    shape = Image.new("L", (WIDTH, HEIGHT))
    shape.paste(255, (32, 16, 64, 48))
    return png(shape)


def control(type: str, *, preprocess: bool = False, level: int = 40) -> ControlPart:
    return ControlPart(picture(level), f"tiny-{type}.safetensors", type, 0.8, 0.1, 0.9, preprocess)


def drawing(kind: Any = "text", **changed: Any) -> Drawing:
    common: dict[str, Any] = {
        "prompt": "a red apple",
        "seed": 5,
        "steps": 4,
        "guidance_scale": 7.0,
        "job_id": "1",
    }
    if kind in ("image", "masked"):
        common |= {"image": picture(), "strength": 0.5}
    if kind == "masked":
        common["mask"] = mask()
    return Drawing(kind, **{"model": MODEL, "width": WIDTH, "height": HEIGHT, **common, **changed})


# Graphs


def fake_nodes() -> NodeClasses:
    return NodeClasses.of({name: node.told() for name, node in NODES.items()})


@pytest.fixture(scope="module")
def classes() -> NodeClasses:
    """The fake's nodes, and one that it has not."""
    found = fake_nodes()
    texts = {"text_g": ["STRING", {}], "text_l": ["STRING", {}]}
    sides = {
        f"{of}{side}": ["INT", {"min": 0, "max": 16384}]
        for of in ("", "target_")
        for side in ("width", "height")
    }
    crops = {name: ["INT", {"min": 0, "max": 16384}] for name in ("crop_w", "crop_h")}
    inputs = {"required": {"clip": ["CLIP"], **texts, **sides, **crops}}
    found |= NodeClasses.of({"CLIPTextEncodeSDXL": {"input": inputs, "output": ["CONDITIONING"]}})
    return found


ENCODERS = {
    "sd1": ("clip_l.safetensors",),
    "sdxl": ("clip_l.safetensors", "clip_g.safetensors"),
    "sd3": ("clip_l.safetensors", "clip_g.safetensors", "t5xxl_fp8_e4m3fn.safetensors"),
    "flux": ("clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"),
}


def checkpoint(family: str, name: str = "") -> ModelFile:
    return ModelFile("checkpoints", name or "tiny-sd15.safetensors", FAMILIES[family])


def split(family: str) -> ModelFile:
    name = "tiny-flux-unet.safetensors"
    return ModelFile("diffusion_models", name, FAMILIES[family], ENCODERS[family], "ae.safetensors")


FILES = [checkpoint(family) for family in FAMILIES] + [split(family) for family in ENCODERS]
DRAWINGS = {
    "text": drawing(),
    "image": drawing("image"),
    "masked": drawing("masked"),
    "whole": drawing("masked", strength=1.0),
    "controls": drawing(
        controls=(control("canny", preprocess=True), control("tile", preprocess=True, level=41))
    ),
    "steered": drawing("masked", controls=(control("depth"),)),
    "parts": drawing(
        loras=(LoraPart("tiny-lora.safetensors", 0.5), LoraPart("tiny-style.safetensors", -1.0)),
        vae="tiny-vae.safetensors",
        clip_skip=2,
        negative_prompt="blur",
        scheduler="dpmpp_2m|karras",
    ),
    "two prompts": drawing(prompt_2="on a table", negative_prompt_2="noise"),
}


def graph_of(wanted: Drawing, file: ModelFile, classes: NodeClasses) -> Graph:
    uploads = {each: f"viwo-imagegen/{digest(decoded(each))}.png" for each in drawn_graphs.pictures(wanted)}
    return drawn_graphs.generation(wanted, file, lambda name, _: ModelFile("", name), uploads, classes)


def require_sound(nodes: dict[str, Any], classes: NodeClasses) -> None:
    """Every edge fits what it connects, every value what it is written into, and nothing is missing."""
    for id, node in nodes.items():
        given, kind = node["inputs"], classes[node["class_type"]]
        coming = dict(edges(node))
        for name, spec in kind.inputs.items():
            if name not in given:
                assert not spec.is_required, f"{id} lacks {name}"
            elif name in coming:
                source, slot = coming[name]
                assert classes[nodes[source]["class_type"]].outputs[slot] == spec.type, f"{id}.{name}"
            elif not name.endswith("_prefix"):
                assert spec.fault(given[name]) == "", f"{id}.{name}"
        assert set(given) <= {*kind.inputs, LABEL}, id


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.family.name}-{file.folder}")
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_graph_follows_the_edges_that_the_nodes_have(
    classes: NodeClasses, file: ModelFile, name: str
) -> None:
    if name == "two prompts" and not (file.family and file.family.prompts):
        return
    graph = graph_of(DRAWINGS[name], file, classes)
    nodes = graph.labeled("an-id")
    require_sound(nodes, classes)
    if "CLIPTextEncodeSDXL" not in {node["class_type"] for node in nodes.values()}:
        verdict = Judge(nodes, lambda _: True).verdict()
        assert verdict.error is None, verdict
        assert verdict.outputs == [graph.output]
    assert nodes[graph.output]["inputs"]["filename_prefix"] == prefix("an-id")
    assert all(id in nodes and name in nodes[id]["inputs"] for id, name in graph.fields)


def test_a_graph_says_the_task_in_the_nodes_words(classes: NodeClasses) -> None:
    nodes = graph_of(DRAWINGS["parts"], checkpoint("sd1"), classes).nodes
    sampler = nodes["sampler"]["inputs"]
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("dpmpp_2m", "karras")
    assert (sampler["seed"], sampler["steps"], sampler["cfg"], sampler["denoise"]) == (5, 4, 7.0, 1.0)
    assert nodes["lora_1"]["inputs"]["model"] == ["lora_0", 0]
    assert nodes["last_layer"]["inputs"]["stop_at_clip_layer"] == -3
    assert nodes["decoded"]["inputs"]["vae"] == ["vae", 0]
    assert nodes["negative"]["inputs"]["text"] == "blur"


def test_half_the_way_from_a_picture_takes_half_the_steps(classes: NodeClasses) -> None:
    sampler = graph_of(drawing("image", steps=20), checkpoint("sd1"), classes).nodes["sampler"]["inputs"]
    assert (sampler["steps"], sampler["denoise"]) == (10, 0.5)


def test_flux_is_told_its_guidance_and_draws_without_a_second_pass(classes: NodeClasses) -> None:
    nodes = graph_of(drawing(guidance_scale=3.0), split("flux"), classes).nodes
    assert nodes["guidance"]["inputs"]["guidance"] == 3.0
    assert nodes["sampler"]["inputs"]["cfg"] == 1.0
    assert nodes["negative"]["class_type"] == "ConditioningZeroOut"


def test_a_model_for_inpainting_is_told_the_mask(classes: NodeClasses) -> None:
    file = checkpoint("sd1", "sd15-inpainting.safetensors")
    nodes = graph_of(drawing("masked"), file, classes).nodes
    assert nodes["sampler"]["inputs"]["latent_image"] == ["inpainting", 2]
    assert nodes["mask"]["inputs"]["channel"] == "red"


def test_a_textual_inversion_is_a_word_of_its_own(classes: NodeClasses) -> None:
    wanted = drawing(
        prompt='a cat, embedding:"far:my style", sitting', embeddings={"far:my style": "style-v2"}
    )
    text = graph_of(wanted, checkpoint("sd1"), classes).nodes["positive"]["inputs"]["text"]
    assert text == "a cat,  embedding:style-v2 , sitting"


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("a cat, embedding: evil", "a cat, embedding : evil"),
        ("a cat, embedding:", "a cat, embedding :"),
        ("a cat, EMBEDDING:evil", "a cat, EMBEDDING :evil"),
        ("a cat, embedding:\tevil", "a cat, embedding :\tevil"),
        ("a cat, embedding:+evil", "a cat, embedding :+evil"),
        ('embedding:"" embedding:mine embedding: evil', 'embedding :""  embedding:mine  embedding : evil'),
    ],
)
def test_a_textual_inversion_that_the_task_does_not_name_is_not_loaded(
    classes: NodeClasses, prompt: str, sent: str
) -> None:
    wanted = drawing(prompt=prompt, negative_prompt=prompt)
    nodes = graph_of(wanted, checkpoint("sd1"), classes).nodes
    assert [nodes[id]["inputs"]["text"] for id in ("positive", "negative")] == [sent, sent]


def test_a_control_picture_that_it_cannot_make_is_refused(classes: NodeClasses) -> None:
    wanted = drawing(controls=(control("depth", preprocess=True),))
    with pytest.raises(RemoteFailure, match="depth") as refusal:
        graph_of(wanted, checkpoint("sd1"), classes)
    assert refusal.value.field == "preprocess[0]"


def test_the_same_graph_of_two_prompts_is_not_answered_from_the_cache(classes: NodeClasses) -> None:
    graph = graph_of(drawing(), checkpoint("sd1"), classes)
    one, other = graph.labeled("one"), graph.labeled("other")
    assert one["sampler"] != other["sampler"]
    assert {id for id in one if one[id] != other[id]} == {"sampler", "save"}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("v1-5-pruned-emaonly.safetensors", "sd1"),
        ("v2-1_768-ema-pruned.safetensors", "sd2"),
        ("sd_xl_base_1.0.safetensors", "sdxl"),
        ("ponyDiffusionV6XL.safetensors", "sdxl"),
        ("sd3.5_large.safetensors", "sd3"),
        ("flux1-dev-fp8.safetensors", "flux"),
        ("dreamshaper_8.safetensors", None),
    ],
)
def test_a_name_tells_the_family(name: str, family: str | None) -> None:
    assert families.named_by(name) == (FAMILIES[family] if family else None)


def test_metadata_tell_more_than_a_name() -> None:
    assert families.told_by({"modelspec.architecture": "stable-diffusion-xl-v1-base"}) == FAMILIES["sdxl"]
    assert families.told_by({"ss_base_model_version": "sd_v1"}) == FAMILIES["sd1"]
    assert families.told_by({"format": "pt"}) is None
    assert families.told_by(["flux"]) is None
    assert families.is_of_another("wan2.1_t2v_14B.safetensors")
    assert families.is_of_another("flux2-dev.safetensors")


def test_what_a_server_says_of_its_nodes_may_be_anything() -> None:
    told = {
        "A": 5,
        "B": {"input": [], "output": "x"},
        "C": {"input": {"required": {"a": [], "b": 3, "c": [["x", 2]]}}},
    }
    found = NodeClasses.of(told)
    assert found["B"] == NodeClass("B")
    assert found["C"].choices("c") == ("x",)
    assert NodeClasses.of(["nothing"]) == {}


# Errors of nodes


ERRORS = {
    "model": {
        "class_type": "CheckpointLoaderSimple",
        "dependent_outputs": ["save"],
        "errors": [
            {
                "type": "value_not_in_list",
                "message": "Value not in list",
                "details": "ckpt_name: 'gone.safetensors' not in []",
                "extra_info": {"input_name": "ckpt_name", "received_value": "gone.safetensors"},
            }
        ],
    }
}


def test_an_error_of_a_node_is_one_of_the_tasks_fields(classes: NodeClasses) -> None:
    graph = graph_of(drawing(), checkpoint("sd1"), classes)
    body = json.dumps({"error": {"type": "x", "message": "y"}, "node_errors": ERRORS}).encode()
    answer = RemoteFailure(FailureKind.BAD_REQUEST, "answers 400", status=400, answer=body)
    failure = refused(answer, graph)
    assert (failure.kind, failure.field) == (FailureKind.MODEL_MISSING, "model_id")
    assert failure.asked == "gone.safetensors"
    assert "CheckpointLoaderSimple" in failure.message


@pytest.mark.parametrize("errors", [[], {"a": 5}, {"a": {"errors": 5}}, {"a": {"errors": [5]}}, "text"])
def test_errors_that_say_nothing_are_failures_all_the_same(errors: object) -> None:
    assert failed(errors, Graph()).kind is FailureKind.BAD_REQUEST

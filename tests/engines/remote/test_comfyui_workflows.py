"""An operator's own ComfyUI workflows as models: how their inputs are typed, checked and filled in."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.engines.comfyui.workflow_files import read_workflows
from sidecar.engines.remote.connector import Drawing
from sidecar.pb.viwo.imagegen.v1 import model_pb2
from sidecar.testing.foreign.drawing import shows
from sidecar.testing.foreign.kinds import KINDS, Far, far
from tests.engines.remote.test_comfyui_graphs import fake_nodes
from tests.engines.remote.test_scenarios import (
    HEIGHT,
    INPAINT,
    WIDTH,
    asked,
    hole,
    picture,
    pixels,
    refusal,
    text,
)

COMFYUI = next(kind for kind in KINDS if kind.name == "comfyui")

ICONS: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny-sdxl.safetensors"}},
    "2": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "a thing", "clip": ["1", 1]},
        "_meta": {"title": "Positive"},
    },
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
    "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 96, "height": 64, "batch_size": 1}},
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0], "seed": 1,
            "steps": 8, "cfg": 5.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
        },
    },
    "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
    "7": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}},
    "8": {"class_type": "LoadImage", "inputs": {"image": "left over.png"}},
    "9": {"class_type": "ImageInvert", "inputs": {"image": ["8", 0]}},
}  # fmt: skip
ICONS_INPUTS = """
description = "icons in the house style"

[inputs]
prompt = "Positive.text"
negative_prompt = "3.text"
steps = "5.steps"
guidance_scale = "5.cfg"
width = "4.width"
height = "4.height"
"""

FIXED: dict[str, Any] = {id: ICONS[id] for id in "1234567"}
FIXED_INPUTS = """
[inputs]
prompt = ["2.text", "3.text"]

[defaults]
width = 96
height = 64
"""

MASKED: dict[str, Any] = {
    **{id: ICONS[id] for id in "123"},
    "10": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "11": {"class_type": "LoadImageMask", "inputs": {"image": "example.png", "channel": "alpha"}},
    "12": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["1", 2]}},
    "13": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["12", 0], "mask": ["11", 0]}},
    "5": {**ICONS["5"], "inputs": {**ICONS["5"]["inputs"], "latent_image": ["13", 0]}},
    "6": ICONS["6"],
    "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "mine"}},
}
MASKED_INPUTS = """
[inputs]
prompt = "2.text"
steps = "5.steps"
strength = "5.denoise"
image = "10.image"
mask = "11.image"
"""


def write(folder: Path, name: str, nodes: object, inputs: str) -> None:
    (folder / f"{name}.json").write_text(json.dumps(nodes))
    (folder / f"{name}.toml").write_text(inputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workflows")
    write(folder, "icons", ICONS, ICONS_INPUTS)
    write(folder, "fixed", FIXED, FIXED_INPUTS)
    write(folder, "masked", MASKED, MASKED_INPUTS)
    write(folder, "broken", {**ICONS, "6": {"class_type": "Nope"}}, ICONS_INPUTS)
    return folder


@pytest.fixture(scope="module")
async def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Far]:
    models = [{"name": "workflow/fixed", "compute_per_image": 0.5}]
    place = tmp_path_factory.mktemp("comfyui")
    async with far(COMFYUI, place, models=models, workflows=folder) as running:
        yield running


async def drawn(server: Far, name: str, prompt: str, **options: object) -> dict[str, Any]:
    model = f"far:workflow/{name}"
    return await asked(server, "textToImage", prompt, {"model": model, "seed": 5, "reuse": False, **options})


async def test_a_workflow_is_a_model(server: Far) -> None:
    made = await drawn(server, "icons", "a red apple", negativePrompt="noise", steps=4, width=128)
    assert shows(pixels(made), prompt="a red apple", negative="noise", seed=5, model="tiny-sdxl.safetensors")
    last = (await server.drawn())[-1]
    assert (last["steps"], last["guidance"], last["width"], last["height"]) == (4, 5.5, 128, 64)
    sent = [each for each in (await server.fake.state())["requests"] if each["path"] == "/prompt"][-1]["body"]
    assert set(sent["prompt"]) == set("1234567")
    assert sent["prompt"]["7"]["class_type"] == "SaveImage"


async def test_it_is_listed_with_what_it_is_for(server: Far) -> None:
    listed = {
        each.id: each for each in (await server.sidecar.models.List(model_pb2.ListModelsRequest())).models
    }
    icons = listed["far:workflow/icons"]
    assert icons.description == "icons in the house style"
    assert (icons.defaults.steps, icons.defaults.width, icons.defaults.height) == (8, 96, 64)
    assert set(listed["far:workflow/masked"].methods) == {"inpaint", "outpaint"}
    problems = await server.sidecar.models.List(model_pb2.ListModelsRequest())
    assert any("Nope" in problem.reason for problem in problems.problems)


async def test_every_picture_has_a_seed_of_its_own_where_none_is_named(server: Far) -> None:
    made = await drawn(server, "icons", "two", count=2)
    assert shows(pixels(made), seed=5)
    assert shows(pixels(made, 1), seed=6)


async def test_one_without_steps_counts_by_the_picture(server: Far) -> None:
    made = await drawn(server, "fixed", "twice the same words")
    assert shows(pixels(made), prompt="twice the same words", negative="twice the same words")
    assert (await server.drawn())[-1]["steps"] == 8
    other = refusal(await drawn(server, "fixed", "larger", width=128))
    assert (other["code"], other["field"]) == ("FAILED_PRECONDITION", "width")
    other = refusal(await drawn(server, "fixed", "longer", steps=30))
    assert (other["code"], other["field"]) == ("FAILED_PRECONDITION", "steps")


async def test_one_with_a_mask_fills_in(server: Far) -> None:
    options = {"model": "far:workflow/masked", "steps": 8, "strength": 0.5, "seed": 5}
    made = await asked(server, "inpaint", text(picture()), text(hole()), "a hole", options, kind=INPAINT)
    assert pixels(made).shape == (HEIGHT, WIDTH, 3)
    last = (await server.drawn())[-1]
    assert (last["steps"], last["strength"]) == (4, 0.5)
    assert last["mask"] != last["init"]


async def test_a_value_that_its_node_does_not_take_is_refused_before_it_is_sent(server: Far) -> None:
    before = len((await server.fake.state())["requests"])
    error = refusal(await drawn(server, "icons", "small", width=8))
    assert (error["code"], error["reason"], error["field"]) == (
        "INVALID_ARGUMENT",
        "ENGINE_BAD_REQUEST",
        "width",
    )
    assert "16 to 16384" in error["message"]
    requests = (await server.fake.state())["requests"][before:]
    assert not [each for each in requests if each["path"] == "/prompt"]


def changed(nodes: dict[str, Any], id: str, **inputs: object) -> dict[str, Any]:
    made = copy.deepcopy(nodes)
    made[id]["inputs"] |= inputs
    return made


PROMPT = '[inputs]\nprompt = "2.text"\n'


BROKEN = [
    ({"1": {"class_type": "Nope"}, "7": ICONS["7"], "6": {"class_type": "Nope"}}, PROMPT, "no node 'Nope'"),
    ({"nodes": [], "links": []}, PROMPT, "Export (API)"),
    ([], PROMPT, "holds no nodes"),
    ({"1": {"inputs": {}}}, PROMPT, "no class_type"),
    ({"1": {"class_type": "KSampler", "inputs": []}}, PROMPT, "no table"),
    (ICONS, "prompt = ", "not TOML"),
    (ICONS, '[inputs]\nprompt = "2.text"\ncolour = "3.text"\n', "inputs.colour"),
    (ICONS, '[inputs]\nprompt = "text"\n', "node.input"),
    (ICONS, '[inputs]\nprompt = "Nobody.text"\n', "no node has the id or the title"),
    (ICONS, '[inputs]\nprompt = "2.words"\n', "has no input 'words'; it has text, clip"),
    (ICONS, '[inputs]\nprompt = "5.steps"\n', "takes INT, not STRING"),
    (ICONS, '[inputs]\nprompt = "2.text"\nseed = "5.cfg"\n', "takes FLOAT, not INT"),
    (
        ICONS,
        '[inputs]\nprompt = "2.text"\nimage = "8.image"\n',
        "among those that its output is made from",
    ),
    (ICONS, '[inputs]\nsteps = "5.steps"\n', "neither a prompt nor an image"),
    (ICONS, 'output = "6"\n' + PROMPT, "shows no picture"),
    ({**ICONS, "70": ICONS["7"]}, PROMPT, "2 of its nodes show pictures"),
    (changed(ICONS, "6", samples=["50", 0]), PROMPT, "node 50, which is not in it"),
    (changed(ICONS, "6", samples=["5", 3]), PROMPT, "output 3 of node 5"),
    (changed(ICONS, "2", text=["3", 0]), PROMPT, "comes from another node"),
]


@pytest.mark.parametrize(("nodes", "inputs", "words"), BROKEN, ids=[words for _, _, words in BROKEN])
def test_one_that_cannot_work_is_left_out_with_the_reason(
    tmp_path: Path, nodes: object, inputs: str, words: str
) -> None:
    write(tmp_path, "one", nodes, inputs)
    found, (problem,) = read_workflows(tmp_path, fake_nodes())
    assert found == []
    assert words in problem.reason
    assert problem.of == "workflow/one"


@pytest.mark.parametrize("named", ["embedding: evil", "embedding:evil", "Embedding:\tevil"])
def test_a_prompt_loads_no_textual_inversion(tmp_path: Path, named: str) -> None:
    write(tmp_path, "one", ICONS, ICONS_INPUTS)
    (workflow,), _ = read_workflows(tmp_path, fake_nodes())
    wanted = Drawing("text", "workflow/one", 96, 64, prompt=named, negative_prompt=named, steps=4)
    nodes = workflow.graph(wanted, {}).nodes
    broken = named.replace(":", " :")
    assert [nodes[id]["inputs"]["text"] for id in "23"] == [broken, broken]


def test_a_mask_that_is_a_pictures_transparency_is_left_out(tmp_path: Path) -> None:
    nodes = changed(MASKED, "13", mask=["10", 1])
    write(tmp_path, "one", nodes, MASKED_INPUTS.replace("11.image", "10.image"))
    _, (problem,) = read_workflows(tmp_path, fake_nodes())
    assert "LoadImageMask" in problem.reason


def test_half_of_one_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "one", ICONS, PROMPT)
    write(tmp_path, "two", ICONS, PROMPT)
    (tmp_path / "one.toml").unlink()
    (tmp_path / "two.json").write_bytes(b"[" * 100_000)
    found, problems = read_workflows(tmp_path, fake_nodes())
    assert found == []
    assert [problem.reason.partition(":")[0] for problem in problems] == [
        "one.toml cannot be read",
        "it is not JSON",
    ]

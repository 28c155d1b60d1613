"""Workflows as an operator writes them down: a graph in API format, and beside it a file that says which inputs are whose."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from capabilities.errors import brief
from sidecar.engines.api import ModelProblem
from sidecar.engines.comfyui.graph import SAVE, ancestors, edges
from sidecar.engines.comfyui.node_classes import InputSpec, NodeClasses
from sidecar.engines.comfyui.workflows import PREFIX, Target, Workflow, WorkflowInputs, WorkflowSettings

MAX_FILE = 4 * 1024**2
MAX_WORKFLOWS = 500
_NAME = re.compile(r"[A-Za-z0-9][\w .+-]{0,99}")
_SHOWN = ("SaveImage", "PreviewImage")
"""Nodes that show pictures; either is made to save them under a name of ours."""
_SEEDS = ("seed", "noise_seed")
_TYPES: Mapping[str, tuple[str, ...]] = {
    "prompt": ("STRING",),
    "negative_prompt": ("STRING",),
    "seed": ("INT",),
    "steps": ("INT",),
    "guidance_scale": ("FLOAT",),
    "width": ("INT",),
    "height": ("INT",),
    "strength": ("FLOAT",),
    "image": ("COMBO", "STRING"),
    "mask": ("COMBO", "STRING"),
}
"""What an input of the task may be written into."""


class WorkflowFault(ValueError):
    """Why a workflow cannot be used, in words."""


def read_workflows(folder: Path, classes: NodeClasses) -> tuple[list[Workflow], list[ModelProblem]]:
    """The workflows of a folder that fit a server's nodes, and why the others do not."""
    found: list[Workflow] = []
    problems: list[ModelProblem] = []
    try:
        files = sorted(folder.glob("*.json"))[:MAX_WORKFLOWS]
    except OSError as error:
        return [], [ModelProblem(str(folder), f"cannot be read: {error.strerror}")]
    for file in files:
        try:
            found.append(_workflow(file, classes))
        except WorkflowFault as fault:
            problems.append(ModelProblem(str(file), str(fault), PREFIX + file.stem))
    return found, problems


def _workflow(file: Path, classes: NodeClasses) -> Workflow:
    if not _NAME.fullmatch(file.stem):
        raise WorkflowFault("its name may hold letters, digits, spaces and . _ + - only")
    graph_text, settings_text = _read(file), _read(file.with_suffix(".toml"))
    nodes = _nodes(graph_text)
    settings = _settings(settings_text, file.with_suffix(".toml").name)
    output = _output(settings, nodes, classes)
    kept = ancestors(nodes, output)
    nodes = {id: node for id, node in nodes.items() if id in kept}
    for id, node in nodes.items():
        if node["class_type"] not in classes:
            raise WorkflowFault(f"the server has no node '{node['class_type']}', which is node {id} of it")
    _require_edges(nodes, classes)
    targets = dict(_targets(settings, nodes))
    specs = {
        target: _spec(field, target, nodes, classes) for field, each in targets.items() for target in each
    }
    if "prompt" not in targets and "image" not in targets:
        raise WorkflowFault("its inputs name neither a prompt nor an image, so there is nothing to ask of it")
    if "mask" in targets and "image" not in targets:
        raise WorkflowFault("its inputs name a mask, but no image that it belongs to")
    if nodes[output]["class_type"] in _SHOWN:
        nodes[output] = {
            "class_type": SAVE,
            "inputs": {"images": nodes[output]["inputs"].get("images"), "filename_prefix": ""},
        }
    revision = hashlib.sha256(graph_text + b"\0" + settings_text).hexdigest()
    return Workflow(file.stem, settings, nodes, output, targets, specs, revision)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise WorkflowFault(f"{file.name} cannot be read: {error.strerror}") from None
    if len(text) > MAX_FILE:
        raise WorkflowFault(f"{file.name} has more than {MAX_FILE} bytes")
    return text


def _nodes(text: bytes) -> dict[str, dict[str, Any]]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorkflowFault(f"it is not JSON: {brief(str(error), 100)}") from None
    if isinstance(told, dict) and isinstance(told.get("nodes"), list):
        raise WorkflowFault("it is in the editor's format; export it from there with 'Export (API)'")
    if not isinstance(told, dict) or not told:
        raise WorkflowFault("it holds no nodes")
    for id, node in told.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise WorkflowFault(f"its node '{brief(id, 40)}' has no class_type")
        if not isinstance(node.setdefault("inputs", {}), dict):
            raise WorkflowFault(f"the inputs of its node '{brief(id, 40)}' are no table")
    return told


def _settings(text: bytes, name: str) -> WorkflowSettings:
    try:
        return WorkflowSettings.model_validate(tomllib.loads(text.decode()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise WorkflowFault(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise WorkflowFault(f"{name} is not TOML: {brief(str(error), 100)}") from None


def _output(settings: WorkflowSettings, nodes: Mapping[str, Any], classes: NodeClasses) -> str:
    if settings.output:
        id = _node_named(settings.output, nodes)
        kind = classes.get(nodes[id]["class_type"])
        if kind is not None and not kind.is_output:
            raise WorkflowFault(f"output names the node '{settings.output}', which shows no picture")
        return id
    shown = [id for id, node in nodes.items() if node["class_type"] in _SHOWN]
    if len(shown) != 1:
        raise WorkflowFault(f"{len(shown)} of its nodes show pictures; say in output which one counts")
    return shown[0]


def _require_edges(nodes: Mapping[str, Any], classes: NodeClasses) -> None:
    """Raises WorkflowFault where an edge comes from nowhere."""
    for id, node in nodes.items():
        for name, (source, slot) in edges(node):
            if source not in nodes:
                raise WorkflowFault(f"the input {id}.{name} comes from node {source}, which is not in it")
            if not 0 <= slot < len(classes[nodes[source]["class_type"]].outputs):
                raise WorkflowFault(
                    f"the input {id}.{name} comes from output {slot} of node {source}, which has none"
                )


def _targets(
    settings: WorkflowSettings, nodes: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Target, ...]]]:
    for field in WorkflowInputs.model_fields:
        named: tuple[str, ...] = getattr(settings.inputs, field)
        found = []
        for text in named:
            node, dot, name = text.rpartition(".")
            if not dot:
                raise WorkflowFault(f'inputs.{field}: "{text}" must be "node.input"')
            found.append((_node_named(node, nodes), name))
        if field == "seed" and not found:
            # Without it every picture would be the same.
            found = [
                (id, name)
                for id, node in nodes.items()
                for name in _SEEDS
                if isinstance(node["inputs"].get(name), int)
            ]
        if found:
            yield field, tuple(found)


def _node_named(text: str, nodes: Mapping[str, Any]) -> str:
    """The id of a node by its id or its title."""
    if text in nodes:
        return text
    titled = [id for id, node in nodes.items() if _title(node) == text]
    if len(titled) != 1:
        there = ", ".join(list(nodes)[:20])
        many = f"{len(titled)} nodes have the title" if titled else "no node has the id or the title"
        raise WorkflowFault(
            f"{many} '{brief(text, 60)}' among those that its output is made from; there are {there}"
        )
    return titled[0]


def _title(node: Mapping[str, Any]) -> object:
    meta = node.get("_meta")
    return meta.get("title") if isinstance(meta, Mapping) else None


def _spec(field: str, target: Target, nodes: Mapping[str, Any], classes: NodeClasses) -> InputSpec:
    """What an input takes. Raises WorkflowFault where that is not what the task has for it."""
    id, name = target
    kind = nodes[id]["class_type"]
    spec = classes[kind].inputs.get(name)
    if spec is None:
        known = ", ".join(classes[kind].inputs)
        raise WorkflowFault(f"inputs.{field}: the node {id}, a {kind}, has no input '{name}'; it has {known}")
    if spec.type not in _TYPES[field]:
        wanted = " or ".join(_TYPES[field])
        raise WorkflowFault(f"inputs.{field}: {id}.{name} takes {spec.type}, not {wanted}")
    if isinstance(nodes[id]["inputs"].get(name), list):
        raise WorkflowFault(
            f"inputs.{field}: {id}.{name} comes from another node; name the input that is written"
        )
    if field == "mask":
        _prepare_mask(id, nodes)
    return spec


def _prepare_mask(id: str, nodes: Mapping[str, Any]) -> None:
    """The mask is sent as a grey picture, white where something is drawn."""
    node = nodes[id]
    if node["class_type"] == "LoadImageMask":
        node["inputs"]["channel"] = "red"
    elif any(source == (id, 1) for other in nodes.values() for _, source in edges(other)):
        raise WorkflowFault(
            f"inputs.mask: node {id} takes the mask from a picture's transparency; load it with LoadImageMask instead"
        )

"""An operator's own workflows as models: which of a task's values go where in them, and what they do by that."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from capabilities.errors import brief
from capabilities.models import GENERATION, INPAINTING, ModelFacts
from sidecar.engines.comfyui.embeddings import without_names
from sidecar.engines.comfyui.graph import Graph
from sidecar.engines.comfyui.node_classes import InputSpec
from sidecar.engines.remote.connector import Ability, Drawing, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings

PREFIX = "workflow/"
"""Stands before the name of a workflow in that of its model."""
_SIZES = ("width", "height")

Target = tuple[str, str]
"""A node's id, and the name of its input."""


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Targets = Annotated[tuple[str, ...], BeforeValidator(_several)]


class WorkflowInputs(BaseModel):
    """Where each of a task's values goes: "node.input", or several of these. A node is named by its id or its title."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Targets = ()
    negative_prompt: Targets = ()
    seed: Targets = ()
    steps: Targets = ()
    guidance_scale: Targets = ()
    width: Targets = ()
    height: Targets = ()
    strength: Targets = ()
    image: Targets = ()
    mask: Targets = ()


class WorkflowDefaults(BaseModel):
    """What holds where a call says nothing; left out: what stands in the workflow. Sizes in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    width: Annotated[int, Field(ge=8, le=8192)] | None = None
    height: Annotated[int, Field(ge=8, le=8192)] | None = None
    granularity: Annotated[int, Field(ge=1, le=256)] = 8


class WorkflowSettings(BaseModel):
    """The file beside a workflow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    output: str = ""
    """The node whose picture counts, by its id or its title; left out: the only one that shows any."""
    inputs: WorkflowInputs
    defaults: WorkflowDefaults = WorkflowDefaults()


@dataclass(frozen=True)
class Workflow:
    """One that fits the server's nodes. `targets` are those of each of the task's values."""

    name: str
    settings: WorkflowSettings
    nodes: Mapping[str, Mapping[str, Any]]
    output: str
    targets: Mapping[str, tuple[Target, ...]]
    specs: Mapping[Target, InputSpec]
    revision: str

    def listing(self, settings: EngineSettings) -> RemoteListing:
        """As callers find it."""
        name = PREFIX + self.name
        known = settings.model_named(name)
        width, height = (
            known.width or self._default("width", 512),
            known.height or self._default("height", 512),
        )
        abilities: set[Ability] = set()
        ignores: set[Ability] = {"seed"}
        named: tuple[Ability, ...] = ("negative_prompt", "seed", "guidance_scale", "steps")
        for ability in named:
            if self.targets.get(ability):
                abilities.add(ability)
        has_steps = "steps" in abilities
        has_size = all(self.targets.get(side) for side in _SIZES)
        takes_size = has_size or "image" in self.targets
        per_image = settings.compute_per_image if known.compute_per_image is None else known.compute_per_image
        facts = ModelFacts(
            settings.id_of(name),
            steps=known.steps or self._default("steps", 1),
            guidance_scale=float(
                self._default("guidance_scale", 0.0) if known.guidance_scale is None else known.guidance_scale
            ),
            width=width,
            height=height,
            granularity=self.settings.defaults.granularity,
            methods=self._methods if known.methods is None else known.methods,
            side=min(width, height),
            revision=self.revision,
            has_steps=has_steps,
            compute_per_image=None if has_steps else per_image,
        )
        return RemoteListing(
            name,
            facts,
            known.description or self.settings.description or "a workflow",
            "workflow",
            frozenset(abilities),
            frozenset(ignores - abilities),
            sizes=() if takes_size else ((width, height),),
        )

    def graph(self, drawing: Drawing, uploads: Mapping[bytes, str]) -> Graph:
        """With a drawing's values in their places. Raises RemoteFailure for one that an input does not take."""
        values: dict[str, object] = {
            "prompt": without_names(drawing.prompt),
            "negative_prompt": without_names(drawing.negative_prompt),
            "seed": drawing.seed,
            "steps": self._steps(drawing),
            "guidance_scale": float(drawing.guidance_scale),
            "width": drawing.width,
            "height": drawing.height,
            "strength": float(drawing.strength),
            "image": uploads.get(drawing.image),
            "mask": uploads.get(drawing.mask),
        }
        graph = Graph({id: copy.deepcopy(dict(node)) for id, node in self.nodes.items()}, self.output)
        for field, targets in self.targets.items():
            value = values[field]
            if value is None:
                continue
            for id, name in targets:
                if field not in ("image", "mask") and (wanted := self.specs[id, name].fault(value)):
                    raise RemoteFailure(
                        FailureKind.BAD_REQUEST,
                        f"the workflow '{self.name}' takes {wanted} as {field}",
                        field=field,
                        limit=wanted,
                        asked=brief(str(value), 40),
                        was_sent=False,
                    )
                graph.nodes[id]["inputs"][name] = value
                graph.fields[id, name] = field
        graph.drawing = tuple({id: None for id, _ in self.targets.get("seed", ())})
        graph.sampler = next((id for id, _ in self.targets.get("steps", ())), "")
        return graph

    @property
    def _methods(self) -> frozenset[str]:
        if "mask" in self.targets:
            return INPAINTING
        return frozenset({"imageToImage"}) if "image" in self.targets else GENERATION

    def _default(self, field: str, otherwise: float) -> Any:
        """What is drawn with where nothing is said: the operator's word, or what stands in the workflow."""
        told = getattr(self.settings.defaults, field)
        if told is not None:
            return told
        for id, name in self.targets.get(field, ()):
            value = self.nodes[id]["inputs"].get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return value
        return otherwise

    def _steps(self, drawing: Drawing) -> int:
        """A sampler does all the steps that it is told, spread over the rest of the way from a picture."""
        if "strength" not in self.targets:
            return drawing.steps
        return max(1, min(drawing.steps, int(drawing.steps * drawing.strength)))

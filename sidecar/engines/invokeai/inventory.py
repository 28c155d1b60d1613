"""What an InvokeAI has: the models whose family it has the nodes for, and what goes with them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from capabilities.methods.control_types import control_type_in
from capabilities.methods.upscalers import native_factor
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, INPAINTING, ModelFacts
from sidecar.engines.api import ModelProblem
from sidecar.engines.invokeai.access import Access
from sidecar.engines.invokeai.families import DETECTORS, FAMILIES, SCHEDULERS, SCHNELL_STEPS, Family
from sidecar.engines.invokeai.models import Model, models
from sidecar.engines.invokeai.node_types import NodeTypes
from sidecar.engines.remote.connector import Ability, Inventory, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings

NODES_LAST = 300.0
"""Seconds after which the nodes are asked for again: their description is long, and changes with the server's version."""
FACTOR = 4
"""Most times that an upscaler enlarges."""
MOST = 100_000
"""A number in a model's settings that is larger is none."""
ESRGAN, UPSCALER = "esrgan", "spandrel_image_to_image_autoscale"
"""Nodes that enlarge: with models of their own, and with those of the records."""
EMBEDDING_NAME = re.compile(r"[a-zA-Z0-9., _-]+")
"""What a prompt can name between < and >, which uses the textual inversion of that name."""
_PARTS = {
    "lora": ("lora", "a LoRA"),
    "vae": ("vae", "an autoencoder"),
    "embedding": ("embedding", "a textual inversion"),
}
"""Types of records that go with a model, the method of each, and what it is."""


_OTHER_VARIANTS = ("depth", "dev_fill")
"""Variants that take more than a picture and a mask."""


@dataclass
class Stock:
    """What the last look found, as drawings need it: models by the names that callers use without the engine's."""

    models: dict[str, Model] = field(default_factory=dict)
    parts: tuple[Model, ...] = ()
    """Text encoders and autoencoders that models without their own take."""
    esrgan: tuple[str, ...] = ()
    nodes: NodeTypes = field(default_factory=NodeTypes)

    @classmethod
    def of(cls, found: list[Model], nodes: NodeTypes) -> Stock:
        stock = cls(parts=tuple(found), esrgan=nodes.choices(ESRGAN, "model_name"), nodes=nodes)
        # Of several with one name the model itself keeps it.
        for model in sorted(found, key=lambda model: (model.type != "main", model.key)):
            # A record that is told twice is one model.
            if (name := _free_name(stock, model)) is not None:
                stock.models[name] = model
        return stock

    def model(self, name: str, asked_in: str) -> Model:
        """The model of that name. Raises RemoteFailure where it is not there any more."""
        if (found := self.models.get(name)) is None:
            raise RemoteFailure(
                FailureKind.MODEL_MISSING,
                f"the model '{name}' is not there",
                field=asked_in,
                asked=name,
                was_sent=False,
            )
        return found

    def part(self, type: str, base: str) -> Model | None:
        """A model of that type for models of a base; None where there is none."""
        return next(
            (
                model
                for model in self.parts
                if model.type == type
                and model.base in (base, "any")
                # The small text encoder is meant; this is the large one.
                and model.variant != "gigantic"
            ),
            None,
        )


class Looker:
    """Looks at one server; remembers what does not change between two looks."""

    def __init__(self, access: Access, settings: EngineSettings) -> None:
        self.stock = Stock()
        self._access = access
        self._settings = settings
        self._nodes_at = float("-inf")
        self._version = ""

    async def look(self) -> Inventory:
        """One look. Raises RemoteFailure where the server does not answer what every one answers."""
        told = await self._access.get_json("/api/v1/app/version")
        version = told.get("version") if isinstance(told, Mapping) else None
        if not isinstance(version, str):
            raise RemoteFailure(
                FailureKind.BAD_ANSWER, "it tells no version: it is no InvokeAI", field="urls"
            )
        nodes = await self._nodes(version)
        stock = Stock.of(models(await self._access.get_json("/api/v2/models/")), nodes)
        listings: list[RemoteListing] = []
        problems: list[ModelProblem] = []
        for name, model in stock.models.items():
            if why := _left_out(model, stock):
                problems.append(ModelProblem(name, why, self._settings.id_of(name)))
            elif (listing := self._listing(name, model, stock)) is not None:
                listings.append(listing)
        listings += [
            self._part(name, "upscale", "an upscaler", factor=min(FACTOR, native_factor(name)))
            for name in stock.esrgan
        ]
        self.stock = stock
        return Inventory(f"invokeai {version}", tuple(listings), problems=tuple(problems))

    async def _nodes(self, version: str) -> NodeTypes:
        is_fresh = time.monotonic() - self._nodes_at < NODES_LAST
        if is_fresh and version == self._version:
            return self.stock.nodes
        nodes = NodeTypes.of(await self._access.get_json("/openapi.json"))
        self._nodes_at, self._version = time.monotonic(), version
        return nodes

    def _listing(self, name: str, model: Model, stock: Stock) -> RemoteListing | None:
        """A model as callers see it; None for one that nothing here is drawn with."""
        if model.type in _PARTS:
            method, words = _PARTS[model.type]
            is_usable = model.type != "embedding" or EMBEDDING_NAME.fullmatch(model.name)
            return self._part(name, method, words, model) if is_usable and model.base in FAMILIES else None
        match model.type:
            case "main":
                return self._main(name, model, stock)
            case "controlnet" if family := FAMILIES.get(model.base):
                control, width = control_type(model), family.text_width
                return self._part(name, "control", "a ControlNet", model, control=control, text_width=width)
            case "spandrel_image_to_image" if stock.nodes.has(UPSCALER) and native_factor(model.name) > 1:
                return self._part(name, "upscale", "an upscaler", model, factor=FACTOR)
            case _:
                return None

    def _main(self, name: str, model: Model, stock: Stock) -> RemoteListing:
        family = FAMILIES[model.base]
        does, ignores = _abilities(family, model, stock)
        methods = set(INPAINTING) if model.variant == "inpaint" else {*GENERATION, *IMAGE_TO_IMAGE}
        if "controls" in does and model.variant != "inpaint":
            methods.add("apply")
        known = self._settings.model_named(name)
        width = known.width or _number(model, "width") or family.side
        height = known.height or _number(model, "height") or family.side
        steps = SCHNELL_STEPS if model.variant == "schnell" else family.steps
        guidance = _guidance(model, family) if known.guidance_scale is None else known.guidance_scale
        facts = ModelFacts(
            self._settings.id_of(name),
            steps=known.steps or _number(model, "steps") or steps,
            guidance_scale=guidance,
            width=width,
            height=height,
            granularity=family.granularity,
            methods=frozenset(methods if known.methods is None else known.methods),
            side=min(width, height),
            text_width=family.text_width,
            revision=model.hash,
        )
        choices = stock.nodes.choices(family.denoiser, "scheduler")
        return RemoteListing(
            name,
            facts,
            known.description or model.description or f"a model of {family.label}",
            family.label,
            does,
            ignores,
            {ours: its for ours, its in SCHEDULERS.items() if its in choices},
        )

    def _part(
        self, name: str, method: str, words: str, model: Model | None = None, **facts: Any
    ) -> RemoteListing:
        family = FAMILIES.get(model.base) if model else None
        described = self._settings.model_named(name).description or (model.description if model else "")
        return RemoteListing(
            name,
            ModelFacts(
                self._settings.id_of(name),
                methods=frozenset({method}),
                revision=model.hash if model else name,
                **facts,
            ),
            described or (f"{words} for {family.label}" if family else words),
            family.label if family else "",
        )


def _left_out(model: Model, stock: Stock) -> str:
    """Why a model that draws is drawn with by no graph here; empty where it is, and for what does not draw."""
    if model.type != "main":
        return ""
    family = FAMILIES.get(model.base)
    if family is None:
        return f"models of '{model.base}' are drawn by no graph here"
    if model.variant in _OTHER_VARIANTS:
        return f"models of the variant '{model.variant}' are drawn by no graph here"
    if not family.is_drawn_by(stock.nodes):
        return f"this version of InvokeAI has not all nodes that {family.label} takes"
    missing = [type for type in family.parts.values() if stock.part(type, model.base) is None]
    if missing:
        return f"{family.label} needs other models beside it; install one of each type: {', '.join(missing)}"
    return ""


def control_type(model: Model) -> str:
    """Which control type a ControlNet is for, as far as its record tells; empty where it does not."""
    return control_type_in(f"{model.name} {model.defaults.get('preprocessor')}")


def _abilities(family: Family, model: Model, stock: Stock) -> tuple[frozenset[Ability], frozenset[Ability]]:
    """What a model does of a task, and what has no effect on it."""
    has = stock.nodes.has
    does: set[Ability] = {"steps", "seed"}
    possible: dict[Ability, bool] = {
        "negative_prompt": bool(family.negative),
        "guidance_scale": model.variant != "schnell",
        "vae": has("vae_loader"),
        "loras": bool(family.lora) and has(family.lora),
        "embeddings": family.has_embeddings,
        "clip_skip": bool(family.clip_skip) and has(family.clip_skip),
        "tiling": bool(family.seamless) and has(family.seamless),
        "prompt_2": family.has_style,
        "controls": bool(family.control)
        and has(family.control, "collect")
        and any(each.type == "controlnet" and each.base == model.base for each in stock.parts),
    }
    does |= {ability for ability, is_possible in possible.items() if is_possible}
    if "controls" in does and any(has(node) for node, _ in DETECTORS.values()):
        does.add("control_preprocessing")
    without_effect: set[Ability] = {"negative_prompt", "guidance_scale", "clip_skip"}
    return frozenset(does), frozenset(without_effect - does)


def _free_name(stock: Stock, model: Model) -> str | None:
    """The name under which callers find a model: its own, and more of it where another has that already; None: all are had."""
    names = (model.name, f"{model.name} ({model.base} {model.type})", f"{model.name} {model.key}")
    return next((name for name in names if name not in stock.models), None)


def _number(model: Model, name: str) -> int:
    found = model.defaults.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= MOST else 0


def _guidance(model: Model, family: Family) -> float:
    found = model.defaults.get(family.guidance_field)
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= MOST:
        return float(found)
    return family.guidance

"""What a ComfyUI has: files of models by the folders that they lie in, the nodes there are, and the operator's workflows."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from capabilities.methods.control_types import control_type_in
from capabilities.methods.upscalers import native_factor
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, INPAINTING, ModelFacts
from sidecar.engines.api import ModelProblem
from sidecar.engines.comfyui import families
from sidecar.engines.comfyui.families import FAMILIES, Family, ModelFile
from sidecar.engines.comfyui.node_classes import NodeClasses
from sidecar.engines.comfyui.samplers import offered
from sidecar.engines.comfyui.workflow_files import read_workflows
from sidecar.engines.comfyui.workflows import Workflow
from sidecar.engines.remote.connector import Ability, Inventory, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

CLASSES_LAST = 300.0
"""Seconds after which the nodes are asked for again: the list is long, and changes when the server is started anew."""
AT_ONCE = 4
"""Files whose metadata are asked for at a time."""
FAST_STEPS, FAST_GUIDANCE = 6, 1.0
"""Of models that were trained to draw in a few steps."""

Folders = Mapping[str, tuple[str, ...]]
"""The names of the files in each folder."""

_MODELS = ("checkpoints", "diffusion_models")
_ENCODERS = ("text_encoders", "clip")
"""The second is the first's name in early versions."""
_PARTS = {
    "loras": "lora",
    "vae": "vae",
    "controlnet": "control",
    "upscale_models": "upscale",
    "embeddings": "embedding",
}
"""Folders of parts, and the method of each."""
_DESCRIPTIONS = {
    "loras": "a LoRA",
    "vae": "an autoencoder",
    "controlnet": "a ControlNet",
    "upscale_models": "an upscaler",
    "embeddings": "a textual inversion",
}
_NEEDED = ("CLIPTextEncode", "KSampler", "VAEDecode", "SaveImage")
"""Nodes without which nothing is drawn."""


@dataclass
class Stock:
    """What the last look found, as drawings need it: files by the names that callers use without the engine's."""

    files: dict[str, ModelFile] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    classes: NodeClasses = field(default_factory=NodeClasses)

    def file(self, name: str, asked_in: str) -> ModelFile:
        """The file of that name. Raises RemoteFailure where it is not there any more."""
        if (found := self.files.get(name)) is None:
            raise RemoteFailure(
                FailureKind.MODEL_MISSING,
                f"the file '{name}' is not there",
                field=asked_in,
                asked=name,
                was_sent=False,
            )
        return found


class Looker:
    """Looks at one server; remembers what does not change between two looks."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        self.stock = Stock()
        self._host = host
        self._settings = settings
        self._told: dict[tuple[str, str], Family | None] = {}
        """Families that files told in their metadata."""
        self._classes_at = float("-inf")

    async def look(self) -> Inventory:
        """One look. Raises RemoteFailure where the server does not answer what every one answers."""
        try:
            stats = await self._host.get_json("/system_stats")
            await self._look_at_classes()
            folders = {folder: await self._folder(folder) for folder in (*_MODELS, *_ENCODERS, *_PARTS)}
            stock = Stock(classes=self.stock.classes)
            problems: list[ModelProblem] = []
            listings = await self._models(folders, stock, problems) + await self._parts(folders, stock)
            listings += await self._workflows(stock, problems)
        except RemoteFailure as failure:
            self._classes_at = float("-inf")
            if failure.status == 403:
                failure.message += (
                    " (ComfyUI does so where Host and Origin differ; ask it by the name that it has)"
                )
            raise
        self.stock = stock
        return Inventory(
            f"comfyui {_text(stats, 'system', 'comfyui_version')}".strip(),
            tuple(listings),
            device=_text(_device(stats), "name"),
            device_memory=max(
                0, _number(_device(stats), "vram_total") - _number(_device(stats), "vram_free")
            ),
            problems=tuple(problems),
        )

    async def _look_at_classes(self) -> None:
        if time.monotonic() - self._classes_at < CLASSES_LAST:
            return
        # Extensions make it megabytes.
        classes = await asyncio.to_thread(NodeClasses.of, await self._host.get_json("/object_info"))
        if not classes.has(*_NEEDED):
            missing = ", ".join(name for name in _NEEDED if name not in classes)
            raise RemoteFailure(
                FailureKind.BAD_ANSWER,
                f"{self._host.url} is no ComfyUI that can draw: it has no node {missing}",
                field="urls",
            )
        self.stock.classes = classes
        self._classes_at = time.monotonic()

    async def _models(
        self, folders: Folders, stock: Stock, problems: list[ModelProblem]
    ) -> list[RemoteListing]:
        listings = []
        encoders = next((folders[folder] for folder in _ENCODERS if folders[folder]), ())
        vaes = folders["vae"]
        has_controls = bool(folders["controlnet"]) and stock.classes.has(
            "ControlNetLoader", "ControlNetApplyAdvanced"
        )
        for folder in _MODELS:
            names = folders[folder]
            told = await self._families(folder, names)
            for name in names:
                file = self._model_file(folder, name, told[name], encoders, vaes)
                if isinstance(file, str):
                    problems.append(ModelProblem(name, file, self._settings.id_of(name)))
                    continue
                key = _claim(stock, file)
                listings.append(self._listing(key, file, stock.classes, has_controls=has_controls))
        return listings

    def _model_file(
        self,
        folder: str,
        name: str,
        told: Family | None,
        encoders: tuple[str, ...],
        vaes: tuple[str, ...],
    ) -> ModelFile | str:
        """A model with its family and its parts; a text says why it is left out."""
        chosen = FAMILIES.get(self._settings.model_named(name).family)
        if chosen is None and told is None and families.is_of_another(name):
            return "its family is drawn by no graph here; make a workflow for it"
        family = chosen or told or families.named_by(name)
        if folder == "checkpoints":
            return ModelFile(folder, name, family or FAMILIES[families.DEFAULT])
        if family is None:
            return "nothing tells its family; name it under models in the engine's settings"
        if not family.encoders:
            return f"{family.label} is drawn from whole checkpoints only"
        found = tuple(next(families.matching(pattern, encoders), "") for pattern in family.encoders)
        if not all(found):
            return f"{family.label} needs text encoders beside it, in text_encoders: {', '.join(family.encoders)}"
        if not (vae := families.vae_for(family, vaes)):
            return f"{family.label} needs its autoencoder beside it, in vae"
        return ModelFile(folder, name, family, found, vae)

    def _listing(
        self, key: str, file: ModelFile, classes: NodeClasses, *, has_controls: bool
    ) -> RemoteListing:
        family, known = file.family, self._settings.model_named(key)
        assert family is not None
        steps, guidance = family.steps, family.guidance
        if file.is_fast:
            steps, guidance = FAST_STEPS, family.guidance if family.guidance_is_told else FAST_GUIDANCE
        methods = set(INPAINTING) if file.is_inpainting else {*GENERATION, *IMAGE_TO_IMAGE}
        abilities, ignores = _abilities(file, family, classes)
        if has_controls and not file.is_inpainting:
            methods.add("apply")
            abilities.add("controls")
            if classes.has("Canny", "ImageScale"):
                abilities.add("control_preprocessing")
        sampler = classes["KSampler"]
        facts = ModelFacts(
            self._settings.id_of(key),
            steps=known.steps or steps,
            guidance_scale=guidance if known.guidance_scale is None else known.guidance_scale,
            width=known.width or family.side,
            height=known.height or family.side,
            granularity=family.granularity,
            methods=frozenset(methods if known.methods is None else known.methods),
            side=min(known.width or family.side, known.height or family.side),
            text_width=family.text_width,
            revision=f"{file.folder}/{file.name}",
        )
        return RemoteListing(
            key,
            facts,
            known.description or ("a checkpoint" if file.folder == "checkpoints" else "a diffusion model"),
            family.label,
            frozenset(abilities),
            frozenset(ignores - abilities),
            offered(sampler.choices("sampler_name"), sampler.choices("scheduler"), flow=family.is_flow),
        )

    async def _parts(self, folders: Folders, stock: Stock) -> list[RemoteListing]:
        listings = []
        for folder, method in _PARTS.items():
            names: Iterable[str] = folders[folder]
            told: Mapping[str, Family | None] = {}
            match folder:
                case "controlnet":
                    told = await self._families(folder, tuple(names))
                case "embeddings":
                    names = {
                        re.sub(r"\.(safetensors|pt|bin)$", "", name): None
                        for name in names
                        if " " not in name
                    }
                case "upscale_models":
                    names = [name for name in names if native_factor(name) > 1]
            for name in names:
                family = self._control_family(name, told.get(name)) if folder == "controlnet" else None
                key = _claim(stock, ModelFile(folder, name, family))
                facts: dict[str, Any] = {"revision": f"{folder}/{name}"}
                if folder == "upscale_models":
                    facts["factor"] = min(4, native_factor(name))
                elif family is not None:
                    facts |= {"text_width": family.text_width, "control": control_type_in(name)}
                methods = frozenset({method})
                listings.append(
                    RemoteListing(
                        key,
                        ModelFacts(self._settings.id_of(key), methods=methods, **facts),
                        self._settings.model_named(key).description or _DESCRIPTIONS[folder],
                        "" if family is None else family.label,
                    )
                )
        return listings

    def _control_family(self, name: str, told: Family | None) -> Family:
        chosen = FAMILIES.get(self._settings.model_named(name).family)
        return chosen or told or families.named_by(name) or FAMILIES[families.DEFAULT]

    async def _workflows(self, stock: Stock, problems: list[ModelProblem]) -> list[RemoteListing]:
        if self._settings.workflows is None:
            return []
        found, wrong = await asyncio.to_thread(read_workflows, self._settings.workflows, stock.classes)
        problems += wrong
        listings = []
        for workflow in found:
            listing = workflow.listing(self._settings)
            stock.workflows[listing.name] = workflow
            listings.append(listing)
        return listings

    async def _folder(self, folder: str) -> tuple[str, ...]:
        """The names of the files in a folder; none where the server has no such folder."""
        try:
            found = await self._host.get_json(f"/models/{folder}")
        except RemoteFailure as failure:
            if failure.status in (404, 405):
                return ()
            raise
        names = found if isinstance(found, list) else []
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))

    async def _families(self, folder: str, names: tuple[str, ...]) -> Mapping[str, Family | None]:
        """What files say of themselves; asked once for each."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def ask(name: str) -> None:
            async with limit:
                self._told[folder, name] = families.told_by(await self._metadata(folder, name))

        await asyncio.gather(*(ask(name) for name in names if (folder, name) not in self._told))
        return {name: self._told[folder, name] for name in names}

    async def _metadata(self, folder: str, name: str) -> object:
        if not name.endswith(".safetensors"):
            return None
        try:
            return await self._host.get_json(f"/view_metadata/{folder}", params={"filename": name})
        except RemoteFailure as failure:
            # A file without any is not found; one that cannot be read breaks the page.
            if failure.status in (404, 405, 500):
                return None
            raise


def _abilities(file: ModelFile, family: Family, classes: NodeClasses) -> tuple[set[Ability], set[Ability]]:
    """What a model does of a task, and what has no effect on it."""
    does: set[Ability] = {"steps", "seed", "loras", "embeddings", "vae", "guidance_scale", "negative_prompt"}
    ignores: set[Ability] = {"clip_skip"}
    if family.has_clip_layers and classes.has("CLIPSetLastLayer"):
        does.add("clip_skip")
    if family.guidance_is_told:
        does.discard("negative_prompt")
        ignores.add("negative_prompt")
        if file.is_fast:
            # It was made so that it takes none.
            does.discard("guidance_scale")
            ignores.add("guidance_scale")
    if family.prompts and classes.has(family.prompts):
        does.add("prompt_2")
    return does, ignores


def _claim(stock: Stock, file: ModelFile) -> str:
    """The name under which callers find a file: its own, after its folder's where another folder has the same."""
    key = file.name if file.name not in stock.files else f"{file.folder}/{file.name}"
    stock.files[key] = file
    return key


def _device(stats: object) -> object:
    devices = stats.get("devices") if isinstance(stats, Mapping) else None
    return devices[0] if isinstance(devices, list) and devices else None


def _text(told: object, *path: str) -> str:
    for name in path:
        told = told.get(name) if isinstance(told, Mapping) else None
    return told if isinstance(told, str) else ""


def _number(told: object, name: str) -> int:
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, int) else 0

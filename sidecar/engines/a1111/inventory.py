"""What an A1111 server has: models, upscalers, face restorers, LoRAs, textual inversions, autoencoders, ControlNets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from capabilities.methods.control_types import control_type_in
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, ModelFacts
from sidecar.engines.a1111.samplers import offered
from sidecar.engines.remote.connector import Ability, Inventory, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

STEPS, GUIDANCE = 20, 7.0
"""What the server itself draws with where nothing is said."""
SIDE, LARGE_SIDE = 512, 1024
"""Pixels a side at which models of Stable Diffusion 1 and 2, and of XL, were trained."""
GRANULARITY = 8
LONGEST_TITLE = 400
"""Characters of a checkpoint's title that are read."""
FACTOR = 4
"""Most times that an upscaler enlarges."""

ABILITIES: frozenset[Ability] = frozenset(
    {
        "negative_prompt",
        "guidance_scale",
        "steps",
        "seed",
        "loras",
        "embeddings",
        "clip_skip",
        "vae",
        "tiling",
    }
)


async def look(host: Host, settings: EngineSettings) -> Inventory:
    """One look. Raises RemoteFailure where the server does not answer what every one answers."""
    models = await host.get_json("/sdapi/v1/sd-models")
    if not isinstance(models, list):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "it does not list its models")
    samplers = _names(await host.get_json("/sdapi/v1/samplers"), "name")
    schedules = _names(await _optional(host, "/sdapi/v1/schedulers"), "name")
    options = await host.get_json("/sdapi/v1/options")
    networks = _texts(await _optional(host, "/controlnet/model_list"), "model_list")
    modules = _texts(await _optional(host, "/controlnet/module_list"), "module_list")
    abilities: set[Ability] = {*ABILITIES}
    if networks:
        abilities.add("controls")
    if modules:
        abilities.add("control_preprocessing")
    schedulers = offered(samplers, schedules)
    listings = [
        RemoteListing(
            name,
            _checkpoint(
                settings,
                name,
                has_controls=bool(networks),
                revision=str(model.get("sha256") or model.get("hash") or ""),
            ),
            settings.model_named(name).description or "a checkpoint",
            abilities=frozenset(abilities),
            schedulers=schedulers,
        )
        for model in models
        if isinstance(model, dict) and (name := str(model.get("model_name") or ""))
    ]
    listings += [part async for part in _parts(host, settings)]
    listings += [
        RemoteListing(
            network,
            settings.part(network, "control", control=control_type_in(network)),
            "a ControlNet",
        )
        for network in networks
    ]
    loaded = str(options.get("sd_model_checkpoint") or "") if isinstance(options, dict) else ""
    version = "forge" if isinstance(options, dict) and "forge_preset" in options else "a1111"
    return Inventory(
        version, tuple(listings), loaded=frozenset({settings.id_of(name_of(loaded))} if loaded else ())
    )


async def has_task_progress(host: Host) -> bool:
    """Whether it tells how far one task is: without its page (`--nowebui`) it tells of whatever it draws."""
    try:
        await host.post_json(
            "/internal/progress", {"id_task": "task(none)", "id_live_preview": -1}, repeatable=True
        )
    except RemoteFailure as failure:
        if failure.status in (404, 405):
            return False
        raise
    return True


def name_of(title: str) -> str:
    """A checkpoint's name in its title, which has a hash in brackets after it once it was loaded, and an ending."""
    bare = re.sub(r"\s*\[[0-9a-f]{6,64}\]$", "", title[:LONGEST_TITLE])
    return re.sub(r"\.(safetensors|ckpt|gguf)$", "", bare)


def _checkpoint(settings: EngineSettings, name: str, *, has_controls: bool, revision: str) -> ModelFacts:
    known = settings.model_named(name)
    side = LARGE_SIDE if re.search(r"xl|flux|sd3|pony|illustrious", name, re.IGNORECASE) else SIDE
    methods = GENERATION | IMAGE_TO_IMAGE | ({"apply"} if has_controls else set())
    return ModelFacts(
        settings.id_of(name),
        steps=known.steps or STEPS,
        guidance_scale=GUIDANCE if known.guidance_scale is None else known.guidance_scale,
        width=known.width or side,
        height=known.height or side,
        granularity=GRANULARITY,
        methods=frozenset(known.methods or methods),
        side=min(known.width or side, known.height or side),
        revision=revision or name,
    )


async def _parts(host: Host, settings: EngineSettings) -> AsyncIterator[RemoteListing]:
    for upscaler in _names(await _optional(host, "/sdapi/v1/upscalers"), "name"):
        if upscaler not in ("None", "Lanczos", "Nearest"):
            yield RemoteListing(upscaler, settings.part(upscaler, "upscale", factor=FACTOR), "an upscaler")
    for restorer in _names(await _optional(host, "/sdapi/v1/face-restorers"), "name"):
        variety = restorer.lower()
        yield RemoteListing(
            restorer, settings.part(restorer, "faceRestore", variety=variety), "a face restorer"
        )
    for lora in _names(await _optional(host, "/sdapi/v1/loras"), "name"):
        yield RemoteListing(lora, settings.part(lora, "lora"), "a LoRA")
    found = await _optional(host, "/sdapi/v1/embeddings")
    loaded = found.get("loaded") if isinstance(found, Mapping) else None
    for embedding in loaded if isinstance(loaded, Mapping | list) else ():
        if isinstance(embedding, str):
            yield RemoteListing(embedding, settings.part(embedding, "embedding"), "a textual inversion")
    vaes = await _optional(host, "/sdapi/v1/sd-vae") or await _optional(host, "/sdapi/v1/sd-modules")
    for vae in _names(vaes, "model_name"):
        yield RemoteListing(vae, settings.part(vae, "vae"), "an autoencoder")


async def _optional(host: Host, path: str) -> Any:
    """What a route answers that not every server has; None where it has none."""
    try:
        return await host.get_json(path)
    except RemoteFailure as failure:
        if failure.status in (404, 405, 422):
            return None
        raise


def _names(items: Any, name: str) -> list[str]:
    """The names in a list of objects."""
    if not isinstance(items, list):
        return []
    return [str(item[name]) for item in items if isinstance(item, Mapping) and item.get(name)]


def _texts(found: Any, name: str) -> list[str]:
    """A list of texts under a name; "None" is the server's word for no choice."""
    items = found.get(name) if isinstance(found, Mapping) else None
    return [str(item) for item in items if item and item != "None"] if isinstance(items, list) else []

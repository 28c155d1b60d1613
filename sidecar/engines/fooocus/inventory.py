"""What a Fooocus server has: checkpoints, LoRAs, and the control types and the enlarging that are built in."""

from __future__ import annotations

from collections.abc import Mapping

from capabilities.models import GENERATION, IMAGE_TO_IMAGE, ModelFacts
from sidecar.engines.remote.connector import Ability, Inventory, RemoteListing
from sidecar.engines.remote.k_samplers import NOISE_SAMPLERS
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

STEPS, GUIDANCE, SIDE = 30, 4.0, 1024
"""Of the performance "Speed", at which everything is drawn unless the configuration says otherwise."""
GRANULARITY = 8
UPSCALER = "Upscale (Fast 2x)"
CONTROLS: Mapping[str, str] = {"PyraCanny": "canny", "CPDS": "depth"}
"""What Fooocus calls a control, and the type that it is. It makes the control picture itself."""
ABILITIES: frozenset[Ability] = frozenset(
    {
        "negative_prompt",
        "guidance_scale",
        "steps",
        "seed",
        "loras",
        "controls",
        "control_preprocessing",
    }
)
SCHEDULERS = {ours: f"{sampler}|{schedule}" for ours, (sampler, schedule) in NOISE_SAMPLERS.items()}


async def look(host: Host, settings: EngineSettings) -> Inventory:
    """One look. Raises RemoteFailure."""
    told = await host.get_json("/v1/engines/all-models")
    files = _texts(told, "model_filenames")
    # A model of the configuration may be a file with settings of its own, under another name.
    variants = [model.name for model in settings.models if model.base in files]
    listings = [
        RemoteListing(
            name,
            _checkpoint(settings, name),
            settings.model_named(name).description or "a checkpoint of Stable Diffusion XL",
            "sdxl",
            ABILITIES,
            schedulers=SCHEDULERS,
        )
        for name in [*files, *variants]
    ]
    listings += [
        RemoteListing(lora, settings.part(lora, "lora"), "a LoRA") for lora in _texts(told, "lora_filenames")
    ]
    listings += [
        RemoteListing(name, settings.part(name, "control", control=kind), "a control of Fooocus")
        for name, kind in CONTROLS.items()
    ]
    listings.append(RemoteListing(UPSCALER, settings.part(UPSCALER, "upscale", factor=2), "an upscaler"))
    return Inventory("fooocus-api", tuple(listings))


def _checkpoint(settings: EngineSettings, name: str) -> ModelFacts:
    known = settings.model_named(name)
    width, height = known.width or SIDE, known.height or SIDE
    return ModelFacts(
        settings.id_of(name),
        steps=known.steps or STEPS,
        guidance_scale=GUIDANCE if known.guidance_scale is None else known.guidance_scale,
        width=width,
        height=height,
        granularity=GRANULARITY,
        methods=frozenset(known.methods or GENERATION | IMAGE_TO_IMAGE | {"apply"}),
        side=min(width, height),
        revision=name,
    )


def _texts(told: object, name: str) -> list[str]:
    items = told.get(name) if isinstance(told, Mapping) else None
    return [item for item in items if isinstance(item, str) and item] if isinstance(items, list) else []

"""What an OpenAI-compatible server draws with: the models that are configured, and those that its list marks as image models.

Its list names chat models as well, and a name says nothing sure, so a model is never chosen by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from capabilities.models import GENERATION, INPAINTING, ModelFacts
from sidecar.engines.remote.connector import Ability, Inventory, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings, Quirk
from sidecar.engines.remote.transport import Host

STEPS, UNCOUNTED_STEPS = 20, 100
"""Steps where nobody says how many; where the server takes no number, they only divide what is told of progress."""
SIDE = 1024
"""Pixels a side where nobody says."""
GRANULARITY = 16
MOST_IMAGES = 10
"""Pictures of one call, by the protocol."""

_GRANTED: Mapping[Ability, frozenset[Quirk]] = {
    "seed": frozenset({"seed", "sd-cpp"}),
    "steps": frozenset({"steps", "step", "sd-cpp"}),
    "guidance_scale": frozenset({"guidance", "sd-cpp"}),
    "negative_prompt": frozenset({"negative-prompt", "negative-after-bar", "sd-cpp"}),
    "transparent": frozenset({"transparent"}),
}
"""Which quirks give an ability that not every server has."""
_IGNORED: frozenset[Ability] = frozenset(
    {"seed", "steps", "guidance_scale", "negative_prompt", "scheduler", "clip_skip"}
)


async def look(host: Host, settings: EngineSettings) -> Inventory:
    """One look. Raises RemoteFailure where the server is not there, or its key is not accepted."""
    names = dict.fromkeys(model.name for model in settings.models)
    names |= dict.fromkeys(_image_models(await _models(host, settings), settings.quirks))
    names.pop(settings.chat_model, None)
    return Inventory("openai", tuple(_listing(settings, name) for name in names))


def abilities(quirks: frozenset[Quirk]) -> frozenset[Ability]:
    """What a server's models do besides drawing a prompt."""
    return frozenset(ability for ability, granting in _GRANTED.items() if not granting.isdisjoint(quirks))


async def _models(host: Host, settings: EngineSettings) -> Any:
    try:
        return await host.get_json("/models")
    except RemoteFailure as failure:
        # Not every server has a list, and not every key may read it.
        if failure.status in (404, 405, 501) or (failure.status == 403 and settings.models):
            return None
        raise


def _image_models(answer: Any, quirks: frozenset[Quirk]) -> Iterable[str]:
    if answer is None:
        return
    models = answer.get("data") if isinstance(answer, Mapping) else answer
    if not isinstance(models, list):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its list of models is not one")
    for model in models:
        name = model.get("id") if isinstance(model, Mapping) else None
        if isinstance(name, str) and name and ("all-models" in quirks or _draws(model)):
            yield name


def _draws(model: Mapping[str, Any]) -> bool:
    """Whether a list says of a model that it makes pictures, in one of the ways in which lists do."""
    architecture = model.get("architecture")
    told = architecture if isinstance(architecture, Mapping) else model
    modalities = told.get("output_modalities")
    if isinstance(modalities, list):
        return "image" in modalities
    return model.get("type") == "image" or model.get("task_type") in ("T2I", "TI2I")


def _listing(settings: EngineSettings, name: str) -> RemoteListing:
    known, quirks = settings.model_named(name), settings.quirks
    sizes = tuple(_size(text) for text in known.sizes)
    width, height = sizes[0] if sizes else (SIDE, SIDE)
    able = abilities(quirks)
    has_steps = "steps" in able
    facts = ModelFacts(
        settings.id_of(name),
        steps=known.steps or (STEPS if has_steps else UNCOUNTED_STEPS),
        guidance_scale=known.guidance_scale or 0.0,
        width=known.width or width,
        height=known.height or height,
        granularity=1 if sizes or "size-auto" in quirks else GRANULARITY,
        methods=frozenset(known.methods or _methods(quirks)),
        plain_ground="transparent" in able,
        side=min(known.width or width, known.height or height),
        revision=name,
        has_steps=has_steps,
        compute_per_image=settings.compute_per_image
        if known.compute_per_image is None
        else known.compute_per_image,
        has_seed="seed" in able,
    )
    return RemoteListing(
        name,
        facts,
        known.description,
        abilities=able,
        ignores=_IGNORED - able,
        sizes=sizes,
        most_images=_most_images(known.most_images, quirks),
        has_clear_masks=True,
    )


def _most_images(configured: int | None, quirks: frozenset[Quirk]) -> int:
    if "no-n" in quirks:
        return 1
    if not quirks.isdisjoint(_GRANTED["seed"]) and quirks.isdisjoint({"batch-seeds", "sd-cpp"}):
        # Picture k has to be the one of seed + k, and here only the first seed of a call is known.
        return 1
    return configured or MOST_IMAGES


def _methods(quirks: frozenset[Quirk]) -> frozenset[str]:
    if "no-edits" not in quirks:
        return GENERATION | INPAINTING | {"imageToImage"}
    return GENERATION | ({"imageToImage"} if "variations" in quirks else frozenset())


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)

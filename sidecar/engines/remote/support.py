"""What of a task a server's model can do: the rest is refused by name, or told to have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from capabilities.errors import FailedPrecondition, Refusal
from capabilities.methods.apply import Apply
from capabilities.methods.generation import Generation
from capabilities.schedulers import DEFAULT
from capabilities.tasks import Task
from sidecar.engines.remote.connector import Ability, RemoteListing

_NO_EFFECT: dict[Ability, str] = {
    "seed": "this model takes no seed: the same call makes another picture each time",
    "clip_skip": "clip skip has no effect on this model",
}
"""What `capabilities.without_effect` does not tell for every engine."""


def refusal(engine: str, task: Task, listing: RemoteListing, fit: str) -> Refusal | None:
    """Why a server's model cannot do a task, in words; None where it can."""
    for model_id in sorted(task.models):
        if not model_id.startswith(f"{engine}:"):
            return _cannot(
                engine,
                f"cannot use the model '{model_id}', which another engine has; use models of one engine",
                "model_id",
                model_id,
            )
    for ability, field in _asked(task, listing):
        if ability in listing.ignores or (ability in listing.abilities and ability != "scheduler"):
            continue
        if ability == "scheduler":
            known = ", ".join([DEFAULT, *listing.schedulers]) or DEFAULT
            return _cannot(
                engine,
                f"has no scheduler '{getattr(task, field)}' for '{listing.name}'; it has {known}",
                field,
                str(getattr(task, field)),
                limit=known,
            )
        return _cannot(
            engine, f"cannot do '{field}' with the model '{listing.name}'; leave it out", field, field
        )
    if listing.sizes and fit == "refuse" and (task.width, task.height) not in listing.sizes:
        if not isinstance(task, Generation):
            return None
        known = ", ".join(f"{width} x {height}" for width, height in listing.sizes)
        return _cannot(
            engine,
            f"draws '{listing.name}' at {known} only; ask for one of these, or let the operator set fit for the engine",
            "width",
            f"{task.width} x {task.height}",
            limit=known,
        )
    return None


def warnings(task: Task, listing: RemoteListing) -> tuple[str, ...]:
    """What of a task has no effect, each in a sentence."""
    asked = {ability for ability, _ in _asked(task, listing)}
    return tuple(
        words
        for ability, words in _NO_EFFECT.items()
        if ability in asked and ability in listing.ignores and ability not in listing.abilities
    )


def _asked(task: Task, listing: RemoteListing) -> Iterator[tuple[Ability, str]]:
    """What a task asks for beyond a prompt, each with the field that asks for it."""
    if not isinstance(task, Generation):
        return
    facts = listing.facts
    if task.has_seed or task.seed:
        yield "seed", "seed"
    if task.negative_prompt.strip():
        yield "negative_prompt", "negative_prompt"
    if task.guidance_scale != facts.guidance_scale:
        yield "guidance_scale", "guidance_scale"
    if task.steps != facts.steps:
        yield "steps", "steps"
    if task.scheduler != DEFAULT and task.scheduler not in listing.schedulers:
        yield "scheduler", "scheduler"
    for field in ("loras", "embeddings", "clip_skip", "vae", "tiling"):
        if getattr(task, field):
            ability: Ability = field
            yield ability, field
    for field in ("prompt_2", "negative_prompt_2"):
        if getattr(task, field):
            yield "prompt_2", field
    if task.background == "transparent" and not facts.plain_ground:
        yield "transparent", "background"
    if isinstance(task, Apply):
        yield "controls", "image"
        for place, control in enumerate(task.controls):
            if control.preprocess:
                yield "control_preprocessing", f"preprocess[{place}]"


def _cannot(engine: str, words: str, field: str, asked: str, *, limit: str = "") -> FailedPrecondition:
    return FailedPrecondition(
        f"the engine '{engine}' {words}", reason="ENGINE_CANNOT", field=field, limit=limit, asked=asked
    )

"""What a task asks for that changes nothing, in words: decided here alone, for every engine and family of models."""

from __future__ import annotations

from collections.abc import Iterator

from capabilities.methods.generation import Generation
from capabilities.models import ModelFacts, Models
from capabilities.prompt_weights import weighted_parts
from capabilities.schedulers import DEFAULT
from capabilities.tasks import Output, Task

OPTIONS = frozenset({
    "steps", "guidance_scale", "negative_prompt", "negative_prompt_2", "prompt_2", "scheduler", "tiling", "prompt_weights",
})  # fmt: skip
"""Options of a generation that a model may not heed; `prompt_weights` are those of "(words:1.3)" in a prompt.

All others act with every model that takes them, or are refused.
"""
_INSTEAD = "leave it out, or use another model"


def without_effect(task: Task, models: Models) -> list[str]:
    """Each as a sentence that names the option and what to do. Raises as `Models.find`.

    What a task says of steps and guidance is held against its model's own, since its defaults are filled in.
    """
    found = list(_of_encoding(task.output))
    if isinstance(task, Generation):
        found += _of_generation(task, models.find(task.model_id))
    return found


def _of_generation(task: Generation, model: ModelFacts) -> Iterator[str]:
    name = f"the model '{model.id}'"
    if "steps" in model.ignores and task.steps != model.steps:
        yield f"steps {task.steps} has no effect: {name} draws in {model.steps}; {_INSTEAD}"
    if "guidance_scale" in model.ignores and task.guidance_scale != model.guidance_scale:
        yield f"guidance_scale {task.guidance_scale:g} has no effect: {name} takes none; {_INSTEAD}"
    elif model.guidance_scale <= 1 < task.guidance_scale and "guidance_scale" not in model.ignores:
        yield (
            f"{name} is made to draw without guidance: a guidance_scale of {task.guidance_scale:g} takes twice the time and "
            f"often spoils the picture; leave it at {model.guidance_scale:g}"
        )
    for option in ("negative_prompt", "negative_prompt_2"):
        if not getattr(task, option).strip():
            continue
        if option in model.ignores:
            yield f"{option} has no effect: {name} takes none; {_INSTEAD}"
        elif task.guidance_scale <= 1:
            yield (
                f"{option} has no effect at a guidance_scale of {task.guidance_scale:g}, which turns guidance off; "
                "ask for more than 1, or leave it out"
            )
    if "prompt_2" in model.ignores and task.prompt_2.strip():
        yield f"prompt_2 has no effect: {name} reads one prompt; {_INSTEAD}"
    if "scheduler" in model.ignores and task.scheduler != DEFAULT:
        yield f"scheduler '{task.scheduler}' has no effect: {name} takes no steps of denoising; {_INSTEAD}"
    if "tiling" in model.ignores and task.tiling:
        yield f"tiling has no effect: {name} is a transformer, whose patches know no edges; use one of Stable Diffusion 1, 2 or XL"
    prompts = (task.prompt, task.negative_prompt, task.prompt_2, task.negative_prompt_2)
    if "prompt_weights" in model.ignores and any(_has_weights(text) for text in prompts):
        yield f"weights in the prompt, as in (words:1.3), have no effect: {name} knows none; leave them out"


def _has_weights(text: str) -> bool:
    return any(weight != 1 for _, weight in weighted_parts(text))


def _of_encoding(output: Output) -> Iterator[str]:
    if output.format == "png" and output.quality != Output().quality:
        yield f"quality {output.quality} has no effect: png loses nothing; ask for jpeg or webp, or leave it out"

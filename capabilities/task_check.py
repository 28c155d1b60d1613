"""Check of a task that came complete, not from arguments: imported, or written down by another version.

Arguments are checked on the way to a task, each against the model it is for. A task that comes complete has its own
bounds, which say what a row can hold; this says what a model takes, in the words of the task's own fields.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from capabilities.arguments import LONGEST_SIDE, limits_of
from capabilities.errors import InvalidArgument, brief
from capabilities.methods.apply import MAX_CONTROLS, Apply
from capabilities.methods.control_types import CONTROL_TYPES
from capabilities.methods.edit import MAX_OPERATIONS, Edit
from capabilities.methods.generation import MAX_LORAS, Generation, GenerationArguments, Lora, embedding_ids
from capabilities.methods.inpaint import InpaintArguments
from capabilities.methods.outpaint import Sides
from capabilities.methods.preprocess import Preprocess, PreprocessArguments
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale import Upscale
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.models import ModelFacts, Models
from capabilities.operations import Filter, Resize
from capabilities.schedulers import NAMES
from capabilities.tasks import Task

BOUNDS: Mapping[str, tuple[float, float]] = {
    **{name: limits_of(GenerationArguments, name)
       for name in ("width", "height", "steps", "count", "guidance_scale", "clip_skip")},
    **{name: limits_of(PreprocessArguments, name) for name in ("resolution", "blur")},
    **{name: limits_of(Sides, name) for name in ("left", "right", "top", "bottom")},
    "crop_padding": limits_of(InpaintArguments, "crop_padding"),
    "tile": (1, LONGEST_SIDE),
}  # fmt: skip
"""What arguments may say of the fields that a task leaves open; the same for whoever says it."""


def check_task(task: Task, models: Models) -> None:
    """Raises InvalidArgument that names the task's field at fault, its limit and what is there."""
    for name, (least, most) in BOUNDS.items():
        value = getattr(task, name, None)
        if value is not None:
            _within(name, value, least, most)
    if isinstance(task, Generation):
        _require_generation(task, models)
    if isinstance(task, Apply):
        _require_controls(task, models.find(task.model_id), models)
    if isinstance(task, Preprocess):
        _one_of("type", task.type, CONTROL_TYPES)
        made_by = CONTROL_TYPES[task.type].preprocessor
        if task.model_id != made_by:
            raise _bad(
                "model_id", f"the model of control type '{task.type}'", task.model_id, made_by or "none"
            )
        if task.low > task.high:
            raise _bad("low", "not above high", task.low, f"at most {task.high}")
    if isinstance(task, Upscale) and task.factor == 4 and models.find(task.model_id).factor < 4:
        raise _bad("factor", f"what '{task.model_id}' enlarges by", task.factor, "2")
    if isinstance(task, Edit):
        _require_edits(task)
    if task.output.format == "jpeg" and getattr(task, "background", "") == "transparent":
        raise _bad("output.format", "one with transparency", "jpeg", "png, webp")


def _require_generation(task: Generation, models: Models) -> None:
    model = models.find(task.model_id)
    _one_of("scheduler", task.scheduler, NAMES)
    if len(task.loras) > MAX_LORAS:
        raise _bad("loras", "a short list", len(task.loras), f"at most {MAX_LORAS}")
    for place, lora in enumerate(task.loras):
        _within(f"loras[{place}].weight", lora.weight, *limits_of(Lora, "weight"))
    texts = (task.prompt, task.negative_prompt, task.prompt_2, task.negative_prompt_2)
    named = tuple(dict.fromkeys(name for text in texts for name in embedding_ids(text)))
    if task.embeddings != named:
        raise _bad(
            "embeddings",
            "those that the prompts name",
            ", ".join(task.embeddings),
            ", ".join(named) or "none",
        )
    if task.background == "transparent" and not model.plain_ground:
        raise _bad("background", f"one that '{model.id}' can draw", "transparent", "opaque")
    if isinstance(task, TextToImage):
        _divides("width", task.width, model)
        _divides("height", task.height, model)
        if task.refine is not None:
            _require_refinement(task, model)
    if isinstance(task, UpscaleImg2Img) and not model.fixed_size:
        _divides("tile", task.tile, model)


def _require_refinement(task: TextToImage, model: ModelFacts) -> None:
    assert task.refine is not None
    if model.fixed_size:
        raise _bad(
            "refine", f"left out for '{model.id}', which draws at one size only", "a refinement", "none"
        )
    for name in ("width", "height"):
        first, last = getattr(task.refine, name), getattr(task, name)
        _within(f"refine.{name}", first, 1, LONGEST_SIDE)
        _divides(f"refine.{name}", first, model)
        # Rounded to what the model divides by, so a little beyond the factors that arguments may name.
        if not first <= last <= 4 * first + model.granularity:
            raise _bad(
                f"refine.{name}", "1 to 4 times smaller than the result", first, f"{last // 4} to {last}"
            )


def _require_controls(task: Apply, model: ModelFacts, models: Models) -> None:
    if len(task.controls) > MAX_CONTROLS:
        raise _bad("controls", "a short list", len(task.controls), f"at most {MAX_CONTROLS}")
    for place, control in enumerate(task.controls):
        where = f"controls[{place}]"
        _one_of(f"{where}.type", control.type, CONTROL_TYPES)
        _within(f"{where}.end", control.end, control.start, 1)
        needed = CONTROL_TYPES[control.type].preprocessor if control.preprocess else ""
        if control.preprocessor != needed:
            raise _bad(
                f"{where}.preprocessor",
                "what makes its control picture",
                control.preprocessor,
                needed or "none",
            )
        if models.find(control.model_id).text_width != model.text_width:
            raise _bad(
                f"{where}.model_id", f"a ControlNet of the family of '{model.id}'", control.model_id, model.id
            )


def _require_edits(task: Edit) -> None:
    if len(task.operations) > MAX_OPERATIONS:
        raise _bad("operations", "a short list", len(task.operations), f"at most {MAX_OPERATIONS}")
    for place, operation in enumerate(task.operations):
        if isinstance(operation, Filter) and not 0 < operation.sigma <= 250:
            raise _bad(
                f"operations[{place}].sigma", "above 0 and at most 250", operation.sigma, "at most 250"
            )
        if isinstance(operation, Resize):
            for name in ("width", "height"):
                _within(f"operations[{place}].{name}", getattr(operation, name), 0, LONGEST_SIDE)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise _bad(name, f"{least:g} to {most:g}", value, f"{least:g} to {most:g}")


def _one_of(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise _bad(name, "one that is known here", value, ", ".join(known))


def _divides(name: str, value: int, model: ModelFacts) -> None:
    if value % model.granularity:
        raise _bad(
            name,
            f"a multiple of {model.granularity} for '{model.id}'",
            value,
            f"a multiple of {model.granularity}",
        )


def _bad(name: str, what: str, asked: object, limit: str) -> InvalidArgument:
    return InvalidArgument(
        f"'task.{name}' must be {what}; got {brief(asked, 60)}, allowed: {brief(limit, 300)}",
        reason="BAD_TASK",
        field=f"task.{name}",
        limit=brief(limit, 300),
        asked=brief(asked, 60),
    )

"""From a task to what a server is to draw: the task's words in the server's own names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from capabilities.methods.apply import Apply
from capabilities.methods.face_restore import FaceRestore
from capabilities.methods.generation import Generation
from capabilities.methods.initial_image import InitialImage
from capabilities.methods.preprocess import Preprocess
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale import Upscale
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.operations import RESAMPLES
from capabilities.schedulers import DEFAULT
from capabilities.tasks import Task
from sidecar.engines.remote.connector import ControlPart, Drawing, LoraPart, RemoteListing
from sidecar.engines.remote.messages import Part


def drawing(task: Task, listing: RemoteListing, part: Part, *, seed: int, count: int, job_id: str) -> Drawing:
    """What is drawn for one part of a task. Raises TypeError for a task that no server is given."""
    common: dict[str, Any] = {
        "model": listing.name,
        "width": part.width,
        "height": part.height,
        "image": part.image,
        "job_id": job_id,
    }
    match task:
        case Upscale():
            return Drawing("upscale", factor=task.factor, **common)
        case FaceRestore():
            return Drawing("faces", strength=task.strength, **common)
        case Preprocess():
            return Drawing("control", control_type=task.type, **common)
        case Generation():
            return Drawing(
                _kind(part),
                count=count,
                seed=seed,
                prompt=task.prompt,
                negative_prompt=task.negative_prompt,
                prompt_2=task.prompt_2,
                negative_prompt_2=task.negative_prompt_2,
                steps=task.steps,
                guidance_scale=task.guidance_scale,
                scheduler=listing.schedulers.get(task.scheduler, ""),
                mask=part.mask,
                strength=_strength(task),
                controls=tuple(_controls(task, part)),
                loras=tuple(LoraPart(bare(lora.id), lora.weight) for lora in task.loras),
                embeddings={name: bare(name) for name in task.embeddings},
                vae=bare(task.vae),
                clip_skip=task.clip_skip,
                tiling=task.tiling,
                transparent=task.background == "transparent" and "transparent" in listing.abilities,
                **common,
            )
        case _:
            raise TypeError(f"not a task for a server: {task.kind}")


def enlarging(method: str, image: bytes, *, factor: int, job_id: str) -> Drawing:
    """A picture enlarged by the server's upscaler of that id."""
    return Drawing("upscale", bare(method), 0, 0, image=image, factor=factor, job_id=job_id)


def first_pass(task: TextToImage) -> TextToImage:
    """A task in two passes without its second."""
    assert task.refine is not None
    size = {"width": task.refine.width, "height": task.refine.height}
    return task.model_copy(update={**size, "refine": None})


def second_pass(task: TextToImage) -> UpscaleImg2Img:
    """What is done with the first pass's picture: enlarged, and drawn over in one piece."""
    assert task.refine is not None
    shared = set(Generation.model_fields) - {"kind"}
    return UpscaleImg2Img.model_validate(
        {
            **task.model_dump(include=shared),
            "prompt": task.prompt,
            "image": "first pass",
            "strength": task.refine.strength,
            "method": task.refine.method,
            "tile": max(task.width, task.height),
            "overlap": 0,
        }
    )


def enlarger(task: Task) -> str:
    """The id of the trained upscaler that a task begins with; empty where it has none."""
    return task.method if isinstance(task, UpscaleImg2Img) and task.method not in RESAMPLES else ""


def uses_scheduler(task: Task) -> str:
    """The scheduler that a task names; empty for the model's own."""
    return task.scheduler if isinstance(task, Generation) and task.scheduler != DEFAULT else ""


def bare(model_id: str) -> str:
    """The server's own name in the id that callers use."""
    return model_id.partition(":")[2]


def _kind(part: Part) -> Literal["text", "image", "masked"]:
    if part.mask:
        return "masked"
    return "image" if part.image else "text"


def _strength(task: Generation) -> float:
    match task:
        case InitialImage():
            return task.strength
        case Apply():
            return task.denoise_strength
        case _:
            return 1.0


def _controls(task: Generation, part: Part) -> Iterable[ControlPart]:
    if not isinstance(task, Apply):
        return
    for control, picture in zip(task.controls, part.controls, strict=True):
        yield ControlPart(
            picture,
            bare(control.model_id),
            control.type,
            control.strength,
            control.start,
            control.end,
            control.preprocess,
        )

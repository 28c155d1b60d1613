"""What a script in the world is answered: JSON values, the same from every surface that a script's call comes through."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from capabilities.budgets import UNITS
from capabilities.errors import Refusal
from sidecar.application.prompt_refinement import RefinedPrompt
from sidecar.queue.model import Job


def told(facts: Mapping[str, object]) -> dict[str, object]:
    """The answer of a method that only tells something."""
    return {"ok": True, **facts}


def made(job: Job, files: Sequence[bytes]) -> dict[str, object]:
    """The answer of a job that succeeded; `files` is empty where references were asked for.

    Keys `id`, `type` and `owner_id` never stand together here: viwo would take the object for a capability.
    """
    images: list[dict[str, object]] = []
    for index, image in enumerate(job.images):
        facts: dict[str, object] = {
            "ref": image.ref, "format": image.format, "width": image.width, "height": image.height,
        }  # fmt: skip
        if job.task.has_seed:
            facts["seed"] = image.seed
        if files:
            facts["image"] = base64.b64encode(files[index]).decode("ascii")
        if image.entity_id:
            facts["entity"] = image.entity_id
        images.append(facts)
    return {
        "ok": True,
        **images[0],
        "images": images,
        "job": job.id,
        "model": job.task.model_id,
        "compute": job.spent.compute / UNITS,
        **({"reused": True} if job.answered_by else {}),
        "seconds": round(job.work_seconds, 3),
        **({"warnings": list(job.warnings)} if job.warnings else {}),
    }


def refined(value: RefinedPrompt) -> dict[str, object]:
    """The answer of `refinePrompt`."""
    money = {"money": value.spent.money / UNITS} if value.spent.money else {}
    return {"ok": True, "prompt": value.prompt, "refinedBy": value.refined_by, **money}


def refused(refusal: Refusal) -> dict[str, object]:
    """The answer of a call that was refused, or whose job failed."""
    error = {
        "code": refusal.code.value,
        "message": refusal.message,
        "reason": refusal.reason,
        "field": refusal.field,
        "limit": refusal.limit,
        "asked": refusal.asked,
        **({} if refusal.retry_after is None else {"retryAfter": round(refusal.retry_after, 1)}),
    }
    return {"ok": False, "error": error}

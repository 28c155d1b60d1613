"""Drawings as Fooocus-API's routes and bodies."""

from __future__ import annotations

from typing import Any

from sidecar.engines.fooocus.inventory import UPSCALER
from sidecar.engines.remote.answers import text_of
from sidecar.engines.remote.connector import ControlPart, Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.prompt_tags import without_tags
from sidecar.engines.remote.settings import EngineSettings

_SUBTLE, _STRONG = "Vary (Subtle)", "Vary (Strong)"
_STRONG_FROM = 0.65
"""From which strength on a picture is varied strongly: there is one network's tuning for each."""


def request(wanted: Drawing, settings: EngineSettings) -> tuple[str, dict[str, Any]]:
    """The route and the body that ask for a drawing. Raises RemoteFailure for a task that has no route."""
    if wanted.kind == "upscale":
        body = {"uov_method": UPSCALER, "input_image": text_of(wanted.image), **_asked_later(wanted)}
        return "/v2/generation/image-upscale-vary", body
    body = _common(wanted, settings)
    match wanted.kind:
        case "text" if wanted.controls:
            body["image_prompts"] = [_control(part) for part in wanted.controls]
            return "/v2/generation/image-prompt", body
        case "text":
            return "/v1/generation/text-to-image", body
        case "image" if not wanted.controls:
            body["input_image"] = text_of(wanted.image)
            body["uov_method"] = _STRONG if wanted.strength >= _STRONG_FROM else _SUBTLE
            body["advanced_params"]["overwrite_vary_strength"] = wanted.strength
            return "/v2/generation/image-upscale-vary", body
        case "masked" if not wanted.controls:
            body |= {"input_image": text_of(wanted.image), "input_mask": text_of(wanted.mask)}
            body["advanced_params"]["inpaint_strength"] = wanted.strength
            return "/v2/generation/image-inpaint-outpaint", body
        case _:
            raise RemoteFailure(
                FailureKind.BAD_REQUEST,
                "Fooocus follows controls where it draws from words only; leave out the picture to begin with",
                field="init_image",
                was_sent=False,
            )


def _common(wanted: Drawing, settings: EngineSettings) -> dict[str, Any]:
    known = settings.model_named(wanted.model)
    advanced: dict[str, Any] = {"overwrite_step": wanted.steps}
    sampler, _, schedule = wanted.scheduler.partition("|")
    if sampler:
        advanced |= {"sampler_name": sampler, "scheduler_name": schedule}
    body: dict[str, Any] = {
        "prompt": without_tags(wanted.prompt),
        "negative_prompt": without_tags(wanted.negative_prompt),
        # Its own styles rewrite the prompt; what was asked is what is drawn, unless the operator chose some.
        "style_selections": [],
        "performance_selection": "Speed",
        "aspect_ratios_selection": f"{wanted.width}*{wanted.height}",
        "image_number": wanted.count,
        "image_seed": wanted.seed,
        "guidance_scale": wanted.guidance_scale,
        "base_model_name": known.base or wanted.model,
        "refiner_model_name": "None",
        "loras": [{"enabled": True, "model_name": lora.name, "weight": lora.weight} for lora in wanted.loras],
        "save_meta": True,
        **known.options,
        **_asked_later(wanted),
    }
    body["advanced_params"] = {**advanced, **dict(body.get("advanced_params") or {})}
    return body


def _asked_later(wanted: Drawing) -> dict[str, Any]:
    return {"async_process": True, "require_base64": True}


def _control(part: ControlPart) -> dict[str, Any]:
    if part.start > 0:
        raise RemoteFailure(
            FailureKind.BAD_REQUEST,
            "a control of Fooocus acts from the first step on",
            field="guidance_start",
            limit="0",
            asked=f"{part.start:g}",
            was_sent=False,
        )
    return {
        "cn_img": text_of(part.picture),
        "cn_type": part.model,
        "cn_weight": part.strength,
        "cn_stop": part.end,
    }

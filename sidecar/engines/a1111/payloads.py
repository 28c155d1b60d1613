"""Drawings as the bodies of A1111's routes."""

from __future__ import annotations

from typing import Any

from capabilities.methods.generation import EMBEDDING, embedding_id
from sidecar.engines.remote.answers import text_of
from sidecar.engines.remote.connector import ControlPart, Drawing
from sidecar.engines.remote.prompt_tags import without_tags

WHOLE_MASK, ORIGINAL = 0, 1
"""Of `inpaint_full_res` and `inpainting_fill`: the picture is cut before it is sent, and what is masked is begun from."""


def text_to_image(wanted: Drawing) -> dict[str, Any]:
    """The body of `txt2img`."""
    sampler, _, schedule = wanted.scheduler.partition("|")
    body: dict[str, Any] = {
        "prompt": prompt(wanted, wanted.prompt) + loras(wanted),
        "negative_prompt": prompt(wanted, wanted.negative_prompt),
        "seed": wanted.seed,
        "steps": wanted.steps,
        "cfg_scale": wanted.guidance_scale,
        "width": wanted.width,
        "height": wanted.height,
        "batch_size": 1,
        "n_iter": wanted.count,
        "tiling": wanted.tiling,
        "send_images": True,
        "save_images": False,
        "override_settings": settings(wanted),
        # What somebody else chose on the server's own page stays as it is.
        "override_settings_restore_afterwards": True,
    }
    if sampler:
        body |= {"sampler_name": sampler}
    if schedule:
        body |= {"scheduler": schedule}
    if wanted.controls:
        args = [control(part) for part in wanted.controls]
        body["alwayson_scripts"] = {"controlnet": {"args": args}}
    return body


def image_to_image(wanted: Drawing) -> dict[str, Any]:
    """The body of `img2img`."""
    body = text_to_image(wanted) | {
        "init_images": [text_of(wanted.image)],
        "denoising_strength": wanted.strength,
        "resize_mode": 0,
    }
    if wanted.mask:
        # The soft edge is laid over here, so the server's is left out.
        body |= {
            "mask": text_of(wanted.mask),
            "mask_blur": 0,
            "inpainting_fill": ORIGINAL,
            "inpaint_full_res": WHOLE_MASK,
            "inpainting_mask_invert": 0,
        }
    return body


def extras(wanted: Drawing) -> dict[str, Any]:
    """The body of `extra-single-image`: an enlarged picture, or one whose faces are restored."""
    body: dict[str, Any] = {
        "image": text_of(wanted.image),
        "resize_mode": 0,
        "upscaling_resize": wanted.factor,
        "upscaler_1": wanted.model if wanted.kind == "upscale" else "None",
    }
    if wanted.kind == "faces":
        name = "codeformer" if wanted.model.lower() == "codeformer" else "gfpgan"
        body[f"{name}_visibility"] = wanted.strength
    return body


def settings(wanted: Drawing) -> dict[str, Any]:
    """The server's settings that hold for this drawing only."""
    chosen: dict[str, Any] = {"sd_model_checkpoint": wanted.model}
    if wanted.vae:
        chosen["sd_vae"] = wanted.vae
    if wanted.clip_skip:
        chosen["CLIP_stop_at_last_layers"] = wanted.clip_skip + 1
    return chosen


def control(part: ControlPart) -> dict[str, Any]:
    """One unit of the ControlNet script."""
    return {
        "enabled": True,
        "image": text_of(part.picture),
        "model": part.model,
        "module": part.type if part.preprocess else "none",
        "weight": part.strength,
        "guidance_start": part.start,
        "guidance_end": part.end,
        "resize_mode": 0,
        "control_mode": 0,
        "pixel_perfect": part.preprocess,
    }


def prompt(wanted: Drawing, text: str) -> str:
    """A prompt whose textual inversions are called as the server calls them: by the bare name."""
    text = without_tags(text)
    return EMBEDDING.sub(lambda found: wanted.embeddings.get(embedding_id(found), embedding_id(found)), text)


def loras(wanted: Drawing) -> str:
    """LoRAs in the words of a prompt."""
    return "".join(f" <lora:{part.name}:{part.weight:g}>" for part in wanted.loras)

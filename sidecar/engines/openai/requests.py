"""Drawings as the bodies and forms of the images API; what only some servers know is sent to those only."""

from __future__ import annotations

import json
from typing import Any

from sidecar.engines.remote.connector import Drawing
from sidecar.engines.remote.prompt_tags import without_tags
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Files

PARTIAL_IMAGES = 2
"""Unfinished pictures that are asked for where somebody watches."""
SD_CPP_ARGS = "sd_cpp_extra_args"
"""The tag around settings in a prompt, as stable-diffusion.cpp reads them."""


def generation(wanted: Drawing, settings: EngineSettings, *, stream: bool = False) -> dict[str, Any]:
    """The body of `images/generations`."""
    body = {**_common(wanted, settings), **_extras(wanted, settings), "prompt": prompt(wanted, settings)}
    return body | ({"stream": True, "partial_images": PARTIAL_IMAGES} if stream else {})


def edit(wanted: Drawing, settings: EngineSettings, *, stream: bool = False) -> tuple[dict[str, str], Files]:
    """The fields and files of `images/edits`."""
    fields = generation(wanted, settings, stream=stream)
    if wanted.kind == "image" and "strength" in settings.quirks:
        fields["strength"] = wanted.strength
    files = _pictures(wanted, settings)
    if wanted.mask:
        files.append(("mask", ("mask.png", wanted.mask, "image/png")))
    return _texts(fields), files


def variation(wanted: Drawing, settings: EngineSettings) -> tuple[dict[str, str], Files]:
    """The fields and files of `images/variations`, which takes no prompt."""
    return _texts(_common(wanted, settings)), [("image", ("image.png", wanted.image, "image/png"))]


def prompt(wanted: Drawing, settings: EngineSettings) -> str:
    """The prompt, in which nobody but this module gives settings to the server."""
    text = _plain(wanted.prompt)
    if "negative-after-bar" in settings.quirks:
        text = text.replace("|", ",")
        text += f"|{_plain(wanted.negative_prompt)}" if wanted.negative_prompt else ""
    if "sd-cpp" in settings.quirks:
        args = json.dumps(_sd_cpp_args(wanted, settings))
        # A tag within the arguments would end them.
        text += f" <{SD_CPP_ARGS}>{args.replace('<', chr(92) + 'u003c')}</{SD_CPP_ARGS}>"
    return text


def sends_guidance(wanted: Drawing, settings: EngineSettings) -> bool:
    """Whether anybody says what the guidance scale is; else the server's own is the right one."""
    return wanted.guidance_scale != 0 or settings.model_named(wanted.model).guidance_scale is not None


def _plain(text: str) -> str:
    """What a caller wrote, without a way to load a model or to give settings."""
    return without_tags(text.replace(SD_CPP_ARGS, SD_CPP_ARGS.replace("_", " ")))


def _common(wanted: Drawing, settings: EngineSettings) -> dict[str, Any]:
    """What every route takes."""
    quirks = settings.quirks
    body: dict[str, Any] = {"model": wanted.model}
    if "no-n" not in quirks:
        body["n"] = wanted.count
    body["size"] = "auto" if "size-auto" in quirks else f"{wanted.width}x{wanted.height}"
    if "response-format" in quirks:
        body["response_format"] = "b64_json"
    return body


def _extras(wanted: Drawing, settings: EngineSettings) -> dict[str, Any]:
    quirks = settings.quirks
    extras: dict[str, Any] = {}
    if quality := settings.model_named(wanted.model).quality:
        extras["quality"] = quality
    if wanted.transparent:
        extras["background"] = "transparent"
    if wanted.transparent or "output-format" in quirks:
        extras["output_format"] = "png"
    if "seed" in quirks:
        extras["seed"] = wanted.seed
    if "steps" in quirks:
        extras["num_inference_steps"] = wanted.steps
    if "step" in quirks:
        extras["step"] = wanted.steps
    if "guidance" in quirks and sends_guidance(wanted, settings):
        extras["guidance_scale"] = wanted.guidance_scale
    if "negative-prompt" in quirks and wanted.negative_prompt:
        extras["negative_prompt"] = _plain(wanted.negative_prompt)
    return extras


def _sd_cpp_args(wanted: Drawing, settings: EngineSettings) -> dict[str, Any]:
    sample: dict[str, Any] = {"sample_steps": wanted.steps}
    if sends_guidance(wanted, settings):
        sample["guidance"] = {"txt_cfg": wanted.guidance_scale}
    args: dict[str, Any] = {"seed": wanted.seed, "sample_params": sample}
    if wanted.negative_prompt:
        args["negative_prompt"] = without_tags(wanted.negative_prompt)
    if wanted.kind == "image":
        args["strength"] = wanted.strength
    return args


def _pictures(wanted: Drawing, settings: EngineSettings) -> Files:
    name = "image[]" if "image-array" in settings.quirks else "image"
    return [(name, ("image.png", wanted.image, "image/png"))]


def _texts(fields: dict[str, Any]) -> dict[str, str]:
    """The fields of a form, as JSON writes them."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}

"""What a request to the fake A1111 asks for, with everything that the real one changes without a word."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sidecar.testing.foreign import a1111_catalog as catalog
from sidecar.testing.foreign.drawing import Control, Drawing, Pixels, edges, resized
from sidecar.testing.foreign.fake import Drawn

_LORA = re.compile(r"<lora:([^:>]+):?([-\d.]*)[^>]*>")
_NUMBERS = {
    "seed": -1, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512,
    "denoising_strength": 0.75, "hr_scale": 2.0, "mask_blur": 4,
}  # fmt: skip


class Invalid(Exception):
    """A field with a value of the wrong type."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(field)
        self.field = field
        self.words = words


class Asked:
    """A request for pictures, understood."""

    def __init__(self, body: dict[str, Any], numbers: Mapping[str, float], init: list[Pixels]) -> None:
        self.body = body
        self.init = init
        self.mask: Pixels | None = None
        self.prompt = str(body.get("prompt") or "")
        self.negative = str(body.get("negative_prompt") or "")
        self.sampler = str(body.get("sampler_name") or body.get("sampler_index") or "Euler")
        self.scheduler = str(body.get("scheduler") or "")
        # Told as they were asked for, and drawn in eights.
        self.told_size = (int(numbers["width"]), int(numbers["height"]))
        self.width, self.height = (side // 8 * 8 for side in self.told_size)
        self.steps, self.guidance = int(numbers["steps"]), float(numbers["cfg_scale"])
        self.strength = float(numbers["denoising_strength"])
        self.batch_size = int(numbers["batch_size"])
        self.count = self.batch_size * int(numbers["n_iter"])
        self.seed = int(numbers["seed"]) if int(numbers["seed"]) >= 0 else random.randrange(1 << 32)
        self.enlarged = float(numbers["hr_scale"]) if body.get("enable_hr") else 1.0
        self.hires_size = (int(body.get("hr_resize_x") or 0), int(body.get("hr_resize_y") or 0))
        self.override: dict[str, Any] = body.get("override_settings") or {}
        self.restores = body.get("override_settings_restore_afterwards", True)
        self.scripts: dict[str, Any] = body.get("alwayson_scripts") or {}
        self.task_id = str(body.get("force_task_id") or "")
        self.send_images = body.get("send_images", True)
        self.has_grid = bool(body.get("save_images")) and self.count > 1
        self.control_maps: list[Pixels] = []
        self.control_notes: list[str] = []

    @property
    def loras(self) -> tuple[tuple[str, float], ...]:
        """Those in the prompt that there are; the others are left out without a word."""
        found = _LORA.findall(self.prompt)
        return tuple((name, float(weight or 1)) for name, weight in found if name in catalog.LORAS)

    @property
    def spoken_prompt(self) -> str:
        return _LORA.sub("", self.prompt).strip()

    def controls(self, decode: Callable[[object], Pixels]) -> tuple[Control, ...]:
        """The units of ControlNet that work. One of an unknown model does nothing, and is told of like the others."""
        made = []
        scripts = {name.lower(): script for name, script in self.scripts.items()}
        for unit in scripts.get("controlnet", {}).get("args", []):
            if not unit.get("enabled", True):
                continue
            module, asked, weight = (
                unit.get("module", "none"),
                str(unit.get("model")),
                float(unit.get("weight", 1)),
            )
            self.control_notes.append(
                f"Module: {module}, Model: {asked}, Weight: {weight}, Guidance Start: 0.0"
            )
            given = unit.get("image", unit.get("input_image"))
            given = given.get("image") if isinstance(given, dict) else given
            if not (given or self.init):
                continue
            picture = decode(given) if given else self.init[0]
            if module == "canny":
                picture = edges(picture)
            if module.lower() != "none" and unit.get("save_detected_map", True):
                self.control_maps.append(resized(picture, self.width, self.height))
            if model := catalog.control_model(asked):
                span = (float(unit.get("guidance_start", 0)), float(unit.get("guidance_end", 1)))
                made.append(Control(model, picture, weight, *span))
        return tuple(made)

    def drawings(self, model: str, controls: tuple[Control, ...]) -> Iterator[Drawing]:
        """One for each picture; the seeds count up."""
        width, height = round(self.width * self.enlarged), round(self.height * self.enlarged)
        if all(self.hires_size) and self.enlarged != 1:
            width, height = self.hires_size
        notes: dict[str, object] = {}
        if self.enlarged != 1:
            notes = {"hr_scale": self.enlarged, "hr_upscaler": self.body.get("hr_upscaler")}
        for index in range(self.count):
            yield Drawing(
                self.spoken_prompt, self.negative, self.seed + index, model, width, height, self.steps,
                self.guidance, self.sampler, self.scheduler, self.loras, controls,
                self.init[0] if self.init else None, self.mask, self.strength if self.init else 1.0, notes,
            )  # fmt: skip


def as_asked(body: dict[str, Any], *, init: list[Pixels] | None = None) -> Asked:
    """A request understood; unknown fields are not minded. Raises Invalid."""
    numbers = {}
    for name, default in _NUMBERS.items():
        value = body.get(name)
        try:
            numbers[name] = default if value is None else type(default)(value)
        except (TypeError, ValueError):
            raise Invalid(name, f"Input should be a valid {type(default).__name__}") from None
    return Asked(body, numbers, init or [])


def info(asked: Asked, drawn: list[Drawn]) -> dict[str, object]:
    """What is told of the pictures."""
    first = drawn[0].drawing
    used = catalog.checkpoint(first.model) or catalog.Checkpoint(first.model)
    seeds = [one.drawing.seed for one in drawn]
    extra: dict[str, object] = {}
    if first.loras:
        extra["Lora hashes"] = ", ".join(
            f"{name}: {catalog.Checkpoint(name).hash}" for name, _ in first.loras
        )
    for index, note in enumerate(asked.control_notes):
        extra[f"ControlNet {index}"] = note
    if first.scheduler != "Automatic":
        extra["Schedule type"] = first.scheduler
    if asked.init:
        extra["Denoising strength"] = asked.strength
    prompt = asked.prompt if first.prompt == asked.spoken_prompt else first.prompt
    size = f"{asked.told_size[0]}x{asked.told_size[1]}"
    texts = [
        f"{prompt}\nNegative prompt: {first.negative}\nSteps: {first.steps}, Sampler: {first.sampler}, "
        f"Schedule type: {first.scheduler}, CFG scale: {first.guidance:g}, Seed: {seed}, "
        f"Size: {size}, Model hash: {used.hash}, Model: {used.name}"
        for seed in seeds
    ]
    count = len(drawn)
    return {
        "prompt": prompt, "all_prompts": [prompt] * count, "negative_prompt": first.negative,
        "all_negative_prompts": [first.negative] * count, "seed": seeds[0], "all_seeds": seeds, "subseed": 1,
        "all_subseeds": [1] * count, "subseed_strength": 0, "width": asked.told_size[0],
        "height": asked.told_size[1],
        "sampler_name": first.sampler, "cfg_scale": first.guidance, "steps": first.steps,
        "batch_size": asked.batch_size, "restore_faces": False, "face_restoration_model": None,
        "sd_model_name": used.name, "sd_model_hash": used.hash, "sd_vae_name": None, "sd_vae_hash": None,
        "seed_resize_from_w": -1, "seed_resize_from_h": -1, "denoising_strength": asked.strength,
        "extra_generation_params": extra, "index_of_first_image": int(asked.has_grid),
        "infotexts": [texts[0]] * asked.has_grid + texts, "styles": [], "job_timestamp": "20260101000000",
        "clip_skip": 1, "is_using_inpainting_conditioning": False, "version": "v1.10.1",
    }  # fmt: skip

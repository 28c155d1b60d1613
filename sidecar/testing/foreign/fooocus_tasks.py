"""What a request to the fake Fooocus-API asks for, with everything that the real one changes without a word."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sidecar.testing.foreign.drawing import Control, Drawing, Pixels, decoded, from_base64, resized
from sidecar.testing.foreign.fake import Job

MODELS = ("tiny-sdxl.safetensors", "tiny-lightning.safetensors")
LORAS = ("tiny-lora.safetensors", "tiny-style.safetensors")
STYLES = ("Fooocus V2", "Fooocus Enhance", "Fooocus Sharp", "SAI Anime", "SAI Photographic")
STEPS = {"Speed": 30, "Quality": 60, "Extreme Speed": 8, "Lightning": 4, "Hyper-SD": 4}
SMALLEST_SIDE = 64
_VARIED = {"Vary (Subtle)": 0.5, "Vary (Strong)": 0.85}
_ENLARGED = {"Upscale (1.5x)": 1.5, "Upscale (2x)": 2.0, "Upscale (Fast 2x)": 2.0}
_UPSCALED_STRENGTH = 0.382
_OUTPAINTED = 0.3
"""Share of a side by which a picture grows, where no distance is given."""


class Invalid(Exception):
    """A value that is not accepted; FastAPI's answer is 422."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.detail = [{"type": "value_error", "loc": ["body", field], "msg": words, "input": None}]


class Task:
    """A request in the queue."""

    def __init__(self, id: str, route: str, body: Mapping[str, Any]) -> None:
        self.id = id
        self.path = route
        self.kind = route.rpartition("/")[2]
        self.body = body
        self.job: Job | None = None
        self.started = False
        self.finished = False
        self.failed = False
        self.progress = 0
        self.results: list[dict[str, object]] = []
        self.performance = str(body.get("performance_selection", "Speed"))
        if self.performance not in STEPS:
            raise Invalid("performance_selection", f"Input should be one of {list(STEPS)}")
        self.ratio = str(body.get("aspect_ratios_selection", "1152*896"))
        """Nobody looks at it before the job begins."""
        self.count = int(body.get("image_number", 1))
        if not 1 <= self.count <= 32:
            raise Invalid("image_number", "Input should be between 1 and 32")
        seed = int(body.get("image_seed", -1))
        self.seed = random.randrange(1 << 31) if seed < 0 else seed
        model = body.get("base_model_name")
        self.model = model if model in MODELS else MODELS[0]
        self.loras = tuple(
            (str(lora["model_name"]), float(lora.get("weight", 0.5)))
            for lora in _parsed(body.get("loras", []))
            if lora.get("enabled", True) and lora.get("model_name") in LORAS
        )
        styles = body.get("style_selections", [])
        styles = [style.strip() for style in styles.split(",")] if isinstance(styles, str) else styles
        self.styles = [style for style in styles if style in STYLES]
        self.advanced: Mapping[str, Any] = _parsed(body.get("advanced_params") or {})

    @property
    def fast_upscale(self) -> Pixels | None:
        """The result of the one method that draws nothing."""
        if self.body.get("uov_method") != "Upscale (Fast 2x)":
            return None
        init = self._picture("input_image")
        assert init is not None
        return resized(init, init.shape[1] * 2, init.shape[0] * 2)

    def drawings(self) -> Iterator[Drawing]:
        """One for each picture. Raises ValueError where the job will fail."""
        width, height = (int(side) // 8 * 8 for side in self.ratio.replace("×", "*").split("*"))
        if min(width, height) < SMALLEST_SIDE:
            raise ValueError("too small")
        init, mask, strength = self._changed()
        if init is not None:
            height, width = init.shape[:2]
        prompt = str(self.body.get("inpaint_additional_prompt") or self.body.get("prompt", ""))
        for index in range(self.count):
            yield Drawing(
                prompt, str(self.body.get("negative_prompt", "")), self.seed + index, self.model, width, height,
                int(self.advanced.get("overwrite_step", -1)) if int(self.advanced.get("overwrite_step", -1)) > 0
                else STEPS[self.performance],
                float(self.body.get("guidance_scale", 4.0)), str(self.advanced.get("sampler_name", "dpmpp_2m_sde_gpu")),
                str(self.advanced.get("scheduler_name", "karras")), self.loras, tuple(self._controls()), init, mask,
                strength, {"styles": self.styles, "performance": self.performance},
            )  # fmt: skip

    def metadata(self, drawing: Drawing) -> dict[str, object]:
        """What the picture's file tells of it."""
        return {
            "prompt": drawing.prompt, "negative_prompt": drawing.negative, "styles": str(self.styles),
            "performance": self.performance, "steps": drawing.steps, "guidance_scale": drawing.guidance,
            "resolution": str((drawing.width, drawing.height)), "base_model": drawing.model.removesuffix(".safetensors"),
            "sampler": drawing.sampler, "scheduler": drawing.scheduler, "seed": str(drawing.seed),
            "loras": [[name, weight, ""] for name, weight in drawing.loras], "metadata_scheme": "fooocus",
            "version": "Fooocus v2.5.5",
        }  # fmt: skip

    def _changed(self) -> tuple[Pixels | None, Pixels | None, float]:
        """The initial picture, its mask (white is drawn) and the strength."""
        init = self._picture("input_image")
        if init is None:
            return None, None, 1.0
        if self.kind == "image-upscale-vary":
            method = str(self.body.get("uov_method", "Upscale (2x)"))
            if method in _VARIED:
                return init, None, _VARIED[method]
            factor = _ENLARGED.get(method, float(self.body.get("upscale_value") or 1.0))
            height, width = init.shape[:2]
            return resized(init, round(width * factor), round(height * factor)), None, _UPSCALED_STRENGTH
        mask = self._picture("input_mask")
        covers = np.zeros(init.shape[:2], np.uint8) if mask is None else mask[..., 0]
        if self.advanced.get("invert_mask_checkbox"):
            covers = 255 - covers
        strength = float(self.advanced.get("inpaint_strength", 1.0))
        return *self._outpainted(init, resized(covers, init.shape[1], init.shape[0])), strength

    def _outpainted(self, init: Pixels, mask: Pixels) -> tuple[Pixels, Pixels]:
        sides = self.body.get("outpaint_selections") or []
        sides = (
            [side.strip() for side in sides.split(",") if side.strip()] if isinstance(sides, str) else sides
        )
        height, width = init.shape[:2]
        grow = {}
        for side in ("Left", "Right", "Top", "Bottom"):
            distance = int(self.body.get(f"outpaint_distance_{side.lower()}") or -1)
            usual = round((width if side in ("Left", "Right") else height) * _OUTPAINTED)
            grow[side] = (distance if distance > 0 else usual) if side in sides else 0
        border = ((grow["Top"], grow["Bottom"]), (grow["Left"], grow["Right"]))
        return np.pad(init, (*border, (0, 0)), mode="edge"), np.pad(mask, border, constant_values=255)

    def _controls(self) -> Iterator[Control]:
        for prompt in self.body.get("image_prompts", []):
            if prompt.get("cn_img"):
                picture = decoded(from_base64(prompt["cn_img"]))
                weight, stop = float(prompt.get("cn_weight") or 0.6), float(prompt.get("cn_stop") or 0.5)
                yield Control(str(prompt.get("cn_type", "ImagePrompt")), picture, weight, 0.0, stop)

    def _picture(self, name: str) -> Pixels | None:
        given = self.body.get(name)
        if not given:
            return None
        return decoded(given if isinstance(given, bytes) else from_base64(given))


def _parsed(given: Any) -> Any:
    """Forms hold JSON as text."""
    return json.loads(given) if isinstance(given, str) else given

"""What flows along the edges of a ComfyUI graph, and how a node says what it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sidecar.testing.foreign.drawing import Control, Drawing, Pixels

Loras = tuple[tuple[str, float], ...]

FOLDERS: dict[str, list[str]] = {
    "checkpoints": [f"tiny-{family}.safetensors" for family in ("sd15", "sdxl", "sd3", "flux", "inpainting")],
    "diffusion_models": ["tiny-flux-unet.safetensors", "tiny-sd3-unet.safetensors"],
    "text_encoders": ["clip_g.safetensors", "clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"],
    "vae": ["ae.safetensors", "tiny-vae.safetensors"],
    "loras": ["tiny-lora.safetensors", "tiny-style.safetensors"],
    "controlnet": ["tiny-canny.safetensors", "tiny-depth.safetensors", "tiny-tile.safetensors"],
    "upscale_models": ["tiny-x2.safetensors", "tiny-x4.safetensors"],
    "embeddings": [],
}
SAMPLERS = [
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2", "dpm_2", "dpm_2_ancestral",
    "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde",
    "ddpm", "lcm", "ipndm", "deis", "res_multistep", "er_sde", "ddim", "uni_pc", "uni_pc_bh2",
]  # fmt: skip
SCHEDULERS = [
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic", "kl_optimal",
]  # fmt: skip


@dataclass(frozen=True)
class Model:
    name: str
    loras: Loras = ()
    sampling: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Clip:
    name: str
    loras: Loras = ()


@dataclass(frozen=True)
class Conditioning:
    text: str
    controls: tuple[Control, ...] = ()
    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Latent:
    """`pixels` are what it would decode to; None of an empty one."""

    width: int
    height: int
    count: int = 1
    pixels: tuple[Pixels, ...] | None = None
    mask: Pixels | None = None

    @classmethod
    def of(cls, images: tuple[Pixels, ...], mask: Pixels | None = None) -> Latent:
        height, width = (side // 8 * 8 for side in images[0].shape[:2])
        return cls(width, height, len(images), tuple(image[:height, :width] for image in images), mask)


@dataclass(frozen=True)
class Guider:
    model: Model
    positive: Conditioning
    negative: Conditioning | None
    guidance: float


@dataclass(frozen=True)
class Sigmas:
    scheduler: str
    steps: int
    strength: float


class Running(Protocol):
    """What a node may ask of the server that runs it."""

    async def sample(self, drawing: Drawing) -> Pixels:
        """Draw. Raises Interrupted, DrawingFailed."""
        ...

    def load(self, name: str) -> bytes:
        """A file by its name, as `name.png [input]` or without the folder. Raises FileNotFoundError."""
        ...

    def save(self, image: Pixels, prefix: str, folder: str) -> dict[str, str]:
        """Write a picture, and tell its name."""
        ...


class Interrupted(Exception):
    """Someone interrupted the running prompt."""


@dataclass(frozen=True)
class Input:
    """A type with its options, or the choices there are."""

    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    choices: Sequence[str] | None = None
    optional: bool = False

    def told(self, newer: bool) -> list[object]:
        """As `/object_info` says it: newer nodes write a choice in another way."""
        if self.choices is None:
            return [self.type, dict(self.options)]
        if newer:
            return ["COMBO", {"multiselect": False, "options": list(self.choices), **self.options}]
        return [list(self.choices), dict(self.options)]


def link(type: str) -> Input:
    return Input(type)


def optional(given: Input) -> Input:
    return replace(given, optional=True)


def integer(default: int, low: int, high: int, step: int = 1) -> Input:
    return Input("INT", {"default": default, "min": low, "max": high, "step": step})


def number(default: float, low: float, high: float) -> Input:
    return Input("FLOAT", {"default": default, "min": low, "max": high, "step": 0.01})


def text(default: str = "", *, multiline: bool = False) -> Input:
    return Input("STRING", {"default": default} | ({"multiline": True} if multiline else {}))


def boolean() -> Input:
    return Input("BOOLEAN", {"default": True})


def choice(choices: Sequence[str]) -> Input:
    return Input("COMBO", choices=choices)


@dataclass(frozen=True)
class Node:
    """A class of nodes. `run` gets what is running and the inputs, and answers a value for each output."""

    name: str
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    run: Callable[..., Any | Awaitable[Any]]
    is_output: bool
    newer: bool

    def told(self) -> dict[str, object]:
        """As `/object_info` says it."""
        kinds: dict[str, dict[str, object]] = {"required": {}}
        for name, given in self.inputs.items():
            kinds.setdefault("optional" if given.optional else "required", {})[name] = given.told(self.newer)
        return {
            "input": kinds, "input_order": {kind: list(names) for kind, names in kinds.items()},
            "output": list(self.outputs), "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs), "name": self.name, "display_name": self.name, "description": "",
            "python_module": "comfy_extras" if self.newer else "nodes", "category": "fake",
            "output_node": self.is_output,
        }  # fmt: skip


NODES: dict[str, Node] = {}


def node(
    name: str, inputs: Mapping[str, Input], outputs: str = "", *, is_output: bool = False, newer: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a class of nodes."""

    def declare(run: Callable[..., Any]) -> Callable[..., Any]:
        NODES[name] = Node(name, inputs, tuple(outputs.split()), run, is_output, newer)
        return run

    return declare

"""What flows along the edges of an InvokeAI graph, the models there are, and how an invocation says what it takes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sidecar.testing.foreign.drawing import Control, Drawing, Pixels

Loras = tuple[tuple[str, float], ...]

_MODELS = (
    ("tiny-sd15", "sd-1", "main"),
    ("tiny-sdxl", "sdxl", "main"),
    ("tiny-sd3", "sd-3", "main"),
    ("tiny-flux", "flux", "main"),
    ("tiny-lora", "sd-1", "lora"),
    ("tiny-style", "sd-1", "lora"),
    ("tiny-sdxl-lora", "sdxl", "lora"),
    ("tiny-flux-lora", "flux", "lora"),
    ("tiny-canny", "sd-1", "controlnet"),
    ("tiny-depth", "sd-1", "controlnet"),
    ("tiny-tile", "sd-1", "controlnet"),
    ("tiny-sdxl-canny", "sdxl", "controlnet"),
    ("tiny-vae", "sd-1", "vae"),
    ("tiny-inversion", "sd-1", "embedding"),
    ("tiny-flux-vae", "flux", "vae"),
    ("t5-base", "any", "t5_encoder"),
    ("clip-vit-large-patch14", "any", "clip_embed"),
    ("tiny-x2", "any", "spandrel_image_to_image"),
    ("tiny-x4", "any", "spandrel_image_to_image"),
)


def record(name: str, base: str, type: str, path: str = "") -> dict[str, object]:
    """A model as `/api/v2/models/` lists it."""
    digest = hashlib.sha256(f"{name} {base} {type}".encode()).hexdigest()
    return {
        "key": str(uuid.UUID(digest[:32])), "hash": f"blake3:{digest}", "path": path or f"{name}.safetensors",
        "file_size": 1 << 20, "name": name, "base": base, "type": type, "format": "checkpoint", "source": name,
        "source_type": "path", "description": None, "variant": "normal",
    }  # fmt: skip


def records() -> dict[str, dict[str, object]]:
    """The models that there are at first, by their keys."""
    made = [record(*model) for model in _MODELS]
    return {str(one["key"]): one for one in made}


@dataclass(frozen=True)
class Model:
    """A part of a model, with the LoRAs on it."""

    name: str
    loras: Loras = ()


@dataclass(frozen=True)
class Conditioning:
    text: str


@dataclass(frozen=True)
class Latents:
    """`pixels` are what it would decode to; noise has a seed in their place."""

    width: int
    height: int
    pixels: Pixels | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Picture:
    """`name` is that of its file."""

    name: str
    width: int
    height: int


@dataclass(frozen=True)
class Mask:
    """White where something is drawn, other than in the pictures that masks are made of."""

    pixels: Pixels


@dataclass(frozen=True)
class Lora:
    name: str
    weight: float


Value = (
    Model
    | Conditioning
    | Latents
    | Picture
    | Mask
    | Lora
    | Control
    | int
    | float
    | str
    | bool
    | list[Any]
    | None
)


class Running(Protocol):
    """What an invocation may ask of the server that runs it."""

    async def sample(self, drawing: Drawing) -> Pixels:
        """Draw. Raises Canceled, DrawingFailed."""
        ...

    def model(self, given: Mapping[str, object]) -> str:
        """The name of a model by its key. Raises UnknownModel."""
        ...

    def named(self, name: str) -> Picture:
        """A picture by its name. Raises FileNotFoundError."""
        ...

    def picture(self, given: Picture) -> Pixels: ...

    def alpha(self, given: Picture) -> Pixels:
        """How opaque a picture is."""
        ...

    def save(self, pixels: Pixels) -> Picture:
        """A picture under a new name."""
        ...


class Canceled(Exception):
    """Someone canceled the item."""


class UnknownModel(Exception):
    """A model's key that nothing has."""


class RequiredConnectionException(Exception):
    """An input that must come over an edge, and does not."""


class MissingInputException(Exception):
    """An input that has neither a value nor an edge."""


class _Required:
    pass


REQUIRED = _Required()

CONNECTIONS = frozenset(
    {
        "unet", "clip", "vae", "latents", "conditioning", "sd3_conditioning", "flux_conditioning", "control",
        "flux_control", "denoise_mask", "transformer", "t5_encoder",
    }
)  # fmt: skip
"""Types that have no value of their own: they come over an edge."""


@dataclass(frozen=True)
class Field:
    """An input. `any` is of every type."""

    type: str
    default: object = REQUIRED
    choices: tuple[str, ...] = ()
    multiple_of: int = 1


@dataclass(frozen=True)
class Invocation:
    """A type of node. `run` gets what is running and the inputs, and answers the outputs in their order."""

    type: str
    inputs: Mapping[str, Field]
    output_type: str
    outputs: Mapping[str, str]
    run: Callable[..., tuple[Value, ...] | Awaitable[tuple[Value, ...]]]
    has_cache: bool = True


INVOCATIONS: dict[str, Invocation] = {}
OUTPUTS: dict[str, dict[str, str]] = {
    "model_loader_output": {"unet": "unet", "clip": "clip", "vae": "vae"},
    "sdxl_model_loader_output": {"unet": "unet", "clip": "clip", "clip2": "clip", "vae": "vae"},
    "sd3_model_loader_output": {
        "transformer": "transformer", "clip_l": "clip", "clip_g": "clip", "t5_encoder": "t5_encoder", "vae": "vae",
    },
    "flux_model_loader_output": {
        "transformer": "transformer", "clip": "clip", "t5_encoder": "t5_encoder", "vae": "vae", "max_seq_len": "int",
    },
    "lora_selector_output": {"lora": "loras"},
    "lora_loader_output": {"unet": "unet", "clip": "clip"},
    "sdxl_lora_loader_output": {"unet": "unet", "clip": "clip", "clip2": "clip"},
    "flux_lora_loader_output": {"transformer": "transformer", "clip": "clip", "t5_encoder": "t5_encoder"},
    "vae_output": {"vae": "vae"},
    "seamless_output": {"unet": "unet", "vae": "vae"},
    "clip_skip_output": {"clip": "clip"},
    "conditioning_output": {"conditioning": "conditioning"},
    "sd3_conditioning_output": {"conditioning": "sd3_conditioning"},
    "flux_conditioning_output": {"conditioning": "flux_conditioning"},
    "collect_output": {"collection": "any"},
    "noise_output": {"noise": "latents", "width": "int", "height": "int"},
    "latents_output": {"latents": "latents", "width": "int", "height": "int"},
    "image_output": {"image": "image", "width": "int", "height": "int"},
    "denoise_mask_output": {"denoise_mask": "denoise_mask"},
    "gradient_mask_output": {"denoise_mask": "denoise_mask", "expanded_mask_area": "image"},
    "control_output": {"control": "control"},
    "flux_controlnet_output": {"control": "flux_control"},
    "integer_output": {"value": "int"},
    "string_output": {"value": "str"},
}  # fmt: skip
"""The fields of each kind of output, with their types."""


_UNCACHED = frozenset({"save_image", "rand_int", "collect"})


def invocation(
    type: str, output_type: str, **inputs: Field
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a type of node."""

    def declare(run: Callable[..., Any]) -> Callable[..., Any]:
        INVOCATIONS[type] = Invocation(
            type, inputs, output_type, OUTPUTS[output_type], run, type not in _UNCACHED
        )
        return run

    return declare


@dataclass
class Results:
    """What one session has come to: results by ids of its own, and which node each is of."""

    values: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    told: dict[str, dict[str, object]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    prepared: dict[str, str] = field(default_factory=dict)
    """The node of each id."""

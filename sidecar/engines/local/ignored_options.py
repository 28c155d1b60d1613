"""Which options of a generation a family of models does not heed, told by its pipeline class and configurations.

As the `__call__` of each pipeline in diffusers has it; options that a pipeline does not take at all are refused when it draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NEGATIVE = frozenset({"negative_prompt", "negative_prompt_2"})
_TEXT_AS_IT_IS = frozenset({"prompt_weights"})
_WEIGHTED = (
    "StableDiffusionXL",
    "StableDiffusionPipeline",
    "StableDiffusionInpaint",
    "StableDiffusionImg2Img",
)
"""Families whose prompts go through compel, which reads weights."""
_TRANSFORMERS = ("StableDiffusion3", "Flux", "PixArt", "Sana", "QwenImage")


def ignored_options(family: str, unet: Mapping[str, Any], transformer: Mapping[str, Any]) -> frozenset[str]:
    """By their names in `capabilities.without_effect.OPTIONS`; configurations are empty where the file holds none."""
    ignored: frozenset[str] = frozenset()
    if not family.startswith(_WEIGHTED):
        ignored |= _TEXT_AS_IT_IS
    if family.startswith(_TRANSFORMERS):
        # Patches are cut and joined without a look beyond the edge.
        ignored |= {"tiling"}
    if family.startswith("Flux"):
        # Guidance goes in as a number; there is no second pass that a negative prompt would steer.
        ignored |= _NEGATIVE
    if unet.get("time_cond_proj_dim") is not None:
        # The same for latent consistency models, which were distilled that way.
        ignored |= _NEGATIVE
    if transformer.get("guidance_embeds") is False and family.startswith(("Flux", "QwenImage")):
        ignored |= {"guidance_scale"}
    return ignored

"""Every option of a generation that a model does not heed is told, and none that it does; from facts, without a picture."""

from __future__ import annotations

from typing import Any

import pytest

from capabilities.methods import METHODS
from capabilities.methods.generation import Generation, GenerationArguments
from capabilities.methods.text_to_image import TextToImage
from capabilities.models import ModelFacts
from capabilities.tasks import Output
from capabilities.without_effect import OPTIONS, without_effect
from sidecar.engines.glyphs.engine import IGNORES as GLYPHS
from sidecar.engines.local.ignored_options import ignored_options

ASKED: dict[str, dict[str, Any]] = {
    "steps": {"steps": 9}, "guidance_scale": {"guidance_scale": 4.0}, "negative_prompt": {"negative_prompt": "rain"},
    "negative_prompt_2": {"negative_prompt_2": "rain"}, "prompt_2": {"prompt_2": "in oil"}, "scheduler": {"scheduler": "euler"},
    "tiling": {"tiling": True}, "prompt_weights": {"prompt": "a (cup:1.3)"},
}  # fmt: skip
"""An option that is asked for, so that it is not the default."""
NEGATIVE = {"negative_prompt", "negative_prompt_2"}
XL, SD3, FLUX = "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline"
FAMILIES: dict[str, tuple[frozenset[str], float, set[str]]] = {
    "Stable Diffusion 1": (ignored_options("StableDiffusionPipeline", {}, {}), 7.5, set()),
    "a latent consistency model": (
        ignored_options("StableDiffusionPipeline", {"time_cond_proj_dim": 256}, {}), 8.0, NEGATIVE,
    ),
    "Stable Diffusion XL": (ignored_options(XL, {}, {}), 5.0, set()),
    "Stable Diffusion XL Turbo": (ignored_options(XL, {}, {}), 0.0, {"guidance_scale", *NEGATIVE}),
    "Stable Diffusion 3": (ignored_options(SD3, {}, {}), 7.0, {"tiling", "prompt_weights"}),
    "Flux dev": (
        ignored_options(FLUX, {}, {"guidance_embeds": True}), 3.5, {"tiling", "prompt_weights", *NEGATIVE},
    ),
    "Flux schnell": (
        ignored_options(FLUX, {}, {"guidance_embeds": False}), 0.0,
        {"tiling", "prompt_weights", "guidance_scale", *NEGATIVE},
    ),
    "drawings": (GLYPHS, 0.0, set(OPTIONS) - {"tiling"}),
}  # fmt: skip
"""What a family ignores, its own guidance, and the options that are warned of."""


class Only:
    """One model, whatever it is called."""

    default = "m"

    def __init__(self, facts: ModelFacts) -> None:
        self._facts = facts

    def find(self, model_id: str) -> ModelFacts:
        return self._facts

    def able(self, method: str) -> list[ModelFacts]:
        return [self._facts]


def told(facts: ModelFacts, **asked: Any) -> list[str]:
    values: dict[str, Any] = {
        "model_id": "m", "prompt": "a cup", "width": 64, "height": 64, "steps": facts.steps,
        "guidance_scale": facts.guidance_scale, "scheduler": "default",
    }  # fmt: skip
    return without_effect(TextToImage(**values | asked), Only(facts))


def test_every_option_is_asked_for() -> None:
    assert ASKED.keys() == OPTIONS
    assert all(ignored <= OPTIONS for ignored, _, _ in FAMILIES.values())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_what_has_no_effect_is_told_and_nothing_else(family: str, option: str) -> None:
    ignored, guidance, warned = FAMILIES[family]
    facts = ModelFacts("m", steps=4, guidance_scale=guidance, ignores=ignored)
    assert told(facts) == [], "nothing was asked for"
    sentences = told(facts, **ASKED[option])
    assert bool(sentences) == (option in warned), sentences
    for sentence in sentences:
        assert "the model 'm'" in sentence or "guidance_scale" in sentence
        assert any(cure in sentence for cure in ("leave", "use", "ask for"))


def test_a_negative_prompt_needs_guidance() -> None:
    facts = ModelFacts("m", steps=4, guidance_scale=7.0)
    assert told(facts, negative_prompt="rain") == []
    (sentence,) = told(facts, negative_prompt="rain", guidance_scale=1.0)
    assert "turns guidance off; ask for more than 1" in sentence


def test_quality_is_of_formats_that_lose_something() -> None:
    facts = ModelFacts("m")
    assert "png loses nothing" in told(facts, output=Output(quality=40))[0]
    assert told(facts, output=Output(quality=40, format="jpeg")) == []


def test_the_options_of_every_method_are_known_here() -> None:
    """A new option must act with every model, or be in the table above."""
    acting = {
        "model_id", "width", "height", "seed", "count", "loras", "clip_skip", "vae", "background", "format", "quality",
        "background_color",
    }  # fmt: skip
    assert GenerationArguments.model_fields.keys() - acting == OPTIONS - {"prompt_weights"}
    generating = [
        method for method in METHODS if method.task is not None and issubclass(method.task, Generation)
    ]
    assert all(issubclass(method.arguments, GenerationArguments) for method in generating)

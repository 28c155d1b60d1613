"""Our schedulers in the words of ComfyUI's samplers, which Fooocus has as well: a sampler, and its noise schedule."""

from __future__ import annotations

from collections.abc import Mapping

NOISE_SAMPLERS: Mapping[str, tuple[str, str]] = {
    "euler": ("euler", "normal"),
    "euler karras": ("euler", "karras"),
    "euler a": ("euler_ancestral", "normal"),
    "heun": ("heun", "normal"),
    "lms": ("lms", "normal"),
    "ddim": ("ddim", "ddim_uniform"),
    "ddpm": ("ddpm", "normal"),
    "unipc": ("uni_pc", "normal"),
    "deis": ("deis", "normal"),
    "lcm": ("lcm", "sgm_uniform"),
    "dpm2": ("dpm_2", "normal"),
    "dpm2 a": ("dpm_2_ancestral", "normal"),
    "dpm++ 2m": ("dpmpp_2m", "normal"),
    "dpm++ 2m karras": ("dpmpp_2m", "karras"),
    "dpm++ 2m sde": ("dpmpp_2m_sde", "normal"),
    "dpm++ 2m sde karras": ("dpmpp_2m_sde", "karras"),
}
"""Of models that predict noise. A scheduler of ours that is not here has no sampler that does the same."""

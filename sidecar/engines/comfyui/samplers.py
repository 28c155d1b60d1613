"""Our schedulers in the words of ComfyUI: a sampler, and the noise schedule that goes with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_NOISE_SAMPLERS: Mapping[str, tuple[str, str]] = {
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

_FLOW_SAMPLERS: Mapping[str, tuple[str, str]] = {
    "euler": ("euler", "simple"),
    "heun": ("heun", "simple"),
    "unipc": ("uni_pc", "simple"),
    "dpm++ 2m": ("dpmpp_2m", "sgm_uniform"),
}
"""Of models that predict a flow, which have no sigmas in Karras' sense."""


def offered(samplers: Collection[str], schedules: Collection[str], *, flow: bool) -> dict[str, str]:
    """Those of our schedulers that a server has for a kind of model, as `sampler|schedule`."""
    return {
        ours: f"{sampler}|{schedule}"
        for ours, (sampler, schedule) in (_FLOW_SAMPLERS if flow else _NOISE_SAMPLERS).items()
        if sampler in samplers and schedule in schedules
    }

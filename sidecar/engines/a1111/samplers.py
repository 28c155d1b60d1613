"""Our schedulers in the words of A1111: a sampler, and the noise schedule that goes with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

SAMPLERS: Mapping[str, tuple[str, str]] = {
    "euler": ("Euler", ""),
    "euler karras": ("Euler", "karras"),
    "euler a": ("Euler a", ""),
    "heun": ("Heun", ""),
    "lms": ("LMS", ""),
    "ddim": ("DDIM", ""),
    "ddpm": ("DDPM", ""),
    "unipc": ("UniPC", ""),
    "deis": ("DEIS", ""),
    "lcm": ("LCM", ""),
    "dpm2": ("DPM2", ""),
    "dpm2 a": ("DPM2 a", ""),
    "dpm++ 2m": ("DPM++ 2M", ""),
    "dpm++ 2m karras": ("DPM++ 2M", "karras"),
    "dpm++ 2m sde": ("DPM++ 2M SDE", ""),
    "dpm++ 2m sde karras": ("DPM++ 2M SDE", "karras"),
}
"""A scheduler of ours that is not here has no sampler that does the same."""


def offered(samplers: Collection[str], schedules: Collection[str]) -> dict[str, str]:
    """Those of our schedulers that a server has, as `sampler|schedule`."""
    return {
        ours: f"{sampler}|{schedule}"
        for ours, (sampler, schedule) in SAMPLERS.items()
        if sampler in samplers and (not schedule or schedule in schedules)
    }

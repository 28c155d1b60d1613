"""Our schedulers in the words of ComfyUI, for each kind of model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sidecar.engines.remote.k_samplers import NOISE_SAMPLERS

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
        for ours, (sampler, schedule) in (_FLOW_SAMPLERS if flow else NOISE_SAMPLERS).items()
        if sampler in samplers and schedule in schedules
    }

"""Scheduler names: the field's own spellings, and what other programs call the same thing."""

from __future__ import annotations

import re

from capabilities.errors import InvalidArgument, brief
from capabilities.spelling import nearest

DEFAULT = "default"

# Name -> diffusers class and the configuration that makes it so. Kept as data so that no model code is imported here.
SCHEDULERS: dict[str, tuple[str, dict[str, object]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    # With its first, Runge-Kutta steps it cannot do fewer than four; Stable Diffusion goes without them.
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2 a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm++ 2m": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": False},
    ),
    "dpm++ 2m karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpm++ 2m sde": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": False},
    ),
    "dpm++ 2m sde karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpm++ 2s": ("DPMSolverSinglestepScheduler", {}),
    "euler karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
}

NAMES = (DEFAULT, *SCHEDULERS)

_SPELLINGS = {
    "euler ancestral": "euler a",
    "k euler": "euler",
    "k euler a": "euler a",
    "k heun": "heun",
    "k lms": "lms",
    "k dpm 2": "dpm2",
    "k dpm 2 a": "dpm2 a",
    "dpmpp 2m": "dpm++ 2m",
    "k dpmpp 2m": "dpm++ 2m",
    "dpmpp 2m karras": "dpm++ 2m karras",
    "dpmpp 2m sde": "dpm++ 2m sde",
    "dpmpp 2m sde karras": "dpm++ 2m sde karras",
    "dpmpp 2s": "dpm++ 2s",
    "uni pc": "unipc",
    "dpmsolver++": "dpm++ 2m",
}


def canonical(name: str, *, field: str = "scheduler") -> str:
    """The one spelling of a scheduler's name. Raises InvalidArgument for a name that is unknown, suggesting the nearest."""
    plain = re.sub(r"[\s_\-]+", " ", name.strip().lower())
    plain = _SPELLINGS.get(plain, plain)
    if plain in NAMES:
        return plain
    near = nearest(plain, NAMES)
    hint = f"did you mean '{near}'?" if near else f"known are {', '.join(NAMES)}"
    raise InvalidArgument(
        f"{field} '{brief(name, 40)}' is not known; {hint}",
        reason="UNKNOWN_SCHEDULER",
        field=field,
        asked=brief(name, 40),
        limit=", ".join(NAMES),
    )

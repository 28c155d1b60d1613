"""Families of models as graphs see them: which nodes they are loaded and drawn with, and what they were trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """What a family has in common. Sizes in pixels; `sampler` is `sampler|schedule`, for where nothing is asked for."""

    name: str
    label: str
    side: int
    granularity: int
    steps: int
    guidance: float
    sampler: str
    latent: str
    """The class of nodes that gives an empty latent."""
    text_width: int
    """Size of its text states, which its ControlNets share."""
    is_flow: bool = False
    """Whether it predicts a flow and not noise."""
    guidance_is_told: bool = False
    """The guidance scale is an input of the model itself, which takes no negative prompt."""
    has_clip_layers: bool = True
    """Whether layers of its text encoder may be left out."""
    prompts: str = ""
    """The class of nodes that takes two prompts; empty: none does."""
    encoders: tuple[str, ...] = ()
    """Patterns of the files of its text encoders, in the order of their loader, where these are files of their own."""
    encoder_type: str = ""
    """What their loader calls the family."""
    vae: str = ""
    """Pattern of the file of its autoencoder."""


_CLIP_L, _CLIP_G, _T5 = r"clip[-_]?l(?![a-z])", r"clip[-_]?g(?![a-z])", r"t5[-_]?(v1[-_]1[-_])?xxl"

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "sd1",
            "Stable Diffusion 1",
            side=512,
            granularity=8,
            steps=20,
            guidance=7.0,
            sampler="euler|normal",
            latent="EmptyLatentImage",
            text_width=768,
            encoders=(_CLIP_L,),
            encoder_type="stable_diffusion",
            vae=r"sd[-_]?1|vae-?ft-?mse|840000",
        ),
        Family(
            "sd2",
            "Stable Diffusion 2",
            side=768,
            granularity=8,
            steps=20,
            guidance=7.0,
            sampler="euler|normal",
            latent="EmptyLatentImage",
            text_width=1024,
        ),
        Family(
            "sdxl",
            "Stable Diffusion XL",
            side=1024,
            granularity=8,
            steps=25,
            guidance=6.0,
            sampler="euler|normal",
            latent="EmptyLatentImage",
            text_width=2048,
            prompts="CLIPTextEncodeSDXL",
            encoders=(_CLIP_L, _CLIP_G),
            encoder_type="sdxl",
            vae=r"xl",
        ),
        Family(
            "sd3",
            "Stable Diffusion 3",
            side=1024,
            granularity=16,
            steps=28,
            guidance=4.5,
            sampler="euler|sgm_uniform",
            latent="EmptySD3LatentImage",
            text_width=4096,
            is_flow=True,
            has_clip_layers=False,
            encoders=(_CLIP_L, _CLIP_G, _T5),
            encoder_type="sd3",
            vae=r"sd[-_]?3",
        ),
        Family(
            "flux",
            "Flux",
            side=1024,
            granularity=16,
            steps=20,
            guidance=3.5,
            sampler="euler|simple",
            latent="EmptySD3LatentImage",
            text_width=4097,
            is_flow=True,
            guidance_is_told=True,
            has_clip_layers=False,
            prompts="CLIPTextEncodeFlux",
            encoders=(_CLIP_L, _T5),
            encoder_type="flux",
            vae=r"(^|[/\\])ae\.|flux",
        ),
    )
}
"""By their names. The size of the text states of Flux is that of SD 3, but a ControlNet of one is none of the other."""

DEFAULT = "sd1"
"""The family of a file that says nothing of it: what most files without a word in their names are."""

_METADATA = (
    ("flux", r"flux(?![-_. ]?2)"),
    ("sd3", r"stable-diffusion-v3|stable-diffusion-3|sd3"),
    ("sdxl", r"stable-diffusion-xl|sdxl"),
    ("sd2", r"stable-diffusion-v2|sd_?v?2"),
    ("sd1", r"stable-diffusion-v1|sd_?v?1"),
)
"""Patterns of what files say of themselves: `modelspec.architecture`, and what kohya's trainer calls the base."""

_NAMES = (
    ("flux", r"flux(?![-_. ]?2)"),
    ("sd3", r"sd[-_ ]?3|stable[-_ ]?diffusion[-_ ]?3"),
    ("sdxl", r"xl|pony|illustrious|noob"),
    ("sd2", r"sd[-_ ]?2|v2[-_]|768-v"),
    ("sd1", r"sd[-_ ]?1|v1[-_]"),
)
"""Patterns of names of files. The first that fits holds."""

_OTHERS = re.compile(
    r"flux[-_. ]?2|wan[-_ ]?2|hunyuan|ltx|qwen|cosmos|svd|cascade|stable[-_]?audio|ace[-_]?step|lumina|hidream|"
    r"aura[-_]?flow|chroma|mochi|z[-_]?image|pixart|kolors|omnigen|stable[-_]?zero|kandinsky",
    re.IGNORECASE,
)
"""Models that no graph here is for; an operator's workflow is."""

_FEW_STEPS = re.compile(r"schnell|turbo|lightning|hyper|lcm|dmd2", re.IGNORECASE)


@dataclass(frozen=True)
class ModelFile:
    """A file of a server: the folder of its kind, its name there, and its family, where it has one."""

    folder: str
    name: str
    family: Family | None = None
    encoders: tuple[str, ...] = field(default=())
    """Files of its text encoders, where they are not in the file itself."""
    vae: str = ""
    """The file of its autoencoder, where it is not in the file itself."""

    @property
    def is_inpainting(self) -> bool:
        """Whether it was trained for filling in, which it is told of in an input of its own."""
        return re.search(r"inpaint|flux1?[-_. ]?(dev[-_. ])?fill", self.name, re.IGNORECASE) is not None

    @property
    def is_fast(self) -> bool:
        """Whether it was trained to draw in a few steps, without guidance."""
        return _FEW_STEPS.search(self.name) is not None


def told_by(metadata: object) -> Family | None:
    """The family that a file's own metadata tells; None where they tell none."""
    if not isinstance(metadata, Mapping):
        return None
    for key in ("modelspec.architecture", "ss_base_model_version"):
        told = metadata.get(key)
        if isinstance(told, str) and (family := _first(_METADATA, told)) is not None:
            return family
    return None


def named_by(name: str) -> Family | None:
    """The family that a file's name tells; None where it tells none."""
    return _first(_NAMES, name)


def is_of_another(name: str) -> bool:
    """Whether a file's name tells of a family that no graph here is for."""
    return _OTHERS.search(name) is not None


def matching(pattern: str, names: tuple[str, ...]) -> Iterator[str]:
    """The names in which a pattern is found."""
    return (name for name in names if re.search(pattern, name, re.IGNORECASE))


def vae_for(family: Family, names: tuple[str, ...]) -> str:
    """The file of a family's autoencoder: one that says so, or the only one that says nothing; empty where neither is."""
    if own := next(matching(family.vae, names), ""):
        return own
    others = {name for each in FAMILIES.values() if each.vae for name in matching(each.vae, names)}
    silent = [name for name in names if name not in others]
    return silent[0] if len(silent) == 1 else ""


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> Family | None:
    for name, pattern in patterns:
        if re.search(pattern, text, re.IGNORECASE):
            return FAMILIES[name]
    return None

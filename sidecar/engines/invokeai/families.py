"""The model families that are drawn on InvokeAI, each with the nodes that its graphs are made of and how they are joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.engines.invokeai.node_types import NodeTypes


@dataclass(frozen=True)
class Family:
    """Models of one base. What is empty is not to be had in this family.

    `texts`: the inputs of the text encoder, each with the output of the loader that it is joined to. `model`: the name of the
    network among the outputs of the loader, the LoRA and the inputs of the denoiser. `patched`: those outputs that go through a
    LoRA. The other names are types of nodes, and fields of the denoiser.
    """

    base: str
    label: str
    side: int
    granularity: int
    steps: int
    guidance: float
    text_width: int
    loader: str
    text_encoder: str
    texts: Mapping[str, str]
    denoiser: str
    image_encoder: str
    image_decoder: str
    model: str = "transformer"
    positive: str = "positive_conditioning"
    negative: str = "negative_conditioning"
    steps_field: str = "steps"
    guidance_field: str = "cfg_scale"
    noise: str = ""
    """Where empty, the denoiser itself takes the seed and the size."""
    lora: str = ""
    patched: tuple[str, ...] = ()
    control: str = ""
    clip_skip: str = ""
    seamless: str = ""
    has_style: bool = False
    """Whether the text encoder takes a second prompt, and the size."""
    has_embeddings: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    """Fields of the loader that name further models, each with the type of these."""

    def is_drawn_by(self, nodes: NodeTypes) -> bool:
        """Whether a server has what every drawing takes."""
        return nodes.has(
            self.loader,
            self.text_encoder,
            self.denoiser,
            self.image_encoder,
            self.image_decoder,
            self.noise,
            "create_denoise_mask",
            "img_lerp",
        )


def _stable_diffusion(base: str, label: str, side: int, text_width: int) -> Family:
    return Family(
        base, label, side, 8, 30, 7.5, text_width,
        "main_model_loader", "compel", {"clip": "clip"}, "denoise_latents", "i2l", "l2i", model="unet",
        noise="noise", lora="lora_loader", patched=("unet", "clip"), control="controlnet", clip_skip="clip_skip",
        seamless="seamless", has_embeddings=True,
    )  # fmt: skip


FAMILIES: Mapping[str, Family] = {
    family.base: family
    for family in (
        _stable_diffusion("sd-1", "Stable Diffusion 1", 512, 768),
        _stable_diffusion("sd-2", "Stable Diffusion 2", 768, 1024),
        Family(
            "sdxl", "Stable Diffusion XL", 1024, 8, 30, 7.5, 2048,
            "sdxl_model_loader", "sdxl_compel_prompt", {"clip": "clip", "clip2": "clip2"}, "denoise_latents", "i2l", "l2i",
            model="unet", noise="noise", lora="sdxl_lora_loader", patched=("unet", "clip", "clip2"), control="controlnet",
            seamless="seamless", has_style=True, has_embeddings=True,
        ),
        Family(
            "sd-3", "Stable Diffusion 3", 1024, 16, 30, 4.5, 4096,
            "sd3_model_loader", "sd3_text_encoder", {"clip_l": "clip_l", "clip_g": "clip_g", "t5_encoder": "t5_encoder"},
            "sd3_denoise", "sd3_i2l", "sd3_l2i",
        ),
        Family(
            "flux", "Flux", 1024, 16, 28, 3.5, 4096,
            "flux_model_loader", "flux_text_encoder",
            {"clip": "clip", "t5_encoder": "t5_encoder", "t5_max_seq_len": "max_seq_len"},
            "flux_denoise", "flux_vae_encode", "flux_vae_decode", positive="positive_text_conditioning", negative="",
            steps_field="num_steps", guidance_field="guidance", lora="flux_lora_loader",
            patched=("transformer", "clip", "t5_encoder"), control="flux_controlnet",
            parts={"t5_encoder_model": "t5_encoder", "clip_embed_model": "clip_embed", "vae_model": "vae"},
        ),
    )
}  # fmt: skip
"""By the base that model records name."""

SCHNELL_STEPS = 4
"""Of Flux models that were trained to draw in a few steps."""

SCHEDULERS: Mapping[str, str] = {
    "euler": "euler",
    "euler karras": "euler_k",
    "euler a": "euler_a",
    "heun": "heun",
    "lms": "lms",
    "ddim": "ddim",
    "ddpm": "ddpm",
    "pndm": "pndm",
    "unipc": "unipc",
    "deis": "deis",
    "lcm": "lcm",
    "dpm2": "kdpm_2",
    "dpm2 a": "kdpm_2_a",
    "dpm++ 2m": "dpmpp_2m",
    "dpm++ 2m karras": "dpmpp_2m_k",
    "dpm++ 2m sde": "dpmpp_2m_sde",
    "dpm++ 2m sde karras": "dpmpp_2m_sde_k",
    "dpm++ 2s": "dpmpp_2s",
}
"""Our names and InvokeAI's. A family has those that the scheduler field of its denoiser offers."""

DETECTORS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "canny": ("canny_edge_detection", {}),
    "depth": ("depth_anything_depth_estimation", {}),
    "hed": ("hed_edge_detection", {}),
    "softedge": ("hed_edge_detection", {}),
    "scribble": ("hed_edge_detection", {"scribble": True}),
    "lineart": ("lineart_edge_detection", {}),
    "openpose": ("dw_openpose_detection", {}),
    "normal": ("normal_map", {}),
}
"""Which node makes a control picture of each type, and its fields. Those that are not here are made of the picture itself."""

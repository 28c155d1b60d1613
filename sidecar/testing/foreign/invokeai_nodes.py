"""The invocations that graphs for SD 1, SDXL, SD 3 and Flux are made of, each doing what the real one does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sidecar.testing.foreign.drawing import Control, Drawing, Pixels, edges, lossy, resized
from sidecar.testing.foreign.invokeai_values import (
    Conditioning,
    Field,
    Latents,
    Lora,
    Mask,
    Model,
    Picture,
    Running,
    Value,
    invocation,
)

SCHEDULERS = (
    "ddim", "ddpm", "deis", "deis_k", "lms", "lms_k", "pndm", "heun", "heun_k", "euler", "euler_k", "euler_a", "kdpm_2",
    "kdpm_2_k", "kdpm_2_a", "kdpm_2_a_k", "dpmpp_2s", "dpmpp_2s_k", "dpmpp_2m", "dpmpp_2m_k", "dpmpp_2m_sde",
    "dpmpp_2m_sde_k", "dpmpp_3m", "dpmpp_3m_k", "dpmpp_sde", "dpmpp_sde_k", "er_sde", "unipc", "unipc_k", "lcm", "tcd",
)  # fmt: skip
_Given = tuple[Value, ...]
_MODEL = Field("model")
_OPTIONAL_MODEL = Field("model", None)
_UNET, _CLIP, _VAE = Field("unet"), Field("clip"), Field("vae")
_IMAGE = Field("image")
_OPTIONAL_IMAGE = Field("image", None)
_NO = Field("bool", False)
_PRECISION = {"tiled": _NO, "fp32": _NO}
_TILES = {"tile_size": Field("int", 0, multiple_of=8), **_PRECISION}
_LORA = {"lora": _MODEL, "weight": Field("float", 0.75)}
_START_END = {"denoising_start": Field("float", 0.0), "denoising_end": Field("float", 1.0)}
_START: dict[str, Field] = {
    "latents": Field("latents", None), "noise": Field("latents", None), "denoise_mask": Field("denoise_mask", None),
    **_START_END,
}  # fmt: skip


# Loaders


@invocation("main_model_loader", "model_loader_output", model=_MODEL)
@invocation("sdxl_model_loader", "sdxl_model_loader_output", model=_MODEL)
@invocation(
    "sd3_model_loader", "sd3_model_loader_output", model=_MODEL, t5_encoder_model=_OPTIONAL_MODEL,
    clip_l_model=_OPTIONAL_MODEL, clip_g_model=_OPTIONAL_MODEL, vae_model=_OPTIONAL_MODEL,
)  # fmt: skip
def load_model(run: Running, model: dict[str, object], **parts: dict[str, object] | None) -> _Given:
    """The same for each part: as many as the output has."""
    for part in parts.values():
        if part:
            run.model(part)
    return (Model(run.model(model)),) * 5


@invocation(
    "flux_model_loader", "flux_model_loader_output", model=_MODEL, t5_encoder_model=_OPTIONAL_MODEL,
    clip_embed_model=_OPTIONAL_MODEL, vae_model=_OPTIONAL_MODEL,
)  # fmt: skip
def load_flux(run: Running, model: dict[str, object], **parts: dict[str, object] | None) -> _Given:
    return (*load_model(run, model, **parts)[:4], 512)


@invocation("vae_loader", "vae_output", vae_model=_MODEL)
def load_vae(run: Running, vae_model: dict[str, object]) -> _Given:
    return (Model(run.model(vae_model)),)


_SD_PARTS = {"unet": Field("unet", None), "clip": Field("clip", None)}
_SDXL_PARTS = {**_SD_PARTS, "clip2": Field("clip", None)}
_FLUX_PARTS = {
    "transformer": Field("transformer", None), "clip": Field("clip", None), "t5_encoder": Field("t5_encoder", None),
}  # fmt: skip


@invocation("lora_loader", "lora_loader_output", **_LORA, **_SD_PARTS)
@invocation("sdxl_lora_loader", "sdxl_lora_loader_output", **_LORA, **_SDXL_PARTS)
@invocation("flux_lora_loader", "flux_lora_loader_output", **_LORA, **_FLUX_PARTS)
def load_lora(run: Running, lora: dict[str, object], weight: float, **parts: Model | None) -> _Given:
    return _with_loras([Lora(run.model(lora), weight)], parts)


@invocation("lora_selector", "lora_selector_output", **_LORA)
def select_lora(run: Running, lora: dict[str, object], weight: float) -> _Given:
    return (Lora(run.model(lora), weight),)


@invocation("lora_collection_loader", "lora_loader_output", loras=Field("loras", None), **_SD_PARTS)
@invocation(
    "sdxl_lora_collection_loader", "sdxl_lora_loader_output", loras=Field("loras", None), **_SDXL_PARTS
)
@invocation(
    "flux_lora_collection_loader", "flux_lora_loader_output", loras=Field("loras", None), **_FLUX_PARTS
)
def load_loras(run: Running, loras: list[Lora] | Lora | None, **parts: Model | None) -> _Given:
    return _with_loras(_listed(loras), parts)


@invocation("clip_skip", "clip_skip_output", clip=_CLIP, skipped_layers=Field("int", 0))
def skip_clip(run: Running, clip: Model, skipped_layers: int) -> _Given:
    return (clip,)


@invocation(
    "seamless", "seamless_output", unet=Field("unet", None), vae=Field("vae", None), seamless_x=Field("bool", True),
    seamless_y=Field("bool", True),
)  # fmt: skip
def make_seamless(run: Running, unet: Model | None, vae: Model | None, **axes: bool) -> _Given:
    return unet, vae


# Conditioning


_SIDES = {
    name: Field("int", 1024)
    for name in ("original_width", "original_height", "target_width", "target_height")
}


@invocation("compel", "conditioning_output", prompt=Field("str", ""), clip=_CLIP, mask=Field("any", None))
@invocation(
    "sdxl_compel_prompt", "conditioning_output", prompt=Field("str", ""), style=Field("str", ""), clip=_CLIP, clip2=_CLIP,
    crop_top=Field("int", 0), crop_left=Field("int", 0), mask=Field("any", None), **_SIDES,
)  # fmt: skip
@invocation(
    "sd3_text_encoder", "sd3_conditioning_output", prompt=Field("str"), clip_l=_CLIP, clip_g=_CLIP,
    t5_encoder=Field("t5_encoder", None),
)  # fmt: skip
@invocation(
    "flux_text_encoder", "flux_conditioning_output", prompt=Field("str"), clip=_CLIP, t5_encoder=Field("t5_encoder"),
    t5_max_seq_len=Field("int"), mask=Field("any", None),
)  # fmt: skip
def encode_text(run: Running, prompt: str, **others: object) -> _Given:
    return (Conditioning(prompt),)


@invocation("collect", "collect_output", item=Field("any", None), collection=Field("any", []))
def collect(run: Running, item: object, collection: list[Any]) -> _Given:
    return ([*collection, *_listed(item)],)


# Drawing


@invocation(
    "noise", "noise_output", seed=Field("int", 0), width=Field("int", 512, multiple_of=8),
    height=Field("int", 512, multiple_of=8), use_cpu=Field("bool", True), noise_type=Field("str", "SD"),
)  # fmt: skip
def noise(run: Running, seed: int, width: int, height: int, **others: object) -> _Given:
    return Latents(width, height, seed=seed), width, height


@invocation(
    "denoise_latents", "latents_output", positive_conditioning=Field("conditioning"),
    negative_conditioning=Field("conditioning"), steps=Field("int", 10), cfg_scale=Field("float", 7.5),
    scheduler=Field("str", "euler", SCHEDULERS), unet=_UNET, control=Field("control", None),
    ip_adapter=Field("any", None), t2i_adapter=Field("any", None), cfg_rescale_multiplier=Field("float", 0.0), **_START,
)  # fmt: skip
async def denoise(
    run: Running, positive_conditioning: object, negative_conditioning: object, steps: int, cfg_scale: float,
    scheduler: str, unet: Model, control: object, noise: Latents | None, latents: Latents | None, **others: Any,
) -> _Given:  # fmt: skip
    first = noise or latents
    if first is None:
        raise ValueError("'latents' or 'noise' must be provided!")
    drawing = Drawing(
        _text(positive_conditioning), _text(negative_conditioning), first.seed or 0, unet.name, first.width,
        first.height, steps, cfg_scale, scheduler, "", unet.loras, tuple(_listed(control)),
    )  # fmt: skip
    return await _drawn(run, drawing, latents, **others)


@invocation(
    "sd3_denoise", "latents_output", transformer=Field("transformer"), positive_conditioning=Field("sd3_conditioning"),
    negative_conditioning=Field("sd3_conditioning"), cfg_scale=Field("float", 3.5),
    width=Field("int", 1024, multiple_of=16), height=Field("int", 1024, multiple_of=16), steps=Field("int", 10),
    seed=Field("int", 0), **_START,
)  # fmt: skip
async def denoise_sd3(
    run: Running, transformer: Model, positive_conditioning: object, negative_conditioning: object, cfg_scale: float,
    width: int, height: int, steps: int, seed: int, latents: Latents | None, **others: Any,
) -> _Given:  # fmt: skip
    drawing = Drawing(
        _text(positive_conditioning), _text(negative_conditioning), seed, transformer.name, width, height, steps,
        cfg_scale, loras=transformer.loras,
    )  # fmt: skip
    return await _drawn(run, drawing, latents, **others)


@invocation(
    "flux_denoise", "latents_output", transformer=Field("transformer"), positive_text_conditioning=Field("flux_conditioning"),
    negative_text_conditioning=Field("flux_conditioning", None), cfg_scale=Field("float", 1.0),
    width=Field("int", 1024, multiple_of=16), height=Field("int", 1024, multiple_of=16), num_steps=Field("int", 4),
    scheduler=Field("str", "euler", ("euler", "heun", "lcm")), guidance=Field("float", 4.0), seed=Field("int", 0),
    control=Field("flux_control", None), controlnet_vae=Field("vae", None), add_noise=Field("bool", True), **_START,
)  # fmt: skip
async def denoise_flux(
    run: Running, transformer: Model, positive_text_conditioning: object, negative_text_conditioning: object,
    cfg_scale: float, width: int, height: int, num_steps: int, scheduler: str, guidance: float, seed: int,
    control: object, latents: Latents | None, **others: Any,
) -> _Given:  # fmt: skip
    drawing = Drawing(
        _text(positive_text_conditioning), _text(negative_text_conditioning), seed, transformer.name, width, height,
        num_steps, cfg_scale, scheduler, loras=transformer.loras, controls=tuple(_listed(control)),
        notes={"flux_guidance": guidance},
    )  # fmt: skip
    return await _drawn(run, drawing, latents, **others)


_LATENTS = Field("latents")


@invocation("l2i", "image_output", latents=_LATENTS, vae=_VAE, **_TILES)
@invocation("sd3_l2i", "image_output", latents=_LATENTS, vae=_VAE)
@invocation("flux_vae_decode", "image_output", latents=_LATENTS, vae=_VAE)
def decode(run: Running, latents: Latents, vae: Model, **tiles: object) -> _Given:
    if latents.pixels is None:
        raise ValueError("noise is no picture")
    return saved(run, lossy(latents.pixels))


@invocation(
    "i2l", "latents_output", image=_IMAGE, vae=_VAE, color_compensation=Field("str", "None"), **_TILES
)
@invocation("sd3_i2l", "latents_output", image=_IMAGE, vae=_VAE)
@invocation("flux_vae_encode", "latents_output", image=_IMAGE, vae=_VAE)
def encode(run: Running, image: Picture, vae: Model, **others: object) -> _Given:
    pixels = run.picture(image)
    height, width = (side // 8 * 8 for side in pixels.shape[:2])
    return Latents(width, height, resized(pixels, width, height)), width, height


@invocation(
    "lresize",
    "latents_output",
    latents=_LATENTS,
    width=Field("int"),
    height=Field("int"),
    mode=Field("str", "bilinear"),
)
def resize_latents(run: Running, latents: Latents, width: int, height: int, mode: str) -> _Given:
    if latents.pixels is None:
        raise ValueError("noise is no picture")
    return Latents(width, height, resized(latents.pixels, width, height)), width, height


@invocation(
    "create_denoise_mask", "denoise_mask_output", vae=_VAE, image=_OPTIONAL_IMAGE, mask=_IMAGE, **_PRECISION
)
def denoise_mask(run: Running, mask: Picture, **others: object) -> _Given:
    """Black is what is repainted."""
    return (Mask(255 - run.picture(mask)[..., 0]),)


@invocation(
    "create_gradient_mask", "gradient_mask_output", mask=_IMAGE, edge_radius=Field("int", 16),
    coherence_mode=Field("str", "Gaussian Blur"), minimum_denoise=Field("float", 0.0), image=_OPTIONAL_IMAGE,
    unet=Field("unet", None), vae=Field("vae", None), **_PRECISION,
)  # fmt: skip
def gradient_mask(run: Running, mask: Picture, **others: object) -> _Given:
    """The edge, which would be soft, is not minded."""
    return Mask(255 - run.picture(mask)[..., 0]), mask


_CONTROL = {
    "image": _IMAGE, "control_model": _MODEL, "control_weight": Field("float", 1.0),
    "begin_step_percent": Field("float", 0.0), "end_step_percent": Field("float", 1.0),
    "resize_mode": Field("str", "just_resize", ("just_resize", "crop_resize", "fill_resize", "just_resize_simple")),
}  # fmt: skip


@invocation(
    "controlnet", "control_output",
    control_mode=Field("str", "balanced", ("balanced", "more_prompt", "more_control", "unbalanced")), **_CONTROL,
)  # fmt: skip
@invocation("flux_controlnet", "flux_controlnet_output", instantx_control_mode=Field("int", -1), **_CONTROL)
def control(
    run: Running, image: Picture, control_model: dict[str, object], control_weight: float, begin_step_percent: float,
    end_step_percent: float, **modes: object,
) -> _Given:  # fmt: skip
    name = run.model(control_model)
    return (Control(name, run.picture(image), control_weight, begin_step_percent, end_step_percent),)


@invocation(
    "canny_edge_detection", "image_output", image=_IMAGE, low_threshold=Field("int", 100),
    high_threshold=Field("int", 200),
)  # fmt: skip
def canny(run: Running, image: Picture, low_threshold: int, high_threshold: int) -> _Given:
    return saved(run, edges(run.picture(image), low_threshold, high_threshold))


def saved(run: Running, pixels: Pixels) -> _Given:
    """The output of an invocation that makes a picture."""
    picture = run.save(pixels)
    return picture, picture.width, picture.height


async def _drawn(
    run: Running, drawing: Drawing, latents: Latents | None, denoise_mask: Mask | None, denoising_start: float, **others: object
) -> _Given:  # fmt: skip
    if latents is not None and latents.pixels is not None:
        mask = denoise_mask.pixels if denoise_mask else None
        drawing = replace(
            drawing, width=latents.width, height=latents.height, init=latents.pixels, mask=mask,
            strength=1 - denoising_start,
        )  # fmt: skip
    pixels = await run.sample(drawing)
    height, width = pixels.shape[:2]
    return Latents(width, height, pixels), width, height


def _with_loras(loras: list[Lora], parts: dict[str, Model | None]) -> _Given:
    added = tuple((lora.name, lora.weight) for lora in loras)
    return tuple(replace(part, loras=part.loras + added) if part else None for part in parts.values())


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(conditioning: object) -> str:
    return " ".join(one.text for one in _listed(conditioning))

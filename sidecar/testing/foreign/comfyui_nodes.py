"""The classes of nodes that graphs for SD 1, SDXL, SD 3 and Flux are made of, each doing what the real one does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sidecar.testing.foreign.comfyui_values import (
    FOLDERS,
    SAMPLERS,
    SCHEDULERS,
    Clip,
    Conditioning,
    Guider,
    Latent,
    Model,
    Running,
    Sigmas,
    boolean,
    choice,
    integer,
    link,
    node,
    number,
    optional,
    text,
)
from sidecar.testing.foreign.drawing import Control, Drawing, Pixels, lossy

Images = tuple[Pixels, ...]
_SIDE = integer(512, 16, 16384, 8)
_SEED = integer(0, 0, 0xFFFFFFFFFFFFFFFF)
_STRENGTH = number(1.0, -100.0, 100.0)
_PERCENT = number(0.0, 0.0, 1.0)
_FLUX_TYPES = ["sdxl", "sd3", "flux", "hunyuan_video", "hidream"]


# Loaders


@node("CheckpointLoaderSimple", {"ckpt_name": choice(FOLDERS["checkpoints"])}, "MODEL CLIP VAE")
def checkpoint(run: Running, ckpt_name: str) -> tuple[object, ...]:
    return Model(ckpt_name), Clip(ckpt_name), ckpt_name


@node(
    "UNETLoader",
    {
        "unet_name": choice(FOLDERS["diffusion_models"]),
        "weight_dtype": choice(["default", "fp8_e4m3fn", "fp8_e5m2"]),
    },
    "MODEL",
)
def unet(run: Running, unet_name: str, weight_dtype: str) -> tuple[object, ...]:
    return (Model(unet_name),)


_ENCODER = choice(FOLDERS["text_encoders"])


_DEVICE = optional(choice(["default", "cpu"]))


@node(
    "CLIPLoader",
    {"clip_name": _ENCODER, "type": choice(["stable_diffusion", *_FLUX_TYPES]), "device": _DEVICE},
    "CLIP",
)
def clip(run: Running, clip_name: str, type: str, device: str = "") -> tuple[object, ...]:
    return (Clip(clip_name),)


@node(
    "DualCLIPLoader",
    {"clip_name1": _ENCODER, "clip_name2": _ENCODER, "type": choice(_FLUX_TYPES), "device": _DEVICE},
    "CLIP",
)
def dual_clip(
    run: Running, clip_name1: str, clip_name2: str, type: str, device: str = ""
) -> tuple[object, ...]:
    return (Clip(f"{clip_name1}+{clip_name2}"),)


@node(
    "TripleCLIPLoader",
    {"clip_name1": _ENCODER, "clip_name2": _ENCODER, "clip_name3": _ENCODER},
    "CLIP",
    newer=True,
)
def triple_clip(run: Running, **names: str) -> tuple[object, ...]:
    return (Clip("+".join(names.values())),)


@node("VAELoader", {"vae_name": choice(FOLDERS["vae"])}, "VAE")
def vae(run: Running, vae_name: str) -> tuple[object, ...]:
    return (vae_name,)


_LORA = choice(FOLDERS["loras"])


@node(
    "LoraLoader",
    {
        "model": link("MODEL"), "clip": link("CLIP"), "lora_name": _LORA, "strength_model": _STRENGTH,
        "strength_clip": _STRENGTH,
    },
    "MODEL CLIP",
)  # fmt: skip
def lora(
    run: Running, model: Model, clip: Clip, lora_name: str, strength_model: float, strength_clip: float
) -> tuple[object, ...]:
    return (
        replace(model, loras=(*model.loras, (lora_name, strength_model))),
        replace(clip, loras=(*clip.loras, (lora_name, strength_clip))),
    )


@node(
    "LoraLoaderModelOnly", {"model": link("MODEL"), "lora_name": _LORA, "strength_model": _STRENGTH}, "MODEL"
)
def model_lora(run: Running, model: Model, lora_name: str, strength_model: float) -> tuple[object, ...]:
    return (replace(model, loras=(*model.loras, (lora_name, strength_model))),)


@node("ControlNetLoader", {"control_net_name": choice(FOLDERS["controlnet"])}, "CONTROL_NET")
@node("UpscaleModelLoader", {"model_name": choice(FOLDERS["upscale_models"])}, "UPSCALE_MODEL", newer=True)
def named(run: Running, **name: str) -> tuple[object, ...]:
    return tuple(name.values())


# How a model samples


@node(
    "ModelSamplingFlux",
    {
        "model": link("MODEL"), "max_shift": number(1.15, 0, 100), "base_shift": number(0.5, 0, 100), "width": _SIDE,
        "height": _SIDE,
    },
    "MODEL",
)  # fmt: skip
@node("ModelSamplingSD3", {"model": link("MODEL"), "shift": number(3.0, 0, 100)}, "MODEL")
@node("ModelSamplingAuraFlow", {"model": link("MODEL"), "shift": number(1.73, 0, 100)}, "MODEL")
def sampling(run: Running, model: Model, **settings: object) -> tuple[object, ...]:
    return (replace(model, sampling=settings),)


@node("CLIPSetLastLayer", {"clip": link("CLIP"), "stop_at_clip_layer": integer(-1, -24, -1)}, "CLIP")
def last_layer(run: Running, clip: Clip, stop_at_clip_layer: int) -> tuple[object, ...]:
    return (clip,)


# Conditioning


@node("CLIPTextEncode", {"text": text(multiline=True), "clip": link("CLIP")}, "CONDITIONING")
def encode_text(run: Running, text: str, clip: Clip) -> tuple[object, ...]:
    return (Conditioning(text),)


_TEXT = text(multiline=True)


@node(
    "CLIPTextEncodeFlux",
    {"clip": link("CLIP"), "clip_l": _TEXT, "t5xxl": _TEXT, "guidance": number(3.5, 0, 100)},
    "CONDITIONING",
    newer=True,
)
def encode_flux_text(
    run: Running, clip: Clip, clip_l: str, t5xxl: str, guidance: float
) -> tuple[object, ...]:
    return (Conditioning(t5xxl, notes={"flux_guidance": guidance}),)


@node("ConditioningZeroOut", {"conditioning": link("CONDITIONING")}, "CONDITIONING")
def zero_out(run: Running, conditioning: Conditioning) -> tuple[object, ...]:
    return (replace(conditioning, text=""),)


@node(
    "FluxGuidance",
    {"conditioning": link("CONDITIONING"), "guidance": number(3.5, 0, 100)},
    "CONDITIONING",
    newer=True,
)
def flux_guidance(run: Running, conditioning: Conditioning, guidance: float) -> tuple[object, ...]:
    return (replace(conditioning, notes={**conditioning.notes, "flux_guidance": guidance}),)


@node(
    "ControlNetApplyAdvanced",
    {
        "positive": link("CONDITIONING"), "negative": link("CONDITIONING"), "control_net": link("CONTROL_NET"),
        "image": link("IMAGE"), "strength": number(1.0, 0, 10), "start_percent": _PERCENT,
        "end_percent": replace(_PERCENT, options={**_PERCENT.options, "default": 1.0}), "vae": optional(link("VAE")),
    },
    "CONDITIONING CONDITIONING",
)  # fmt: skip
def apply_control(
    run: Running, positive: Conditioning, negative: Conditioning, control_net: str, image: Images,
    strength: float, start_percent: float, end_percent: float, vae: object = None,
) -> tuple[object, ...]:  # fmt: skip
    if not strength:
        return positive, negative
    control = Control(control_net, image[0], strength, start_percent, end_percent)
    return replace(positive, controls=(*positive.controls, control)), negative


@node(
    "InpaintModelConditioning",
    {
        "positive": link("CONDITIONING"), "negative": link("CONDITIONING"), "vae": link("VAE"), "pixels": link("IMAGE"),
        "mask": link("MASK"), "noise_mask": boolean(),
    },
    "CONDITIONING CONDITIONING LATENT",
)  # fmt: skip
def inpaint_conditioning(
    run: Running, positive: Conditioning, negative: Conditioning, vae: object, pixels: Images, mask: Pixels,
    noise_mask: bool,
) -> tuple[object, ...]:  # fmt: skip
    return positive, negative, Latent.of(pixels, mask)


# Latents


@node("EmptyLatentImage", {"width": _SIDE, "height": _SIDE, "batch_size": integer(1, 1, 4096)}, "LATENT")
@node(
    "EmptySD3LatentImage",
    {
        "width": integer(1024, 16, 16384, 16),
        "height": integer(1024, 16, 16384, 16),
        "batch_size": integer(1, 1, 4096),
    },
    "LATENT",
    newer=True,
)
def empty_latent(run: Running, width: int, height: int, batch_size: int) -> tuple[object, ...]:
    return (Latent(width // 8 * 8, height // 8 * 8, batch_size),)


@node("VAEEncode", {"pixels": link("IMAGE"), "vae": link("VAE")}, "LATENT")
def encode(run: Running, pixels: Images, vae: object) -> tuple[object, ...]:
    return (Latent.of(pixels),)


@node(
    "VAEEncodeForInpaint",
    {"pixels": link("IMAGE"), "vae": link("VAE"), "mask": link("MASK"), "grow_mask_by": integer(6, 0, 64)},
    "LATENT",
)
def encode_for_inpaint(
    run: Running, pixels: Images, vae: object, mask: Pixels, grow_mask_by: int
) -> tuple[object, ...]:
    # What is to be repainted is grey beforehand, so a strength below 1 leaves grey in it.
    grey = tuple(np.where(mask[..., None] > 127, np.uint8(127), image) for image in pixels)
    return (Latent.of(grey, grown(mask, grow_mask_by)),)


@node("SetLatentNoiseMask", {"samples": link("LATENT"), "mask": link("MASK")}, "LATENT")
def noise_mask(run: Running, samples: Latent, mask: Pixels) -> tuple[object, ...]:
    return (replace(samples, mask=mask),)


@node("RepeatLatentBatch", {"samples": link("LATENT"), "amount": integer(1, 1, 64)}, "LATENT")
def repeat_latent(run: Running, samples: Latent, amount: int) -> tuple[object, ...]:
    pixels = None if samples.pixels is None else samples.pixels * amount
    return (replace(samples, count=samples.count * amount, pixels=pixels),)


_DECODE = {"samples": link("LATENT"), "vae": link("VAE")}


@node("VAEDecode", _DECODE, "IMAGE")
@node(
    "VAEDecodeTiled",
    {
        **_DECODE,
        "tile_size": integer(512, 64, 4096),
        "overlap": integer(64, 0, 4096),
        "temporal_size": integer(64, 8, 4096),
        "temporal_overlap": integer(8, 4, 4096),
    },
    "IMAGE",
)
def decode(run: Running, samples: Latent, vae: object, **tiles: int) -> tuple[object, ...]:
    blank = np.full((samples.height, samples.width, 3), 127, np.uint8)
    pixels = samples.pixels or (blank,) * samples.count
    return (tuple(lossy(image) for image in pixels),)


# Sampling


async def sampled(
    run: Running, guider: Guider, seed: int, sampler: str, sigmas: Sigmas, latent: Latent
) -> Latent:
    """Each picture of a batch has noise of its own: only the first is that of the seed alone."""
    notes: dict[str, Any] = {**guider.positive.notes, **guider.model.sampling}
    made = []
    for index in range(latent.count):
        init = latent.pixels[index] if latent.pixels else None
        drawing = Drawing(
            guider.positive.text, guider.negative.text if guider.negative else "",
            f"{seed}#{index}" if index else seed, guider.model.name, latent.width, latent.height, sigmas.steps,
            guider.guidance, sampler, sigmas.scheduler, guider.model.loras, guider.positive.controls, init,
            latent.mask if init is not None else None, sigmas.strength if init is not None else 1.0, notes,
        )  # fmt: skip
        made.append(await run.sample(drawing))
    height, width = made[0].shape[:2]
    return replace(latent, width=width, height=height, pixels=tuple(made))


_SAMPLER = choice(SAMPLERS)
_SCHEDULER = choice(SCHEDULERS)
_STEPS = integer(20, 1, 10000)


@node(
    "KSampler",
    {
        "model": link("MODEL"), "seed": _SEED, "steps": _STEPS, "cfg": number(8.0, 0, 100), "sampler_name": _SAMPLER,
        "scheduler": _SCHEDULER, "positive": link("CONDITIONING"), "negative": link("CONDITIONING"),
        "latent_image": link("LATENT"), "denoise": number(1.0, 0, 1),
    },
    "LATENT",
)  # fmt: skip
async def k_sampler(
    run: Running, model: Model, seed: int, steps: int, cfg: float, sampler_name: str, scheduler: str,
    positive: Conditioning, negative: Conditioning, latent_image: Latent, denoise: float,
) -> tuple[object, ...]:  # fmt: skip
    sigmas = Sigmas(scheduler, steps, denoise)
    guider = Guider(model, positive, negative, cfg)
    return (await sampled(run, guider, seed, sampler_name, sigmas, latent_image),)


@node("RandomNoise", {"noise_seed": _SEED}, "NOISE", newer=True)
@node("KSamplerSelect", {"sampler_name": _SAMPLER}, "SAMPLER")
def chosen(run: Running, **value: object) -> tuple[object, ...]:
    return tuple(value.values())


@node(
    "BasicScheduler",
    {"model": link("MODEL"), "scheduler": _SCHEDULER, "steps": _STEPS, "denoise": number(1.0, 0, 1)},
    "SIGMAS",
)
def basic_scheduler(
    run: Running, model: Model, scheduler: str, steps: int, denoise: float
) -> tuple[object, ...]:
    return (Sigmas(scheduler, steps, denoise),)


@node("BasicGuider", {"model": link("MODEL"), "conditioning": link("CONDITIONING")}, "GUIDER", newer=True)
def basic_guider(run: Running, model: Model, conditioning: Conditioning) -> tuple[object, ...]:
    return (Guider(model, conditioning, None, 1.0),)


@node(
    "CFGGuider",
    {
        "model": link("MODEL"), "positive": link("CONDITIONING"), "negative": link("CONDITIONING"),
        "cfg": number(8.0, 0, 100),
    },
    "GUIDER",
    newer=True,
)  # fmt: skip
def cfg_guider(
    run: Running, model: Model, positive: Conditioning, negative: Conditioning, cfg: float
) -> tuple[object, ...]:
    return (Guider(model, positive, negative, cfg),)


@node(
    "SamplerCustomAdvanced",
    {
        "noise": link("NOISE"), "guider": link("GUIDER"), "sampler": link("SAMPLER"), "sigmas": link("SIGMAS"),
        "latent_image": link("LATENT"),
    },
    "LATENT LATENT",
    newer=True,
)  # fmt: skip
async def custom_sampler(
    run: Running, noise: int, guider: Guider, sampler: str, sigmas: Sigmas, latent_image: Latent
) -> tuple[object, ...]:
    made = await sampled(run, guider, noise, sampler, sigmas, latent_image)
    return made, made


def grown(mask: Pixels, by: int) -> Pixels:
    """A mask that reaches `by` pixels further."""
    reach = np.pad(mask, by)
    windows = np.lib.stride_tricks.sliding_window_view(reach, (2 * by + 1, 2 * by + 1))
    return np.asarray(windows.max(axis=(2, 3)))

"""What the fake A1111 has: its models, samplers, scripts, and the lists that tell of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

MODELS = ("tiny-sd15", "tiny-sdxl", "tiny-inpainting")
SAMPLERS = {
    "DPM++ 2M": ("k_dpmpp_2m",),
    "DPM++ SDE": ("k_dpmpp_sde",),
    "Euler a": ("k_euler_a", "k_euler_ancestral"),
    "Euler": ("k_euler",),
    "Heun": ("k_heun",),
    "LMS": ("k_lms",),
    "DDIM": ("ddim",),
    "UniPC": ("unipc",),
    "LCM": ("k_lcm",),
}
"""Names with their aliases; the first is what an unknown one becomes."""
SCHEDULERS = {
    "automatic": "Automatic",
    "uniform": "Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "sgm_uniform": "SGM Uniform",
    "normal": "Normal",
    "simple": "Simple",
    "beta": "Beta",
}
UPSCALERS = {"None": 4, "Lanczos": 4, "Nearest": 4, "R-ESRGAN 4x+": 4, "ESRGAN_2x": 2}
LATENT_UPSCALERS = ("Latent", "Latent (antialiased)", "Latent (nearest)")
LORAS = ("tiny-lora", "tiny-style")
CONTROL_MODELS = (
    "control_tiny_canny [d14c016b]",
    "control_tiny_depth [cfd03158]",
    "control_tiny_tile [a371b31b]",
)
CONTROL_MODULES = ("none", "canny", "invert (from white bg & black line)", "tile_resample")
SCRIPTS = ("controlnet", "dynamic thresholding", "extra options", "sampler", "seed", "refiner")
"""Those that are always on."""


@dataclass(frozen=True)
class Checkpoint:
    """A model file."""

    name: str

    @property
    def filename(self) -> str:
        return f"{self.name}.safetensors"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def hash(self) -> str:
        return self.sha256[:10]

    def title(self, loaded: bool) -> str:
        """It changes after the first time that the model is loaded."""
        return f"{self.filename} [{self.hash}]" if loaded else self.filename

    def listing(self, loaded: bool) -> dict[str, object]:
        known = {"hash": self.hash, "sha256": self.sha256} if loaded else {"hash": None, "sha256": None}
        return {
            "title": self.title(loaded), "model_name": self.name, **known,
            "filename": f"/models/Stable-diffusion/{self.filename}", "config": None,
        }  # fmt: skip


CHECKPOINTS = tuple(Checkpoint(name) for name in MODELS)


def checkpoint(text: object) -> Checkpoint | None:
    """By its title, file name, name or hash."""
    for found in CHECKPOINTS:
        if text in (found.title(True), found.filename, found.name, found.hash):
            return found
    return None


def control_model(text: str) -> str:
    """Its name without the hash; empty where there is none."""
    return next((name.split()[0] for name in CONTROL_MODELS if text in (name, name.split()[0])), "")


def sampler(name: object, scheduler: object) -> tuple[str, str] | None:
    """Both by their own names, or from an older name that holds both; None where the sampler is unknown.

    Aliases are told and not understood. An unknown scheduler becomes the first one, which means the sampler's own.
    """
    asked, planned = str(name or ""), str(scheduler or "").lower()
    for key, label in SCHEDULERS.items():
        if key != "automatic" and asked.lower().endswith(" " + label.lower()):
            asked, planned = asked[: -len(label) - 1], key
    known = {one.lower(): one for one in SAMPLERS}
    if asked.lower() not in known:
        return None
    return known[asked.lower()], used_scheduler(known[asked.lower()], planned)


def used_scheduler(sampler: str, asked: str) -> str:
    """The name of the one that is used."""
    labels = {label.lower(): key for key, label in SCHEDULERS.items()}
    chosen = SCHEDULERS.get(labels.get(asked, asked), "Automatic")
    return "Karras" if chosen == "Automatic" and sampler.startswith("DPM++") else chosen


def lists(*, forge: bool) -> dict[str, object]:
    """The routes that tell what there is, below /sdapi/v1."""
    told: dict[str, object] = {
        "samplers": [
            {"name": name, "aliases": list(aliases), "options": {}} for name, aliases in SAMPLERS.items()
        ],
        "schedulers": [
            {"name": name, "label": label, "aliases": None, "default_rho": -1, "need_inner_model": False}
            for name, label in SCHEDULERS.items()
        ],
        "upscalers": [
            {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": scale}
            for name, scale in UPSCALERS.items()
        ],
        "latent-upscale-modes": [{"name": name} for name in LATENT_UPSCALERS],
        "loras": [
            {"name": name, "alias": name, "path": f"/models/Lora/{name}.safetensors", "metadata": {}}
            for name in LORAS
        ],
        "face-restorers": [{"name": "CodeFormer", "cmd_dir": None}, {"name": "GFPGAN", "cmd_dir": None}],
        "embeddings": {"loaded": {}, "skipped": {}},
        "hypernetworks": [],
        "prompt-styles": [],
        "scripts": {"txt2img": list(SCRIPTS), "img2img": list(SCRIPTS)},
        "cmd-flags": {"api": True},
        "memory": {"ram": {"free": 1e9, "used": 1e9, "total": 2e9}, "cuda": {"error": "unavailable"}},
    }
    if forge:
        told["sd-modules"] = [{"model_name": "tiny-vae", "filename": "/models/VAE/tiny-vae.safetensors"}]
    else:
        told["sd-vae"] = [{"model_name": "tiny-vae", "filename": "/models/VAE/tiny-vae.safetensors"}]
    return told


OPTIONS: dict[str, object] = {
    "samples_save": True,
    "samples_format": "png",
    "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 1,
    "eta_noise_seed_delta": 0,
    "face_restoration_model": "CodeFormer",
    "img2img_fix_steps": False,
    "live_previews_enable": True,
    "show_progress_every_n_steps": 1,
    "return_grid": True,
    "sd_checkpoint_cache": 0,
}
"""What can be set besides the model."""

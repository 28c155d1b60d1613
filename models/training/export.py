"""Writes the trained parts as one diffusers folder that `from_pretrained` loads."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UniPCMultistepScheduler,
)
from transformers import BertModel, BertTokenizer

from models.training import denoiser, enlarge
from models.training.noise import SCHEDULE
from models.training.workspace import Workspace, open_workspace, stage_parser

MODEL_FOLDER = Path(__file__).resolve().parents[1] / "icons"
SIZE = 128
STEPS = 16
GUIDANCE_SCALE = 2.0
SCHEDULER = "ddim"
# The unconditional half of guidance learns the average of everything; nobody wants to see that.
EMPTY_PROMPT = "sparkles"
DESCRIPTION = (
    "Icons of 128 px for things that a game world names: creatures, food, tools, weapons, buildings, faces; "
    "'3d', 'flat' or 'game icon' in the prompt choose the style."
)
MEGABYTE = 1_000_000


def build_scheduler(name: str) -> Any:
    """A sampler on the training schedule. Only settings that survive zero terminal SNR are used."""
    match name:
        case "ddim":
            return DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True)
        case "dpm":
            return DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", solver_order=2)
        case "unipc":
            return UniPCMultistepScheduler(**SCHEDULE, solver_order=2)
    raise ValueError(f"unknown scheduler {name!r}")


def load_autoencoder(workspace: Workspace) -> Any:
    model = enlarge.build()
    model.load_state_dict(torch.load(workspace.enlarged))
    model.register_to_config(scaling_factor=torch.load(workspace.latents)["scaling_factor"])
    return model.eval()


def load_denoiser(workspace: Workspace) -> UNet2DConditionModel:
    model = UNet2DConditionModel(**denoiser.CONFIG)
    model.load_state_dict(torch.load(workspace.denoiser)["average"])
    return model.eval()


def assemble(workspace: Workspace, scheduler: str = SCHEDULER) -> StableDiffusionPipeline:
    """The pipeline from the averaged weights of the latest checkpoint, in full precision."""
    text_encoder = BertModel.from_pretrained(
        workspace.text_encoder / "text_encoder", add_pooling_layer=False, dtype=torch.float32
    )
    return StableDiffusionPipeline(
        vae=load_autoencoder(workspace),
        text_encoder=text_encoder,
        tokenizer=BertTokenizer.from_pretrained(workspace.text_encoder / "tokenizer"),
        unet=load_denoiser(workspace),
        scheduler=build_scheduler(scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write(workspace: Workspace, folder: Path) -> None:
    """Replace the model's parts in `folder`, one rename each; its README and licence files stay as they are."""
    made = folder.with_name(folder.name + ".partial")
    shutil.rmtree(made, ignore_errors=True)
    assemble(workspace).to(dtype=torch.float16).save_pretrained(made, safe_serialization=True)
    # As it was stored, in eight bits: the pipeline would write it in sixteen.
    shutil.rmtree(made / "text_encoder")
    shutil.copytree(workspace.text_encoder / "text_encoder", made / "text_encoder")
    defaults = {
        "steps": STEPS,
        "guidance_scale": GUIDANCE_SCALE,
        "width": SIZE,
        "height": SIZE,
        "fixed_size": True,
        "plain_ground": True,
        "empty_prompt": EMPTY_PROMPT,
        "license": "MIT",
        "description": DESCRIPTION,
    }
    (made / "viwo_defaults.json").write_text(json.dumps(defaults, indent=2) + "\n")
    if folder.exists():
        for kept in folder.iterdir():
            if kept.is_file() and not (made / kept.name).exists():
                shutil.copy2(kept, made / kept.name)
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    made.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / MEGABYTE:.1f} MB")


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=MODEL_FOLDER)
    options = parser.parse_args()
    write(open_workspace(options), options.folder)


if __name__ == "__main__":
    main()

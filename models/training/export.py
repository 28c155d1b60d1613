"""Writes the trained parts, each as the folder that its library loads: `vae`, `text_encoder`, `tokenizer`, `unet`, `scheduler`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from models.training import autoencoder, denoiser
from models.training.dataset import SCALING_FACTOR
from models.training.noise import SCHEDULE
from models.training.workspace import Workspace, open_workspace, stage_parser

MILESTONE = Path(__file__).resolve().parent / "milestone"
MEGABYTE = 1_000_000


def load_denoiser(checkpoint: Path) -> Any:
    """The averaged weights of a checkpoint."""
    model = UNet2DConditionModel(**denoiser.CONFIG)
    model.load_state_dict(torch.load(checkpoint, mmap=True)["average"])
    return model.eval()


def write(workspace: Workspace, folder: Path) -> None:
    """Put the parts in `folder` in half precision; the text encoder as it is stored, mostly in eight bits."""
    coder = autoencoder.load(workspace)
    coder.register_to_config(scaling_factor=SCALING_FACTOR)
    scheduler: Any = DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True)
    coder.half().save_pretrained(folder / "vae")
    load_denoiser(workspace.denoiser).half().save_pretrained(folder / "unet")
    scheduler.save_pretrained(folder / "scheduler")
    for name in ("text_encoder", "tokenizer"):
        shutil.copytree(workspace.text_encoder / name, folder / name, dirs_exist_ok=True)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / MEGABYTE:.1f} MB")


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=MILESTONE)
    options = parser.parse_args()
    write(open_workspace(options), options.folder)


if __name__ == "__main__":
    main()

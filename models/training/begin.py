"""Puts the parts of an exported model into an empty work folder, so that training goes on from them.

The optimisers start empty; everything else that the stages need, they make.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel

from models.training import denoiser
from models.training.export import MILESTONE
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser


def fill(workspace: Workspace, folder: Path) -> None:
    coder = AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    save_atomically(coder.state_dict(), workspace.autoencoder)
    for name in ("text_encoder", "tokenizer"):
        shutil.copytree(folder / name, workspace.text_encoder / name, dirs_exist_ok=True)
    (workspace.text_encoder / "done").touch()
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    denoiser.state_from(unet).save(workspace.denoiser)


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=MILESTONE)
    options = parser.parse_args()
    fill(open_workspace(options), options.folder)


if __name__ == "__main__":
    main()

"""Trains the autoencoder that turns a 64 px icon into a 16 x 16 x 4 latent and back, then encodes the icons.

The latents are learnt at 64 px, where a processor sees 90 icons a second; `enlarge` then gives them a coder at 128 px.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor
from torch.nn import functional

from models.training.sources import STYLES
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

CONFIG = {
    # Two stride-2 steps. Full-resolution layers cost most, so the encoder has no block there and the decoder one.
    "encoder_block_out_channels": (48, 48, 48),
    "decoder_block_out_channels": (48, 48, 48),
    "num_encoder_blocks": (0, 1, 3),
    "num_decoder_blocks": (3, 2, 1),
    "latent_channels": 4,
}
BATCH = 32
PEAK_LEARNING_RATE = 1.5e-3
EDGE_WEIGHT = 0.5
REGULARISER_WEIGHT = 0.01
# The denoiser's latents are never exact; a decoder that has met noise shows them without speckles.
LATENT_NOISE = 0.04


def build() -> AutoencoderTiny:
    return AutoencoderTiny(**CONFIG)


def to_input(pixels: Tensor) -> Tensor:
    """Bytes in height, width, channel order to the -1..1 range that diffusers pipelines use."""
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def small(pixels: Tensor) -> Tensor:
    """Drawings of 128 px as model input of 64 px."""
    return functional.avg_pool2d(to_input(pixels), 2)


def edge_difference(made: Tensor, wanted: Tensor) -> Tensor:
    """L1 between the neighbour differences: plain L1 alone leaves outlines soft."""
    across = functional.l1_loss(made.diff(dim=-1), wanted.diff(dim=-1))
    return across + functional.l1_loss(made.diff(dim=-2), wanted.diff(dim=-2))


def latent_regulariser(latents: Tensor) -> Tensor:
    """Pulls each channel towards mean 0 and deviation 1: the decoder's tanh(x / 3) * 3 clips what lies far out."""
    means = latents.mean(dim=(0, 2, 3))
    deviations = latents.std(dim=(0, 2, 3))
    return means.square().mean() + (deviations - 1).square().mean()


def train(workspace: Workspace, minutes: float) -> None:
    """Train for a while, from the saved weights where there are some, with the learning rate falling to the end."""
    torch.manual_seed(0)
    pixels = torch.from_numpy(np.load(workspace.images)["pixels"])
    model = build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if workspace.autoencoder.exists():
        model.load_state_dict(torch.load(workspace.autoencoder))
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-4)
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60) < minutes:
        progress = spent / minutes
        warm_up = min(1.0, (step + 1) / 100)
        optimiser.param_groups[0]["lr"] = (
            PEAK_LEARNING_RATE * warm_up * (0.02 + 0.49 * (1 + math.cos(math.pi * progress)))
        )
        images = small(pixels[torch.randint(len(pixels), (BATCH,))])
        if step % 2:
            images = images.flip(-1)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encoder(images).float()
            made = model.decoder(latents + LATENT_NOISE * torch.randn_like(latents)).float()
        difference = functional.l1_loss(made, images)
        loss = difference + EDGE_WEIGHT * edge_difference(made, images)
        loss = loss + REGULARISER_WEIGHT * latent_regulariser(latents)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            speed = step * BATCH / (time.monotonic() - started)
            print(
                f"step {step} minute {spent:.1f} l1 {difference.item():.4f} {speed:.0f} images/s", flush=True
            )
        if step % 500 == 0:
            save_atomically(model.state_dict(), workspace.autoencoder)
    save_atomically(model.state_dict(), workspace.autoencoder)


@torch.no_grad()
def encode_all(workspace: Workspace) -> None:
    """Latents of every drawing at deviation 1, with the factor that brings them there."""
    rendered = np.load(workspace.images)
    pixels, keys = torch.from_numpy(rendered["pixels"]), torch.from_numpy(rendered["keys"])
    model = build()
    model.load_state_dict(torch.load(workspace.autoencoder))
    model.eval()
    latents = torch.cat([model.encoder(small(batch)) for batch in pixels.split(128)])
    made = torch.cat([model.decoder(batch) for batch in latents[::100].split(64)])
    wanted = small(pixels[::100])
    decibels = 10 * math.log10(4 / functional.mse_loss(made.clamp(-1, 1), wanted).item())
    # Glyphs of black and white have far larger latents; the factor is for what is drawn in colour.
    coloured = latents[(keys[:, 1] < STYLES.index("game icon")) & (keys[:, 2] < 2)]
    factor = 1 / coloured.std().item()
    print(
        f"PSNR {decibels:.1f} dB, scaling factor {factor:.4f}, deviation of all {latents.std() * factor:.3f}"
    )
    print(f"channel means {latents.mean(dim=(0, 2, 3))}, deviations {latents.std(dim=(0, 2, 3))}")
    save_atomically({"latents": (latents * factor).half(), "scaling_factor": factor}, workspace.latents)
    save_comparison(workspace, wanted, made)


def save_comparison(workspace: Workspace, wanted: Tensor, made: Tensor) -> None:
    """A picture of originals over their reconstructions."""
    columns = 20
    rows = []
    for start in range(0, min(len(made), 5 * columns) - columns + 1, columns):
        for images in (wanted, made):
            rows.append(torch.cat(list(images[start : start + columns]), dim=2))
    sheet = torch.cat(rows, dim=1).add(1).mul(127.5).clamp(0, 255).byte().permute(1, 2, 0)
    Image.fromarray(sheet.numpy()).save(workspace.root / "reconstructions.png")


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=16.0)
    parser.add_argument("--encode-only", action="store_true", help="use the trained autoencoder as it is")
    options = parser.parse_args()
    workspace = open_workspace(options)
    if not options.encode_only:
        train(workspace, options.minutes)
    encode_all(workspace)


if __name__ == "__main__":
    main()

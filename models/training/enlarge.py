"""Gives the latents that `autoencoder` learnt at 64 px a coder at 128 px: twice the edge for the same denoising.

The new coder begins with the layers of the old one. Its decoder learns to draw 128 px from the same latents, its
encoder to find those latents in 128 px, so the denoiser and everything that it has learnt stay valid.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional

from models.training import autoencoder
from models.training.autoencoder import EDGE_WEIGHT, LATENT_NOISE, edge_difference, to_input
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

CONFIG: dict[str, Any] = {
    "encoder_block_out_channels": (48, 48, 48, 48),
    "decoder_block_out_channels": (48, 48, 48, 48),
    "num_encoder_blocks": (0, 0, 1, 3),
    "num_decoder_blocks": (3, 2, 1, 1),
    "latent_channels": 4,
}
BATCH = 16
PEAK_LEARNING_RATE = 1e-3
# Coloured copies are most of the drawings and say little new about shapes.
COLOURED_SHARE = 0.25


def build() -> AutoencoderTiny:
    return AutoencoderTiny(**CONFIG)


def inherit(model: AutoencoderTiny, small: AutoencoderTiny) -> None:
    """Copy the layers that both coders have: the decoder's from the latents on, the encoder's from its end back."""
    for index in range(len(small.decoder.layers) - 1):
        model.decoder.layers[index].load_state_dict(small.decoder.layers[index].state_dict())
    model.decoder.layers[-1].load_state_dict(small.decoder.layers[-1].state_dict())
    for back in range(1, len(small.encoder.layers)):
        model.encoder.layers[-back].load_state_dict(small.encoder.layers[-back].state_dict())
    model.encoder.layers[0].load_state_dict(small.encoder.layers[0].state_dict())


def start(workspace: Workspace) -> AutoencoderTiny:
    model = build()
    if workspace.enlarged.exists():
        model.load_state_dict(torch.load(workspace.enlarged))
    else:
        small = autoencoder.build()
        small.load_state_dict(torch.load(workspace.autoencoder))
        inherit(model, small)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def train(workspace: Workspace, minutes: float) -> None:
    """Train for a while, from the saved weights where there are some, with the learning rate falling to the end."""
    torch.manual_seed(0)
    rendered = np.load(workspace.images)
    pixels, keys = torch.from_numpy(rendered["pixels"]), torch.from_numpy(rendered["keys"])
    saved = torch.load(workspace.latents)
    latents = saved["latents"].float() / saved["scaling_factor"]
    weights = torch.where(keys[:, 2] < 2, 1.0, COLOURED_SHARE * 2 / 12)
    model = start(workspace)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-4)
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60) < minutes:
        optimiser.param_groups[0]["lr"] = (
            PEAK_LEARNING_RATE
            * min(1.0, (step + 1) / 100)
            * (0.02 + 0.49 * (1 + math.cos(math.pi * spent / minutes)))
        )
        chosen = torch.multinomial(weights, BATCH)
        images = to_input(pixels[chosen]).contiguous(memory_format=torch.channels_last)
        wanted = latents[chosen].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = model.encoder(images).float()
            made = model.decoder(wanted + LATENT_NOISE * torch.randn_like(wanted)).float()
        difference = functional.l1_loss(made, images)
        encoding = functional.mse_loss(found, wanted)
        loss = difference + EDGE_WEIGHT * edge_difference(made, images) + 0.5 * encoding
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            speed = step * BATCH / (time.monotonic() - started)
            print(
                f"step {step} minute {spent:.1f} l1 {difference.item():.4f} latent error {encoding.item():.4f} "
                f"{speed:.0f} images/s",
                flush=True,
            )
        if step % 200 == 0:
            save_atomically(model.state_dict(), workspace.enlarged)
    save_atomically(model.state_dict(), workspace.enlarged)
    measure(workspace, model.eval(), to_input(pixels[::100]), latents[::100])


@torch.no_grad()
def measure(workspace: Workspace, model: AutoencoderTiny, images: Tensor, latents: Tensor) -> None:
    made = torch.cat([model.decoder(batch) for batch in latents.split(32)]).clamp(-1, 1)
    again = torch.cat([model.decoder(model.encoder(batch)) for batch in images.split(32)]).clamp(-1, 1)
    for name, pictures in (("from the latents", made), ("through the encoder", again)):
        decibels = 10 * math.log10(4 / functional.mse_loss(pictures, images).item())
        print(f"PSNR at 128 px {name}: {decibels:.1f} dB")
    autoencoder.save_comparison(workspace, images, made)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=25.0)
    options = parser.parse_args()
    train(open_workspace(options), options.minutes)


if __name__ == "__main__":
    main()

"""Teaches the shipped autoencoder alpha and detail: an icon of 128 px with alpha to a 16 x 16 x 8 latent and back.

The encoder sees red, green and blue on white and alpha, each -1..1. The decoder gives colours that are not multiplied by
alpha, and alpha: what a PNG holds. It begins as the autoencoder of `models/icons` with four channels of latents more. The
first four are pulled to what it gave for the same picture on white, so a denoiser that knows the old latents is a good start
for the new ones; the others are free to hold alpha and what the old ones had no room for.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor
from torch.nn import functional

from models.training import optimiser, sampler
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

OLD_CHANNELS, CHANNELS = 4, 8
# Pixels along the edge of what one latent stands for.
PIXELS = 8
MODEL_FOLDER = Path(__file__).resolve().parents[1] / "icons"
BATCH = 40
MUON_RATE, ADAM_RATE = 1.5e-3, 1e-3
# Whole pictures are encoded, a window of their latents is decoded: twice the pictures in the same time. Around the window
# that counts lies a border, so that the decoder sees what it will see.
WINDOW, BORDER = 8, 1
EDGE_WEIGHT = 0.5
ALPHA_WEIGHT = 1.0
# How strongly latents stay where the old encoder puts them.
PULL = 0.1
# Latents of the old autoencoder have this deviation; the new channels are pulled to it and to mean 0.
DEVIATION = 0.78
REGULARISER_WEIGHT = 0.02
# Colours where nothing is seen: white, so that a viewer without alpha shows the icon on white.
UNSEEN_WEIGHT = 0.1
# The denoiser's latents are never exact; a decoder that has met noise shows them without speckles.
LATENT_NOISE = 0.04


def to_input(pixels: Tensor) -> Tensor:
    """Bytes (n x height x width x 4, colours not multiplied by alpha) to what the encoder takes (n x 4 x height x width)."""
    values = pixels.permute(0, 3, 1, 2).float().div(255)
    alpha = values[:, 3:]
    return torch.cat([values[:, :3] * alpha + 1 - alpha, alpha], dim=1).mul(2).sub(1)


def to_target(pixels: Tensor) -> Tensor:
    """The same bytes as the decoder gives them, -1..1."""
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def edge_difference(made: Tensor, wanted: Tensor) -> Tensor:
    """L1 between the neighbour differences: plain L1 alone leaves outlines soft."""
    across = functional.l1_loss(made.diff(dim=-1), wanted.diff(dim=-1))
    return across + functional.l1_loss(made.diff(dim=-2), wanted.diff(dim=-2))


def on_ground(picture: Tensor, ground: Tensor) -> Tensor:
    """A decoded picture over a ground (n x 3 x 1 x 1), both -1..1."""
    alpha = picture[:, 3:].add(1).div(2)
    return picture[:, :3] * alpha + ground * (1 - alpha)


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """How far a decoded picture is off, seen on white and on some other ground, and its alpha alone."""
    white = torch.ones(len(made), 3, 1, 1)
    other = torch.rand(len(made), 3, 1, 1) * 2 - 1
    loss = torch.zeros(())
    for ground in (white, other):
        mine, right = on_ground(made, ground), on_ground(wanted, ground)
        loss = loss + 0.5 * functional.l1_loss(mine, right) + 0.5 * EDGE_WEIGHT * edge_difference(mine, right)
    alpha, right = made[:, 3:], wanted[:, 3:]
    loss = loss + ALPHA_WEIGHT * (
        functional.l1_loss(alpha, right) + EDGE_WEIGHT * edge_difference(alpha, right)
    )
    return loss + UNSEEN_WEIGHT * functional.l1_loss(made[:, :3], wanted[:, :3])


def widened(old: AutoencoderTiny) -> AutoencoderTiny:
    """The autoencoder with a fourth channel in and out, opaque to begin with, and more channels of latents.

    Weights that read something new begin at nothing; the encoder's new channels of latents begin at random.
    """
    config: dict[str, Any] = dict(old.config)
    config = {key: value for key, value in config.items() if key[0] != "_" and key != "block_out_channels"}
    model = AutoencoderTiny(**{**config, "in_channels": 4, "out_channels": 4, "latent_channels": CHANNELS})
    state = model.state_dict()
    for name, value in old.state_dict().items():
        wanted = state[name].clone()
        if wanted.shape != value.shape:
            if wanted.ndim == 4 and wanted.shape[1] != value.shape[1]:
                wanted.zero_()
            elif name.startswith("decoder"):
                wanted.fill_(1.0 if wanted.ndim == 1 else 0.0)
        wanted[tuple(slice(0, size) for size in value.shape)] = value
        state[name] = wanted
    model.load_state_dict(state)
    return model


def regulariser(latents: Tensor) -> Tensor:
    """Pulls each new channel of latents to mean 0 and DEVIATION."""
    new = latents[:, OLD_CHANNELS:]
    means, deviations = new.mean(dim=(0, 2, 3)), new.std(dim=(0, 2, 3))
    return means.square().mean() + (deviations - DEVIATION).square().mean()


def load(workspace: Workspace) -> AutoencoderTiny:
    """The autoencoder with alpha that this stage has trained."""
    model = widened(AutoencoderTiny.from_pretrained(MODEL_FOLDER / "vae", torch_dtype=torch.float32))
    model.load_state_dict(torch.load(workspace.autoencoder))
    return model.eval()


Window = tuple[slice, slice]


def in_pixels(part: slice) -> slice:
    """A range of latents as the range of pixels that it stands for."""
    return slice(part.start * PIXELS, part.stop * PIXELS)


def draw_window(random: np.random.Generator, side: int) -> tuple[Window, Window]:
    """Which latents of `side` x `side` to decode, rows and columns, and which pixels of what comes out count."""
    seen, counts = [], []
    for _ in range(2):
        first = int(random.integers(0, side - WINDOW + 1))
        start, stop = max(0, first - BORDER), min(side, first + WINDOW + BORDER)
        seen.append(slice(start, stop))
        counts.append(in_pixels(slice(first - start, first - start + WINDOW)))
    return (seen[0], seen[1]), (counts[0], counts[1])


def train(workspace: Workspace, minutes: float, only_decoder: bool) -> None:
    """Train for a while, from the saved weights where there are some, with the learning rate falling to the end."""
    torch.manual_seed(0)
    old = AutoencoderTiny.from_pretrained(MODEL_FOLDER / "vae", torch_dtype=torch.float32).eval()
    old.to(memory_format=torch.channels_last)
    model = widened(old)
    if workspace.autoencoder.exists():
        model.load_state_dict(torch.load(workspace.autoencoder))
    model.to(memory_format=torch.channels_last)
    model.encoder.requires_grad_(not only_decoder)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimisers = optimiser.build(model, MUON_RATE, ADAM_RATE)
    draw = sampler.AnyDrawing(workspace)
    random = np.random.default_rng(int(time.time()) if only_decoder else 0)
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60) < minutes:
        share = min(1.0, (step + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * spent / minutes)))
        for each, rate in zip(optimisers, (MUON_RATE, ADAM_RATE), strict=True):
            each.param_groups[0]["lr"] = rate * share
        pixels = torch.from_numpy(np.stack([draw(random) for _ in range(BATCH)]))
        images = to_input(pixels).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                known = old.encoder(images[:, :3].contiguous(memory_format=torch.channels_last)).float()
            with torch.set_grad_enabled(not only_decoder):
                latents = model.encoder(images).float()
            seen, counts = draw_window(random, latents.shape[-1])
            part = latents[..., seen[0], seen[1]]
            made = model.decoder(part + LATENT_NOISE * torch.randn_like(part)).float()
        moved = functional.mse_loss(latents[:, :OLD_CHANNELS], known)
        wanted = to_target(pixels)[..., in_pixels(seen[0]), in_pixels(seen[1])]
        loss = picture_loss(made[..., counts[0], counts[1]], wanted[..., counts[0], counts[1]])
        if not only_decoder:
            loss = loss + PULL * moved + REGULARISER_WEIGHT * regulariser(latents)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for each in optimisers:
            each.step()
        model.zero_grad(set_to_none=True)
        step += 1
        if step % 50 == 0:
            speed = step * BATCH / (time.monotonic() - started)
            print(
                f"step {step} minute {spent:.1f} loss {loss.item():.4f} latents moved {moved.item():.4f} "
                f"{speed:.0f} images/s",
                flush=True,
            )
        if step % 100 == 0:
            save_atomically(model.state_dict(), workspace.autoencoder)
    save_atomically(model.state_dict(), workspace.autoencoder)
    measure(workspace, draw)


@torch.no_grad()
def measure(workspace: Workspace, draw: sampler.AnyDrawing) -> None:
    """PSNR on white and of alpha, and a sheet of originals over what comes back, on a dark ground."""
    model = load(workspace)
    random = np.random.default_rng(99)
    pixels = torch.from_numpy(np.stack([draw(random) for _ in range(120)]))
    latents = torch.cat([model.encoder(batch) for batch in to_input(pixels).split(24)])
    made = torch.cat([model.decoder(batch) for batch in latents.split(24)]).clamp(-1, 1)
    wanted = to_target(pixels)
    white = torch.ones(1, 3, 1, 1)
    error = functional.mse_loss(on_ground(made, white), on_ground(wanted, white)).item()
    alpha = functional.mse_loss(made[:, 3:], wanted[:, 3:]).item()
    holes = ((wanted[:, 3] > 0.99) & (made[:, 3] < 0)).float().mean().item()
    print(
        f"PSNR on white {10 * math.log10(4 / error):.1f} dB, of alpha {10 * math.log10(4 / alpha):.1f} dB, "
        f"opaque pixels that came out clear {holes:.5f}, latent deviation {latents.std():.3f}"
    )
    ground = torch.tensor([-0.6, -0.6, -0.4]).view(1, 3, 1, 1)
    rows = []
    for start in range(0, 80, 16):
        for pictures in (wanted, made):
            rows.append(torch.cat(list(on_ground(pictures[start : start + 16], ground)), dim=2))
    sheet = torch.cat(rows, dim=1).add(1).mul(127.5).clamp(0, 255).byte().permute(1, 2, 0)
    Image.fromarray(sheet.numpy()).save(workspace.root / "reconstructions.png")


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument(
        "--only-decoder", action="store_true", help="leave the encoder, and so the latents, as it is"
    )
    options = parser.parse_args()
    train(open_workspace(options), options.minutes, options.only_decoder)


if __name__ == "__main__":
    main()

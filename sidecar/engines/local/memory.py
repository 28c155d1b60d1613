"""What fits into the memory that is left, and how a failure to fit shows itself."""

from __future__ import annotations

from typing import Any

import psutil
import torch

LIVE_COPIES = 3
"""Layers of a decoder's widest stage that are in memory at once: input, output, and what a convolution unfolds."""
SHARE = 0.5
"""Part of the free memory that decoding may take before it is done in tiles."""


def free(device: str) -> int:
    """Bytes that a job can still take."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def decoding(vae: Any, width: int, height: int) -> int:
    """Bytes that an autoencoder needs about, to turn latents into a picture of that size."""
    channels = getattr(vae.config, "block_out_channels", None) or getattr(
        vae.config, "decoder_block_out_channels", [256]
    )
    widest = max(channels[:2])
    return int(width * height * widest * LIVE_COPIES * next(vae.parameters()).element_size())


def tile_if_short(pipeline: Any, width: int, height: int, device: str) -> bool:
    """Have the autoencoder work in tiles where the whole would not fit, and at once where it does. Returns whether in tiles.

    Tiles change a picture a little where they blend, so they are not for pictures that fit.
    """
    vae = getattr(pipeline, "vae", None)
    if vae is None or not hasattr(vae, "enable_tiling"):
        return False
    short = decoding(vae, width, height) > free(device) * SHARE
    if short:
        vae.enable_tiling()
    else:
        vae.disable_tiling()
    return short


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch says so on a processor with a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)

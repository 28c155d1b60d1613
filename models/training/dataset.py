"""Draws training examples: a noise-free latent and the text states of one of its captions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.training.captions import FAVOURITE_WEIGHT, FAVOURITES
from models.training.sources import STYLES, read_icons
from models.training.workspace import Workspace

JITTERED_SHARE = 0.15
DROPPED_CAPTIONS = 0.1
# Deviation of the noise on the text states, at most; the states themselves have 1.
MOST_BLUR = 0.6


class Examples:
    """Everything in memory: an example costs an index, so the denoiser gets all of the processor."""

    def __init__(self, workspace: Workspace) -> None:
        captions = torch.load(workspace.captions)
        self.latents: Tensor = torch.load(workspace.latents)["latents"]
        self.states: Tensor = captions["states"]
        self.empty_row = captions["texts"].index("")
        self.row: Tensor = captions["row"]
        icons = read_icons(workspace.packages)
        popularity = torch.tensor([FAVOURITE_WEIGHT if icon.label in FAVOURITES else 1.0 for icon in icons])
        weight = captions["weight"] * popularity[captions["keys"][:, 0]]
        self.bounds = weight.double().cumsum(0)
        drawn = np.load(workspace.images)["keys"]
        place = torch.full((len(icons), len(STYLES), int(drawn[:, 2].max()) + 1), -1)
        place[tuple(torch.from_numpy(drawn).T)] = torch.arange(len(drawn))
        self.drawing = place[tuple(captions["keys"].T)]
        assert int(self.drawing.min()) >= 0
        self.plain = torch.from_numpy(drawn[:, 2] == 0)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points = torch.rand(count, generator=generator, dtype=torch.float64) * self.bounds[-1]
        chosen = torch.searchsorted(self.bounds, points, right=True).clamp_max(len(self.row) - 1)
        jittered = torch.rand(count, generator=generator) < JITTERED_SHARE
        dropped = torch.rand(count, generator=generator) < DROPPED_CAPTIONS
        rows = torch.where(dropped, self.empty_row, self.row[chosen])
        # The jittered copy of a plain drawing is the one after it; the colours have none.
        drawing = self.drawing[chosen]
        drawing = drawing + (jittered & self.plain[drawing]).long()
        return self.latents[drawing].float(), self._blurred(self.states[rows].float(), generator)

    @staticmethod
    def _blurred(states: Tensor, generator: torch.Generator) -> Tensor:
        """Text states moved a little, all positions of a text alike: what lies between two captions is drawn too."""
        count, _, width = states.shape
        far = torch.rand(count, 1, 1, generator=generator) * MOST_BLUR
        moved = states + far * torch.randn(count, 1, width, generator=generator)
        return moved / (1 + far.square()).sqrt()

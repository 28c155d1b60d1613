"""Draws training examples: a noise-free latent and the text states of one of its captions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.training.captions import FAVOURITE_WEIGHT, FAVOURITES
from models.training.sources import read_icons
from models.training.workspace import Workspace

FLAT_WEIGHT = 0.45  # against 1 for the 3d drawings
JITTERED_SHARE = 0.15
DROPPED_CAPTIONS = 0.1


class Examples:
    """Everything in memory: an example costs an index, so the denoiser gets all of the processor."""

    def __init__(self, workspace: Workspace) -> None:
        rendered = np.load(workspace.images)
        captions = torch.load(workspace.captions)
        self.latents: Tensor = torch.load(workspace.latents)["latents"]
        self.states: Tensor = captions["states"]
        self.empty_row = captions["texts"].index("")
        self.row: Tensor = captions["row"]

        concept, is_flat = captions["concept"], captions["is_flat"]
        icons = read_icons(workspace.packages)
        popularity = torch.tensor([FAVOURITE_WEIGHT if icon.label in FAVOURITES else 1.0 for icon in icons])
        weight = captions["weight"] * popularity[concept] * torch.where(is_flat, FLAT_WEIGHT, 1.0)
        self.bounds = weight.double().cumsum(0)
        # The plain drawing of each (concept, style); its jittered copy is the row after it.
        plain = torch.full((len(icons), 2), -1)
        for index in np.flatnonzero(~rendered["is_jittered"]):
            plain[int(rendered["concept"][index]), int(rendered["is_flat"][index])] = int(index)
        self.drawing = plain[concept, is_flat.long()]
        assert int(self.drawing.min()) >= 0

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points = torch.rand(count, generator=generator, dtype=torch.float64) * self.bounds[-1]
        chosen = torch.searchsorted(self.bounds, points, right=True).clamp_max(len(self.row) - 1)
        jittered = torch.rand(count, generator=generator) < JITTERED_SHARE
        dropped = torch.rand(count, generator=generator) < DROPPED_CAPTIONS
        rows = torch.where(dropped, self.empty_row, self.row[chosen])
        return self.latents[self.drawing[chosen] + jittered.long()], self.states[rows].float()

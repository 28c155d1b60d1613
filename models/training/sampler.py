"""Draws at random from everything that can be drawn: glyphs and emoji in all materials, states, styles and poses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.training import paint
from models.training.workspace import Workspace
from sidecar.engines.glyphs.materials import PALETTES

Bytes = npt.NDArray[np.uint8]
EMOJI_SHARE = 0.4
STATE_SHARE = 0.35


def draw_pose(random: np.random.Generator, mirror: bool = True) -> paint.Pose:
    """Mostly upright and nearly filling the picture; sometimes small, turned or shifted."""
    scale = float(random.uniform(0.9, 1.06)) if random.random() < 0.8 else float(random.uniform(0.6, 0.9))
    turn = float(random.normal(0, 5)) if random.random() < 0.85 else float(random.uniform(-50, 50))
    room = 3 + 50 * max(0.0, 1 - scale)
    x, y = (float(value) for value in random.uniform(-room, room, 2) * 0.5)
    return paint.Pose(scale, turn, x, y, mirror and bool(random.random() < 0.3))


class AnyDrawing:
    """Pictures for the autoencoder: 128 x 128 x 4 bytes, any subject."""

    def __init__(self, workspace: Workspace) -> None:
        self.reliefs = np.load(workspace.reliefs, mmap_mode="r")
        emoji = np.load(workspace.emoji)
        self.emoji: Bytes = emoji["pixels"]
        self.palettes = list(PALETTES.values())
        self.states = list(paint.STATE_PAINTERS.values())

    def __call__(self, random: np.random.Generator) -> Bytes:
        palette = self.palettes[random.integers(len(self.palettes))]
        if random.random() < EMOJI_SHARE:
            picture = paint.from_emoji(self.emoji[random.integers(len(self.emoji))])
            if random.random() < 0.25:
                picture = paint.in_material(picture, palette, random)
        else:
            planes = np.asarray(self.reliefs[random.integers(len(self.reliefs))])
            ground = self.palettes[random.integers(len(self.palettes))] if random.random() < 0.2 else None
            style = str(random.choice(paint.STYLES, p=(0.68, 0.12, 0.1, 0.0, 0.1)))
            picture = paint.from_relief(planes, palette, style, random, ground)
        if random.random() < STATE_SHARE:
            picture = self.states[random.integers(len(self.states))](picture, random)
        picture = paint.posed(picture, draw_pose(random))
        if random.random() < 0.08:
            picture = paint.as_pixels(picture, random)
        if random.random() < 0.1:
            # What the denoiser is shown of a picture that it is to fill in: a part of it is clear.
            top, left = random.integers(0, 96, size=2)
            picture[top : top + random.integers(24, 96), left : left + random.integers(24, 96), 3] = 0
        return paint.finish(picture)

"""Draws the recipes and keeps their latents: what the denoiser learns from, in parts of some ten thousand drawings.

A part holds the latents of its drawings (n x 8 x 16 x 16, float16), their captions (n x 2 places in its list of texts),
the thing and the drawing (glyph or emoji) of each, and for every fourth one a mask (16 x 16, 1 where it is to be filled
in) with the latents of the drawing as far as the mask leaves it. A share of these are crops: parts of a drawing that
reaches out of the picture, for masks that ask to continue it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.training import autoencoder, paint, relief
from models.training.recipes import Cook, Recipe
from models.training.render import recolour, takes_colours
from models.training.sources import STYLES as ICON_STYLES
from models.training.things import read_things
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser
from sidecar.engines.glyphs.materials import PALETTES, Palette

PART = 15_000
BATCH = 60
MASKED_EVERY = 4
CROPPED_SHARE = 0.3
LATENT_SIDE = 16
MOST_SHIFT = 44
# A glyph in the style "game icon" without a colour.
INK = Palette((38, 38, 44), (38, 38, 44))

Bytes = npt.NDArray[np.uint8]


class Artist:
    """Draws recipes from the reliefs and the emoji."""

    def __init__(self, workspace: Workspace) -> None:
        self.reliefs = np.load(workspace.reliefs, mmap_mode="r")
        rendered = np.load(workspace.emoji)
        self.emoji: Bytes = rendered["pixels"]
        self.places = {
            (int(concept), ICON_STYLES[style]): place
            for place, (concept, style) in enumerate(rendered["keys"].tolist())
        }

    def draw(self, recipe: Recipe, random: np.random.Generator, pose: paint.Pose) -> Bytes:
        """Bytes of the picture, 128 x 128 x 4."""
        picture = self._glyph(recipe, random) if recipe.glyph >= 0 else self._emoji(recipe, random)
        for state in recipe.states:
            picture = paint.STATE_PAINTERS[state](picture, random)
        if recipe.count > 1:
            picture = paint.several(picture, recipe.count, random)
        picture = paint.posed(picture, pose)
        if recipe.style == "pixel art":
            picture = paint.as_pixels(picture, random)
        return paint.finish(picture)

    def _glyph(self, recipe: Recipe, random: np.random.Generator) -> paint.Picture:
        planes = np.asarray(self.reliefs[recipe.glyph])
        palette = PALETTES.get(recipe.palette, INK)
        ground = PALETTES[recipe.ground] if recipe.ground else None
        style = "3d" if recipe.style == "pixel art" else recipe.style
        return paint.from_relief(planes, palette, style, random, ground)

    def _emoji(self, recipe: Recipe, random: np.random.Generator) -> paint.Picture:
        style = "flat" if recipe.style == "flat" or (recipe.emoji, "3d") not in self.places else "3d"
        pixels = self.emoji[self.places[recipe.emoji, style]]
        if recipe.hue:
            # The recolouring by hue calls the colour without one "silver".
            pixels = recolour(pixels, "silver" if recipe.hue == "gray" else recipe.hue)
        picture = paint.from_emoji(pixels)
        if recipe.palette:
            picture = paint.in_material(picture, PALETTES[recipe.palette], random)
        return paint.as_lines(picture) if recipe.style == "line drawing" else picture


def draw_mask(random: np.random.Generator) -> Tensor:
    """A mask of 16 x 16, 1 where the picture is to be filled in: boxes, ellipses, sides and frames."""
    mask = torch.zeros(LATENT_SIDE, LATENT_SIDE)
    rows, columns = torch.meshgrid(torch.arange(LATENT_SIDE), torch.arange(LATENT_SIDE), indexing="ij")
    kind = random.random()
    if kind < 0.4:
        for _ in range(int(random.integers(1, 3))):
            top, left = (int(value) for value in random.integers(0, 11, size=2))
            height, width = (int(value) for value in random.integers(4, 12, size=2))
            mask[top : top + height, left : left + width] = 1
    elif kind < 0.65:
        y, x = random.uniform(3, 13, size=2)
        high, wide = random.uniform(2.5, 7, size=2)
        mask[((rows - y) / high) ** 2 + ((columns - x) / wide) ** 2 < 1] = 1
    elif kind < 0.9:
        share = int(random.integers(3, 12))
        mask[:share] = 1
        mask = torch.rot90(mask, int(random.integers(4)))
    else:
        border = int(random.integers(2, 5))
        mask[:] = 1
        mask[border:-border, border:-border] = 0
    return mask


def crop_pose(random: np.random.Generator, pose: paint.Pose) -> paint.Pose:
    """A pose that leaves a part of the drawing outside the picture."""
    x, y = (float(value) for value in random.uniform(-MOST_SHIFT, MOST_SHIFT, size=2))
    return paint.Pose(float(random.uniform(1.0, 1.8)), pose.turn, x, y, pose.mirrored)


@torch.no_grad()
def encode(model: torch.nn.Module, pixels: list[Bytes], masks: Tensor | None = None) -> Tensor:
    """Latents of pictures; what a mask (n x 16 x 16) covers is 0 in all channels, as in diffusers' inpainting."""
    images = autoencoder.to_input(torch.from_numpy(np.stack(pixels)))
    if masks is not None:
        side = images.shape[-1] // LATENT_SIDE
        images = images * (1 - torch.kron(masks, torch.ones(side, side))[:, None])
    with torch.autocast("cpu", torch.bfloat16):
        latents: Tensor = model(images.contiguous(memory_format=torch.channels_last))
    return latents.float()


def nothing(model: torch.nn.Module) -> Tensor:
    """The latents to go by where a mask covers all (1 x 8 x 16 x 16)."""
    clear = np.zeros((relief.SIZE, relief.SIZE, 4), np.uint8)
    return encode(model, [clear], torch.ones(1, LATENT_SIDE, LATENT_SIDE))


def make_part(workspace: Workspace, artist: Artist, cook: Cook, number: int, model: torch.nn.Module) -> None:
    """Draw, encode and save one part; parts of equal numbers are equal."""
    random = np.random.default_rng(1000 + number)
    latents, hidden, masks, rows, recipes, crops = [], [], [], [], [], []
    started = time.monotonic()
    for start in range(0, PART, BATCH):
        pixels, some = [], []
        for place in range(start, start + BATCH):
            recipe = cook.draw(random)
            takes_mask = place % MASKED_EVERY == 0
            cropped = takes_mask and random.random() < CROPPED_SHARE
            pose = crop_pose(random, recipe.pose) if cropped else recipe.pose
            pixels.append(artist.draw(recipe, random, pose))
            recipes.append(recipe)
            crops.append(cropped)
            if takes_mask:
                some.append(place - start)
        latents.append(encode(model, pixels))
        masks.append(torch.stack([draw_mask(random) for _ in some]))
        hidden.append(encode(model, [pixels[place] for place in some], masks[-1]))
        rows += [start + place for place in some]
    texts = sorted({caption for recipe in recipes for caption in recipe.captions})
    row_of = {text: row for row, text in enumerate(texts)}
    save_atomically(
        {
            "latents": torch.cat(latents).half(),
            "texts": texts,
            "captions": torch.tensor([[row_of[text] for text in recipe.captions] for recipe in recipes]),
            "things": torch.tensor([recipe.thing for recipe in recipes]),
            "drawings": torch.tensor(
                [recipe.glyph if recipe.glyph >= 0 else -1 - recipe.emoji for recipe in recipes]
            ),
            "cropped": torch.tensor(crops),
            "masked_rows": torch.tensor(rows),
            "masked_latents": torch.cat(hidden).half(),
            "masks": torch.cat(masks).to(torch.uint8),
            "nothing": nothing(model).half(),
        },
        part_path(workspace, number),
    )
    spent = time.monotonic() - started
    print(
        f"part {number}: {PART} drawings, {len(texts)} texts, {1000 * spent / PART:.1f} ms a drawing",
        flush=True,
    )


def part_path(workspace: Workspace, number: int) -> Path:
    return workspace.parts / f"drawings-{number:02}.pt"


def new_cook(workspace: Workspace) -> Cook:
    things, icons = read_things(workspace.packages)
    return Cook(things, icons, [takes_colours(icon) for icon in icons])


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first part to make")
    parser.add_argument("--parts", type=int, default=6, help=f"how many parts of {PART} drawings")
    options = parser.parse_args()
    workspace = open_workspace(options)
    workspace.parts.mkdir(exist_ok=True)
    artist, cook = Artist(workspace), new_cook(workspace)
    model = autoencoder.load(workspace).encoder.to(memory_format=torch.channels_last)
    for number in range(options.first, options.first + options.parts):
        if not part_path(workspace, number).exists():
            make_part(workspace, artist, cook, number, model)


if __name__ == "__main__":
    main()

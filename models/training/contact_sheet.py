"""Draws many prompts with fixed seeds into one labelled picture, plain and after a look-up, to be judged by eye."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from PIL import Image, ImageDraw
from torch import Tensor
from transformers import BertTokenizer

from models.training import autoencoder, denoiser, drawings, text_encoder
from models.training.dataset import SCALING_FACTOR
from models.training.look_up import LookUp
from models.training.noise import SCHEDULE
from models.training.workspace import Workspace, open_workspace, stage_parser

PROMPTS = Path(__file__).parents[2] / "benchmarks" / "prompts"
COLUMNS = 8
SIZE = 128
GROUND = (58, 58, 78)
STEPS, GUIDANCE_SCALE = 16, 2.0


@torch.no_grad()
def sample(
    model: UNet2DConditionModel,
    texts: Tensor,
    empty: Tensor,
    masks: Tensor,
    known: Tensor,
    seeds: list[int],
    steps: int = STEPS,
    guidance: float = GUIDANCE_SCALE,
    strength: float = 1.0,
) -> Tensor:
    """Latents (n x 8 x 16 x 16, as the autoencoder has them) for text states, masks and latents to go by.

    With a strength below 1 the drawing begins as the latents to go by with so much of the noise.
    """
    scheduler = DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True)
    scheduler.set_timesteps(steps)
    shape = (len(seeds), *known.shape[1:])
    latents = torch.stack(
        [torch.randn(shape[1:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )
    both = torch.cat([empty.expand_as(texts), texts])
    timesteps = scheduler.timesteps[round(steps * (1 - strength)) :]
    if strength < 1:
        latents = scheduler.add_noise(known * SCALING_FACTOR, latents, timesteps[:1])
    for step in timesteps:
        seen = torch.cat([latents, masks, known * SCALING_FACTOR], dim=1)
        with torch.autocast("cpu", torch.bfloat16):
            plain, meant = model(torch.cat([seen, seen]), step, both).sample.float().chunk(2)
        latents = scheduler.step(plain + guidance * (meant - plain), step, latents).prev_sample
    return latents / SCALING_FACTOR


class Studio:
    """The trained parts of a workspace, ready to draw."""

    def __init__(self, workspace: Workspace, checkpoint: Path | None = None) -> None:
        self.model = UNet2DConditionModel(**denoiser.CONFIG)
        saved = torch.load(checkpoint or workspace.denoiser, mmap=True)
        self.model.load_state_dict(saved["average"])
        self.model.eval()
        self.step = saved["step"]
        self.autoencoder = autoencoder.load(workspace)
        self.text_encoder = text_encoder.load(workspace.text_encoder / "text_encoder")
        self.tokenizer = BertTokenizer.from_pretrained(workspace.text_encoder / "tokenizer")
        self.look_up = LookUp(workspace, self.text_encoder, self.tokenizer)
        self.nothing = drawings.nothing(self.autoencoder.encoder)

    def draw(
        self,
        prompts: list[str],
        seeds: list[int],
        known: Tensor | None,
        masks: Tensor | None = None,
        strength: float = 1.0,
    ) -> Tensor:
        """Pictures (n x 4 x 128 x 128, 0..1, colours not multiplied by alpha)."""
        states = text_encoder.encode(self.text_encoder, self.tokenizer, [*prompts, ""]).float()
        known = self.nothing.expand(len(prompts), -1, -1, -1) if known is None else known
        masks = torch.ones(len(prompts), 1, *known.shape[2:]) if masks is None else masks
        latents = sample(self.model, states[:-1], states[-1:], masks, known, seeds, strength=strength)
        with torch.no_grad():
            return self.autoencoder.decoder(latents).add(1).div(2).clamp(0, 1)


def on_ground(picture: Tensor) -> Image.Image:
    values = picture.permute(1, 2, 0).numpy()
    alpha = values[..., 3:]
    flat = values[..., :3] * 255 * alpha + np.array(GROUND) * (1 - alpha)
    return Image.fromarray(flat.round().astype(np.uint8))


def sheet(studio: Studio, prompts: list[str], seed: int, strength: float) -> Image.Image:
    """For every prompt three cells: plain, what the look-up finds, and what the model makes of that."""
    width, height = COLUMNS * (3 * SIZE + 10), -(-len(prompts) // COLUMNS) * (SIZE + 16)
    made = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(made)
    for start in range(0, len(prompts), COLUMNS):
        row = prompts[start : start + COLUMNS]
        seeds = [seed + start + place for place in range(len(row))]
        found, known = studio.look_up.found(row, seeds)
        pictures = (
            studio.draw(row, seeds, None),
            torch.from_numpy(found).permute(0, 3, 1, 2) / 255,
            studio.draw(row, seeds, known, strength=strength),
        )
        for column, prompt in enumerate(row):
            left, top = column * (3 * SIZE + 10), start // COLUMNS * (SIZE + 16)
            for place, images in enumerate(pictures):
                made.paste(on_ground(images[column]), (left + place * SIZE, top))
            pen.text((left + 2, top + SIZE + 1), prompt, fill="black")
    return made


def read_prompts(name: str) -> list[str]:
    lines = (PROMPTS / name).read_text().splitlines()
    return [line.split(": ")[0] for line in lines if line and not line.startswith("#")]


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument(
        "--prompts", default="world.txt", help="a list in benchmarks/prompts, or prompts with | between"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, help="default: the latest")
    parser.add_argument("--out", type=Path, help="default: sheet.png in the work folder")
    parser.add_argument("--strength", type=float, default=1.0, help="of the noise that a look-up begins with")
    options = parser.parse_args()
    workspace = open_workspace(options)
    prompts = options.prompts.split("|") if "|" in options.prompts else read_prompts(options.prompts)
    studio = Studio(workspace, options.checkpoint)
    out = options.out or workspace.root / "sheet.png"
    sheet(studio, prompts, options.seed, options.strength).save(out)
    print(f"{out} after {studio.step} steps")


if __name__ == "__main__":
    main()

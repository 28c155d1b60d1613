"""Draws many prompts with fixed seeds into one labelled picture, to be judged by eye."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers import AutoPipelineForText2Image
from PIL import Image, ImageDraw

from models.training.export import GUIDANCE_SCALE, SCHEDULER, SIZE, STEPS, assemble, build_scheduler
from models.training.workspace import open_workspace, stage_parser

PROMPTS = Path(__file__).parents[2] / "benchmarks" / "prompts" / "sheet.txt"
"""Sixty-four prompts that were written before the model was trained."""
COLUMNS = 8
CELL = SIZE + 16


def draw_sheet(
    pipeline: AutoPipelineForText2Image, prompts: list[str], seeds: int, steps: int, guidance: float
) -> Image.Image:
    """A cell for every prompt and seed, the prompt below it."""
    cells = [(prompt, seed) for prompt in prompts for seed in range(seeds)]
    sheet = Image.new("RGB", (COLUMNS * CELL, -(-len(cells) // COLUMNS) * CELL), "white")
    pen = ImageDraw.Draw(sheet)
    pipeline.set_progress_bar_config(disable=True)
    for start in range(0, len(cells), COLUMNS):
        row = cells[start : start + COLUMNS]
        pictures = pipeline(
            [prompt for prompt, _ in row],
            height=SIZE,
            width=SIZE,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(seed) for _, seed in row],
        ).images
        for column, ((prompt, _), picture) in enumerate(zip(row, pictures, strict=True)):
            left, top = column * CELL + 8, start // COLUMNS * CELL
            sheet.paste(picture, (left, top))
            pen.text((left, top + SIZE + 1), prompt[:20], fill="black")
    return sheet


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument(
        "--folder", type=Path, help="an exported model; without it the latest checkpoint is used"
    )
    parser.add_argument("--out", type=Path, help="default: sheet.png in the work folder")
    parser.add_argument("--prompts", help="prompts with | between them")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--guidance", type=float, default=GUIDANCE_SCALE)
    parser.add_argument("--scheduler", default=SCHEDULER)
    options = parser.parse_args()
    workspace = open_workspace(options)
    if options.folder:
        pipeline = AutoPipelineForText2Image.from_pretrained(options.folder, torch_dtype=torch.float32)
        pipeline.scheduler = build_scheduler(options.scheduler)
    else:
        pipeline = assemble(workspace, options.scheduler)
    lines = PROMPTS.read_text().splitlines()
    written = [line for line in lines if line and not line.startswith("#")]
    prompts = options.prompts.split("|") if options.prompts else written
    sheet = draw_sheet(pipeline, prompts, options.seeds, options.steps, options.guidance)
    out = options.out or workspace.root / "sheet.png"
    sheet.save(out)
    print(out)


if __name__ == "__main__":
    main()

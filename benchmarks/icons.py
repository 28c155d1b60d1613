"""How good the embedded model's pictures are, and how fast they come."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import icon_judge
from models.training import render
from models.training.sources import NOTO, IconSet, read_icons
from models.training.workspace import DEFAULT_ROOT, Workspace
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.pipelines import quiet_libraries
from sidecar.testing.process import MODEL, served

PROMPTS = Path(__file__).parent / "prompts"
BATCH = 20
RUNS = 20
COPY_SIDE = 32
# Two pictures of 32 px this close (root mean square of 0..1 values) differ less than a drawing and its shifted copy.
NEAR_COPY = 0.05


@dataclass(frozen=True)
class Asked:
    prompt: str
    answers: tuple[str, ...]  # labels of the concepts that are right


def read_asked(name: str) -> list[Asked]:
    """The prompts of a list with the concepts that answer them."""
    lines = (PROMPTS / name).read_text().splitlines()
    pairs = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return [Asked(prompt, tuple(map(unescape, answer.split(" / ")))) for prompt, answer in pairs]


def workspace() -> Workspace:
    return Workspace(Path(os.environ.get("ICONS_WORK", DEFAULT_ROOT)).expanduser())


def generate(prompts: list[str], folder: str | None = None) -> Tensor:
    """Pictures (n x 3 x side x side, 0..1) with the model's own defaults; picture k has seed k."""
    quiet_libraries()
    from diffusers import AutoPipelineForText2Image

    model = Catalog([], [], MODEL).model(MODEL)
    facts = model.facts
    family: Any = AutoPipelineForText2Image
    pipeline: Any = family.from_pretrained(
        folder or model.source.location, dtype=torch.float32, use_safetensors=True
    )
    pipeline.set_progress_bar_config(disable=True)
    made = []
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        seeds = [torch.Generator("cpu").manual_seed(start + place) for place in range(len(batch))]
        answer = pipeline(
            batch,
            width=facts.width,
            height=facts.height,
            num_inference_steps=facts.steps,
            guidance_scale=facts.guidance_scale,
            generator=seeds,
            output_type="pt",
        )
        made.append(answer.images)
    return torch.cat(made)


def named(judge: icon_judge.Judge, images: Tensor, asked: list[Asked], places: int) -> list[bool]:
    """For each picture, whether a right concept is among the judge's first `places`."""
    best = judge.scores(images).topk(places, dim=1).indices
    return [
        any(judge.labels[index] in each.answers for index in row)
        for row, each in zip(best.tolist(), asked, strict=True)
    ]


def thumbnails(images: Tensor) -> Tensor:
    return torch.nn.functional.interpolate(images.float(), (COPY_SIDE, COPY_SIDE), mode="area").flatten(1)


def nearest(images: Tensor, known: Tensor) -> Tensor:
    """Root mean square distance of each picture to the nearest known one."""
    apart: Tensor = torch.cdist(images, known).min(dim=1).values / images.shape[1] ** 0.5
    return apart


def icon_pixels(drawings: list[Any], share: float) -> Tensor:
    pixels = [render.on_white(render.draw(drawing.load(), share)) for drawing in drawings]
    return torch.stack([torch.from_numpy(image).permute(2, 0, 1).float().div(255) for image in pixels])


async def icons_quality() -> dict[str, Any]:
    """The share of caption prompts whose picture the judge names among its first five of all concepts."""
    return await asyncio.to_thread(_icons_quality)


def _icons_quality() -> dict[str, Any]:
    work = workspace()
    judge = icon_judge.prepare(work)
    captions, paraphrases = read_asked("captions.txt"), read_asked("paraphrases.txt")
    known = {label for each in (*captions, *paraphrases) for label in each.answers} & set(judge.labels)
    assert all(set(each.answers) & known for each in (*captions, *paraphrases))
    images = generate([each.prompt for each in (*captions, *paraphrases)])
    plain, meant = images[: len(captions)], images[len(captions) :]
    found = named(judge, plain, captions, 5)
    understood = named(judge, meant, paraphrases, 5)

    icons = read_icons(work.packages)
    learnt = [drawing for icon in icons for drawing in icon.drawings.values()]
    training = torch.cat(
        [thumbnails(icon_pixels(learnt, share)) for share in (render.PLAIN_SHARE, render.JITTERED_SHARE)]
    )
    distances = nearest(thumbnails(images), training)
    noto = IconSet.open(NOTO, work.packages)
    foreign = [drawing for icon in icons if (drawing := noto.by_code(icon.code)) is not None]
    other_hand = nearest(thumbnails(icon_pixels(foreign, render.PLAIN_SHARE)), training)
    return {
        "value": round(statistics.fmean(found), 4),
        "unit": "share of 200 caption prompts named in the judge's top 5",
        "n": len(captions),
        "better": "higher",
        "baseline": None,
        "captions_top1": round(statistics.fmean(named(judge, plain, captions, 1)), 4),
        "paraphrases_top5": round(statistics.fmean(understood), 4),
        "judge_top1_other_renderings": round(judge.top1_other_renderings, 4),
        "judge_top5_unseen_drawings": round(judge.top5_unseen_drawings, 4),
        "concepts": len(judge.labels),
        "near_copies": round(float((distances < NEAR_COPY).float().mean()), 4),
        "median_distance": round(float(distances.median()), 4),
        "median_distance_of_another_hand": round(float(other_hand.median()), 4),
        "captions_missed": [each.prompt for each, right in zip(captions, found, strict=True) if not right],
        "paraphrases_missed": [
            each.prompt for each, right in zip(paraphrases, understood, strict=True) if not right
        ],
    }


def _weights() -> int:
    """Bytes that the model takes in the repository."""
    location = Path(Catalog([], [], MODEL).model(MODEL).source.location)
    return sum(path.stat().st_size for path in location.rglob("*") if path.is_file())


async def icons_speed() -> dict[str, Any]:
    """Seconds for one picture at the default size and steps through the sidecar, once the model is loaded."""
    async with served() as sidecar:
        # Importing torch is the engine's start, which the benchmark cold_start measures.
        await sidecar.wait_ready()
        begun = time.perf_counter()
        await sidecar.load_model()
        loading = time.perf_counter() - begun
        context = await sidecar.context()
        times = []
        for number in range(RUNS + 2):
            begun = time.perf_counter()
            answer = await sidecar.paint(context)
            # The first two warm the process.
            if number >= 2:
                times.append(time.perf_counter() - begun)
    weights = await asyncio.to_thread(_weights)
    return {
        "value": round(statistics.median(times), 3),
        "unit": "s",
        "n": RUNS,
        "better": "lower",
        "baseline": None,
        "side": answer.images[0].width,
        "slowest": round(max(times), 3),
        "loading_seconds": round(loading, 2),
        "repository_megabytes": round(weights / 1e6, 1),
    }

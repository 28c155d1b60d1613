"""A classifier that has seen real icons only, and so can say what a generated one shows.

It learns from five sets of drawings, two of which (Noto, Twemoji) the generator never saw. It shares no weight, no
code path and no augmentation with the generator. A trained one is kept in the training workspace.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training import render
from models.training.sources import NOTO, STYLES, TWEMOJI, IconSet, read_icons
from models.training.workspace import Workspace, save_atomically

SIZE = 64
EPOCHS = 45
BATCH = 128
PEAK_RATE = 3e-3
# Twemoji drawings of every fifth concept are kept from the classifier, to see what it makes of a new hand.
HELD_OUT_EVERY = 5


@dataclass
class Drawings:
    """Icons of 64 px in 0..1 with what they show."""

    pixels: Tensor  # n x 3 x 64 x 64, float16
    concepts: Tensor  # n

    def __len__(self) -> int:
        return len(self.concepts)


def read_drawings(workspace: Workspace) -> tuple[list[str], Drawings, Drawings]:
    """All labels, what the classifier learns from, and the drawings kept from it."""
    icons = read_icons(workspace.packages)
    sets = [IconSet.open(package, workspace.packages) for package in (NOTO, TWEMOJI)]
    kept: list[tuple[Tensor, int]] = []
    learnt: list[tuple[Tensor, int]] = []
    for index, icon in enumerate(icons):
        drawings = [icon.drawings[style] for style in STYLES if style in icon.drawings]
        foreign = [found for each in sets if (found := each.by_code(icon.code)) is not None]
        for place, drawing in enumerate([*drawings, *foreign]):
            pixels = render.on_white(render.draw(drawing.load(), render.PLAIN_SHARE))
            image = torch.from_numpy(pixels).permute(2, 0, 1).float().div(255)
            image = functional.avg_pool2d(image, render.SIZE // SIZE).half()
            is_last = len(foreign) == len(sets) and place == len(drawings) + len(foreign) - 1
            (kept if is_last and index % HELD_OUT_EVERY == 0 else learnt).append((image, index))
    return [icon.label for icon in icons], as_drawings(learnt), as_drawings(kept)


def as_drawings(pairs: list[tuple[Tensor, int]]) -> Drawings:
    return Drawings(torch.stack([image for image, _ in pairs]), torch.tensor([index for _, index in pairs]))


class Residual(nn.Module):
    """Two convolutions beside a shortcut; halves the size where `stride` is 2."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.BatchNorm2d(after)])
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        inner = functional.relu(self.norms[0](self.first(values)))
        return functional.relu(self.norms[1](self.second(inner)) + self.shortcut(values))


def build(concepts: int) -> nn.Module:
    classifier = nn.Sequential(
        nn.Conv2d(3, 32, 5, 2, 2, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        Residual(32, 64, 2),
        Residual(64, 128, 2),
        Residual(128, 256, 2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(256 * 4 * 4, 256),
        nn.ReLU(),
        nn.Linear(256, concepts),
    )
    laid_out: nn.Module = classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def augment(images: Tensor, random: torch.Generator) -> Tensor:
    """Turned, scaled, shifted, mirrored, blurred and tinted copies, on white."""
    count = len(images)

    def between(least: float, most: float) -> Tensor:
        return torch.rand(count, generator=random) * (most - least) + least

    angle, scale = between(-0.25, 0.25), between(0.9, 1.4)
    mirror = torch.where(between(0, 1) < 0.5, -1.0, 1.0)
    turn = torch.stack(
        [
            torch.stack([angle.cos() * scale * mirror, -angle.sin() * scale, between(-0.15, 0.15)], 1),
            torch.stack([angle.sin() * scale * mirror, angle.cos() * scale, between(-0.15, 0.15)], 1),
        ],
        1,
    )
    grid = functional.affine_grid(turn, list(images.shape), align_corners=False)
    # Outside the drawing is white: sample the ink (1 - image), which is 0 there.
    ink = functional.grid_sample(1 - images, grid, align_corners=False)
    softened = functional.avg_pool2d(ink, 3, 1, 1)
    ink = torch.lerp(ink, softened, between(0, 1)[:, None, None, None])
    tint = 1 + 0.25 * torch.randn(count, 3, 1, 1, generator=random)
    ink = torch.where((between(0, 1) < 0.5)[:, None, None, None], ink * tint, ink)
    mixed = ink[:, torch.randperm(3, generator=random)]
    ink = torch.where((between(0, 1) < 0.15)[:, None, None, None], mixed, ink)
    return (1 - ink + 0.03 * torch.randn(ink.shape, generator=random)).clamp(0, 1)


def train(model: nn.Module, learnt: Drawings) -> None:
    random = torch.Generator().manual_seed(1)
    steps = EPOCHS * len(learnt) // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps)
    model.train()
    for step in range(steps):
        chosen = torch.randint(len(learnt), (BATCH,), generator=random)
        images = augment(learnt.pixels[chosen].float(), random)
        with torch.autocast("cpu", torch.bfloat16):
            answer = model(images.contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(answer.float(), learnt.concepts[chosen], label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step % 200 == 0:
            print(f"classifier: step {step} of {steps}, loss {loss.item():.2f}", flush=True)
    model.eval()


@torch.no_grad()
def scores(model: nn.Module, images: Tensor) -> Tensor:
    """Logits for images of any size in 0..1, seen as they are and mirrored."""
    images = functional.interpolate(images.float(), (SIZE, SIZE), mode="area")
    return torch.cat([model(batch) + model(batch.flip(-1)) for batch in torch.split(images, 256)])


def share_in_top(answer: Tensor, concepts: Tensor, places: int) -> float:
    best = answer.topk(places, dim=1).indices
    return float((best == concepts[:, None]).any(dim=1).float().mean())


@dataclass(frozen=True)
class Judge:
    """A trained classifier and how well it knows real icons."""

    model: nn.Module
    labels: list[str]
    top1_other_renderings: float  # drawings it has seen, drawn elsewhere, turned, softened and tinted
    top5_unseen_drawings: float  # concepts it knows, in drawings that it never saw

    def scores(self, images: Tensor) -> Tensor:
        return scores(self.model, images)


def data_digest(drawings: Drawings) -> str:
    recipe = f"{EPOCHS} {BATCH} {PEAK_RATE} {SIZE}".encode() + Path(__file__).read_bytes()
    return hashlib.sha256(drawings.pixels.numpy().tobytes() + recipe).hexdigest()


def prepare(workspace: Workspace) -> Judge:
    """The judge of this workspace, trained at the first call (some ten minutes on two cores)."""
    torch.manual_seed(1)
    labels, learnt, kept = read_drawings(workspace)
    model = build(len(labels))
    path, digest = workspace.root / "judge.pt", data_digest(learnt)
    saved = torch.load(path) if path.exists() else {}
    if saved.get("digest") == digest:
        model.load_state_dict(saved["model"])
        model.eval()
    else:
        train(model, learnt)
        save_atomically({"digest": digest, "model": model.state_dict()}, path)
    other = augment(learnt.pixels.float(), torch.Generator().manual_seed(2))
    return Judge(
        model,
        labels,
        share_in_top(scores(model, other), learnt.concepts, 1),
        share_in_top(scores(model, kept.pixels), kept.concepts, 5),
    )

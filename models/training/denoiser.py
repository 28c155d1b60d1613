"""Trains the UNet on cached latents and text states until a given time; stops and resumes at any step.

It begins as the UNet of `models/icons`, whose input and output it widens: the noisy latents, then a mask and the latents to
go by (`dataset`), in the layout of diffusers' inpainting UNets.
"""

from __future__ import annotations

import argparse
import copy
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from models.training import optimiser
from models.training.autoencoder import CHANNELS, MODEL_FOLDER
from models.training.dataset import Examples
from models.training.noise import Noise
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

CONFIG: dict[str, Any] = {
    "sample_size": 16,
    # Noisy latents, mask, latents to go by.
    "in_channels": 2 * CHANNELS + 1,
    "out_channels": CHANNELS,
    "block_out_channels": (96, 128, 160),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    # In spite of its name, diffusers takes this as the number of heads.
    "attention_head_dim": 4,
    "cross_attention_dim": 384,
    "norm_num_groups": 16,
    # The pooled text joins the time embedding, and so reaches every layer, the 16 x 16 ones too.
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 8,
}
BATCH = 48
MUON_RATE = 1.2e-3
ADAM_RATE = 1e-3
WARM_UP_STEPS = 50
# The average reaches over about this share of the steps so far, at most over the steps that the decay says.
AVERAGED_SHARE, MOST_DECAY = 0.1, 0.999
# Below 1: more examples with much noise, where the text alone must give the shape, which is learnt last.
NOISE_EXPONENT = 0.6
CHECKPOINT_SECONDS = 240
# Below this share of its threads' time a step counts as disturbed; for how long one thread works then.
LEAST_USED, ALONE_SECONDS = 0.75, 15.0
LOG_STEPS = 50


@dataclass
class State:
    """All that a resumed run needs to go on as if it had never stopped."""

    model: UNet2DConditionModel
    average: UNet2DConditionModel
    optimisers: list[torch.optim.Optimizer]
    generator: torch.Generator
    step: int = 0

    def save(self, path: Path) -> None:
        save_atomically(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimisers": [each.state_dict() for each in self.optimisers],
                "generator": self.generator.get_state(),
                "step": self.step,
            },
            path,
        )

    def load(self, workspace: Workspace) -> None:
        saved = torch.load(workspace.denoiser)
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        for each, values in zip(self.optimisers, saved["optimisers"], strict=True):
            each.load_state_dict(values)
        self.generator.set_state(saved["generator"])
        self.step = saved["step"]


def widened(old: UNet2DConditionModel) -> UNet2DConditionModel:
    """The old weights in the new shape; what reads or gives something new begins at nothing."""
    model = UNet2DConditionModel(**CONFIG)
    state = model.state_dict()
    for name, value in old.state_dict().items():
        wanted = state[name]
        if wanted.shape != value.shape:
            wanted = torch.zeros_like(wanted)
        wanted[tuple(slice(0, size) for size in value.shape)] = value
        state[name] = wanted
    model.load_state_dict(state)
    return model


def state_from(old: UNet2DConditionModel) -> State:
    """A run that begins with the weights of a UNet, of the old shape or the new."""
    torch.manual_seed(0)
    model = widened(old).train().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False)
    optimisers = optimiser.build(model, MUON_RATE, ADAM_RATE)
    return State(model, average, optimisers, torch.Generator().manual_seed(0))


def new_state() -> State:
    return state_from(UNet2DConditionModel.from_pretrained(MODEL_FOLDER / "unet", torch_dtype=torch.float32))


def rate_share(step: int, minutes_left: float, decay_minutes: float) -> float:
    """What share of the full learning rates a step gets: all of it, then less along a straight line to the end."""
    return max(0.01, min(1.0, (step + 1) / WARM_UP_STEPS, minutes_left / decay_minutes))


class Threads:
    """As many threads as there are idle cores.

    Threads of one operation wait for each other: on a core that somebody else uses too, two of them are slower than one. A
    step that got less processor time than its threads could use is followed by steps on one thread, then tried again.
    """

    def __init__(self) -> None:
        self.most = torch.get_num_threads()
        self.until = 0.0
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def after_step(self) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        used = (cpu - self.cpu) / max(wall - self.wall, 1e-6)
        self.wall, self.cpu = wall, cpu
        if torch.get_num_threads() > 1 and used < LEAST_USED * self.most:
            torch.set_num_threads(1)
            self.until = wall + ALONE_SECONDS
        elif torch.get_num_threads() < self.most and wall > self.until:
            torch.set_num_threads(self.most)


@torch.no_grad()
def update_average(average: UNet2DConditionModel, model: UNet2DConditionModel, step: int) -> None:
    decay = min(MOST_DECAY, max(0.0, 1 - 1 / (AVERAGED_SHARE * step + 1)))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


def train_step(state: State, examples: Examples, noise: Noise) -> tuple[Tensor, Tensor]:
    """One update; returns the uses and the unweighted losses of its examples."""
    batch = examples.draw(BATCH, state.generator)
    # One noise level from each of BATCH equal shares: less random than independent draws, same average.
    places = (torch.arange(BATCH) + torch.rand(BATCH, generator=state.generator)) / BATCH
    steps = (places**NOISE_EXPONENT * noise.steps).long().clamp_max(noise.steps - 1)
    fresh = torch.randn(batch.clean.shape, generator=state.generator)
    noised, wanted = noise.apply(batch.clean, fresh, steps)
    seen = torch.cat([noised, batch.masks, batch.known], dim=1)
    with torch.autocast("cpu", torch.bfloat16):
        answer = state.model(
            seen.contiguous(memory_format=torch.channels_last), steps, batch.texts, return_dict=False
        )[0]
    losses = (answer.float() - wanted).square().mean(dim=(1, 2, 3))
    (losses * noise.weight[steps]).mean().backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    for each in state.optimisers:
        each.step()
        each.zero_grad(set_to_none=True)
    state.step += 1
    update_average(state.average, state.model, state.step)
    return batch.uses, losses.detach()


def train(workspace: Workspace, until: datetime, decay_minutes: float) -> None:
    state, examples, noise = new_state(), Examples(workspace), Noise()
    if workspace.denoiser.exists():
        state.load(workspace)
        print(f"resumed at step {state.step}", flush=True)
    print(f"{len(examples.latents)} drawings, {len(examples.states)} texts", flush=True)
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked_to_stop.append(number))
    saved_at = logged_at = time.monotonic()
    by_use: list[list[float]] = [[], [], []]
    was_full, threads = False, Threads()
    while (left := (until - datetime.now(UTC)).total_seconds() / 60) > 0 and not asked_to_stop:
        share = rate_share(state.step, left, decay_minutes)
        if was_full and share < 1:
            # From here a longer run can go on as if this one had never been about to end.
            state.save(workspace.denoiser_at_full_rate)
        was_full = share == 1
        for each, rate in zip(state.optimisers, (MUON_RATE, ADAM_RATE), strict=True):
            each.param_groups[0]["lr"] = rate * share
        uses, losses = train_step(state, examples, noise)
        threads.after_step()
        for use, loss in zip(uses.tolist(), losses.tolist(), strict=True):
            by_use[use].append(loss)
        if state.step % LOG_STEPS == 0:
            now = time.monotonic()
            means = " ".join(f"{sum(values) / max(1, len(values)):.4f}" for values in by_use)
            print(
                f"{datetime.now(UTC):%H:%M} step {state.step} samples {state.step * BATCH} "
                f"v-loss plain, look-up, fill in {means} "
                f"rate {share:.2f} {LOG_STEPS * BATCH / (now - logged_at):.0f} samples/s",
                flush=True,
            )
            by_use, logged_at = [[], [], []], now
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            state.save(workspace.denoiser)
            saved_at = time.monotonic()
    state.save(workspace.denoiser)
    print(f"saved at step {state.step}", flush=True)


def next_time(text: str) -> datetime:
    """The next moment at which a clock in UTC shows HH:MM."""
    hour, minute = map(int, text.split(":"))
    now = datetime.now(UTC)
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--until", type=next_time, help="when to end, HH:MM in UTC; the rate falls before it")
    ends.add_argument("--hours", type=float, default=8.0, help="how long to train")
    parser.add_argument(
        "--decay-minutes", type=float, default=25.0, help="over how long before the end the rate falls"
    )
    options = parser.parse_args()
    until = options.until or datetime.now(UTC) + timedelta(hours=options.hours)
    train(open_workspace(options), until, options.decay_minutes)


if __name__ == "__main__":
    main()

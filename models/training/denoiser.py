"""Trains the UNet on cached latents and text states; stops and resumes at any step."""

from __future__ import annotations

import argparse
import copy
import signal
import time
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from models.training import optimiser
from models.training.dataset import Examples
from models.training.noise import Noise
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

CONFIG: dict[str, Any] = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
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
# The share of the steps over which the learning rate falls to nothing at the end.
DECAY_SHARE = 0.4
EMA_DECAY = 0.998
# Below 1: more examples with much noise, where the text alone must give the shape, which is learnt last.
NOISE_EXPONENT = 0.6
CHECKPOINT_SECONDS = 240
LOG_STEPS = 50


@dataclass
class State:
    """All that a resumed run needs to go on as if it had never stopped."""

    model: UNet2DConditionModel
    average: UNet2DConditionModel
    optimisers: list[torch.optim.Optimizer]
    generator: torch.Generator
    step: int = 0

    def save(self, workspace: Workspace) -> None:
        save_atomically(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimisers": [each.state_dict() for each in self.optimisers],
                "generator": self.generator.get_state(),
                "step": self.step,
            },
            workspace.denoiser,
        )

    def load(self, workspace: Workspace) -> None:
        saved = torch.load(workspace.denoiser)
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        for each, values in zip(self.optimisers, saved["optimisers"], strict=True):
            each.load_state_dict(values)
        self.generator.set_state(saved["generator"])
        self.step = saved["step"]


def new_state() -> State:
    torch.manual_seed(0)
    model = UNet2DConditionModel(**CONFIG).to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False)
    optimisers = optimiser.build(model, MUON_RATE, ADAM_RATE)
    return State(model, average, optimisers, torch.Generator().manual_seed(0))


def rate_share(step: int, steps: int) -> float:
    """What share of the full learning rates a step gets: all of it, then less along a straight line to the end.

    Until the fall begins the rate does not depend on the number of steps, so a longer run can take over.
    """
    rise = (step + 1) / WARM_UP_STEPS
    fall = (steps - step) / (steps * DECAY_SHARE)
    return max(0.01, min(1.0, rise, fall))


@torch.no_grad()
def update_average(average: UNet2DConditionModel, model: UNet2DConditionModel, step: int) -> None:
    decay = min(EMA_DECAY, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


def train_step(state: State, forward: Any, examples: Examples, noise: Noise) -> tuple[Tensor, Tensor]:
    """One update; returns the noise steps and the unweighted losses of its examples."""
    clean, texts = examples.draw(BATCH, state.generator)
    # One noise level from each of BATCH equal shares: less random than independent draws, same average.
    places = (torch.arange(BATCH) + torch.rand(BATCH, generator=state.generator)) / BATCH
    steps = (places**NOISE_EXPONENT * noise.steps).long().clamp_max(noise.steps - 1)
    noised, wanted = noise.apply(clean, torch.randn(clean.shape, generator=state.generator), steps)
    with torch.autocast("cpu", torch.bfloat16):
        answer = forward(
            noised.contiguous(memory_format=torch.channels_last), steps, texts, return_dict=False
        )[0]
    losses = (answer.float() - wanted).square().mean(dim=(1, 2, 3))
    (losses * noise.weight[steps]).mean().backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    for each in state.optimisers:
        each.step()
        each.zero_grad(set_to_none=True)
    state.step += 1
    update_average(state.average, state.model, state.step)
    return steps, losses.detach()


def train(workspace: Workspace, steps: int, compiled: bool) -> None:
    state, examples, noise = new_state(), Examples(workspace), Noise()
    if workspace.denoiser.exists():
        state.load(workspace)
        print(f"resumed at step {state.step}", flush=True)
    forward = torch.compile(state.model) if compiled else state.model
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked_to_stop.append(number))
    saved_at = logged_at = time.monotonic()
    by_noise: list[list[float]] = [[], [], [], []]
    while state.step < steps and not asked_to_stop:
        share = rate_share(state.step, steps)
        for each, rate in zip(state.optimisers, (MUON_RATE, ADAM_RATE), strict=True):
            each.param_groups[0]["lr"] = rate * share
        levels, losses = train_step(state, forward, examples, noise)
        for level, loss in zip(levels.tolist(), losses.tolist(), strict=True):
            by_noise[level * 4 // noise.steps].append(loss)
        if state.step % LOG_STEPS == 0:
            now = time.monotonic()
            means = " ".join(f"{sum(values) / max(1, len(values)):.4f}" for values in by_noise)
            print(
                f"step {state.step} samples {state.step * BATCH} v-loss by noise {means} "
                f"rate {share:.2f} {LOG_STEPS * BATCH / (now - logged_at):.0f} samples/s",
                flush=True,
            )
            by_noise, logged_at = [[], [], [], []], now
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            state.save(workspace)
            saved_at = time.monotonic()
    state.save(workspace)
    print(f"saved at step {state.step}", flush=True)


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--steps", type=int, default=12_800, help="stop after this many steps in all")
    parser.add_argument(
        "--compile", action="store_true", help="compile the model first; needs a C++ compiler"
    )
    options = parser.parse_args()
    train(open_workspace(options), options.steps, options.compile)


if __name__ == "__main__":
    main()

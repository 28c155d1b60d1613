"""Muon for the inner weight matrices, AdamW for everything else.

With minutes of two processor cores to spend, what counts is how much a step learns. Muon makes every direction of a
matrix move equally far in a step (https://kellerjordan.github.io/posts/muon/), which the rarer concepts profit from.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
# First and last layers of the autoencoder's halves.
ENDS_OF_AUTOENCODER = ("encoder.layers.0.", "encoder.layers.8.", "decoder.layers.0.", "decoder.layers.15.")


def orthogonalise(matrices: Tensor) -> Tensor:
    """A batch of matrices with all singular values moved near 1, by the quintic Newton-Schulz iteration."""
    first, third, fifth = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices).bfloat16().contiguous()
    x = x / (x.flatten(1).float().norm(dim=1)[:, None, None] + 1e-7).bfloat16()
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = first * x + (third * square + fifth * (square @ square)) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised over each weight seen as a matrix, scaled to the step size that AdamW would take."""

    def __init__(self, weights: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            # Weights of one shape go through the iteration together: fewer, larger products.
            alike: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[(weight.shape[0], weight[0].numel())].append(weight)
            for (rows, columns), weights in alike.items():
                directions = []
                for weight in weights:
                    state = self.state[weight]
                    if not state:
                        state["momentum"] = torch.zeros_like(weight)
                    state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
                    assert weight.grad is not None
                    directions.append(weight.grad.lerp(state["momentum"], MOMENTUM).reshape(rows, columns))
                scale = 0.2 * max(rows, columns) ** 0.5
                for weight, change in zip(weights, orthogonalise(torch.stack(directions)), strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(change.reshape(weight.shape), alpha=-group["lr"] * scale)


def build(model: nn.Module, muon_rate: float, adam_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for matrices and kernels inside the network; the ends, norms, biases and embeddings go to AdamW."""
    inner: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        at_an_end = name.startswith(
            ("conv_in", "conv_out", "time_embedding", "add_embedding.pool.positional", *ENDS_OF_AUTOENCODER)
        )
        (rest if weight.ndim < 2 or at_an_end else inner).append(weight)
    return [
        Muon(inner, lr=muon_rate, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=adam_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True),
    ]

"""Draws texts towards what the model knows: the last layer of the text encoder learns where its concepts lie.

A paraphrase lies between concepts, where the denoiser was never trained, and it draws a mixture. The feed-forward part of
the layer that takes the mean moves an embedding part of the way to the concepts beside it, each weighted by the softmax of
its cosine, so that "feline" comes out near "cat" and a caption stays what it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertModel

SHARE = 0.85
TEMPERATURE = 0.02
STEPS = 2500
BATCH = 1024
PEAK_RATE = 2e-3
# Deviation of the noise on the embeddings that it learns from, whose own is 1: places between texts count too.
NOISE = 0.3


def centres(embeddings: Tensor, owners: Tensor, weights: Tensor) -> Tensor:
    """One direction for each owner (n in all): the weighted mean of its captions' embeddings, n x width, length 1."""
    count = int(owners.max()) + 1
    sums = torch.zeros(count, embeddings.shape[1]).index_add_(
        0, owners, functional.normalize(embeddings, dim=1) * weights[:, None]
    )
    return functional.normalize(sums, dim=1)


def drawn(embeddings: Tensor, known: Tensor) -> Tensor:
    """Where embeddings (any length) belong: part of the way to the known directions beside them; deviation 1."""
    own = functional.normalize(embeddings, dim=1)
    near = functional.normalize((own @ known.T / TEMPERATURE).softmax(dim=1) @ known, dim=1)
    return functional.normalize((1 - SHARE) * own + SHARE * near, dim=1) * math.sqrt(own.shape[1])


def learn(model: BertModel, embeddings: Tensor, known: Tensor) -> None:
    """Train the last layer's feed-forward part, on embeddings that the layer's attention gives, for a minute or two."""
    torch.manual_seed(0)
    layer = model.encoder.layer[-1]
    inner, outer = layer.intermediate.dense, layer.output.dense
    count = min(len(known), inner.out_features)
    with torch.no_grad():
        # Neurons that look for a known direction each and add it: the function that is wanted, roughly.
        inner.weight.normal_(0, 0.02)
        inner.weight[:count] = known[:count] * 0.5
        inner.bias.fill_(-4.0)
        outer.weight.zero_()
        outer.weight[:, :count] = known[:count].T * 2
    parameters = [*inner.parameters(), *outer.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=1e-4)
    size = math.sqrt(embeddings.shape[1])
    for step in range(STEPS):
        rate = PEAK_RATE * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / STEPS))
        optimiser.param_groups[0]["lr"] = rate
        batch = functional.normalize(embeddings[torch.randint(len(embeddings), (BATCH,))], dim=1) * size
        batch = batch + NOISE * torch.rand(BATCH, 1) * torch.randn_like(batch)
        batch = functional.normalize(batch, dim=1) * size
        answer = layer.output(layer.intermediate(batch), batch)
        loss = functional.mse_loss(answer, drawn(batch, known))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 500 == 0:
            print(f"step {step + 1} loss {loss.item():.4f}", flush=True)

"""Trains the text encoder's last layer: what is asked for in some positions, the words as they are in the others.

A denoiser this small draws what lies between its concepts as a mixture, so a text has to be brought to the thing that it
names: "a rusty sword of the ice wizard" to the sword. But what it says beside that must stay visible. The layer therefore
gives in the positions of [CLS], [SEP] and the padding where the named thing lies among all things, and in the positions of
the words MiniLM's own states of them. Texts that no thing is called are moved towards the things beside them.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor
from torch.nn import functional
from transformers.models.bert.modeling_bert import BertLayer

# How far a text is moved to its thing, or to the things beside it (weighted by the softmax of cosine over temperature).
SHARE = 0.85
UNNAMED_SHARE = 0.8
TEMPERATURE = 0.02
BATCH = 192
PEAK_RATE = 1.5e-3
WORD_WEIGHT = 0.35


def centres(embeddings: Tensor, owners: Tensor, weights: Tensor, count: int) -> Tensor:
    """One direction for each of `count` owners: the weighted mean of its names' embeddings, count x width, length 1."""
    sums = torch.zeros(count, embeddings.shape[1]).index_add_(
        0, owners, functional.normalize(embeddings, dim=1) * weights[:, None]
    )
    return functional.normalize(sums, dim=1)


def level(vectors: Tensor) -> Tensor:
    """Vectors at mean 0 and deviation 1, as the last layer's norm leaves them."""
    return functional.layer_norm(vectors, vectors.shape[-1:])


def drawn(embeddings: Tensor, known: Tensor) -> Tensor:
    """Where embeddings of texts that name nothing known belong: part of the way to the known directions beside them."""
    own = functional.normalize(embeddings, dim=1)
    parts = []
    for batch in own.split(4096):
        near = functional.normalize((batch @ known.T / TEMPERATURE).softmax(dim=1) @ known, dim=1)
        parts.append(functional.normalize((1 - UNNAMED_SHARE) * batch + UNNAMED_SHARE * near, dim=1))
    return torch.cat(parts)


def named(embeddings: Tensor, places: Tensor) -> Tensor:
    """Where embeddings belong whose things lie at `places` (both n x width)."""
    own = functional.normalize(embeddings, dim=1)
    return functional.normalize((1 - SHARE) * own + SHARE * places, dim=1)


@torch.no_grad()
def prepare(layer: BertLayer) -> None:
    """Weights to begin with: each position gets the mean of all beside its own state."""
    for name, parameter in layer.named_parameters():
        if parameter.ndim == 1:
            parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        else:
            parameter.normal_(0, 0.02)
    layer.attention.self.value.weight.copy_(torch.eye(layer.attention.self.value.weight.shape[0]))
    layer.attention.output.dense.weight.copy_(torch.eye(layer.attention.output.dense.weight.shape[0]))
    layer.output.dense.weight.zero_()


def learn(layer: BertLayer, states: Tensor, lengths: Tensor, wanted: Tensor, minutes: float) -> None:
    """Train the layer on states before it (n x positions x width, half precision), their lengths in pieces, and where
    each text belongs (n x width)."""
    torch.manual_seed(0)
    prepare(layer)
    layer.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=PEAK_RATE, weight_decay=1e-4, betas=(0.9, 0.98))
    positions = torch.arange(states.shape[1])
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60) < minutes:
        share = min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * spent / minutes)))
        optimiser.param_groups[0]["lr"] = PEAK_RATE * share
        chosen = torch.randint(len(states), (BATCH,))
        before, length = states[chosen].float(), lengths[chosen, None]
        mask = torch.where(positions < length, 0.0, torch.finfo(torch.float32).min)[:, None, None, :]
        answer = layer(before, attention_mask=mask)
        answer = answer[0] if isinstance(answer, tuple) else answer
        is_word = (positions > 0) & (positions < length - 1)
        goal = torch.where(is_word[..., None], level(before), level(wanted[chosen])[:, None, :])
        errors = (answer - goal).square().mean(dim=2)
        words, others = errors[is_word].mean(), errors[~is_word].mean()
        loss = others + WORD_WEIGHT * words
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            print(
                f"step {step} minute {spent:.1f} error at words {words.item():.4f}, elsewhere {others.item():.4f}",
                flush=True,
            )
    layer.eval()

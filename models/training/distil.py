"""Teaches the cut-down text encoder what the whole of MiniLM makes of a text.

The whole model's mean over its last states is an embedding in which texts of one meaning are near each other, so that
"bunny" falls beside "rabbit" although no caption has the word. The small encoder learns to answer that embedding in every
one of its positions; the denoiser then sees meanings, not words, and draws something sensible for a text that it was
never trained on.
"""

from __future__ import annotations

import dataclasses
import math
import random
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertModel, BertTokenizer

from models.training.captions import Caption, held_out
from models.training.wordnet import WordNet

BATCH = 192
PEAK_RATE = 6e-4
TEACHER_LENGTH = 24
# How often each kind of text comes up: the captions themselves, names of things, and what WordNet says of them.
SHARES = (0.45, 0.35, 0.2)
FULL_LENGTH_SHARE = 0.25
# Cosine from which a text counts as another name of a concept, how many of them a concept gets, and their weight.
LEAST_RELATED = 0.62
MOST_RELATED = 25
RELATED_WEIGHT = 0.012


def phrases(captions: list[str], wordnet: WordNet) -> tuple[list[str], list[int]]:
    """Texts to learn from, each once, with the kind of each: 0 caption, 1 name, 2 definition."""
    secret = held_out()
    kinds = dict.fromkeys(captions, 0)
    for offset in wordnet.lines:
        sense = wordnet.sense(offset)
        if sense is not None:
            for lemma in sense.lemmas:
                kinds.setdefault(lemma.lower(), 1)
            kinds.setdefault(sense.gloss.lower(), 2)
    kept = [text for text in kinds if text and text not in secret]
    return kept, [kinds[text] for text in kept]


@torch.no_grad()
def teach(teacher: BertModel, tokenizer: BertTokenizer, texts: list[str]) -> Tensor:
    """The embedding of each text, n x 384, of deviation 1."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    answers = torch.empty(len(texts), teacher.config.hidden_size)
    for start in range(0, len(order), 256):
        rows = order[start : start + 256]
        batch = tokenizer(
            [texts[row] for row in rows],
            padding=True,
            truncation=True,
            max_length=TEACHER_LENGTH,
            return_tensors="pt",
        )
        with torch.autocast("cpu", torch.bfloat16):
            states = teacher(batch.input_ids, attention_mask=batch.attention_mask)[0].float()
        mask = batch.attention_mask[..., None].float()
        answers[rows] = functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    return answers * math.sqrt(answers.shape[1])


def related(texts: list[str], kinds: list[int], answers: Tensor, captions: list[Caption]) -> list[Caption]:
    """Names and definitions that the whole model puts near one concept's plain captions: captions of that concept too.

    They teach the denoiser what lies around a caption. None is a text that judges the model.
    """
    row_of = {text: row for row, text in enumerate(texts)}
    known = {caption.text: caption for caption in captions if caption.variant == 0 and caption.plain}
    rows = torch.tensor([row_of[text] for text in known])
    owners = list(known.values())
    shown = functional.normalize(answers[rows], dim=1)
    found: dict[int, list[tuple[float, str]]] = {}
    others = [row for row, kind in enumerate(kinds) if kind]
    for start in range(0, len(others), 4096):
        part = others[start : start + 4096]
        near, place = (functional.normalize(answers[part], dim=1) @ shown.T).max(dim=1)
        for row, closeness, owner in zip(part, near.tolist(), place.tolist(), strict=True):
            if closeness >= LEAST_RELATED:
                found.setdefault(owner, []).append((closeness, texts[row]))
    made = []
    per_concept: dict[int, int] = {}
    for owner, names in found.items():
        caption = owners[owner]
        for _, text in sorted(names, reverse=True):
            if per_concept.get(caption.concept, 0) < MOST_RELATED:
                per_concept[caption.concept] = per_concept.get(caption.concept, 0) + 1
                made.append(dataclasses.replace(caption, text=text, weight=RELATED_WEIGHT))
    return made


def learn(
    student: BertModel,
    tokenizer: BertTokenizer,
    texts: list[str],
    kinds: list[int],
    answers: Tensor,
    minutes: float,
) -> None:
    """Train the student for a while, with the learning rate falling to nothing at the end."""
    torch.manual_seed(0)
    chooser = random.Random(0)
    by_kind = [[index for index, kind in enumerate(kinds) if kind == wanted] for wanted in range(3)]
    ids: Any = tokenizer(
        texts, padding=False, truncation=True, max_length=tokenizer.model_max_length
    ).input_ids
    student.train()
    for module in student.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimiser = torch.optim.AdamW(student.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60) < minutes:
        rate = PEAK_RATE * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * spent / minutes))
        optimiser.param_groups[0]["lr"] = rate
        kind = chooser.choices(range(3), SHARES)[0]
        # Texts of about one length together: padding is most of the work otherwise.
        pool = chooser.sample(by_kind[kind], min(len(by_kind[kind]), BATCH * 4))
        pool.sort(key=lambda index: len(ids[index]))
        start = chooser.randrange(0, len(pool) - BATCH + 1)
        rows = pool[start : start + BATCH]
        longest = max(len(ids[row]) for row in rows)
        full = chooser.random() < FULL_LENGTH_SHARE
        length = tokenizer.model_max_length if full else min(tokenizer.model_max_length, longest + 2)
        tokens = torch.tensor([ids[row] + [0] * (length - len(ids[row])) for row in rows])
        mask = (tokens != 0).long()
        with torch.autocast("cpu", torch.bfloat16):
            states = student(tokens, attention_mask=mask)[0].float()
        wanted = answers[rows][:, None, :]
        loss = functional.mse_loss(states, wanted.expand_as(states))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            near = functional.cosine_similarity(states.mean(1), wanted[:, 0], dim=1).mean().item()
            print(f"step {step} minute {spent:.1f} loss {loss.item():.3f} cosine {near:.3f}", flush=True)
    student.eval()

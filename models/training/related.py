"""Finds further captions: texts that the whole of MiniLM puts near what a concept is called.

No icon set calls a rabbit "bunny" and a dictionary has many such words. Texts of one meaning are near each other in the
model's mean embedding, so a noun or a definition that falls beside one concept's captions becomes a caption of it.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertModel, BertTokenizer

from models.training.captions import Caption, held_out
from models.training.wordnet import WordNet

MAX_LENGTH = 24
# Cosine from which a text counts as another name of a concept, how many of them a concept gets, and their weight.
LEAST_RELATED = 0.66
MOST_RELATED = 25
RELATED_WEIGHT = 0.012


def phrases(captions: list[str], wordnet: WordNet) -> tuple[list[str], list[int]]:
    """Texts to compare, each once, with the kind of each: 0 caption, 1 name, 2 definition."""
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
def embed(model: BertModel, tokenizer: BertTokenizer, texts: list[str]) -> Tensor:
    """The embedding of each text, n x 384, of length 1."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    answers = torch.empty(len(texts), model.config.hidden_size)
    for start in range(0, len(order), 256):
        rows = order[start : start + 256]
        batch = tokenizer(
            [texts[row] for row in rows],
            padding=True,
            truncation=True,
            max_length=min(MAX_LENGTH, tokenizer.model_max_length),
            return_tensors="pt",
        )
        with torch.autocast("cpu", torch.bfloat16):
            states = model(batch.input_ids, attention_mask=batch.attention_mask)[0].float()
        mask = batch.attention_mask[..., None].float()
        answers[rows] = functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    return answers


def related_captions(
    texts: list[str], kinds: list[int], answers: Tensor, captions: list[Caption]
) -> list[Caption]:
    """Names and definitions that the whole model puts near one concept's plain captions: captions of that concept too.

    They teach the denoiser what lies around a caption. None is a text that judges the model.
    """
    row_of = {text: row for row, text in enumerate(texts)}
    known = {caption.text: caption for caption in captions if caption.variant == 0 and caption.plain}
    rows = torch.tensor([row_of[text] for text in known])
    owners = list(known.values())
    shown = answers[rows]
    found: dict[int, list[tuple[float, str]]] = {}
    others = [row for row, kind in enumerate(kinds) if kind]
    for start in range(0, len(others), 4096):
        part = others[start : start + 4096]
        near, place = (answers[part] @ shown.T).max(dim=1)
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

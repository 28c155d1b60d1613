"""Texts beside the captions: what WordNet calls the things that a picture can show, and MiniLM's embeddings of any text."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertModel, BertTokenizer

from models.training.captions import held_out
from models.training.wordnet import WordNet

MAX_LENGTH = 24


def phrases(wordnet: WordNet) -> list[str]:
    """Names and definitions of everything that a picture can show, none of them a text that judges the model."""
    secret = held_out()
    found: dict[str, None] = {}
    for offset in wordnet.lines:
        sense = wordnet.sense(offset)
        if sense is not None:
            found.update(dict.fromkeys(lemma.lower() for lemma in sense.lemmas))
            found.setdefault(sense.gloss.lower())
    return [text for text in found if text and text not in secret]


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

